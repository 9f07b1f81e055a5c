//! Moves a table's rows: Redshift reads the files itself, PostgreSQL receives them over the
//! connection.

mod authorization;
pub mod binary;
pub mod postgres;
pub mod redshift;

pub use authorization::{Clause, CopyAuth};
