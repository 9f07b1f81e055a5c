//! One run at a time may write to an output.
//!
//! On local disk the operating system holds the lock and lets go of it when the process ends,
//! however it ends. On an object store it is a lease: an object created only if absent, renewed
//! while the run lives, and taken over once it has expired or its holder is known to be dead.

use std::fs::{File, TryLockError};
use std::sync::Arc;
use std::time::Duration;

use chrono::Utc;
use object_store::{PutMode, PutOptions, UpdateVersion};
use serde::{Deserialize, Serialize};
use tokio::sync::Mutex;
use tokio_util::task::AbortOnDropHandle;

use crate::error::{Error, Result};
use crate::storage::{Place, StorageError};

/// The lock's name within the output.
pub(super) const LOCK: &str = "_lock";

/// A lease that was not renewed for this long has expired. Far longer than clocks differ.
const LEASE: Duration = Duration::from_secs(120);

/// A lease is renewed this often: three renewals may fail before it expires.
const RENEWAL: Duration = Duration::from_secs(30);

/// The right to write to an output.
pub(crate) enum OutputLock {
    /// Held by the operating system.
    File {
        /// Open for as long as the lock is held.
        _file: File,
    },
    /// Held by an object.
    Lease(Box<Lease>),
}

pub(crate) struct Lease {
    place: Place,
    holder: Arc<Mutex<Held>>,
    _renewal: AbortOnDropHandle<()>,
}

struct Held {
    holder: Holder,
    version: UpdateVersion,
    lost: bool,
}

/// Who holds a lease, as its object says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Holder {
    run_id: String,
    host: String,
    process: u32,
    expires_at_ms: i64,
}

impl OutputLock {
    /// Takes the lock of `out` for the run `run_id`.
    ///
    /// # Errors
    ///
    /// If another run holds it.
    pub async fn acquire(out: &Place, run_id: &str) -> Result<OutputLock> {
        match out.location.local_path() {
            Some(folder) => lock_file(out, &folder, run_id),
            None => {
                acquire_lease(out, run_id).await.map(|lease| OutputLock::Lease(Box::new(lease)))
            }
        }
    }

    /// Fails unless the lock is still held; to be asked right before publishing.
    ///
    /// # Errors
    ///
    /// If the lease could not be renewed and another run has taken it.
    pub async fn verify(&self) -> Result<()> {
        let OutputLock::Lease(lease) = self else { return Ok(()) };
        renew(&lease.place, &lease.holder).await?;
        if lease.holder.lock().await.lost {
            return Err(Error::Locked {
                out: lease.place.to_string(),
                holder: "it took this run for dead and the lease over".to_owned(),
            });
        }
        Ok(())
    }

    /// Gives the lock back.
    pub async fn release(self) {
        use object_store::ObjectStoreExt;
        let OutputLock::Lease(lease) = self else { return };
        drop(lease._renewal);
        let held = lease.holder.lock().await;
        if !held.lost
            && let Err(error) = lease.place.store.delete(lease.place.path()).await
        {
            tracing::warn!(lock = %lease.place, %error, "the lock could not be given back");
        }
    }
}

fn lock_file(out: &Place, folder: &std::path::Path, run_id: &str) -> Result<OutputLock> {
    use std::io::{Read, Seek, Write};
    let path = folder.join(LOCK);
    let failed = |e| StorageError::write_io(&path.display().to_string(), e);
    std::fs::create_dir_all(folder).map_err(failed)?;
    let mut file = File::options()
        .read(true)
        .write(true)
        .create(true)
        .truncate(false)
        .open(&path)
        .map_err(failed)?;
    match file.try_lock() {
        Ok(()) => {
            let holder = format!("run {run_id} in process {}\n", std::process::id());
            file.set_len(0).and_then(|()| file.rewind()).map_err(failed)?;
            file.write_all(holder.as_bytes()).map_err(failed)?;
            Ok(OutputLock::File { _file: file })
        }
        Err(TryLockError::WouldBlock) => {
            let mut holder = String::new();
            // Only for the message: the holder may be writing it just now.
            file.read_to_string(&mut holder).unwrap_or_default();
            Err(Error::Locked { out: out.to_string(), holder: holder.trim().to_owned() })
        }
        Err(TryLockError::Error(error)) => Err(failed(error).into()),
    }
}

