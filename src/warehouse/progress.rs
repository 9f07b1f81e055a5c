//! Progress of a load, for display.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};

/// The current step of a load, and its row counts if the rows pass through this process.
#[derive(Debug, Default)]
pub struct LoadProgress {
    step: Mutex<String>,
    rows: AtomicU64,
    of: AtomicU64,
}

impl LoadProgress {
    /// Starts a step that does not count rows.
    pub(super) fn start(&self, step: &str) {
        self.start_counted(step, 0);
    }

    /// Starts a step that handles `of` rows.
    pub(super) fn start_counted(&self, step: &str, of: u64) {
        self.rows.store(0, Ordering::Relaxed);
        self.of.store(of, Ordering::Relaxed);
        *self.step.lock().unwrap_or_else(PoisonError::into_inner) = step.to_owned();
    }

    /// Adds to the rows done in the current step.
    pub(super) fn add_rows(&self, rows: u64) {
        self.rows.fetch_add(rows, Ordering::Relaxed);
    }

    /// Returns the current step, the rows done, and the total; the total is 0 if rows are not
    /// counted.
    pub fn snapshot(&self) -> (String, u64, u64) {
        let step = self.step.lock().unwrap_or_else(PoisonError::into_inner).clone();
        (step, self.rows.load(Ordering::Relaxed), self.of.load(Ordering::Relaxed))
    }
}
