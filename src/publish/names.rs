//! Names of the files that runs write, and the run that each belongs to.

use std::collections::BTreeSet;

use crate::model::is_plain;
use crate::star::{HISTORY, RECORD, RunRecord};

/// Folder of the inputs files.
pub(super) const INPUTS: &str = "_inputs";
/// Folder of the rejects files.
pub(super) const REJECTS: &str = "_rejects";
/// Folder of the lists.
pub(super) const LISTS: &str = "_lists";
/// Folder of the state for incremental runs.
pub(super) const STATE: &str = "_state";
/// Folder of rows that are needed until the run ends.
pub(super) const WORK: &str = "_work";
/// Folder of the manifests of each run. They are kept out of the tables' folders: programs that read
/// all files of a folder skip names that begin with an underscore.
pub(super) const MANIFESTS: &str = "_manifests";

/// The folders of an output that are not those of tables.
pub(crate) const OWN_FOLDERS: [&str; 7] = [INPUTS, REJECTS, LISTS, STATE, WORK, MANIFESTS, HISTORY];

/// The names of the tables whose files an output can contain.
#[derive(Debug, Clone)]
pub(super) struct TableNames(BTreeSet<String>);

impl TableNames {
    /// Creates the set of these names.
    pub fn new(names: impl IntoIterator<Item = String>) -> TableNames {
        TableNames(names.into_iter().collect())
    }

    /// Returns the names of the tables of the stars that `records` describe.
    pub fn of_records<'r>(records: impl IntoIterator<Item = &'r RunRecord>) -> TableNames {
        let tables = records.into_iter().flat_map(|record| record.tables.keys());
        TableNames::new(tables.cloned())
    }

    /// Returns the folders of an output in which runs write files.
    pub fn folders(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(String::as_str).chain(OWN_FOLDERS)
    }

    /// Returns the run that wrote the file `name` in the folder `folder` of an output, or `None` if runs do
    /// not write such files there.
    pub fn run_of<'n>(&self, folder: &str, name: &'n str) -> Option<&'n str> {
        let (run_id, rest) = name.split_at_checked(RUN_ID_BYTES)?;
        let ours = match folder {
            INPUTS | REJECTS => rest == ".parquet",
            HISTORY => rest == ".json",
            LISTS => {
                let name = rest.strip_prefix('-').and_then(|rest| rest.strip_suffix(".parquet"));
                name.is_some_and(is_plain)
            }
            STATE => {
                let name = rest.strip_prefix('-').and_then(|rest| rest.strip_suffix(".parquet"));
                name.is_some_and(is_state)
            }
            WORK => {
                let name = rest.strip_prefix('-').and_then(|rest| rest.strip_suffix(".parquet"));
                name.is_some_and(is_work)
            }
            MANIFESTS => {
                let table = rest.strip_prefix('-').and_then(|rest| rest.strip_suffix(".manifest"));
                rest == ".clock" || table.is_some_and(|name| self.0.contains(name))
            }
            _ => {
                let name = rest.strip_prefix('-').and_then(|rest| rest.strip_suffix(".parquet"));
                name.is_some_and(is_table_file)
            }
        };
        (ours && is_run_id(run_id)).then_some(run_id)
    }

    /// Returns `true` if a run writes a file of this name at the top level of an output.
    pub fn is_published(&self, name: &str) -> bool {
        let table = name.strip_suffix(".manifest");
        name == RECORD || table.is_some_and(|name| self.0.contains(name))
    }
}

/// Returns `true` if a run writes a file of a table with this name: a number, which can follow the first day
/// of a partition and the attempt that wrote it.
fn is_table_file(name: &str) -> bool {
    let parts: Vec<&str> = name.split('-').collect();
    match parts[..] {
        [number] => is_digits(number, 5),
        [day, number] => (is_digits(day, 8) || is_attempt(day)) && is_digits(number, 5),
        [day, attempt, number] => is_digits(day, 8) && is_attempt(attempt) && is_digits(number, 5),
        _ => false,
    }
}

/// Returns `true` if a run writes a file of rows with this name that it needs until it ends.
fn is_work(name: &str) -> bool {
    let Some((rest, number)) = name.rsplit_once('-') else { return false };
    let attempt = rest.rsplit_once('-').filter(|(_, attempt)| is_attempt(attempt));
    is_digits(number, 5) && attempt.is_some_and(|(name, _)| name.split('-').all(is_plain))
}

/// Name of the file with one row per object, in the state of a run.
pub(super) const OBJECTS: &str = "objects";

/// Returns `true` if the state of a run has a file of this name: the objects, or the rows of a dataset.
fn is_state(name: &str) -> bool {
    let rows = name.rsplit_once('-').filter(|(_, number)| is_digits(number, 5));
    let is_named = |dataset: &str| dataset.split('-').all(is_plain);
    name == OBJECTS || rows.is_some_and(|(dataset, _)| is_named(dataset))
}

/// Returns the path of a table's manifest, as the run `run_id` writes it.
pub(super) fn manifest(run_id: &str, table: &str) -> String {
    format!("{MANIFESTS}/{run_id}-{table}.manifest")
}

/// Returns the path of the copy of a table's manifest, which is the same for every run.
pub(crate) fn fixed_manifest(table: &str) -> String {
    format!("{table}.manifest")
}

/// Returns the name of an object that a run uses to read its store's clock.
pub(super) fn clock(run_id: &str) -> String {
    format!("{MANIFESTS}/{run_id}.clock")
}

