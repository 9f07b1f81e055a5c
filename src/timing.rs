//! Times of the phases of a run or a load.

use std::time::Duration;

/// The time that a phase took.
#[derive(Debug, Clone)]
pub struct PhaseTiming {
    /// The phase, such as `decode` or `copy songs`.
    pub name: String,
    /// Its wall-clock time.
    pub elapsed: Duration,
    /// The bytes that it read or wrote, where that is meaningful.
    pub bytes: Option<u64>,
}
