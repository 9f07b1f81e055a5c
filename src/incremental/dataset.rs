//! Compares the listed objects of a dataset with those of the previous run.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::SystemTime;

use super::Removed;
use super::changes::Changes;
use super::entry::{Entry, Outcome};
use super::numbers::Numbers;
use crate::ingest::{KnownObjects, ReadObject};
use crate::storage::InputObject;

/// The objects of a dataset: those of the previous run, and those that this run finds.
pub(super) struct DatasetUpdate {
    entries: Vec<Recorded>,
    /// The positions of the entries with a URL. Objects can share a URL if it omits something.
    by_url: HashMap<Arc<str>, Vec<usize>>,
    found: Mutex<Found>,
    /// The next number of an object, for all datasets.
    next_number: Arc<AtomicU32>,
    /// Time at which the listing began, or an earlier one.
    listed_at: SystemTime,
}

/// An object of the previous run.
struct Recorded {
    entry: Entry,
    /// `true` if the state has its rows and its rejects.
    has_rows: bool,
}

/// The state of an object of the previous run in this one.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Fate {
    /// It has not been listed.
    Unlisted,
    /// It is unchanged, and is not read.
    Unchanged,
    /// It is read again.
    Read,
}

struct Found {
    fates: Vec<Fate>,
    changes: Changes,
    read: Vec<Entry>,
}

impl DatasetUpdate {
    /// Creates the update of a dataset whose objects are `entries`. The state has the rows and the rejects of
    /// those for which `has_rows` returns `true`.
    pub fn new(
        entries: Vec<Entry>,
        has_rows: impl Fn(&Entry) -> bool,
        next_number: Arc<AtomicU32>,
        listed_at: SystemTime,
    ) -> DatasetUpdate {
        let mut by_url = HashMap::<Arc<str>, Vec<usize>>::new();
        for (at, entry) in entries.iter().enumerate() {
            by_url.entry(entry.url.clone()).or_default().push(at);
        }
        let fates = vec![Fate::Unlisted; entries.len()];
        let with_rows = |entry: Entry| Recorded { has_rows: has_rows(&entry), entry };
        DatasetUpdate {
            entries: entries.into_iter().map(with_rows).collect(),
            by_url,
            found: Mutex::new(Found { fates, changes: Changes::default(), read: Vec::new() }),
            next_number,
            listed_at,
        }
    }

    /// Returns the kept objects whose rows the state lacks.
    pub fn lost(&self) -> impl Iterator<Item = &Entry> {
        let lost = self.entries.iter().filter(|recorded| !recorded.has_rows);
        lost.map(|recorded| &recorded.entry).filter(|entry| entry.is_kept)
    }

    /// Returns the objects that are no longer listed and whose treatment `removed` must define: those that no
    /// earlier run has kept, or all if they are to be dropped.
    pub fn gone(&self, removed: Removed) -> Vec<&Entry> {
        let fates = &lock(&self.found).fates;
        let gone = self.entries.iter().zip(fates).filter(|(_, fate)| **fate == Fate::Unlisted);
        let entries = gone.map(|(recorded, _)| &recorded.entry);
        entries.filter(|entry| !entry.is_kept || removed == Removed::Drop).collect()
    }

    /// Returns the objects whose rows come from the state.
    pub fn unchanged(&self, removed: Removed) -> Vec<Entry> {
        let keeps = |entry: &Entry| match removed {
            Removed::Stop => entry.is_kept,
            Removed::Drop => false,
            Removed::Keep => true,
        };
        let fates = &lock(&self.found).fates;
        let recorded = self.entries.iter().zip(fates);
        recorded
            .filter_map(|(Recorded { entry, has_rows }, fate)| match fate {
                Fate::Unchanged => Some(Entry { is_kept: false, ..entry.clone() }),
                Fate::Unlisted if *has_rows && keeps(entry) => {
                    Some(Entry { is_kept: true, ..entry.clone() })
                }
                Fate::Unlisted | Fate::Read => None,
            })
            .collect()
    }

