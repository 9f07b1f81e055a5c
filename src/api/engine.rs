//! Validation of the options that several builders share.

use crate::engine::EngineOptions;
use crate::error::{Error, Result};

/// Checks the limits on threads and memory.
///
/// # Errors
///
/// Returns [`Error::Usage`] if a limit is out of range.
pub fn validate(options: EngineOptions) -> Result<()> {
    let EngineOptions { threads, memory_limit } = options;
    if threads.is_some_and(|threads| !(1..=EngineOptions::MAX_THREADS).contains(&threads)) {
        let max = EngineOptions::MAX_THREADS;
        return Err(Error::Usage(format!("the number of threads must be from 1 to {max}")));
    }
    let range = EngineOptions::MIN_MEMORY..=EngineOptions::MAX_MEMORY;
    if memory_limit.is_some_and(|bytes| !range.contains(&bytes)) {
        return Err(Error::Usage(format!(
            "the memory limit must be from {} to {} bytes",
            range.start(),
            range.end()
        )));
    }
    Ok(())
}
