//! The COPY contract: whether Redshift would take a star, told before any cluster is asked.
//!
//! [`check_star`] holds a star's record, its manifests and the footers of its Parquet files against
//! what Redshift documents or has been seen to do; [`check_copy`] does the same with the text of a
//! COPY statement. Each breach is a [`Finding`] of a [`Rule`], and each rule names its public
//! source. A rule errs on the safe side: what no document and no report vouches for is a finding.
//!
//! What the tables are to be comes from the caller, so that the check and the DDL cannot differ.
//!
//! The parts: `tables` (what the caller expects), `manifest` (entries and keys), `footer` (reading
//! them), `columns` (names, order, types), `chunks` (codecs, encodings, pages, nulls), `values`
//! (reading a column, where footers do not tell), `texts` (their lengths), `statement` (COPY),
//! `star` (all of a star).

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
mod texts;
mod values;

pub use finding::{Checked, Contract, Finding};
pub use manifest::check_manifest;
pub use rule::Rule;
pub use star::check_star;
pub use statement::check_copy;
pub use tables::{Expected, ExpectedColumn, ExpectedTable, Reading};
