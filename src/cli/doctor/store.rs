//! `starlift doctor --store`: checks that a store can contain stars.

use super::{Doctor, Failed, Passed, Skipped, verdict};
use crate::cli::error::{Error, Result};
use crate::cli::signals::interrupted;
use crate::publish::{Outcome, probe_store};
use crate::storage::{ChecksumKind, Location};

const NAME_IT: &str = "specify a writable folder, or a writable prefix of a bucket";

impl Doctor<'_> {
    /// Tests every operation that a run needs of the store at `url`, in a prefix that is removed
    /// afterwards.
    pub(super) async fn store(&mut self, url: &str) -> Result<()> {
        let place = match Location::parse_single(url) {
            Ok(location) => self.stores.place(location).await.map_err(Error::from),
            Err(error) => Err(error.into()),
        };
        let place = match place {
            Ok(place) => place,
            Err(error) => return self.note("store", verdict(Err(error), NAME_IT)).map(|_| ()),
        };
        let checksums = self.global.stores.s3.checksum != ChecksumKind::None;
        for tried in probe_store(&place, checksums, interrupted()).await? {
            let noted = match tried.outcome {
                Outcome::Works(said) => Passed(said.to_owned()),
                Outcome::Fails(said, meaning) => Failed(said, meaning.to_owned()),
                Outcome::NotNeeded(said) => Skipped(said.to_owned()),
            };
            self.note(tried.ability, noted)?;
        }
        Ok(())
    }
}
