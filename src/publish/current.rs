//! The record that a run finds at its output and replaces.

use bytes::Bytes;

use super::conditional::{self, Replaced, Versioned};
use super::disk;
use crate::error::{Error, Result};
use crate::star::{RECORD, RunRecord};
use crate::storage::Place;

/// The record at an output when a run began.
pub(super) struct CurrentRecord {
    place: Place,
    found: Option<Versioned>,
    /// Content of the record; `None` if it does not exist.
    pub record: Option<RunRecord>,
}

impl CurrentRecord {
    /// Reads the record at `out`.
    ///
    /// # Errors
    ///
    /// Returns an error if the record cannot be read, or this version does not understand it.
    pub async fn read(out: &Place) -> Result<CurrentRecord> {
        let place = out.child(RECORD);
        if place.location.local_path().is_some_and(|path| path.is_dir()) {
            let (url, reason) = (place.to_string(), "it is a folder".to_owned());
            return Err(Error::Record { url, reason });
        }
        let found = conditional::read(&place).await?;
        let parse = |found: &Versioned| RunRecord::parse(&place, &found.bytes);
        let record = found.as_ref().map(parse).transpose()?;
        Ok(CurrentRecord { place, found, record })
    }

    /// Replaces this record with that of the run `run_id`, if this one is still in place.
    ///
    /// # Errors
    ///
    /// Returns an error if the record was not replaced, or the outcome is unknown.
    pub async fn replace(&self, run_id: &str, json: Vec<u8>) -> Result<(), NotReplaced> {
        let error = match self.try_replace(json).await {
            Ok(()) => return Ok(()),
            Err(ReplaceError::Overtaken(error)) => return Err(NotReplaced::Known(error)),
            Err(ReplaceError::Store(error)) => error,
        };
        // The put may have succeeded although its response was lost.
        match conditional::read(&self.place).await {
            Ok(Some(found)) if run_of(&found).as_deref() == Some(run_id) => Ok(()),
            Ok(_) if is_denied(&error) || self.place.location.local_path().is_some() => {
                Err(NotReplaced::Known(error))
            }
            _ => Err(NotReplaced::Unknown(error)),
        }
    }

    /// Writes the record to the history of `out`, if `next` keeps its star.
    ///
    /// # Errors
    ///
    /// Returns an error if it cannot be written.
    pub async fn keep(&self, out: &Place, next: &RunRecord) -> Result<()> {
        let (Some(found), Some(record)) = (&self.found, &self.record) else { return Ok(()) };
        match next.kept().find(|star| star.run_id == record.run_id) {
            Some(star) => Ok(out.child(&star.path()).write(found.bytes.clone()).await?),
            None => Ok(()),
        }
    }

    /// Checks that the record is unchanged.
    ///
    /// # Errors
    ///
    /// Returns an error if another record has replaced it, or it cannot be read.
    pub async fn verify(&self) -> Result<()> {
        match self.ensure_unchanged().await {
            Ok(()) => Ok(()),
            Err(ReplaceError::Overtaken(error) | ReplaceError::Store(error)) => Err(error),
        }
    }

    async fn try_replace(&self, json: Vec<u8>) -> Result<(), ReplaceError> {
        // Some stores ignore the condition.
        self.ensure_unchanged().await?;
        if let Some(path) = self.place.location.local_path() {
            return Ok(disk::replace(path, json).await?);
        }
        let json = Bytes::from(json);
        let expected = self.found.as_ref().map(|found| &found.version);
        match conditional::replace(&self.place, &json, expected).await.map_err(Error::from)? {
            Replaced::Done(_) => Ok(()),
            Replaced::Refused(found) => {
                Err(ReplaceError::Overtaken(self.overtaken(found.as_ref())))
            }
            Replaced::Unsupported => Ok(self.place.write(json).await.map_err(Error::from)?),
        }
    }

    /// Fails if another record has replaced this one. Stores without conditional puts have no stronger
    /// check.
    async fn ensure_unchanged(&self) -> Result<(), ReplaceError> {
        let found = conditional::read(&self.place).await.map_err(Error::from)?;
        let bytes = |found: &Option<Versioned>| found.as_ref().map(|found| found.bytes.clone());
        if bytes(&found) == bytes(&self.found) {
            return Ok(());
        }
        Err(ReplaceError::Overtaken(self.overtaken(found.as_ref())))
    }

    fn overtaken(&self, found: Option<&Versioned>) -> Error {
        let found = match found {
            Some(found) => match run_of(found) {
                Some(run_id) => format!("it is now the record of run {run_id}"),
                None => "it is no longer the record of a run".to_owned(),
            },
            None => "it was removed".to_owned(),
        };
        Error::Overtaken { url: self.place.to_string(), found }
    }
}

/// The reason why a record was not replaced.
pub(super) enum NotReplaced {
    /// The record is known not to be that of the run.
    Known(Error),
    /// The store failed, and the put may still take effect.
    Unknown(Error),
}

/// The reason why a put failed.
enum ReplaceError {
    /// Another record has replaced the expected one.
    Overtaken(Error),
    /// The store failed; the put may have succeeded nevertheless.
    Store(Error),
}

impl From<Error> for ReplaceError {
    fn from(error: Error) -> ReplaceError {
        ReplaceError::Store(error)
    }
}

fn run_of(found: &Versioned) -> Option<String> {
    let record: serde_json::Value = serde_json::from_slice(&found.bytes).ok()?;
    record.get("run_id")?.as_str().map(str::to_owned)
}

fn is_denied(error: &Error) -> bool {
    matches!(error, Error::Storage(error) if error.is_denied())
}
