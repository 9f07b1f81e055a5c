//! Progress of an operation: the current step and the completed changes.

use std::sync::{Mutex, PoisonError};

/// The current step and the completed changes.
#[derive(Debug, Default)]
pub struct Journal {
    step: Mutex<String>,
    done: Mutex<Vec<String>>,
}

impl Journal {
    /// Sets the current step.
    pub(super) fn enter(&self, step: impl Into<String>) {
        *self.step.lock().unwrap_or_else(PoisonError::into_inner) = step.into();
    }

    /// Records a completed change, as a statement about the new state.
    pub(super) fn note(&self, done: impl Into<String>) {
        let done = done.into();
        tracing::debug!("{done}");
        self.done.lock().unwrap_or_else(PoisonError::into_inner).push(done);
    }

    /// Returns the current step.
    pub fn step(&self) -> String {
        self.step.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Returns the completed changes, in order.
    pub fn done(&self) -> Vec<String> {
        self.done.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}
