//! Progress counters of a run.

use std::sync::atomic::{AtomicU8, AtomicU64, AtomicUsize, Ordering};

/// The phase of a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum Phase {
    /// Listing and reading objects.
    Reading,
    /// Running the star queries and writing their tables.
    Writing,
    /// Checking the written tables.
    Checking,
    /// Publishing the star.
    Publishing,
}

/// Progress of a transform: counters that only grow. The run updates them and a display reads them.
#[derive(Debug, Default)]
pub struct TransformProgress {
    phase: AtomicU8,
    listings: AtomicUsize,
    listings_done: AtomicUsize,
    objects_listed: AtomicU64,
    bytes_listed: AtomicU64,
    objects_read: AtomicU64,
    bytes_read: AtomicU64,
    rows_written: AtomicU64,
    tasks_done: AtomicU64,
    tasks: AtomicU64,
}

/// A snapshot of the counters.
#[derive(Debug, Clone, Copy)]
pub struct ProgressSnapshot {
    /// Current phase.
    pub phase: Phase,
    /// `true` if the listings are complete.
    pub listing_done: bool,
    /// Number of objects listed so far.
    pub objects_listed: u64,
    /// Bytes of the listed objects, as stored.
    pub bytes_listed: u64,
    /// Number of objects read so far.
    pub objects_read: u64,
    /// Bytes read so far, as stored.
    pub bytes_read: u64,
    /// Number of rows of star tables written so far.
    pub rows_written: u64,
    /// Number of tasks of the current step on other machines that are done.
    pub tasks_done: u64,
    /// Number of those tasks; 0 without an engine on other machines.
    pub tasks: u64,
}

impl TransformProgress {
    /// Sets the number of listings, one per dataset.
    pub fn expect_listings(&self, listings: usize) {
        self.listings.store(listings, Ordering::Relaxed);
    }

    /// Counts a listed object of `bytes` bytes.
    pub fn listed(&self, bytes: u64) {
        self.objects_listed.fetch_add(1, Ordering::Relaxed);
        self.bytes_listed.fetch_add(bytes, Ordering::Relaxed);
    }

    /// Records that the listing of a dataset is complete.
    pub fn listing_done(&self) {
        self.listings_done.fetch_add(1, Ordering::Relaxed);
    }

    /// Counts bytes read.
    pub fn read(&self, bytes: u64) {
        self.bytes_read.fetch_add(bytes, Ordering::Relaxed);
    }

    /// Counts an object read to its end.
    pub fn object_done(&self) {
        self.objects_read.fetch_add(1, Ordering::Relaxed);
    }

    /// Counts rows written.
    pub fn wrote(&self, rows: u64) {
        self.rows_written.fetch_add(rows, Ordering::Relaxed);
    }

    /// Sets the number of tasks that other machines have done and those of the current step in all. They are
    /// counters of the step, and the only ones that can shrink.
    #[cfg_attr(not(feature = "cluster"), expect(dead_code, reason = "the build has no engine"))]
    pub(crate) fn set_tasks(&self, done: u64, all: u64) {
        self.tasks_done.store(done, Ordering::Relaxed);
        self.tasks.store(all, Ordering::Relaxed);
    }

    /// Records the start of a phase.
    pub fn enter(&self, phase: Phase) {
        self.phase.store(phase as u8, Ordering::Relaxed);
    }

    fn is_listing_done(&self) -> bool {
        let listings = self.listings.load(Ordering::Relaxed);
        listings > 0 && self.listings_done.load(Ordering::Relaxed) >= listings
    }

    /// Returns a snapshot of the counters.
    pub fn snapshot(&self) -> ProgressSnapshot {
        let load = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        ProgressSnapshot {
            phase: match self.phase.load(Ordering::Relaxed) {
                0 => Phase::Reading,
                1 => Phase::Writing,
                2 => Phase::Checking,
                _ => Phase::Publishing,
            },
            listing_done: self.is_listing_done(),
            objects_listed: load(&self.objects_listed),
            bytes_listed: load(&self.bytes_listed),
            objects_read: load(&self.objects_read),
            bytes_read: load(&self.bytes_read),
            rows_written: load(&self.rows_written),
            tasks_done: load(&self.tasks_done),
            tasks: load(&self.tasks),
        }
    }
}
