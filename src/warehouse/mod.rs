//! Warehouses: the star's tables in Redshift, or in a plain PostgreSQL.
//!
//! [`target`] and [`secret`] say where and as whom, [`session`] opens the way and reads answers,
//! [`quote`] is where values become SQL text. [`tables`] gives the tables their DDL, [`contract`]
//! says before anything is touched whether Redshift would take the files, [`figures`] measures both
//! sides, and [`load`] puts the five tables in place, all or nothing, with [`ledger`] as its memory.

pub mod answers;
pub mod check;
pub mod collation;
pub mod contract;
pub mod copy;
pub mod difference;
pub mod encoding;
pub mod error;
pub mod figures;
pub mod iam;
pub mod ledger;
pub mod load;
pub mod probe;
pub mod question;
pub mod quote;
pub mod secret;
pub mod session;
pub mod tables;
pub mod target;

/// The SQL of a kind of warehouse.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Dialect {
    /// Amazon Redshift.
    Redshift,
    /// PostgreSQL 15 and later.
    Postgres,
}

impl Dialect {
    /// The scheme of its URLs.
    pub fn scheme(self) -> &'static str {
        match self {
            Dialect::Redshift => "redshift",
            Dialect::Postgres => "postgres",
        }
    }

    /// Its name, for people.
    pub fn name(self) -> &'static str {
        match self {
            Dialect::Redshift => "Redshift",
            Dialect::Postgres => "PostgreSQL",
        }
    }

    /// The port that its servers listen on.
    pub fn port(self) -> u16 {
        match self {
            Dialect::Redshift => 5439,
            Dialect::Postgres => 5432,
        }
    }
}
