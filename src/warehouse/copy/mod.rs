//! Moving a table's rows: Redshift fetches the files itself, PostgreSQL is sent them.

mod authorization;
pub mod binary;
pub mod postgres;
pub mod redshift;

pub use authorization::{Clause, CopyAuth};
