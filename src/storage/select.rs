//! Selection of data objects from a listing.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use super::glob::{Glob, Match};
use super::{Compression, Location};

/// Maximum number of suffixes that are counted separately; a listing may contain millions.
const MOST_SUFFIXES: usize = 1000;

/// The longest suffix, in bytes, that indicates a file type; longer ones are parts of names.
const LONGEST_SUFFIX: usize = 24;

/// The suffixes that objects must have to be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Suffix {
    /// `.json` and similar, plain or compressed.
    #[default]
    Json,
    /// Any suffix, or none.
    Any,
}

impl Suffix {
    /// Returns the option's name as typed and recorded.
    pub fn as_str(self) -> &'static str {
        match self {
            Suffix::Json => "json",
            Suffix::Any => "any",
        }
    }
}

/// Options of a listing.
#[derive(Debug, Clone, Default)]
pub struct ListOptions {
    /// `true` to read objects below a prefix even if their names, or the names of folders above them,
    /// begin with `_` or `.`.
    pub include_hidden: bool,
    /// Suffixes of objects to read.
    pub suffix: Suffix,
    /// The output of the run, which is excluded from its input.
    pub output: Option<OutputPlace>,
    /// Objects that are read for another purpose, such as JSONPaths files.
    pub excluded: Vec<Location>,
    /// `true` to accept a location without data even if several locations are given.
    pub allow_nothing: bool,
}

/// An output to exclude from listings.
#[derive(Debug, Clone)]
pub struct OutputPlace {
    /// Location of the output.
    pub location: Location,
    /// Names of the folders and objects directly below it that a run creates.
    pub names: Vec<String>,
}

/// The kind of an object that is skipped for a reason other than its suffix.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Hidden,
    Output,
    JsonPaths,
    Special,
}

impl Kind {
    fn as_str(self) -> &'static str {
        match self {
            Kind::Hidden => "hidden",
            Kind::Output => "output",
            Kind::JsonPaths => "JSONPaths",
            Kind::Special => "pipe or device",
        }
    }
}

/// Counts of skipped objects, by suffix or kind.
#[derive(Debug, Clone, Default)]
pub struct Skipped {
    by_kind: Arc<Mutex<BTreeMap<String, u64>>>,
}

impl Skipped {
    /// Counts an object that is read for another purpose.
    pub fn count_excluded(&self) {
        self.count(Kind::JsonPaths.as_str().to_owned());
    }

    fn count(&self, kind: String) {
        let mut by_kind = self.by_kind.lock().unwrap_or_else(PoisonError::into_inner);
        let kind = match by_kind.len() < MOST_SUFFIXES || by_kind.contains_key(&kind) {
            true => kind,
            false => "(other)".to_owned(),
        };
        *by_kind.entry(kind).or_default() += 1;
    }

