//! The lock of an output in an object store: an object that the run renews regularly.

use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use bytes::Bytes;
use object_store::{ObjectStoreExt, UpdateVersion};
use tokio::sync::Mutex;
use tokio_util::sync::CancellationToken;
use tokio_util::task::AbortOnDropHandle;

use super::conditional::{self, Replaced, Versioned};
use super::holder::Holder;
use super::lock::{LOCK, foreign};
use super::names;
use crate::error::{Error, Result};
use crate::storage::{Place, StorageError};

/// A lease expires if it is not renewed for this long.
const LEASE: Duration = Duration::from_secs(120);

/// Interval between renewals: three may fail before the lease expires.
const RENEWAL: Duration = Duration::from_secs(30);

/// Timeout of the request that removes the lease, well within the lease.
const RELEASE: Duration = Duration::from_secs(60);

/// Number of attempts to acquire a lease that changes between requests.
const ACQUIRE_TRIES: usize = 10;

/// A lease that this run holds.
pub(crate) struct Lease {
    held: Arc<Mutex<Held>>,
    lost: CancellationToken,
    renewal: AbortOnDropHandle<()>,
}

struct Held {
    place: Place,
    holder: Holder,
    /// Version of the lease object; `None` if the store has no conditional puts.
    version: Option<UpdateVersion>,
    renewed: Moment,
    lost: CancellationToken,
}

/// A point in time on two clocks: the monotonic clock may stop while the machine sleeps, and the system
/// clock can be changed.
#[derive(Clone, Copy)]
struct Moment(Instant, SystemTime);

impl Moment {
    fn now() -> Moment {
        Moment(Instant::now(), SystemTime::now())
    }

    fn elapsed(&self) -> Duration {
        self.0.elapsed().max(self.1.elapsed().unwrap_or_default())
    }
}

impl Lease {
    /// Acquires the lease of `out`.
    ///
    /// # Errors
    ///
    /// Returns an error if another run holds it or the store fails.
    pub async fn acquire(out: &Place, run_id: &str) -> Result<Lease> {
        let place = out.child(LOCK);
        let mut holder = Holder::this(run_id, LEASE);
        let (version, renewed) = acquire(out, &place, &mut holder).await?;
        let lost = CancellationToken::new();
        let held = Held { place, holder, version, renewed, lost: lost.clone() };
        let held = Arc::new(Mutex::new(held));
        let renewal = tokio::spawn(keep_renewing(held.clone()));
        Ok(Lease { held, lost, renewal: AbortOnDropHandle::new(renewal) })
    }

    /// Renews the lease; fails if another run has taken it over.
    pub async fn verify(&self) -> Result<()> {
        let mut held = self.held.lock().await;
        held.renew().await?;
        // If the machine slept during the request, the response may be out of date.
        if held.renewed.elapsed() >= LEASE {
            held.renew().await?;
        }
        if held.lost.is_cancelled() || held.renewed.elapsed() >= LEASE {
            return Err(Error::Locked {
                out: held.place.to_string(),
                holder: "it considered this run dead and took over the lease".to_owned(),
            });
        }
        Ok(())
    }

    /// Resolves when another run is known to have taken over the lease.
    pub async fn lost(&self) {
        self.lost.cancelled().await;
    }

    /// Removes the lease if this run still holds it. Stores cannot remove an object conditionally, so
    /// the lease is renewed first: no other run can take it over before it is removed.
    pub async fn release(self) {
        drop(self.renewal);
        let mut held = self.held.lock().await;
        if held.lost.is_cancelled() {
            return;
        }
        if let Err(error) = held.renew().await {
            tracing::warn!(lock = %held.place, %error, "the lock could not be released; it expires");
            return;
        }
        if held.lost.is_cancelled() || held.renewed.elapsed() >= RELEASE {
            return;
        }
        let removal = held.place.store.delete(held.place.path());
        match tokio::time::timeout(RELEASE, removal).await {
            Ok(Ok(()) | Err(object_store::Error::NotFound { .. })) => {}
            Ok(Err(error)) => {
                tracing::warn!(lock = %held.place, %error, "the lock could not be released; it expires");
            }
            Err(_) => tracing::warn!(lock = %held.place, "the lock could not be released in time"),
        }
    }
}

async fn keep_renewing(held: Arc<Mutex<Held>>) {
    loop {
        tokio::time::sleep(RENEWAL).await;
        let mut held = held.lock().await;
        if let Err(error) = held.renew().await {
            tracing::warn!(lock = %held.place, %error, "the lock could not be renewed");
        }
        if held.lost.is_cancelled() {
            return;
        }
    }
}

