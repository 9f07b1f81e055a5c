//! Counts of a sample.

use super::records::Broken;
use super::text::{counted, grouped};

/// Number of broken records that are named.
const MAX_NAMED: usize = 5;

/// Counts of the objects and records read of an input.
#[derive(Debug, Clone, Default)]
pub struct Sampled {
    /// Number of objects listed.
    pub objects_listed: u64,
    /// Stored size of the objects listed, in bytes.
    pub bytes_listed: u64,
    /// Number of objects read.
    pub objects_read: u64,
    /// Number of stored bytes read.
    pub bytes_read: u64,
    /// Number of objects of which only the start was read.
    pub cut: u64,
    /// Number of records read.
    pub records: u64,
    /// Number of parts that are not records.
    pub broken: u64,
    /// The first broken parts, with the URL of the object.
    pub named: Vec<(String, Broken)>,
}

impl Sampled {
    /// Returns a sentence on what was read.
    pub fn describe(&self) -> String {
        let mut text = format!(
            "Seen: {} in {} of {}, {} of {}",
            counted(self.records, "record"),
            grouped(self.objects_read),
            counted(self.objects_listed, "object"),
            grouped(self.bytes_read),
            counted(self.bytes_listed.max(self.bytes_read), "byte"),
        );
        if self.cut > 0 {
            text += &format!("; only the start of {}", counted(self.cut, "object"));
        }
        if self.broken > 0 {
            text += &format!("; {} skipped", counted(self.broken, "broken record"));
        }
        text + "."
    }

    /// Returns a line for each of the first broken records.
    pub fn broken_lines(&self) -> impl Iterator<Item = String> {
        self.named
            .iter()
            .map(|(url, broken)| format!("Skipped: {url}, line {}: {}", broken.line, broken.reason))
    }

    /// Counts a broken part.
    pub(super) fn add_broken(&mut self, url: &str, broken: Broken) {
        self.broken += 1;
        if self.named.len() < MAX_NAMED {
            self.named.push((url.to_owned(), broken));
        }
    }
}
