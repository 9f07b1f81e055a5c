//! The COPY contract: checks, without connecting to a cluster, whether Redshift accepts a star.
//!
//! [`check_star`] checks a star's record, its manifests and the footers of its Parquet files
//! against the documented or observed behavior of Redshift. [`check_copy`] does the same for the
//! text of a COPY statement. Each violation is a [`Finding`] of a [`Rule`], and each rule cites its
//! public source. Rules are conservative: anything that no document or report confirms is a
//! finding.
//!
//! The caller supplies the expected tables, so that the check and the DDL cannot diverge.
//!
//! The parts: `tables` (expectations of the caller), `manifest` (entries and keys), `footer`
//! (reading footers), `columns` (names, order, types), `chunks` (codecs, encodings, pages, nulls),
//! `values` (text lengths, U+0000 and nulls), `statement` (COPY), `star` (a whole star).

mod chunks;
mod columns;
mod finding;
mod footer;
mod manifest;
mod rule;
mod star;
mod statement;
mod tables;
#[cfg(test)]
mod tests;
mod values;

pub use finding::{Checked, Contract, Finding};
pub use manifest::check_manifest;
pub use rule::Rule;
pub use star::check_star;
pub use statement::check_copy;
pub use tables::{Expected, ExpectedColumn, ExpectedTable, Reading};
