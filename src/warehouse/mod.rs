//! Warehouses: the star's tables in Redshift or plain PostgreSQL.
//!
//! [`target`] and [`secret`] describe the server and the login, [`session`] connects and reads
//! results, [`quote`] turns values into SQL text. [`tables`] defines the DDL, [`contract`] checks
//! before a load whether Redshift accepts the files. [`load`] replaces all five tables in one
//! transaction, verifies them, and records the load in [`ledger`].

pub mod check;
pub mod collation;
pub mod connectivity;
pub mod contract;
pub mod copy;
pub mod difference;
pub mod encoding;
pub mod error;
pub mod iam;
pub mod ledger;
pub mod load;
pub mod progress;
pub mod query;
pub mod quote;
pub mod read_only;
pub mod secret;
pub mod session;
pub mod tables;
pub mod target;

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