async fn acquire_lease(out: &Place, run_id: &str) -> Result<Lease> {
    let place = out.child(LOCK);
    let holder = Holder::this(run_id);
    let version = match put(&place, &holder, PutMode::Create).await {
        Ok(version) => version,
        Err(object_store::Error::AlreadyExists { .. }) => take_over(out, &place, &holder).await?,
        Err(object_store::Error::NotImplemented { .. }) => {
            tracing::warn!(%out, "this store has no conditional put: two runs at once would not notice each other");
            put(&place, &holder, PutMode::Overwrite).await.map_err(|e| write_error(&place, e))?
        }
        Err(error) => return Err(write_error(&place, error)),
    };
    let held = Arc::new(Mutex::new(Held { holder, version, lost: false }));
    let renewal = tokio::spawn({
        let (place, held) = (place.clone(), held.clone());
        async move {
            loop {
                tokio::time::sleep(RENEWAL).await;
                if let Err(error) = renew(&place, &held).await {
                    tracing::warn!(lock = %place, %error, "the lock could not be renewed");
                }
            }
        }
    });
    Ok(Lease { place, holder: held, _renewal: AbortOnDropHandle::new(renewal) })
}

/// Takes a lease whose holder is dead; exactly one of several who try succeeds.
async fn take_over(out: &Place, place: &Place, holder: &Holder) -> Result<UpdateVersion> {
    use object_store::ObjectStoreExt;
    let read_error = |e| Error::from(StorageError::read(&place.to_string(), e));
    let locked = |holder: String| Error::Locked { out: out.to_string(), holder };
    let found = place.store.get(place.path()).await.map_err(read_error)?;
    let version = UpdateVersion { e_tag: found.meta.e_tag.clone(), version: None };
    let bytes = found.bytes().await.map_err(read_error)?;
    // A lease that cannot be read was cut short while it was made: nobody renews it.
    let current: Option<Holder> = serde_json::from_slice(&bytes).ok();
    if let Some(current) = &current
        && current.is_alive(holder)
    {
        return Err(locked(current.describe()));
    }
    match put(place, holder, PutMode::Update(version)).await {
        Ok(version) => {
            tracing::warn!(lock = %place, "took over the lock of a run that had died");
            Ok(version)
        }
        Err(object_store::Error::Precondition { .. }) => {
            Err(locked("it took the lock at this very moment".to_owned()))
        }
        Err(error) => Err(write_error(place, error)),
    }
}

async fn renew(place: &Place, held: &Mutex<Held>) -> Result<()> {
    let mut held = held.lock().await;
    if held.lost {
        return Ok(());
    }
    held.holder.expires_at_ms = Holder::expiry();
    let mode = PutMode::Update(held.version.clone());
    match put(place, &held.holder, mode).await {
        Ok(version) => held.version = version,
        Err(object_store::Error::Precondition { .. } | object_store::Error::NotFound { .. }) => {
            held.lost = true;
        }
        Err(object_store::Error::NotImplemented { .. }) => {}
        Err(error) => return Err(write_error(place, error)),
    }
    Ok(())
}

async fn put(place: &Place, holder: &Holder, mode: PutMode) -> object_store::Result<UpdateVersion> {
    let bytes = serde_json::to_vec(holder).unwrap_or_default();
    let options = PutOptions { mode, ..PutOptions::default() };
    let result = place.store.put_opts(place.path(), bytes.into(), options).await?;
    Ok(result.into())
}

fn write_error(place: &Place, error: object_store::Error) -> Error {
    StorageError::write(&place.to_string(), error).into()
}

impl Holder {
    fn this(run_id: &str) -> Holder {
        Holder {
            run_id: run_id.to_owned(),
            host: host(),
            process: std::process::id(),
            expires_at_ms: Holder::expiry(),
        }
    }

    fn expiry() -> i64 {
        Utc::now().timestamp_millis() + LEASE.as_millis() as i64
    }

    fn is_alive(&self, seen_by: &Holder) -> bool {
        if self.expires_at_ms < Utc::now().timestamp_millis() {
            return false;
        }
        // On one's own host one can look; a process is asked for by number, so the host must be
        // the same boot of the same machine.
        let process = std::path::PathBuf::from(format!("/proc/{}", self.process));
        let can_look = self.host == seen_by.host && std::path::Path::new("/proc/self").exists();
        !can_look || process.exists()
    }

    fn describe(&self) -> String {
        format!("run {} in process {} on {}", self.run_id, self.process, self.host)
    }
}

/// This boot of this machine, as far as the operating system names it.
fn host() -> String {
    let name = sysinfo::System::host_name().unwrap_or_else(|_| "unknown host".to_owned());
    match std::fs::read_to_string("/proc/sys/kernel/random/boot_id") {
        Ok(boot) => format!("{name} (boot {})", boot.trim()),
        Err(_) => name,
    }
}
