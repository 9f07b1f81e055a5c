//! Hashes of what a result depends on besides the objects.

use xxhash_rust::xxh3::{Xxh3, xxh3_128};

use crate::decode::{FieldPaths, StagedColumns};
use crate::star::{Group, Queries};

/// Returns a hash of all that the decoded rows of an object depend on: the dataset, the columns that are kept,
/// and the paths of the values. XXH3-128 in hexadecimal.
pub(super) fn of_rows(columns: &StagedColumns, paths: &FieldPaths) -> String {
    let repairs = columns.repairs_encoding();
    let text = format!("{:?}\0{:?}\0{repairs}\0{paths:?}", columns.dataset(), columns.schema());
    format!("{:032x}", xxh3_128(text.as_bytes()))
}

/// Returns a hash of the queries and of the paths of the values of each dataset: XXH3-128 in hexadecimal.
pub(crate) fn definition_hash<'a>(
    queries: &Queries,
    paths: impl IntoIterator<Item = &'a FieldPaths>,
) -> String {
    let mut hasher = Xxh3::new();
    // Figures of the report are no part of a star.
    for query in queries.all().iter().filter(|query| query.group != Group::Report) {
        hasher.update(format!("{:?}\0{}\0{}\0", query.group, query.name, query.sql).as_bytes());
    }
    for paths in paths {
        hasher.update(format!("{paths:?}\0").as_bytes());
    }
    format!("{:032x}", hasher.digest128())
}
