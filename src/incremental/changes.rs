//! The differences between the objects of two runs.

use std::ops::AddAssign;

/// The objects that an incremental run has found and read, by their difference from the previous run.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Changes {
    /// Objects that the previous run did not read.
    pub new: u64,
    /// Objects with another ETag or size.
    pub changed: u64,
    /// Objects that are no longer listed.
    pub gone: u64,
    /// Objects whose rows come from the state, including those that are no longer listed and are kept.
    pub unchanged: u64,
    /// Other objects that were read again.
    pub again: u64,
    /// Unchanged objects that are listed again, and whose rows were kept.
    pub returned: u64,
    /// Number of partitions that were built again; `None` if the queries ran on all rows.
    pub partitions: Option<u64>,
    /// Bytes of the objects that were read, as stored.
    pub bytes_read: u64,
    /// Bytes of all listed objects, as stored.
    pub bytes_listed: u64,
    /// Reasons why objects were read again.
    pub reasons: Vec<String>,
}

impl Changes {
    /// Returns `true` if all objects are those of the previous run.
    pub fn is_empty(&self) -> bool {
        self.new + self.changed + self.gone + self.again + self.returned == 0
    }
}

impl AddAssign for Changes {
    fn add_assign(&mut self, other: Changes) {
        self.new += other.new;
        self.changed += other.changed;
        self.gone += other.gone;
        self.unchanged += other.unchanged;
        self.again += other.again;
        self.returned += other.returned;
        self.bytes_read += other.bytes_read;
        self.bytes_listed += other.bytes_listed;
        self.reasons.extend(other.reasons);
    }
}
