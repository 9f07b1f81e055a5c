//! The lock that allows only one run at a time to write to an output.
//!
//! On local disk the operating system holds the lock and releases it when the process ends for any
//! reason. In an object store the lock is a lease: an object that is created only if absent, renewed
//! while the run is alive, and taken over after it expires or its holder is known to be dead.
//!
//! A lease cannot stop a run that was suspended and does not know that its lease has expired. Therefore
//! everything that the lock protects is also written conditionally, and only files that existed while
//! the run still held the lease are removed.

use std::io;

use super::file_lock::FileLock;
use super::lease::Lease;
use crate::error::Result;
use crate::storage::Place;

/// Name of the lock within the output.
pub(super) const LOCK: &str = "_lock";

/// Use of the output's lock.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum LockMode {
    /// Lock the output, and fail if another run holds the lock.
    #[default]
    On,
    /// Do not lock: the caller ensures that only one run at a time writes to the output.
    Off,
}

/// The right to write to an output.
pub(crate) enum OutputLock {
    /// Assumed without a lock.
    Off,
    /// Held through the operating system.
    File(FileLock),
    /// Held through an object.
    Lease(Box<Lease>),
}

impl OutputLock {
    /// Acquires the lock of `out` for the run `run_id`.
    ///
    /// # Errors
    ///
    /// Returns an error if another run holds the lock.
    pub async fn acquire(out: &Place, run_id: &str, mode: LockMode) -> Result<OutputLock> {
        if mode == LockMode::Off {
            return Ok(OutputLock::Off);
        }
        match out.location.local_path() {
            Some(folder) => FileLock::acquire(out, &folder, run_id).map(OutputLock::File),
            None => Ok(OutputLock::Lease(Box::new(Lease::acquire(out, run_id).await?))),
        }
    }

    /// Returns `true` if no other run can be active on the output.
    pub fn excludes_others(&self) -> bool {
        !matches!(self, OutputLock::Off)
    }

    /// Checks that the lock is still held, and renews a lease.
    ///
    /// # Errors
    ///
    /// Returns an error if another run has taken the lock or a lease cannot be renewed.
    pub async fn verify(&self) -> Result<()> {
        match self {
            OutputLock::Off => Ok(()),
            OutputLock::File(file) => file.verify(),
            OutputLock::Lease(lease) => lease.verify().await,
        }
    }

    /// Resolves when the lock is known to be lost.
    pub async fn lost(&self) {
        match self {
            OutputLock::Off | OutputLock::File(_) => std::future::pending().await,
            OutputLock::Lease(lease) => lease.lost().await,
        }
    }

    /// Releases the lock if it is still held.
    pub async fn release(self) {
        if let OutputLock::Lease(lease) = self {
            lease.release().await;
        }
    }
}

/// Returns the error for an object or file that has the name of a lock but is not one.
pub(super) fn foreign(what: &str) -> io::Error {
    io::Error::other(format!(
        "it is {what}, and only starlift may write it; remove it, or write to another location"
    ))
}
