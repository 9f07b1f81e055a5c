//! Decodes the bytes of an object into batches of a staging table and rejects.
//!
//! A record passes through the modules in this order: `decoder` finds records in chunks of bytes,
//! `between` decodes what is between them, and `recover` finds the end of broken ones; `scan` checks a
//! record's grammar and finds the values of the columns, whose paths `field_paths` holds; `convert`
//! converts each value as leniently as Redshift's COPY does; `row` checks that required values are
//! present, and makes several rows of a record whose array of rows has several `elements`; `columns`
//! appends the values to Arrow builders, or `reject` keeps the record with the reason. No record is ever
//! turned into a map.
//!
//! If a record has the structure of an earlier one, `layout` takes the place of `scan`.

mod between;
mod broken;
mod chunk;
mod columns;
mod conditions;
mod convert;
mod dataset;
mod decoder;
mod dictionary;
mod elements;
mod encoding;
mod field_paths;
mod fingerprint;
mod jsonpaths;
mod layout;
mod notes;
mod number;
mod numbers;
mod object;
mod recover;
mod reject;
mod row;
mod sample;
mod scan;
mod separator;
mod text;

#[cfg(test)]
mod tests;

pub use columns::BATCH_ROWS;
pub use dataset::{ColumnKind, OBJECT_NUMBER, StagedColumns, StagingColumn, staging_schema};
pub use decoder::{Decoder, MAX_RECORD_BYTES};
pub(crate) use dictionary::Dictionary;
pub use encoding::repair_encoding;
pub use field_paths::FieldPaths;
pub use jsonpaths::{JsonPathsError, parse as parse_jsonpaths};
pub use notes::{EpochTime, Notes, Times};
pub use object::{ObjectCounts, ObjectState};
pub use reject::{MAX_RAW_BYTES, rejects_schema};
