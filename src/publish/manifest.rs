//! Redshift COPY manifests, one per table.
//!
//! Format: Redshift Developer Guide, "Using a manifest to specify data files"; `content_length` is
//! required for Parquet and must be the exact size, `mandatory` defaults to false.

use serde::Serialize;

use crate::error::Result;
use crate::star::TableRecord;
use crate::star::record::to_json;
use crate::storage::Place;

#[derive(Serialize)]
struct Manifest {
    entries: Vec<Entry>,
}

#[derive(Serialize)]
struct Entry {
    url: String,
    mandatory: bool,
    meta: Meta,
}

#[derive(Serialize)]
struct Meta {
    content_length: u64,
}

/// Returns the manifest of a table whose files are below `out`, as JSON.
///
/// # Errors
///
/// Returns an error if the manifest cannot be serialised.
pub fn manifest(out: &Place, table: &TableRecord) -> Result<Vec<u8>> {
    let entries = table
        .files
        .iter()
        .map(|file| Entry {
            url: out.location.url(out.child(&file.path).path()),
            mandatory: true,
            meta: Meta { content_length: file.bytes },
        })
        .collect();
    to_json(&Manifest { entries })
}
