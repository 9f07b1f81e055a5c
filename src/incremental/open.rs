//! Opens the state of the previous run.

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::sync::atomic::AtomicU32;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::SystemTime;

use super::dataset::DatasetUpdate;
use super::entry::{self, Entry};
use super::files::{Batches, read};
use super::fingerprint;
use super::parts::Part;
use super::{FORMAT, IncrementalOptions, Known, Removed, Update};
use crate::decode::BATCH_ROWS;
use crate::error::{Error, Result};
use crate::ingest::Input;
use crate::model::Model;
use crate::star::{FileRecord, RunRecord, StateRecord, find_files};
use crate::storage::Place;

/// The numbers of objects stay below this, so that the column of object numbers can hold them.
const MAX_NUMBER: u32 = i32::MAX as u32 / 2;

/// Number of URLs that an error shows.
pub(crate) const SHOWN_URLS: usize = 5;

/// The usable part of the state of the previous run.
struct Base {
    /// The objects by dataset.
    entries: BTreeMap<String, Vec<Entry>>,
    parts: BTreeMap<String, Vec<Part>>,
    fingerprints: BTreeMap<String, String>,
    latest: BTreeMap<String, BTreeMap<String, Vec<FileRecord>>>,
    next_number: u32,
    rejects: FileRecord,
    has_rejects: bool,
    /// Reason why no rows are taken from the state, if so.
    reason: Option<String>,
}

impl Update {
    /// Opens the state that the run of `base` has left at `out`, for a run that reads `inputs`.
    ///
    /// # Errors
    ///
    /// Returns an error if the state has rows of objects that no longer exist and they cannot be used, or if
    /// the store fails.
    pub async fn open(
        out: &Place,
        base: Option<&RunRecord>,
        inputs: &[Input],
        model: &Model,
        options: IncrementalOptions,
    ) -> Result<Update> {
        let listed_at = SystemTime::now();
        let mut base = Base::open(out, base, options).await?;
        let next_number = Arc::new(AtomicU32::new(base.next_number));
        let mut reasons: Vec<String> = base.reason.iter().cloned().collect();
        let datasets = inputs.iter().map(|input| {
            let dataset = input.columns.dataset().clone();
            let fingerprint = fingerprint::of_rows(&input.columns, &input.paths);
            let is_decoded = base.fingerprints.get(&dataset.name) == Some(&fingerprint);
            let entries = base.entries.remove(&dataset.name).unwrap_or_default();
            if base.reason.is_none() && !entries.is_empty() && !is_decoded {
                reasons.push(format!("{} are decoded differently", dataset.name));
            }
            let mut parts = base.parts.remove(&dataset.name).unwrap_or_default();
            if !is_decoded {
                parts.clear();
            }
            let has_rows = |entry: &Entry| is_decoded && base.has_rows(&parts, entry);
            let objects = DatasetUpdate::new(entries, has_rows, next_number.clone(), listed_at);
            let schema = input.columns.clone().with_object_numbers().schema().clone();
            let locals = model.tables.iter().filter_map(|table| table.local_to.as_ref());
            let mut locals = locals.filter(|local| local.dataset == dataset.name);
            let time = locals.next().map(|local| local.column.clone());
            let time = time.filter(|time| schema.index_of(time).is_ok());
            let latest = model.tables.iter().filter_map(|table| table.latest_of.as_ref());
            let latest = latest.filter(|latest| latest.dataset == dataset.name);
            let latest: BTreeSet<String> = latest.map(|latest| latest.column.clone()).collect();
            let is_staged = |column: &String| schema.index_of(column).is_ok();
            let earlier_latest = base.latest.remove(&dataset.name).filter(|_| is_decoded);
            Known {
                latest_of: latest.into_iter().filter(is_staged).collect(),
                earlier_latest: earlier_latest.unwrap_or_default(),
                dataset,
                fingerprint,
                schema,
                time,
                objects: Arc::new(objects),
                parts,
            }
        });
        let datasets: Vec<Known> = datasets.collect();
        reasons.extend(base.damage(&datasets));
        let first_number = base.next_number;
        let (rejects, removed) = (base.rejects, options.removed);
        let update = Update { datasets, removed, rejects, first_number, reasons };
        update.ensure_kept()?;
        Ok(update)
    }

