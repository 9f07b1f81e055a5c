//! The effects of each statement on the backing database.

mod copy;
mod grants;
mod keys;
mod rows;
mod settings;
mod tables;
mod views;
