//! Conditional puts: replacing an object only if it has not changed since it was read.

use std::time::Duration;

use bytes::Bytes;
use chrono::{DateTime, Utc};
use object_store::{Error as StoreError, ObjectStoreExt, PutMode, PutOptions, UpdateVersion};

use crate::error::causes;
use crate::storage::{Place, StorageError};

/// Number of attempts of a conditional put.
const PUT_TRIES: usize = 3;

/// Pause between two attempts.
const PUT_PAUSE: Duration = Duration::from_millis(500);

/// Errors that mean that the store does not support conditional puts: the server does not know the
/// headers, or returns no version to compare with.
const UNSUPPORTED: [&str; 3] = [
    "501 Not Implemented",
    "Version required for conditional update",
    "ETag required for conditional put",
];

/// Responses that mean the same if every attempt returns them. They can have other causes, but then an
/// unconditional put fails as well.
const REJECTED: [&str; 2] = ["400 Bad Request", "405 Method Not Allowed"];

/// An object and its version.
#[derive(Debug, Clone)]
pub(super) struct Versioned {
    pub bytes: Bytes,
    pub version: UpdateVersion,
    /// Time of the write, by the store's clock.
    pub modified: DateTime<Utc>,
}

/// The outcome of a conditional put.
pub(super) enum Replaced {
    /// The object was replaced and has this version.
    Done(UpdateVersion),
    /// The object was not the expected version; contains the object found.
    Refused(Option<Versioned>),
    /// The store does not support conditional puts.
    Unsupported,
}

/// Reads an object and its version; returns `None` if it does not exist.
pub(super) async fn read(place: &Place) -> Result<Option<Versioned>, StorageError> {
    let failed = |e| StorageError::read(&place.to_string(), e);
    place.ensure_file()?;
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

/// Replaces the version `expected` of an object with `bytes`, or creates the object if `expected` is
/// `None`.
///
/// # Errors
///
/// Returns an error if the store fails; the put may have succeeded nevertheless.
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
            // An earlier attempt succeeded, but its response was lost.
            Some(found) if found.bytes == *bytes => Replaced::Done(found.version),
            found => Replaced::Refused(found),
        }),
        Err(error) => Err(StorageError::write(&place.to_string(), error)),
    }
}

/// Sends a conditional put with retries. The store itself does not retry a conditional put whose
/// response was lost, since the second attempt can be rejected because the first succeeded. The caller
/// detects that by reading the object.
async fn put(place: &Place, bytes: &Bytes, mode: PutMode) -> Result<UpdateVersion, StoreError> {
    let mut tries = 1;
    loop {
        let options = PutOptions { mode: mode.clone(), ..PutOptions::default() };
        match place.store.put_opts(place.path(), bytes.clone().into(), options).await {
            Err(StoreError::Generic { source, .. }) if mentions(source.as_ref(), &UNSUPPORTED) => {
                return Err(unsupported(place));
            }
            Err(StoreError::Generic { .. }) if tries < PUT_TRIES => {
                tokio::time::sleep(PUT_PAUSE).await;
                tries += 1;
            }
            Err(StoreError::Generic { source, .. }) if mentions(source.as_ref(), &REJECTED) => {
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
/// these failures like any other server error.
fn mentions(error: &(dyn std::error::Error + 'static), texts: &[&str]) -> bool {
    let named = |error: &(dyn std::error::Error + 'static)| {
        let message = error.to_string();
        texts.iter().any(|text| message.contains(text))
    };
    named(error) || causes(error).any(named)
}

/// Returns `true` if the store compares versions before a put. `place` must contain `bytes`, since a
/// store that does not compare writes them again.
///
/// # Errors
///
/// Returns an error if the store fails.
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
