//! One run at a time may write to an output.
//!
//! On local disk the operating system holds the lock, and releases it when the process ends, however
//! it ends. On an object store the lock is a lease: an object created only if absent, renewed while
//! the run lives, and taken over once it has expired or its holder is known to be dead.
//!
//! A lease cannot stop a run that was suspended and does not know that its lease has ended. So
//! whatever the lock protects is also written conditionally, and nothing is removed that was not
//! there while the lease was still held.

use std::io;

use super::file_lock::FileLock;
use super::lease::Lease;
use crate::error::Result;
use crate::storage::Place;

/// The lock's name within the output.
pub(super) const LOCK: &str = "_lock";

/// Whether a run locks its output.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum LockMode {
    /// It does, and fails if another run holds the lock.
    #[default]
    On,
    /// It does not: the caller ensures that one run at a time writes to the output.
    Off,
}

/// The right to write to an output.
pub(crate) enum OutputLock {
    /// Taken for granted.
    Off,
    /// Held by the operating system.
    File(FileLock),
    /// Held by an object.
    Lease(Box<Lease>),
}

impl OutputLock {
    /// Takes the lock of `out` for the run `run_id`.
    ///
    /// # Errors
    ///
    /// If another run holds it.
    pub async fn acquire(out: &Place, run_id: &str, mode: LockMode) -> Result<OutputLock> {
        if mode == LockMode::Off {
            return Ok(OutputLock::Off);
        }
        match out.location.local_path() {
            Some(folder) => FileLock::acquire(out, &folder, run_id).map(OutputLock::File),
            None => Ok(OutputLock::Lease(Box::new(Lease::acquire(out, run_id).await?))),
        }
    }

    /// Returns `true` if no other run can be at work on the output.
    pub fn excludes_others(&self) -> bool {
        !matches!(self, OutputLock::Off)
    }

    /// Fails unless the lock is still held; a lease is renewed.
    ///
    /// # Errors
    ///
    /// If another run has taken the lock, or a lease cannot be renewed.
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

    /// Releases the lock, if it is still held.
    pub async fn release(self) {
        if let OutputLock::Lease(lease) = self {
            lease.release().await;
        }
    }
}

/// The reason to leave an object or file alone that has the name of a lock and is not one.
pub(super) fn foreign(what: &str) -> io::Error {
    io::Error::other(format!(
        "it is {what}, and only starlift may write it; remove it, or write to another place"
    ))
}