    /// Returns the number of skipped objects per suffix, or per kind if the suffix is not the reason.
    pub fn by_kind(&self) -> BTreeMap<String, u64> {
        self.by_kind.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

/// Returns `true` if programs use the name for files that are not data.
pub(super) fn is_hidden(name: &str) -> bool {
    name.starts_with(['_', '.']) && !matches!(name, "." | "..")
}

/// Selects the objects of a listing.
#[derive(Debug, Clone)]
pub(super) struct Selection {
    pub glob: Option<Glob>,
    pub include_hidden: bool,
    pub suffix: Suffix,
    pub skipped: Skipped,
}

impl Selection {
    /// Returns the compression that the object's name indicates, or `None` to skip the object. `path`
    /// is its path below the prefix; `kind` is a reason to skip it regardless of its name.
    pub fn select(&self, path: &str, kind: Option<Kind>) -> Option<Compression> {
        let found = match &self.glob {
            Some(glob) => glob.matches(path)?,
            None => Match::Within,
        };
        let kind = kind.or_else(|| self.is_hidden(path).then_some(Kind::Hidden));
        if let Some(kind) = kind {
            self.skipped.count(kind.as_str().to_owned());
            return None;
        }
        let name = path.rsplit('/').next().unwrap_or_default();
        if found == Match::Named || self.suffix == Suffix::Any {
            return Some(Compression::of(name));
        }
        let compression = Compression::of_json(name);
        if compression.is_none() {
            self.skipped.count(suffix(name));
        }
        compression
    }

    fn is_hidden(&self, path: &str) -> bool {
        let named = |part: &str| self.glob.as_ref().is_some_and(|glob| glob.names_hidden(part));
        !self.include_hidden && path.split('/').any(|part| is_hidden(part) && !named(part))
    }
}

/// Returns the suffix that indicates a file's type: `.csv`, `.csv.gz` or `(none)`.
fn suffix(name: &str) -> String {
    let lower = name.to_ascii_lowercase();
    let (stem, outer) = match lower.rsplit_once('.') {
        Some((stem, last)) if !stem.is_empty() => (stem, format!(".{last}")),
        _ => return "(none)".to_owned(),
    };
    let suffix = match stem.rsplit_once('.') {
        Some((_, inner)) if matches!(outer.as_str(), ".gz" | ".zst") => format!(".{inner}{outer}"),
        _ => outer,
    };
    if suffix.len() > LONGEST_SUFFIX { "(other)".to_owned() } else { suffix }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn suffixes() {
        assert_eq!(suffix("a.csv"), ".csv");
        assert_eq!(suffix("a.b.CSV.gz"), ".csv.gz");
        assert_eq!(suffix("SUCCESS"), "(none)");
        assert_eq!(suffix(".hidden"), "(none)");
        assert_eq!(suffix("stream-1.2018-11-01-00-00-00-aaaa-bbbb"), "(other)");
    }

    #[test]
    fn the_kinds_that_are_counted_are_bounded() {
        let skipped = Skipped::default();
        (0..5000).for_each(|i| skipped.count(format!(".{i}")));
        let by_kind = skipped.by_kind();
        assert_eq!(by_kind.len(), MOST_SUFFIXES + 1);
        assert_eq!(by_kind.values().sum::<u64>(), 5000);
        assert_eq!(by_kind["(other)"], 5000 - MOST_SUFFIXES as u64);
    }

    fn selection(glob: Option<&str>) -> Selection {
        Selection {
            glob: glob.map(|glob| Glob::new(glob).unwrap()),
            include_hidden: false,
            suffix: Suffix::Json,
            skipped: Skipped::default(),
        }
    }

    #[test]
    fn hidden_names_are_skipped_anywhere_below_the_prefix() {
        for path in ["_x.json", "a/.b/x.json", "_temporary/0/x.json", "a/._x.json"] {
            let mut select = selection(None);
            assert_eq!(select.select(path, None), None, "{path}");
            assert_eq!(select.skipped.by_kind(), BTreeMap::from([("hidden".to_owned(), 1)]));
            select.include_hidden = true;
            assert!(select.select(path, None).is_some(), "{path}");
        }
        for path in ["a_b/x_y.json", "a/./x.json", "a/../x.json", "x.json"] {
            assert!(selection(None).select(path, None).is_some(), "{path}");
        }
        assert!(selection(Some("_old/*")).select("_old/x.json", None).is_some());
        assert!(selection(Some("_old/*")).select("_old/_x.json", None).is_none());
    }

    #[test]
    fn other_suffixes_are_read_where_they_are_named_or_all_are_wanted() {
        for name in ["events.json.1", "events.json-20181101", "stream-1-2018-11-01"] {
            let mut select = selection(None);
            assert_eq!(select.select(name, None), None, "{name}");
            select.suffix = Suffix::Any;
            assert_eq!(select.select(name, None), Some(Compression::None), "{name}");
            let glob = format!("{}*", &name[..6]);
            assert!(selection(Some(&glob)).select(name, None).is_some(), "{glob}");
            assert!(selection(Some("*")).select(name, None).is_none(), "{name}");
        }
    }
}
