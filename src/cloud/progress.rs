//! Progress of an operation: the current step and the notes about completed changes.

use std::sync::{Mutex, PoisonError};

/// The current step, and notes about completed changes and resources that could not be changed.
#[derive(Debug, Default)]
pub struct OperationProgress {
    step: Mutex<String>,
    notes: Mutex<Vec<String>>,
}

impl OperationProgress {
    /// Sets the current step.
    pub(super) fn set_step(&self, step: impl Into<String>) {
        *self.step.lock().unwrap_or_else(PoisonError::into_inner) = step.into();
    }

    /// Adds a note, as a statement about the new state.
    pub(super) fn note(&self, note: impl Into<String>) {
        let note = note.into();
        tracing::debug!("{note}");
        self.notes.lock().unwrap_or_else(PoisonError::into_inner).push(note);
    }

    /// Returns the description of the step in progress.
    pub fn current_step(&self) -> String {
        self.step.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Returns the notes, in order.
    pub fn notes(&self) -> Vec<String> {
        self.notes.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}
