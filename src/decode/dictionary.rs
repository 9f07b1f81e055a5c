//! A dictionary of the distinct texts of a column, numbered in order of first appearance.

use std::ops::Range;
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, StringArray};
use hashbrown::HashTable;
use xxhash_rust::xxh3::xxh3_64;

use super::sample::Sample;

/// Assigns keys to texts. The batches of a decoder share a dictionary.
///
/// Texts are looked up by their spelling in JSON, so that the escapes of a known spelling are not
/// resolved again.
#[derive(Default)]
pub(crate) struct Dictionary {
    spellings: HashTable<Spelling>,
    /// Concatenated spellings that differ from their texts.
    escaped: Vec<u8>,
    /// All texts, concatenated.
    text: String,
    /// End of each text in `text`.
    ends: Vec<usize>,
    /// Spellings found recently, each at the place of its sample.
    recent: Vec<Recent>,
    /// The array that [`Dictionary::array`] returned last.
    array: Option<Arc<StringArray>>,
}

/// Position of a spelling in `text`, or in `escaped` if `is_escaped` is set.
#[derive(Clone, Copy, Default)]
struct Spelling {
    hash: u64,
    start: u32,
    end: u32,
    key: i32,
    is_escaped: bool,
}

impl Dictionary {
    /// Returns the key of the text with this spelling, if known.
    #[inline]
    pub fn find(&self, raw: &[u8]) -> Option<i32> {
        self.spelling(raw).map(|spelling| spelling.key)
    }

    #[inline]
    fn spelling(&self, raw: &[u8]) -> Option<&Spelling> {
        let hash = xxh3_64(raw);
        self.spellings.find(hash, |s| s.hash == hash && *self.raw(s) == *raw)
    }

    /// Like [`Dictionary::find`], but faster if the spelling was found recently.
    #[inline(always)]
    pub fn find_recent(&mut self, raw: &[u8]) -> Option<i32> {
        let sample = Sample::of(raw);
        match self.recent.get(sample.place()) {
            Some(recent) if recent.sample == sample && self.is_spelled(recent, raw) => {
                Some(recent.spelling.key)
            }
            _ => self.find_and_keep(raw, sample),
        }
    }

    #[inline(always)]
    fn is_spelled(&self, recent: &Recent, raw: &[u8]) -> bool {
        raw.len() <= Sample::WHOLE || *self.raw(&recent.spelling) == *raw
    }

    #[inline(never)]
    fn find_and_keep(&mut self, raw: &[u8], sample: Sample) -> Option<i32> {
        let spelling = *self.spelling(raw)?;
        let unused = Recent { sample: Sample::UNUSED, spelling: Spelling::default() };
        self.recent.resize(Sample::PLACES, unused);
        self.recent[sample.place()] = Recent { sample, spelling };
        Some(spelling.key)
    }

    #[inline]
    fn raw(&self, spelling: &Spelling) -> &[u8] {
        let bytes = if spelling.is_escaped { &self.escaped[..] } else { self.text.as_bytes() };
        &bytes[spelling.start as usize..spelling.end as usize]
    }

    /// Returns the key of `text`, whose raw bytes are `raw`; assigns a key to a new text.
    pub fn insert(&mut self, raw: &[u8], text: &str) -> i32 {
        // A text with a backslash would mean another text if it were read as a spelling.
        let plain = !text.contains('\\');
        let known = if plain { self.find(text.as_bytes()) } else { None };
        let key = known.unwrap_or_else(|| {
            let start = self.text.len();
            self.text.push_str(text);
            self.ends.push(self.text.len());
            let key = self.ends.len() as i32 - 1;
            if plain {
                self.add_spelling(xxh3_64(text.as_bytes()), start..self.text.len(), key, false);
            }
            key
        });
        if raw != text.as_bytes() || !plain {
            let start = self.escaped.len();
            self.escaped.extend_from_slice(raw);
            self.add_spelling(xxh3_64(raw), start..self.escaped.len(), key, true);
        }
        key
    }