    /// Returns `true` if an object was read, or rows of one that is gone are to be removed.
    pub fn has_changed(&self, removed: Removed) -> bool {
        !lock(&self.found).read.is_empty()
            || (removed == Removed::Drop && !self.gone(removed).is_empty())
    }

    /// Returns `true` if the state has the rows of all objects of the previous run.
    pub fn has_all_rows(&self) -> bool {
        self.entries.iter().all(|recorded| recorded.has_rows)
    }

    /// Returns the numbers of the objects of the previous run: those whose rows are still needed, and the
    /// others.
    pub fn before(&self, removed: Removed) -> (Numbers, Numbers) {
        let live = Numbers::new(self.unchanged(removed).iter().map(|entry| entry.number));
        let all = self.entries.iter().map(|recorded| recorded.entry.number);
        let dead = Numbers::new(all.filter(|number| !live.has(*number)));
        (live, dead)
    }

    /// Returns the objects of the previous run.
    pub fn earlier(&self) -> impl Iterator<Item = &Entry> {
        self.entries.iter().map(|recorded| &recorded.entry)
    }

    /// Returns `true` if the rows of all objects that are gone can be kept.
    pub fn can_keep(&self) -> bool {
        let fates = &lock(&self.found).fates;
        let mut gone = self.entries.iter().zip(fates).filter(|(_, fate)| **fate == Fate::Unlisted);
        gone.all(|(recorded, _)| recorded.has_rows)
    }

    /// Returns the objects that were read.
    pub fn read(&self) -> Vec<Entry> {
        lock(&self.found).read.clone()
    }

    /// Returns the next number of an object.
    pub fn next_number(&self) -> u32 {
        self.next_number.load(Ordering::Relaxed)
    }

    /// Returns the changes so far, without the objects that are gone.
    pub fn changes(&self) -> Changes {
        lock(&self.found).changes.clone()
    }
}

impl KnownObjects for DatasetUpdate {
    fn number(&self, object: &InputObject) -> Option<u32> {
        let found = &mut *lock(&self.found);
        found.changes.bytes_listed += object.size;
        match self.by_url.get(&object.url).map(Vec::as_slice) {
            None | Some([]) => found.changes.new += 1,
            Some(&[at]) => {
                let Recorded { entry, has_rows } = &self.entries[at];
                let is_same = is_same(entry, object);
                if is_same && *has_rows {
                    found.fates[at] = Fate::Unchanged;
                    found.changes.returned += u64::from(entry.is_kept);
                    return None;
                }
                found.fates[at] = Fate::Read;
                let is_comparable = entry.etag.is_some() && tag(object).is_some();
                let again = is_same || (!is_comparable && entry.size == object.size);
                *(if again { &mut found.changes.again } else { &mut found.changes.changed }) += 1;
            }
            // It is not known which of them the object is.
            Some(several) => {
                several.iter().for_each(|at| found.fates[*at] = Fate::Read);
                found.changes.again += 1;
            }
        }
        found.changes.bytes_read += object.size;
        Some(self.next_number.fetch_add(1, Ordering::Relaxed))
    }

    fn record(&self, read: ReadObject) {
        let ReadObject { object, counts, notes } = read;
        let settled = tag(&object).filter(|_| object.is_settled(self.listed_at));
        let etag = settled.map(str::to_owned);
        lock(&self.found).read.push(Entry {
            etag,
            url: object.url,
            size: object.size,
            number: object.number,
            is_kept: false,
            outcome: Outcome { counts, notes },
        });
    }
}

/// Returns the tag of the object's version, if it identifies the version. A weak tag does not, and objects
/// with the same URL can be different ones if their URLs omit something.
fn tag(object: &InputObject) -> Option<&str> {
    let etag = object.etag.as_deref().filter(|etag| !etag.starts_with("W/"));
    etag.filter(|_| object.identity().1.is_none())
}

fn is_same(entry: &Entry, object: &InputObject) -> bool {
    let tag = tag(object);
    entry.size == object.size && tag.is_some() && entry.etag.as_deref() == tag
}

