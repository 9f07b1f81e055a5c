//! The options and counts of a run, as its record contains them.

use super::options::TransformOptions;
use crate::ingest::DatasetCounts;
use crate::star::{DatasetRecord, RunOptions};
use crate::storage::without_secrets;

/// Returns the options of a run as the record contains them, without secrets.
pub(super) fn run_options(options: &TransformOptions) -> RunOptions {
    RunOptions {
        inputs: options
            .inputs
            .iter()
            .map(|(name, urls)| (name.clone(), urls.iter().map(|u| without_secrets(u)).collect()))
            .collect(),
        include_hidden: options.include_hidden,
        suffix: options.suffix.as_str().to_owned(),
        jsonpaths: options
            .jsonpaths
            .iter()
            .map(|(name, url)| (name.clone(), without_secrets(url)))
            .collect(),
        queries: options.queries.as_ref().map(|folder| folder.display().to_string()),
        match_rule: options.rules.match_rule.as_str().to_owned(),
        unmatched: options.rules.unmatched.as_str().to_owned(),
        repair_encoding: options.rules.repair_encoding.as_str().to_owned(),
        max_rejects: options.max_rejects.to_string(),
        file_size: options.file_bytes,
        partition: options.partitioning.as_str().to_owned(),
    }
}

/// Returns the counts of a dataset as the record contains them.
pub(super) fn dataset_record(counts: &DatasetCounts) -> DatasetRecord {
    DatasetRecord {
        objects: counts.objects_read,
        stored_bytes: counts.stored_bytes,
        bytes: counts.bytes,
        records: counts.records(),
        decoded: counts.decoded,
        rejected: counts.rejected,
        skipped: counts.skipped.clone(),
        unknown_keys: counts.notes.unknown_keys.clone(),
    }
}
