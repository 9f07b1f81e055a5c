//! What a load is doing, for whoever watches.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};

/// The step of a load, and the rows of it where they pass through here.
#[derive(Debug, Default)]
pub struct LoadMeter {
    step: Mutex<String>,
    rows: AtomicU64,
    of: AtomicU64,
}

impl LoadMeter {
    /// Enters a step.
    pub(super) fn enter(&self, step: &str) {
        self.enter_with_rows(step, 0);
    }

    /// Enters a step that handles `of` rows.
    pub(super) fn enter_with_rows(&self, step: &str, of: u64) {
        self.rows.store(0, Ordering::Relaxed);
        self.of.store(of, Ordering::Relaxed);
        *self.step.lock().unwrap_or_else(PoisonError::into_inner) = step.to_owned();
    }

    /// Counts rows of the step.
    pub(crate) fn add_rows(&self, rows: u64) {
        self.rows.fetch_add(rows, Ordering::Relaxed);
    }

    /// The step, and its rows done and in all; nothing in all where they are not counted.
    pub fn reading(&self) -> (String, u64, u64) {
        let step = self.step.lock().unwrap_or_else(PoisonError::into_inner).clone();
        (step, self.rows.load(Ordering::Relaxed), self.of.load(Ordering::Relaxed))
    }
}
