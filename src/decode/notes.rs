//! Observations on the records of a dataset. They are reported in the summary and do not affect the
//! output.

use std::borrow::Cow;
use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::convert::units_per_second;
use crate::model::TimestampForm;

/// Maximum number of distinct unknown keys counted. Bounds memory for data with generated keys.
const MAX_UNKNOWN_KEYS: usize = 1000;

/// Maximum length kept of an unknown key, in bytes.
const MAX_KEY_BYTES: usize = 128;

/// Range of plausible times, in epoch seconds: from 2000-01-01T00:00:00Z up to but not including
/// 2100-01-01T00:00:00Z.
const PLAUSIBLE_SECONDS: std::ops::Range<i64> = 946_684_800..4_102_444_800;

/// Observations on the records of an object or of a dataset.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Notes {
    /// Number of records per top-level key that fills no column.
    pub unknown_keys: BTreeMap<String, u64>,
    /// Counts of plausible and implausible times.
    pub times: Times,
    /// Number of texts encoded to UTF-8 twice, in columns without a dictionary.
    pub encoded_twice: u64,
    /// Length of the longest text, in bytes, including texts of rejected records. Texts of at most 1 KiB that
    /// a dictionary already contains are not measured.
    pub longest_text: usize,
}

/// The number of times since 1970 that records contain as numbers, and of those outside the years
/// 2000 to 2099.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Times {
    /// Number of all times, including implausible ones.
    pub all: u64,
    /// Number of times before 2000-01-01 or from 2100-01-01 on.
    pub implausible: u64,
    /// The smallest implausible time, which does not depend on the scheduling of the decoders.
    pub example: Option<EpochTime>,
}

/// A time since 1970-01-01 UTC.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct EpochTime {
    /// The number in the record.
    pub value: i64,
    /// Unit and origin of the number.
    pub form: TimestampForm,
}

impl Times {
    /// Counts a time in the unit of its form.
    #[inline]
    pub(super) fn add(&mut self, value: i64, form: TimestampForm) {
        let units = units_per_second(form);
        self.all += 1;
        if !(PLAUSIBLE_SECONDS.start * units..PLAUSIBLE_SECONDS.end * units).contains(&value) {
            self.implausible += 1;
            self.add_example(EpochTime { value, form });
        }
    }

    fn add_example(&mut self, time: EpochTime) {
        let examples = self.example.into_iter().chain([time]);
        self.example = examples.min_by_key(|time| (time.value, time.form.name()));
    }

    /// Returns `true` if most times are implausible, which suggests that they are in another unit.
    pub fn are_suspicious(&self) -> bool {
        self.implausible * 2 > self.all
    }
}

impl Notes {
    /// Adds other notes.
    pub fn merge(&mut self, other: Notes) {
        for (key, records) in other.unknown_keys {
            *self.unknown_keys.entry(key).or_default() += records;
        }
        self.drop_last_keys();
        self.times.all += other.times.all;
        self.times.implausible += other.times.implausible;
        other.times.example.into_iter().for_each(|time| self.times.add_example(time));
        self.encoded_twice += other.encoded_twice;
        self.longest_text = self.longest_text.max(other.longest_text);
    }

    /// Keeps the first keys by name, so that the result does not depend on the order in which keys are added.
    fn drop_last_keys(&mut self) {
        while self.unknown_keys.len() > MAX_UNKNOWN_KEYS {
            self.unknown_keys.pop_last();
        }
    }

    /// Counts the keys of one record at the spans `keys`.
    pub(super) fn add_unknown_keys(&mut self, record: &str, keys: &mut Vec<(usize, usize)>) {
        keys.sort_unstable_by_key(|&(start, end)| &record[start..end]);
        keys.dedup_by_key(|(start, end)| &record[*start..*end]);
        for &(start, end) in &*keys {
            self.add_unknown_key(&record[start..end], 1);
        }
    }

    /// Counts a key of several records.
    pub(super) fn add_unknown_key(&mut self, key: &str, records: u64) {
        let key = clip(key);
        if let Some(count) = self.unknown_keys.get_mut(&*key) {
            *count += records;
        } else if records > 0 {
            self.unknown_keys.insert(key.into_owned(), records);
            self.drop_last_keys();
        }
    }
}

fn clip(key: &str) -> Cow<'_, str> {
    if key.len() <= MAX_KEY_BYTES {
        return Cow::Borrowed(key);
    }
    Cow::Owned(format!("{}…", &key[..key.floor_char_boundary(MAX_KEY_BYTES)]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_unknown_keys_are_kept_in_any_order() {
        let keys: Vec<String> =
            (0..MAX_UNKNOWN_KEYS + 5).map(|at| format!("key {at:05}")).collect();
        let notes = |keys: &mut dyn Iterator<Item = &String>| {
            let mut notes = Notes::default();
            keys.for_each(|key| notes.add_unknown_key(key, 2));
            notes
        };
        let expected = notes(&mut keys.iter());
        assert_eq!(expected.unknown_keys.len(), MAX_UNKNOWN_KEYS);
        assert_eq!(notes(&mut keys.iter().rev()), expected);
    }
}
