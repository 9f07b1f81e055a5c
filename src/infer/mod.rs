//! Drafts a model from samples of JSON records.
//!
//! [`infer`] reads a sample of each input, profiles the values at each path, and returns the files
//! of a model folder: datasets whose types accept every value seen, one table per dataset, and the
//! query of each table. Comments in the files state what was seen; values are never shown, since
//! they can be personal data.

mod columns;
mod distinct;
mod draft;
mod json;
mod keys;
mod names;
mod profile;
mod records;
mod sample;
mod sampled;
mod sql;
mod text;
mod toml;
mod tree;
mod types;

#[cfg(test)]
mod tests;

use crate::error::{Error, Result};
use crate::ingest::skipped_kinds;
use crate::model::init::{InitFile, SCHEMA_FILE, schema_text};
use crate::storage::{ListOptions, Place, Skipped};

pub use records::Broken;
pub use sampled::Sampled;

use draft::{DraftDataset, ModelNames};
use tree::Tree;

/// The objects of a dataset.
#[derive(Debug, Clone)]
pub struct Input {
    /// Name of the dataset.
    pub name: String,
    /// Locations of the objects.
    pub places: Vec<Place>,
}

/// The size of a sample, and the objects that belong to it.
#[derive(Debug, Clone)]
pub struct SampleOptions {
    /// Number of objects that are read per input, at most.
    pub objects: usize,
    /// Number of bytes that are read per input, about.
    pub bytes: u64,
    /// Options that select the objects.
    pub listing: ListOptions,
}

impl SampleOptions {
    /// Default of [`SampleOptions::objects`].
    pub const OBJECTS: usize = 200;
    /// Default of [`SampleOptions::bytes`]: 64 MiB.
    pub const BYTES: u64 = 64 * 1024 * 1024;
}

impl Default for SampleOptions {
    fn default() -> SampleOptions {
        SampleOptions {
            objects: SampleOptions::OBJECTS,
            bytes: SampleOptions::BYTES,
            listing: ListOptions::default(),
        }
    }
}

/// A drafted model.
#[derive(Debug)]
pub struct Draft {
    /// Files of the folder.
    pub files: Vec<InitFile>,
    /// Sample and datasets of each input.
    pub inputs: Vec<InputReport>,
}

/// The sample of an input, and the datasets drafted from it.
#[derive(Debug)]
pub struct InputReport {
    /// Name of the input.
    pub name: String,
    /// Counts of the objects and records read.
    pub sampled: Sampled,
    /// Counts of each dataset that was drafted.
    pub datasets: Vec<DatasetReport>,
}

/// A drafted dataset.
#[derive(Debug, PartialEq, Eq)]
pub struct DatasetReport {
    /// Name of the dataset.
    pub name: String,
    /// Number of rows in the sample.
    pub rows: u64,
    /// Number of columns.
    pub columns: usize,
    /// Name of the table of the star.
    pub table: String,
    /// Primary key of the table.
    pub key: String,
    /// Number of values, arrays and objects without a column.
    pub notes: usize,
}

/// Returns `true` if a dataset can have the name.
pub fn is_dataset_name(name: &str) -> bool {
    draft::is_dataset_name(name)
}

/// Reads samples of the inputs and drafts the model called `name`.
///
/// # Errors
///
/// Returns an error if the objects of an input cannot be listed or read, or contain no records with
/// values.
pub async fn infer(name: &str, inputs: Vec<Input>, options: &SampleOptions) -> Result<Draft> {
    let mut samples = Vec::new();
    for input in inputs {
        let skipped = Skipped::default();
        let places: Vec<String> =
            input.places.iter().map(|place| place.location.typed.clone()).collect();
        let listing = options.listing.clone();
        let (tree, sampled) =
            sample::sample(input.places, listing, skipped.clone(), options.objects, options.bytes)
                .await?;
        if sampled.records == 0 {
            return Err(no_records(&input.name, &places, &sampled, &skipped));
        }
        samples.push((input.name, tree, sampled));
    }
    draft(name, samples)
}

fn no_records(name: &str, places: &[String], sampled: &Sampled, skipped: &Skipped) -> Error {
    let places = places.join(", ");
    let kinds = skipped_kinds(&skipped.by_kind(), |kind, objects| format!("{objects} {kind}"));
    let reason = match sampled.named.first() {
        _ if sampled.objects_listed == 0 && kinds.is_empty() => {
            "there are no objects of any kind".to_owned()
        }
        _ if sampled.objects_listed == 0 => {
            format!(
                "looked for .json, .jsonl and .ndjson objects, also with .gz or .zst; skipped: {} \
                 (a glob that names the objects reads them)",
                kinds.join(", ")
            )
        }
        Some((url, broken)) => format!(
            "{} read, but none contains a JSON object as a record; {url}, line {}: {}",
            sampled.objects_read, broken.line, broken.reason
        ),
        None => format!("{} read, which are empty", sampled.objects_read),
    };
    Error::NothingFound(format!("no records of {name} found at {places}: {reason}"))
}

/// Drafts a model from the profiles of its inputs.
fn draft(name: &str, samples: Vec<(String, Tree, Sampled)>) -> Result<Draft> {
    let mut names = ModelNames::default();
    let mut drafted: Vec<(Vec<DraftDataset>, String, Sampled)> = Vec::new();
    for (input, tree, sampled) in samples {
        let datasets = draft::datasets(&input, &tree, &mut names);
        if datasets.is_empty() {
            return Err(Error::NothingFound(format!(
                "no record of {input} has a key with a text, number or boolean, so no column can \
                 be drafted"
            )));
        }
        drafted.push((datasets, input, sampled));
    }
    let all: Vec<(&DraftDataset, &Sampled)> = drafted
        .iter()
        .flat_map(|(datasets, _, sampled)| datasets.iter().map(move |dataset| (dataset, sampled)))
        .collect();
    let file = |path: &str, text: String| InitFile { path: path.to_owned(), text: text.into() };
    let mut files =
        vec![file("model.toml", toml::model(name, &all)), file(SCHEMA_FILE, schema_text())];
    files.extend(
        all.iter()
            .map(|(dataset, _)| file(&format!("star/{}.sql", dataset.table), sql::query(dataset))),
    );
    let inputs = drafted
        .into_iter()
        .map(|(datasets, name, sampled)| InputReport {
            name,
            sampled,
            datasets: datasets.iter().map(report).collect(),
        })
        .collect();
    Ok(Draft { files, inputs })
}

fn report(dataset: &DraftDataset) -> DatasetReport {
    DatasetReport {
        name: dataset.name.clone(),
        rows: dataset.seen,
        columns: dataset.all_columns().count(),
        table: dataset.table.clone(),
        key: dataset.key_names().1.to_owned(),
        notes: dataset.notes.len(),
    }
}
