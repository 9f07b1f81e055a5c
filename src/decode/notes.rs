//! Observations on the records of a dataset that change nothing, but are worth a line in the
//! summary.

use std::borrow::Cow;
use std::collections::BTreeMap;

/// Distinct unknown keys that are counted; data with generated keys must not fill the memory.
const MAX_UNKNOWN_KEYS: usize = 1000;

/// The longest part of an unknown key that is kept, in bytes.
const MAX_KEY_BYTES: usize = 128;

/// 2000-01-01T00:00:00Z and 2100-01-01T00:00:00Z, in milliseconds.
const PLAUSIBLE_TIMES: std::ops::Range<i64> = 946_684_800_000..4_102_444_800_000;

/// Observations on the records of a dataset.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Notes {
    /// Top-level keys that fill no column, with the number of records they were in.
    pub unknown_keys: BTreeMap<String, u64>,
    /// The plausibility of the times.
    pub times: Times,
    /// Texts that were encoded to UTF-8 twice, in columns that hardly repeat their texts.
    pub encoded_twice: u64,
    /// The bytes of the longest text.
    pub longest_text: usize,
}

/// The number of times, and of those before 2000 or after 2100.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Times {
    /// Times met, those out of range among them.
    pub all: u64,
    /// Times before 2000 or after 2100.
    pub implausible: u64,
    /// The first of these.
    pub example: Option<i64>,
}

impl Times {
    /// Counts a time in epoch milliseconds.
    #[inline]
    pub(super) fn add(&mut self, millis: i64) {
        self.all += 1;
        if !PLAUSIBLE_TIMES.contains(&millis) {
            self.implausible += 1;
            self.example.get_or_insert(millis);
        }
    }

    /// Whether most times are implausible: they are likely to be of another unit.
    pub fn are_suspicious(&self) -> bool {
        self.implausible * 2 > self.all
    }
}

impl Notes {
    /// Adds the notes of another decoder.
    pub fn merge(&mut self, other: Notes) {
        for (key, records) in other.unknown_keys {
            *self.unknown_keys.entry(key).or_default() += records;
        }
        self.times.all += other.times.all;
        self.times.implausible += other.times.implausible;
        // Which decoder met which times first depends on their timing.
        self.times.example = self.times.example.into_iter().chain(other.times.example).min();
        self.encoded_twice += other.encoded_twice;
        self.longest_text = self.longest_text.max(other.longest_text);
    }

    /// Counts the keys of one record, whose spans are `keys`.
    pub(super) fn add_unknown_keys(&mut self, record: &str, keys: &mut Vec<(usize, usize)>) {
        keys.sort_unstable_by_key(|&(start, end)| &record[start..end]);
        keys.dedup_by_key(|(start, end)| &record[*start..*end]);
        for &(start, end) in &*keys {
            let key = clip(&record[start..end]);
            if let Some(count) = self.unknown_keys.get_mut(&*key) {
                *count += 1;
            } else if self.unknown_keys.len() < MAX_UNKNOWN_KEYS {
                self.unknown_keys.insert(key.into_owned(), 1);
            }
        }
    }
}

fn clip(key: &str) -> Cow<'_, str> {
    if key.len() <= MAX_KEY_BYTES {
        return Cow::Borrowed(key);
    }
    Cow::Owned(format!("{}…", &key[..key.floor_char_boundary(MAX_KEY_BYTES)]))
}
