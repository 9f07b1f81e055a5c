//! What is being done to the cloud, and what has been, for whoever watches or stops it.

use std::sync::{Mutex, PoisonError};

/// The step of the work, and all that has been done.
#[derive(Debug, Default)]
pub struct Journal {
    step: Mutex<String>,
    done: Mutex<Vec<String>>,
}

impl Journal {
    /// Enters a step.
    pub(super) fn enter(&self, step: impl Into<String>) {
        *self.step.lock().unwrap_or_else(PoisonError::into_inner) = step.into();
    }

    /// Notes what has been done, as something that now is so.
    pub(super) fn note(&self, done: impl Into<String>) {
        let done = done.into();
        tracing::debug!("{done}");
        self.done.lock().unwrap_or_else(PoisonError::into_inner).push(done);
    }

    /// The step.
    pub fn step(&self) -> String {
        self.step.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// All that has been done, in order.
    pub fn done(&self) -> Vec<String> {
        self.done.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}