impl Held {
    /// Renews the lease, or records that it is lost.
    async fn renew(&mut self) -> Result<()> {
        if self.lost.is_cancelled() {
            return Ok(());
        }
        self.holder.renew();
        let bytes = to_bytes(&self.holder);
        let Some(version) = self.version.clone() else {
            return self.renew_unconditionally(bytes).await;
        };
        let begun = Moment::now();
        let found = match conditional::replace(&self.place, &bytes, Some(&version)).await? {
            Replaced::Done(version) => return self.renewed(version, begun),
            Replaced::Unsupported => return self.renew_unconditionally(bytes).await,
            Replaced::Refused(found) => found,
        };
        // An earlier renewal of this run may have succeeded although its response was lost.
        if let Some(found) = found.filter(|found| self.is_own(found)) {
            let again = conditional::replace(&self.place, &bytes, Some(&found.version)).await?;
            if let Replaced::Done(version) = again {
                return self.renewed(version, begun);
            }
        }
        self.lost.cancel();
        Ok(())
    }

    fn renewed(&mut self, version: UpdateVersion, begun: Moment) -> Result<()> {
        self.version = Some(version);
        self.renewed = begun;
        Ok(())
    }

    /// Renews the lease in a store without conditional puts. Another run may take it over between the
    /// two requests.
    async fn renew_unconditionally(&mut self, bytes: Bytes) -> Result<()> {
        let begun = Moment::now();
        match conditional::read(&self.place).await? {
            Some(found) if self.is_own(&found) => {
                self.place.write(bytes).await?;
                self.renewed = begun;
            }
            _ => self.lost.cancel(),
        }
        Ok(())
    }

    fn is_own(&self, found: &Versioned) -> bool {
        parse(found).is_some_and(|holder| holder.run_id == self.holder.run_id)
    }
}

/// Creates the lease, or takes over one whose holder is dead. If several runs try, one succeeds.
/// Returns the lease's version (`None` in a store without conditional puts) and the time from which it
/// is valid.
async fn acquire(
    out: &Place,
    place: &Place,
    holder: &mut Holder,
) -> Result<(Option<UpdateVersion>, Moment)> {
    for _ in 0..ACQUIRE_TRIES {
        // A store that ignores conditions would overwrite a lease that another run holds.
        let found = conditional::read(place).await?;
        if let Some(found) = &found {
            ensure_dead(out, holder, found).await?;
        }
        let begun = Moment::now();
        holder.renew();
        let bytes = to_bytes(holder);
        let expected = found.as_ref().map(|found| &found.version);
        match conditional::replace(place, &bytes, expected).await? {
            Replaced::Done(version) => {
                if found.is_some() {
                    tracing::warn!(lock = %place, "took over the lock of a run that had died");
                }
                return match conditional::is_compared(place, &bytes).await {
                    Ok(true) => Ok((Some(version), begun)),
                    Ok(false) => {
                        warn_of_races(out);
                        Ok((None, begun))
                    }
                    Err(error) => {
                        if let Err(error) = place.store.delete(place.path()).await {
                            tracing::debug!(lock = %place, %error, "the lock was not removed");
                        }
                        Err(error.into())
                    }
                };
            }
            Replaced::Unsupported => {
                place.write(bytes).await?;
                warn_of_races(out);
                return Ok((None, begun));
            }
            Replaced::Refused(_) => {}
        }
    }
    let holder = "the lock changed at every attempt to acquire it".to_owned();
    Err(Error::Locked { out: out.to_string(), holder })
}

fn warn_of_races(out: &Place) {
    tracing::warn!(
        %out,
        "this store has no conditional puts: runs that start at the same moment do not notice each \
         other; start one at a time, and pass --lock off if something else ensures that"
    );
}

/// Fails unless the lease found can be taken over.
async fn ensure_dead(out: &Place, this: &Holder, found: &Versioned) -> Result<()> {
    let Some(holder) = parse(found) else {
        let error = foreign("not the lock of a run");
        return Err(StorageError::write_io(&out.child(LOCK).to_string(), error).into());
    };
    let dead = holder.run_id == this.run_id
        || holder.is_known_dead(this)
        || (holder.has_expired() && has_expired_there(out, this, &holder, found).await);
    if dead {
        return Ok(());
    }
    Err(Error::Locked { out: out.to_string(), holder: holder.describe() })
}

/// Returns `true` if the lease has expired by the store's clock, which dates all of its objects: the
/// clock of this machine may be wrong. Leases of older versions do not contain their length and count as
/// expired, as does every lease if the store's clock cannot be read.
async fn has_expired_there(out: &Place, this: &Holder, holder: &Holder, found: &Versioned) -> bool {
    let Some(lease_ms) = holder.lease_ms else { return true };
    let probe = out.child(&names::clock(&this.run_id));
    let dated = async {
        probe.write(Bytes::from_static(b"{}")).await?;
        let now = probe.head().await;
        if let Err(error) = probe.store.delete(probe.path()).await {
            tracing::debug!(%probe, %error, "the probe of the clock could not be removed");
        }
        now
    };
    match dated.await {
        Ok(Some(now)) => (now.last_modified - found.modified).num_milliseconds() >= lease_ms,
        Ok(None) => true,
        Err(error) => {
            tracing::debug!(%probe, %error, "the store's clock could not be read");
            true
        }
    }
}

fn parse(found: &Versioned) -> Option<Holder> {
    serde_json::from_slice(&found.bytes).ok()
}

fn to_bytes(holder: &Holder) -> Bytes {
    Bytes::from(serde_json::to_vec(holder).unwrap_or_default())
}
