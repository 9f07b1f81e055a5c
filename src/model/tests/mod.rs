//! Tests of the module as a whole.

mod built_in;
mod folders;
mod golden;
mod problems;
mod random;