    /// Fails if the rows of a kept object cannot be used.
    fn ensure_kept(&self) -> Result<()> {
        let lost = self.datasets.iter().flat_map(|known| known.objects.lost());
        let lost: Vec<&Entry> = lost.collect();
        if lost.is_empty() || self.removed == Removed::Drop {
            return Ok(());
        }
        let reason = match self.reasons.first() {
            Some(reason) => format!("their rows cannot be used: {reason}"),
            None => "their rows cannot be used".to_owned(),
        };
        let objects = lost.len() as u64;
        Err(Error::KeptObjects { objects, reason, examples: examples(&lost) })
    }
}

/// Fails if the star has rows of objects that no longer exist, which a run that is not incremental would
/// lose.
///
/// # Errors
///
/// Returns [`Error::KeptObjects`].
pub(crate) fn ensure_none_kept(base: Option<&RunRecord>) -> Result<()> {
    match base.and_then(|base| base.state.as_ref()).map_or(0, |state| state.kept) {
        0 => Ok(()),
        objects => {
            let reason = "a run without --incremental would lose their rows".to_owned();
            Err(Error::KeptObjects { objects, reason, examples: Vec::new() })
        }
    }
}

/// The objects of a state, as pairs of dataset and URL.
pub(crate) struct StateObjects {
    /// All objects.
    pub all: BTreeSet<(String, String)>,
    /// Those that are no longer listed, but whose rows are kept.
    pub kept: BTreeSet<(String, String)>,
}

/// Reads the objects of a state at `out`.
///
/// # Errors
///
/// Returns an error if the state has another format, or its file of objects cannot be read.
pub(crate) async fn state_objects(out: &Place, state: &StateRecord) -> Result<StateObjects> {
    let mut found = StateObjects { all: BTreeSet::new(), kept: BTreeSet::new() };
    if state.format != FORMAT {
        let (url, reason) = (out.child(&state.objects.path).to_string(), "it has another format");
        return Err(Error::StarFile { url, reason: reason.to_owned() });
    }
    for (dataset, entries) in objects(out, &state.objects).await? {
        for entry in entries {
            let object = (dataset.clone(), entry.url.to_string());
            if entry.is_kept {
                found.kept.insert(object.clone());
            }
            found.all.insert(object);
        }
    }
    Ok(found)
}

/// Returns the URLs of the first objects.
pub(super) fn examples(entries: &[&Entry]) -> Vec<String> {
    entries.iter().take(SHOWN_URLS).map(|entry| entry.url.to_string()).collect()
}

impl Base {
    async fn open(
        out: &Place,
        record: Option<&RunRecord>,
        options: IncrementalOptions,
    ) -> Result<Base> {
        let mut base = Base {
            entries: BTreeMap::new(),
            parts: BTreeMap::new(),
            fingerprints: BTreeMap::new(),
            latest: BTreeMap::new(),
            next_number: 0,
            rejects: FileRecord::default(),
            has_rejects: false,
            reason: None,
        };
        let Some(record) = record else {
            base.reason = Some("there is no star yet".to_owned());
            return Ok(base);
        };
        let Some(state) = &record.state else {
            base.reason = Some("the last run was not incremental".to_owned());
            return Ok(base);
        };
        let origin = record.state_origin();
        base.reason = unusable(&origin.version, state, options.full);
        base.rejects = origin.rejects;
        let must_keep = state.kept > 0 && options.removed != Removed::Drop;
        if state.format == FORMAT {
            base.read(out, state, must_keep).await?;
        } else if must_keep {
            let reason = base.reason.unwrap_or_default();
            let (objects, examples) = (state.kept, Vec::new());
            return Err(Error::KeptObjects { objects, reason, examples });
        }
        Ok(base)
    }