/// Returns the final name of the file whose unfinished write on local disk is `name`: the store writes
/// to `<name>#<n>` and renames.
pub(super) fn unfinished(name: &str) -> Option<&str> {
    let (name, number) = name.rsplit_once('#')?;
    (!number.is_empty() && number.bytes().all(|b| b.is_ascii_digit())).then_some(name)
}

/// Returns the second in which a run began, in a form that sorts by time.
pub(super) fn time_of(run_id: &str) -> &str {
    run_id.split('-').next().unwrap_or_default()
}

/// Length of a run ID, such as `20181112T030405Z-0a1b2c3d`.
const RUN_ID_BYTES: usize = 25;

fn is_run_id(text: &str) -> bool {
    let Some((time, random)) = text.split_once('-') else { return false };
    time.len() == 16
        && time.is_ascii()
        && time.ends_with('Z')
        && is_digits(&time[..8], 8)
        && time.as_bytes()[8] == b'T'
        && is_digits(&time[9..15], 6)
        && is_attempt(random)
}

/// Returns `true` if `text` consists of eight lowercase hexadecimal digits.
fn is_attempt(text: &str) -> bool {
    text.len() == 8 && text.bytes().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b))
}

fn is_digits(text: &str, length: usize) -> bool {
    text.len() == length && text.bytes().all(|b| b.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use super::*;

    const RUN: &str = "20181112T030405Z-0a1b2c3d";

    fn names() -> TableNames {
        TableNames::new(["songs", "songplays", "time", "users"].map(str::to_owned))
    }

    #[test]
    fn files_of_runs_are_known_by_folder_and_name() {
        for (folder, rest) in [
            ("songs", "-00000.parquet"),
            ("songplays", "-20181101-00000.parquet"),
            ("songplays", "-20181101-0a1b2c3d-00000.parquet"),
            ("_work", "-logs-0a1b2c3d-00012.parquet"),
            ("_inputs", ".parquet"),
            ("_rejects", ".parquet"),
            ("_lists", "-unmatched_titles.parquet"),
            ("_state", "-list-unmatched_titles-00000.parquet"),
            ("_state", "-objects.parquet"),
            ("_state", "-logs-00012.parquet"),
            ("_state", "-logs-latest-userId-00000.parquet"),
            ("_manifests", "-songplays.manifest"),
            ("_manifests", ".clock"),
            ("_history", ".json"),
        ] {
            assert_eq!(
                names().run_of(folder, &format!("{RUN}{rest}")),
                Some(RUN),
                "{folder} {rest}"
            );
        }
        assert_eq!(
            names().run_of("_manifests", &manifest(RUN, "time")["_manifests/".len()..]),
            Some(RUN)
        );
        assert_eq!(time_of(RUN), "20181112T030405Z");
    }

    #[test]
    fn other_files_are_of_no_run() {
        for (folder, name) in [
            ("songs", "part-00000.parquet"),
            ("songs", "20181112T030405Z-0a1b2c3d-2018-00000.parquet"),
            ("songs", "20181112T030405Z-0a1b2c3d-20181101.parquet"),
            ("songs", "20181112T030405Z-0a1b2c3d-20181101-0A1b2c3d-00000.parquet"),
            ("songs", "20181112T030405Z-0a1b2c3d-0a1b2c3d-20181101-00000.parquet"),
            ("_work", "20181112T030405Z-0a1b2c3d-logs-00012.parquet"),
            ("_work", "20181112T030405Z-0a1b2c3d-lo gs-0a1b2c3d-00012.parquet"),
            ("songs", "20181112T030405Z-0a1b2c3d-00000.csv"),
            ("songs", "20181112T030405Z-0a1b2c3x-00000.parquet"),
            ("songs", "20181112T030405Z-0A1B2C3D-00000.parquet"),
            ("songs", "2018111ZT030405Z-0a1b2c3d-00000.parquet"),
            ("songs", "20181112T030405Z-0a1b2c3d-00000-x.parquet"),
            ("songs", "20181112T030405Z-0a1b2c3d.parquet"),
            ("songs", "20181112T030405Z-0a1b2c3d-songs.manifest"),
            ("songs", "é0181112T030405Z-0a1b2c3-00000.parquet"),
            ("songs", "20181112T030405Z-0a1b2c3é-00000.parquet"),
            ("_inputs", "20181112T030405Z-0a1b2c3d-00000.parquet"),
            ("_lists", "20181112T030405Z-0a1b2c3d.parquet"),
            ("_lists", "20181112T030405Z-0a1b2c3d-a-b.parquet"),
            ("_lists", "unmatched_titles.parquet"),
            ("_state", "20181112T030405Z-0a1b2c3d.parquet"),
            ("_state", "20181112T030405Z-0a1b2c3d-logs.parquet"),
            ("_state", "20181112T030405Z-0a1b2c3d-lo gs-00000.parquet"),
            ("_manifests", "20181112T030405Z-0a1b2c3d-mine.manifest"),
            ("_manifests", "songs.manifest"),
            ("_history", "20181112T030405Z-0a1b2c3d.parquet"),
            ("songs", ""),
        ] {
            assert_eq!(names().run_of(folder, name), None, "{folder}/{name}");
        }
        assert!(names().is_published("_starlift.json") && names().is_published("users.manifest"));
        assert!(!names().is_published("mine.manifest") && !names().is_published("_lock"));
        assert_eq!(unfinished("a#b#12"), Some("a#b"));
        assert!(unfinished("a#").is_none() && unfinished("a#1x").is_none());
    }
}
