//! Moving a table's rows: Redshift fetches the files itself, PostgreSQL is sent them.

pub mod binary;
pub mod postgres;
pub mod redshift;