    /// Reads the objects, and determines which files are intact.
    async fn read(&mut self, out: &Place, state: &StateRecord, must_keep: bool) -> Result<()> {
        match objects(out, &state.objects).await {
            Ok(entries) => self.entries = entries,
            // A file that is missing or damaged can be made again; a store that fails cannot be trusted.
            Err(error) if must_keep || !matches!(error, Error::StarFile { .. }) => {
                return Err(error);
            }
            Err(error) => {
                tracing::debug!(%error, "the list of objects cannot be used");
                self.reason.get_or_insert(format!("{} is damaged", state.objects.path));
                return Ok(());
            }
        }
        if state.next_number < MAX_NUMBER || state.kept > 0 {
            self.next_number = state.next_number;
        }
        self.has_rejects = is_intact(out, std::slice::from_ref(&self.rejects)).await;
        for (name, dataset) in &state.datasets {
            let parts = dataset.parts.iter().map(|part| async {
                Part { record: part.clone(), is_intact: is_intact(out, &part.files).await }
            });
            self.parts.insert(name.clone(), futures::future::join_all(parts).await);
            self.fingerprints.insert(name.clone(), dataset.fingerprint.clone());
            self.latest.insert(name.clone(), dataset.latest.clone());
        }
        Ok(())
    }

    /// Returns `true` if the rows and the rejects of an object can be taken from the state.
    fn has_rows(&self, parts: &[Part], entry: &Entry) -> bool {
        // Kept objects cannot be read again.
        if self.reason.is_some() && !entry.is_kept {
            return false;
        }
        let counts = &entry.outcome.counts;
        if counts.rejected > 0 && !self.has_rejects {
            return false;
        }
        let after = parts.partition_point(|part| part.record.first <= entry.number);
        let part = after.checked_sub(1).and_then(|at| parts.get(at));
        counts.decoded == 0 || part.is_some_and(|part| part.is_intact)
    }

    /// Returns a reason for each kind of file that is damaged.
    fn damage(&self, datasets: &[Known]) -> Vec<String> {
        if self.reason.is_some() {
            return Vec::new();
        }
        let damaged = datasets.iter().flat_map(|known| &known.parts).filter(|p| !p.is_intact);
        let damaged = damaged.flat_map(|part| part.record.files.first());
        damaged.map(|file| format!("{} is damaged or missing", file.path)).collect()
    }
}

/// Returns the reason why no rows are taken from the state of a run of the version `of`, if there is one.
fn unusable(of: &str, state: &StateRecord, full: bool) -> Option<String> {
    let version = env!("CARGO_PKG_VERSION");
    if full {
        Some("--full".to_owned())
    } else if state.format != FORMAT {
        Some("its state has another format".to_owned())
    } else if of != version {
        Some(format!("the last run was of version {of}, this is {version}"))
    } else if state.next_number >= MAX_NUMBER {
        Some("the numbers of objects are used up".to_owned())
    } else {
        None
    }
}

async fn is_intact(out: &Place, files: &[FileRecord]) -> bool {
    find_files(out, files).await.is_ok()
}

/// Reads the objects of the previous run, by dataset.
async fn objects(out: &Place, file: &FileRecord) -> Result<BTreeMap<String, Vec<Entry>>> {
    find_files(out, std::slice::from_ref(file)).await?;
    let found = Arc::<Mutex<Vec<(String, Entry)>>>::default();
    let sink = found.clone();
    let url = out.child(&file.path).to_string();
    let each = move |batch| {
        let entries = entry::from_batch(&batch).ok_or_else(|| {
            let reason = "it has invalid values; --full reads all objects again".to_owned();
            Error::StarFile { url: url.clone(), reason }
        })?;
        sink.lock().unwrap_or_else(PoisonError::into_inner).extend(entries);
        Ok(())
    };
    let batches = Batches { rows: BATCH_ROWS, threads: 1, ..Batches::default() };
    read(out, file, &entry::schema(), batches, each).await?;
    let found = std::mem::take(&mut *found.lock().unwrap_or_else(PoisonError::into_inner));
    let mut entries = BTreeMap::<String, Vec<Entry>>::new();
    let mut numbers = HashSet::new();
    for (dataset, entry) in found {
        if numbers.insert(entry.number) {
            entries.entry(dataset).or_default().push(entry);
        }
    }
    Ok(entries)
}
