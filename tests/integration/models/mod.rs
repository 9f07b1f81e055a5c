//! Models other than the built-in one, through the whole program.

mod github;