/// Ignores poisoning: a panic under the lock has already failed the run.
fn lock(found: &Mutex<Found>) -> MutexGuard<'_, Found> {
    found.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::decode::{Notes, ObjectCounts};
    use crate::storage::{Compression, Source};

    fn object(url: &str, size: u64, etag: Option<&str>) -> InputObject {
        let store = Arc::new(object_store::memory::InMemory::new());
        InputObject {
            url: url.into(),
            source: Source::Store { store, path: url.into() },
            size,
            etag: etag.map(str::to_owned),
            compression: Compression::None,
            number: 0,
        }
    }

    fn update(entries: Vec<Entry>, has_rows: bool) -> DatasetUpdate {
        let next = Arc::new(AtomicU32::new(10));
        DatasetUpdate::new(entries, |_| has_rows, next, SystemTime::now())
    }

    /// Reads an object with another run, and returns its entry.
    fn entry(object: InputObject) -> Entry {
        let update = update(Vec::new(), true);
        let (counts, notes) = (ObjectCounts::default(), Notes::default());
        update.record(ReadObject { object, counts, notes });
        update.read().remove(0)
    }

    #[test]
    fn objects_are_compared_by_tag_and_size() {
        for (earlier, now, is_read, counted) in [
            (object("a", 1, Some("x")), object("a", 1, Some("x")), false, [0, 0, 0]),
            (object("a", 1, Some("x")), object("a", 1, Some("y")), true, [0, 1, 0]),
            (object("a", 1, Some("x")), object("a", 2, Some("x")), true, [0, 1, 0]),
            (object("a", 1, Some("x")), object("b", 1, Some("x")), true, [1, 0, 0]),
            // Without a tag, or with a weak one, the versions cannot be compared.
            (object("a", 1, None), object("a", 1, None), true, [0, 0, 1]),
            (object("a", 1, None), object("a", 2, None), true, [0, 1, 0]),
            (object("a", 1, Some("W/\"x\"")), object("a", 1, Some("W/\"x\"")), true, [0, 0, 1]),
        ] {
            let update = update(vec![entry(earlier)], true);
            assert_eq!(update.number(&now), is_read.then_some(10), "{now:?}");
            let changes = update.changes();
            assert_eq!([changes.new, changes.changed, changes.again], counted, "{now:?}");
            assert_eq!(update.unchanged(Removed::Stop).len(), usize::from(!is_read));
        }
    }

    #[test]
    fn objects_that_share_a_url_are_read_again() {
        let entries = vec![entry(object("a", 1, None)), entry(object("a", 2, None))];
        let update = update(entries, true);
        assert_eq!(update.number(&object("a", 1, None)), Some(10));
        assert_eq!(update.number(&object("a", 2, None)), Some(11));
        assert!(update.gone(Removed::Drop).is_empty());
        assert!(update.unchanged(Removed::Keep).is_empty());
        assert_eq!(update.earlier().count(), 2);
    }

    #[test]
    fn objects_whose_rows_are_missing_are_read_again() {
        let update = update(vec![entry(object("a", 1, Some("x")))], false);
        assert_eq!(update.number(&object("a", 1, Some("x"))), Some(10));
        assert_eq!(update.changes().again, 1);
        assert!(!update.can_keep() || update.gone(Removed::Keep).is_empty());
    }

    #[test]
    fn the_treatment_of_objects_that_are_gone_depends_on_the_option() {
        let kept = Entry { is_kept: true, ..entry(object("kept", 1, Some("x"))) };
        let update = update(vec![entry(object("gone", 1, Some("x"))), kept], true);
        for (removed, gone, unchanged) in
            [(Removed::Stop, 1, 1), (Removed::Drop, 2, 0), (Removed::Keep, 1, 2)]
        {
            assert_eq!(update.gone(removed).len(), gone, "{removed:?}");
            let found = update.unchanged(removed);
            assert_eq!(found.len(), unchanged, "{removed:?}");
            assert!(found.iter().all(|entry| entry.is_kept));
        }
    }
}
