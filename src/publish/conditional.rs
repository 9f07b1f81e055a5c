//! Objects that are replaced only if they are still as they were read.

use std::time::Duration;

use bytes::Bytes;
use chrono::{DateTime, Utc};
use object_store::{Error as StoreError, ObjectStoreExt, PutMode, PutOptions, UpdateVersion};

use crate::error::causes;
use crate::storage::{Place, StorageError};

/// How often a conditional put is sent before it has failed.
const PUT_TRIES: usize = 3;

/// The pause between two such tries.
const PUT_PAUSE: Duration = Duration::from_millis(500);

/// Failures that mean that conditional puts are not supported: the answer of a server that does not
/// know their headers, and a server that sends no version to compare with.
const UNSUPPORTED: [&str; 3] = [
    "501 Not Implemented",
    "Version required for conditional update",
    "ETag required for conditional put",
];

/// Answers that mean the same if they are given each time. They have other causes too: then an
/// unconditional put fails as well.
const REJECTED: [&str; 2] = ["400 Bad Request", "405 Method Not Allowed"];

/// An object as it was read.
#[derive(Debug, Clone)]
pub(super) struct Versioned {
    pub bytes: Bytes,
    pub version: UpdateVersion,
    /// When it was written, by the clock of the store.
    pub modified: DateTime<Utc>,
}

/// The outcome of a conditional put.
pub(super) enum Replaced {
    /// The object is this version now.
    Done(UpdateVersion),
    /// The object was not as expected; this is what is there.
    Refused(Option<Versioned>),
    /// The store has no conditional puts.
    Unsupported,
}

/// Reads an object and its version; `None` when there is none.
pub(super) async fn read(place: &Place) -> Result<Option<Versioned>, StorageError> {
    let failed = |e| StorageError::read(&place.to_string(), e);
    place.demand_file()?;
    let found = match place.store.get(place.path()).await {
        Ok(found) => found,
        Err(StoreError::NotFound { .. }) => return Ok(None),
        Err(error) => return Err(failed(error)),
    };
    let version =
        UpdateVersion { e_tag: found.meta.e_tag.clone(), version: found.meta.version.clone() };
    let modified = found.meta.last_modified;
    let bytes = found.bytes().await.map_err(failed)?;
    Ok(Some(Versioned { bytes, version, modified }))
}

/// Puts `bytes` in place of the version `expected`, or where there must be no object when `expected`
/// is `None`.
///
/// # Errors
///
/// If the store fails; the put may have been done nevertheless.
pub(super) async fn replace(
    place: &Place,
    bytes: &Bytes,
    expected: Option<&UpdateVersion>,
) -> Result<Replaced, StorageError> {
    let mode = expected.map_or(PutMode::Create, |version| PutMode::Update(version.clone()));
    match put(place, bytes, mode).await {
        Ok(version) => Ok(Replaced::Done(version)),
        Err(StoreError::NotImplemented { .. }) => Ok(Replaced::Unsupported),
        Err(
            StoreError::AlreadyExists { .. }
            | StoreError::Precondition { .. }
            | StoreError::NotFound { .. },
        ) => Ok(match read(place).await? {
            // An earlier try was successful, and its answer was lost.
            Some(found) if found.bytes == *bytes => Replaced::Done(found.version),
            found => Replaced::Refused(found),
        }),
        Err(error) => Err(StorageError::write(&place.to_string(), error)),
    }
}

/// The store itself does not repeat a conditional put whose answer is lost, since the second one may
/// be refused because the first one was successful. Here reading the object shows that.
async fn put(place: &Place, bytes: &Bytes, mode: PutMode) -> Result<UpdateVersion, StoreError> {
    let mut tries = 1;
    loop {
        let options = PutOptions { mode: mode.clone(), ..PutOptions::default() };
        match place.store.put_opts(place.path(), bytes.clone().into(), options).await {
            Err(StoreError::Generic { source, .. }) if says(source.as_ref(), &UNSUPPORTED) => {
                return Err(unsupported(place));
            }
            Err(StoreError::Generic { .. }) if tries < PUT_TRIES => {
                tokio::time::sleep(PUT_PAUSE).await;
                tries += 1;
            }
            Err(StoreError::Generic { source, .. }) if says(source.as_ref(), &REJECTED) => {
                return Err(unsupported(place));
            }
            result => return result.map(UpdateVersion::from),
        }
    }
}

fn unsupported(place: &Place) -> StoreError {
    let (operation, implementer) = ("conditional put".to_owned(), place.to_string());
    StoreError::NotImplemented { operation, implementer }
}

/// Returns `true` if an error or one of its causes contains one of the texts. `object_store` reports
/// these failures like any other failure of a server.
fn says(error: &(dyn std::error::Error + 'static), texts: &[&str]) -> bool {
    let named = |error: &(dyn std::error::Error + 'static)| {
        let said = error.to_string();
        texts.iter().any(|text| said.contains(text))
    };
    named(error) || causes(error).any(named)
}

/// Returns `true` if the store compares versions before it puts. `place` must hold `bytes`: a store that
/// does not compare writes them once more.
///
/// # Errors
///
/// If the store fails.
pub(super) async fn is_compared(place: &Place, bytes: &Bytes) -> Result<bool, StorageError> {
    let other = UpdateVersion {
        e_tag: Some("\"00000000000000000000000000000000\"".to_owned()),
        version: Some("1".to_owned()),
    };
    for mode in [PutMode::Create, PutMode::Update(other)] {
        match put(place, bytes, mode).await {
            Ok(_) | Err(StoreError::NotImplemented { .. }) => return Ok(false),
            Err(StoreError::AlreadyExists { .. } | StoreError::Precondition { .. }) => {}
            Err(error) => return Err(StorageError::write(&place.to_string(), error)),
        }
    }
    Ok(true)
}
