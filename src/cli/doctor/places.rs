//! Checks that the inputs and the star can be listed, read and written.

use futures::TryStreamExt;
use object_store::ObjectStoreExt;

use super::{CheckResult, Doctor, Skipped, Subject, check_result};
use crate::cli::error::{Error, Result};
use crate::cli::summary::counted;
use crate::error::Error as StarError;
use crate::model::Model;
use crate::star::RunRecord;
use crate::storage::{
    Location, Place, Skipped as SkippedObjects, StorageError, list, without_secrets,
};

/// Number of bytes that suffices to show that an object is readable.
const SAMPLE_BYTES: u64 = 1024;

const STAR_REMEDY: &str = "specify a location of your own with --star or `star` in starlift.toml; writing requires s3:ListBucket on its bucket, and s3:PutObject, s3:GetObject and s3:DeleteObject below its prefix";

fn inputs_remedy(check: &str) -> String {
    format!(
        "check the location; specify it with --{check} or `{check}` in [transform] of starlift.toml; reading requires s3:ListBucket on its bucket and s3:GetObject below its prefix"
    )
}

impl Doctor<'_> {
    /// Checks the locations of a run, one after the other.
    pub(super) async fn places(&mut self, subject: &Subject) -> Result<()> {
        for (check, urls) in &subject.inputs {
            if urls.is_empty() {
                self.note(check, Skipped(format!("no {check} are specified")))?;
            }
            for url in urls {
                let outcome = self.readable(url, subject).await;
                self.note_outcome(check, outcome, &inputs_remedy(check))?;
            }
        }
        for url in &subject.jsonpaths {
            let outcome = self.object(url).await;
            let remedy =
                "correct the location of the file, or leave it out: keys are then matched by name";
            self.note_outcome("JSONPaths", outcome, remedy)?;
        }
        match &subject.star {
            Some(star) => self.star(star, subject.model.as_deref()).await,
            None => self
                .note("star", Skipped("no location for the star is specified".to_owned()))
                .map(|_| ()),
        }
    }

    /// Lists the location until an object is found, and reads from it.
    async fn readable(&self, url: &str, subject: &Subject) -> Result<String> {
        let place = self.stores.place(Location::parse(url)?).await?;
        let url = &place.location.typed.clone();
        let skipped = SkippedObjects::default();
        let mut objects = list(place, &subject.listing, skipped.clone()).await?;
        let Some(first) = objects.try_next().await? else {
            let others = match skipped.by_kind().values().sum::<u64>() {
                0 => "no other objects".to_owned(),
                others => format!("{} of other kinds", counted(others, "object")),
            };
            return Err(
                StarError::NothingFound(format!("no JSON objects at {url}, and {others}")).into()
            );
        };
        first.probe(SAMPLE_BYTES).await?;
        Ok(format!("{url} can be listed and read; read {}", first.url))
    }

    async fn object(&self, url: &str) -> Result<String> {
        let place = self.stores.place(Location::parse_object(url)?).await?;
        let url = without_secrets(url);
        match place.read().await? {
            Some(_) => Ok(format!("{url} can be read")),
            None => Err(StarError::NothingFound(format!("the object {url} does not exist")).into()),
        }
    }

    /// Lists the star's location, writes an object there, reads it back and removes it.
    async fn star(&mut self, url: &str, model: Option<&Model>) -> Result<()> {
        let place = match self.place(url).await {
            Ok(place) => place,
            Err(error) => {
                return self.note("star", check_result(Err(error), STAR_REMEDY)).map(|_| ());
            }
        };
        let url = &without_secrets(url);
        let listed = place.store.list(Some(place.path())).try_next().await;
        let listed = listed.map_err(|e| Error::from(StorageError::list(url, e)));
        self.note_outcome(
            "star: list",
            listed.map(|_| format!("{url} can be listed")),
            STAR_REMEDY,
        )?;
        let written = probe(&place).await;
        let message = || format!("an object was written to {url}, read back and removed");
        self.note_outcome("star: write", written.map(|()| message()), STAR_REMEDY)?;
        let record = RunRecord::read(&place).await.and_then(|record| {
            if let (Some(record), Some(model)) = (&record, model) {
                record.ensure_model(&place, model)?;
            }
            Ok(record)
        });
        let result: CheckResult = match record {
            Ok(Some(record)) => {
                CheckResult::Passed(format!("the star of run {} exists", record.run_id))
            }
            Ok(None) => Skipped("there is no star yet; `starlift run` creates one".to_owned()),
            Err(error) => {
                check_result(Err(error.into()), "write the star again with `starlift run`")
            }
        };
        self.note("star: record", result).map(|_| ())
    }

    pub(super) async fn place(&self, url: &str) -> Result<Place> {
        Ok(self.stores.place(Location::parse_single(url)?).await?)
    }
}

/// Writes a test object and always removes it, even after a failure.
async fn probe(place: &Place) -> Result<()> {
    let object = place.child(&format!("_doctor-{:08x}", rand::random::<u32>()));
    let content = "written by `starlift doctor`, which removes it\n";
    object.write(content).await?;
    let read = object.read().await;
    let removed = object.store.delete(object.path()).await;
    let read = read?.ok_or_else(|| {
        StarError::NothingFound(format!("{object} was written, but cannot be read"))
    })?;
    removed.map_err(|e| Error::from(StorageError::delete(&object.to_string(), e)))?;
    if read != content {
        return Err(StarError::NothingFound(format!(
            "{object} does not contain the data that was written"
        ))
        .into());
    }
    Ok(())
}
