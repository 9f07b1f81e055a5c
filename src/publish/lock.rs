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

/// How often the lease is put before that has failed.
const PUT_TRIES: usize = 3;

/// Time between two such tries.
const PUT_PAUSE: Duration = Duration::from_millis(500);

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
    let version = loop {
        match put(&place, &holder, PutMode::Create).await {
            Ok(version) => break version,
            Err(object_store::Error::AlreadyExists { .. }) => {
                if let Some(version) = take_over(out, &place, &holder).await? {
                    break version;
                }
            }
            Err(object_store::Error::NotImplemented { .. }) => {
                tracing::warn!(%out, "this store has no conditional put: two runs at once would not notice each other");
                let version = put(&place, &holder, PutMode::Overwrite).await;
                break version.map_err(|e| write_error(&place, e))?;
            }
            Err(error) => return Err(write_error(&place, error)),
        }
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

/// Takes a lease whose holder is dead; exactly one of several who try succeeds. `None` when the
/// lease changed hands meanwhile.
async fn take_over(out: &Place, place: &Place, holder: &Holder) -> Result<Option<UpdateVersion>> {
    let Some((current, version)) = read(place).await? else { return Ok(None) };
    if let Some(current) = &current {
        if current.run_id == holder.run_id {
            return Ok(Some(version));
        }
        if current.is_alive(holder) {
            return Err(Error::Locked { out: out.to_string(), holder: current.describe() });
        }
    }
    match put(place, holder, PutMode::Update(version)).await {
        Ok(version) => {
            tracing::warn!(lock = %place, "took over the lock of a run that had died");
            Ok(Some(version))
        }
        Err(object_store::Error::Precondition { .. }) => Ok(None),
        Err(error) => Err(write_error(place, error)),
    }
}

/// The lease there is, and its version. One without a holder was cut short while it was made:
/// nobody renews it.
async fn read(place: &Place) -> Result<Option<(Option<Holder>, UpdateVersion)>> {
    use object_store::ObjectStoreExt;
    let failed = |e| Error::from(StorageError::read(&place.to_string(), e));
    let found = match place.store.get(place.path()).await {
        Ok(found) => found,
        Err(object_store::Error::NotFound { .. }) => return Ok(None),
        Err(error) => return Err(failed(error)),
    };
    let version = UpdateVersion { e_tag: found.meta.e_tag.clone(), version: None };
    let bytes = found.bytes().await.map_err(failed)?;
    Ok(Some((serde_json::from_slice(&bytes).ok(), version)))
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
        // Somebody else put it, or this run did and never got the answer.
        Err(object_store::Error::Precondition { .. } | object_store::Error::NotFound { .. }) => {
            match read(place).await? {
                Some((Some(found), version)) if found.run_id == held.holder.run_id => {
                    held.version = version;
                }
                _ => held.lost = true,
            }
        }
        Err(object_store::Error::NotImplemented { .. }) => {}
        Err(error) => return Err(write_error(place, error)),
    }
    Ok(())
}

/// A conditional put is not repeated by the store when only its answer is lost, since the second
/// one may be refused for the first one's sake. Here it may be: a lease tells whose it is.
async fn put(place: &Place, holder: &Holder, mode: PutMode) -> object_store::Result<UpdateVersion> {
    let bytes = bytes::Bytes::from(serde_json::to_vec(holder).unwrap_or_default());
    let mut tries = 1;
    loop {
        let options = PutOptions { mode: mode.clone(), ..PutOptions::default() };
        match place.store.put_opts(place.path(), bytes.clone().into(), options).await {
            Err(object_store::Error::Generic { .. }) if tries < PUT_TRIES => {
                tokio::time::sleep(PUT_PAUSE).await;
                tries += 1;
            }
            result => return result.map(UpdateVersion::from),
        }
    }
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
