//! Tests of the module as a whole.

mod built_in;
mod folders;
mod github;
mod golden;
mod problems;
mod random;
