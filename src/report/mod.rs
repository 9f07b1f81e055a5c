//! The report on a star: one HTML file without scripts and without requests, in which every number names its query,
//! its run and its inputs.
//!
//! [`declared`] reads the header of a figure, [`answer`] the rows of its query, [`chart`] draws them and [`page`]
//! writes the page. [`facts`] runs the queries on the files of the star or in a warehouse, and takes the counts of
//! the run from its record.
//!
//! The page depends only on the star, the queries and the version of starlift: the same star results in the same
//! bytes.

mod answer;
mod chart;
mod declared;
pub(crate) mod error;
mod facts;
mod format;
mod page;
mod quality;
mod written;

use crate::api::Star;
use crate::star::{Group, Queries};
use crate::warehouse::connection::session::Session;
use declared::Declared;
use error::{ReportError, Result};
use facts::Facts;

pub(crate) use written::Page;

/// Largest page that is written. Larger ones are slow to open and are rejected by mail servers.
const MAX_BYTES: usize = 500_000;

/// A warehouse in which the figures are queried instead of on the files.
pub(crate) struct WarehouseTables<'a> {
    /// Session whose search path has the tables.
    pub session: &'a Session,
    /// Address without secrets.
    pub address: String,
    /// Schema of the tables.
    pub schema: &'a str,
}

/// Fails unless the headers of all figures are valid.
///
/// # Errors
///
/// Returns an error that names the file and the entry.
pub(crate) fn validate(queries: &Queries) -> Result<()> {
    queries.of(Group::Report).try_for_each(|query| Declared::of(query).map(|_| ()))
}

/// Returns the report on a star.
///
/// # Errors
///
/// Returns an error if the header of a figure is not valid, a query fails, or the page is too large.
pub(crate) async fn report(star: &Star, warehouse: Option<&WarehouseTables<'_>>) -> Result<Page> {
    let facts = Facts::gather(star, warehouse).await?;
    let (html, sizes) = page::page(&facts);
    if html.len() <= MAX_BYTES {
        return Ok(Page::new(html, &facts));
    }
    let (largest, largest_bytes) =
        sizes.into_iter().max_by_key(|(_, bytes)| *bytes).unwrap_or_default();
    Err(ReportError::TooLarge { bytes: html.len(), limit: MAX_BYTES, largest, largest_bytes })
}