    fn add_spelling(&mut self, hash: u64, span: Range<usize>, key: i32, is_escaped: bool) {
        // Positions fit in 32 bits: all texts fit in one Arrow array, which is limited to 2 GiB.
        let (start, end) = (span.start as u32, span.end as u32);
        let spelling = Spelling { hash, start, end, key, is_escaped };
        self.spellings.insert_unique(hash, spelling, |s| s.hash);
    }

    /// Returns the text of a key.
    pub fn text(&self, key: i32) -> &str {
        let key = key as usize;
        let start = key.checked_sub(1).map_or(0, |before| self.ends[before]);
        &self.text[start..self.ends[key]]
    }

    /// Returns all texts in key order. Returns the same array until a text is added.
    pub fn array(&mut self) -> ArrayRef {
        if let Some(array) = &self.array
            && array.len() == self.ends.len()
        {
            return array.clone();
        }
        let texts = (0..self.ends.len() as i32).map(|key| self.text(key));
        let array = Arc::new(StringArray::from_iter_values(texts));
        self.array.insert(array).clone()
    }

    /// Returns `true` if the dictionary holds more than `texts` texts or more than `bytes` bytes.
    pub fn exceeds(&self, texts: usize, bytes: usize) -> bool {
        self.ends.len() > texts || self.bytes() > bytes
    }

    /// Returns the size of the texts and of the escaped spellings, in bytes.
    pub fn bytes(&self) -> usize {
        self.escaped.len() + self.text.len()
    }
}

/// A spelling found recently.
#[derive(Clone, Copy)]
struct Recent {
    sample: Sample,
    spelling: Spelling,
}

#[cfg(test)]
mod tests {
    use arrow::array::AsArray;

    use super::*;

    #[test]
    fn all_spellings_of_a_text_have_one_key() {
        let mut dictionary = Dictionary::default();
        let key = dictionary.insert(br"a\/b", "a/b");
        assert_eq!(dictionary.find(b"a/b"), Some(key));
        assert_eq!(dictionary.insert(br"a\u002fb", "a/b"), key);
        assert_eq!(dictionary.find(br"a\u002fb"), Some(key));
        assert_eq!(dictionary.text(key), "a/b");
        assert_eq!(dictionary.array().len(), 1);
    }

    #[test]
    fn a_backslash_in_a_text_is_not_an_escape() {
        let mut dictionary = Dictionary::default();
        let backslash = dictionary.insert(br"a\\n", r"a\n");
        assert_eq!(dictionary.find(br"a\n"), None);
        let line_feed = dictionary.insert(br"a\n", "a\n");
        assert_ne!(backslash, line_feed);
        assert_eq!(dictionary.find(br"a\\n"), Some(backslash));
    }

    #[test]
    fn recent_spellings_are_those_of_the_dictionary() {
        let mut dictionary = Dictionary::default();
        let text = |at: usize| format!("{}{at}", "x".repeat(at % 40));
        assert_eq!(dictionary.find_recent(b""), None);
        for at in 0..5000 {
            assert_eq!(dictionary.find_recent(text(at).as_bytes()), None);
            dictionary.insert(text(at).as_bytes(), &text(at));
        }
        let empty = dictionary.insert(b"", "");
        for _ in 0..2 {
            assert_eq!(dictionary.find_recent(b""), Some(empty));
            for at in 0..5000 {
                assert_eq!(dictionary.find_recent(text(at).as_bytes()), Some(at as i32));
            }
        }
    }

    #[test]
    fn arrays_are_shared_until_a_text_is_added_and_never_renumbered() {
        let mut dictionary = Dictionary::default();
        dictionary.insert(b"x", "x");
        let first = dictionary.array();
        assert!(Arc::ptr_eq(&first, &dictionary.array()));
        dictionary.insert(b"y", "y");
        let second = dictionary.array();
        fn texts(array: &ArrayRef) -> Vec<&str> {
            array.as_string::<i32>().iter().flatten().collect()
        }
        assert_eq!((texts(&first), texts(&second)), (vec!["x"], vec!["x", "y"]));
    }
}
