//! Errors of engines that carry out runs on other machines.

/// A failure of an engine that carries out a run on other machines.
#[derive(Debug, Clone, thiserror::Error)]
pub enum EngineError {
    /// This program was built without the engine.
    #[error("this build of starlift has no engine {0}")]
    NotBuilt(String),
    /// The scheduler cannot be reached.
    #[error("cannot reach the scheduler at {url}: {reason}")]
    Unreachable {
        /// URL of the scheduler.
        url: String,
        /// Reason for the failure.
        reason: String,
    },
    /// The scheduler or an executor has another version.
    #[error("{who} has another version of starlift: {found}, and this program has {own}")]
    OtherVersion {
        /// Name of the other process.
        who: String,
        /// Its version.
        found: String,
        /// Version of this program.
        own: String,
    },
    /// An object cannot be read by other machines.
    #[error("{url} cannot be read by executors: {reason}")]
    NotShared {
        /// URL of the object.
        url: String,
        /// Reason for the failure.
        reason: String,
    },
    /// A step ended with an error on an executor.
    #[error("{step} failed on the cluster: {reason}")]
    StepFailed {
        /// Name of the step.
        step: String,
        /// The error of the executor.
        reason: String,
    },
    /// A step needs more memory than an executor has for it.
    #[error("{step} needs more memory than an executor has for a task: {reason}")]
    OutOfMemory {
        /// Name of the step.
        step: String,
        /// The error of the executor.
        reason: String,
    },
    /// A step did not make progress.
    #[error("{step} has made no progress for {seconds} s and was cancelled: {state}")]
    Stalled {
        /// Name of the step.
        step: String,
        /// Seconds without progress.
        seconds: u64,
        /// State of its job.
        state: String,
    },
    /// The results of executors contradict each other or the listing.
    #[error("the executors' counts do not agree: {0}")]
    Miscounted(String),
}
