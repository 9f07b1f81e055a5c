//! Timings of the phases of a run or a load.

use std::time::Duration;

/// The duration of a phase.
#[derive(Debug, Clone)]
pub struct PhaseTiming {
    /// Name of the phase, such as `read and decode` or `copy songs`.
    pub name: String,
    /// Wall-clock time.
    pub elapsed: Duration,
    /// Bytes read or written; `None` if they are not counted.
    pub bytes: Option<u64>,
}
