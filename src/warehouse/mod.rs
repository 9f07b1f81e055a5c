//! Warehouses: the star's tables in Redshift or plain PostgreSQL.
//!
//! [`connection`] describes the server and the login, connects, and reads results. [`sql`] quotes
//! names and values and defines the tables' DDL. [`contract`] checks before a load whether Redshift
//! accepts the files. `load` replaces all tables in one transaction, verifies them, and
//! records the load in `load::ledger`; `copy` moves the rows. `query` runs queries, and
//! `check` the star's checks.

pub(crate) mod check;
pub mod connection;
pub mod contract;
pub(crate) mod copy;
pub(crate) mod difference;
pub(crate) mod error;
pub(crate) mod load;
pub(crate) mod progress;
pub(crate) mod query;
pub(crate) mod read_only;
pub mod sql;

/// The SQL dialect of a warehouse.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Dialect {
    /// Amazon Redshift.
    Redshift,
    /// PostgreSQL 15 and later.
    Postgres,
}

impl Dialect {
    /// Returns the URL scheme, such as `redshift`.
    pub fn scheme(self) -> &'static str {
        match self {
            Dialect::Redshift => "redshift",
            Dialect::Postgres => "postgres",
        }
    }

    /// Returns the display name, such as `Redshift`.
    pub fn name(self) -> &'static str {
        match self {
            Dialect::Redshift => "Redshift",
            Dialect::Postgres => "PostgreSQL",
        }
    }

    /// Returns the default port.
    pub fn port(self) -> u16 {
        match self {
            Dialect::Redshift => 5439,
            Dialect::Postgres => 5432,
        }
    }
}
