//! `starlift doctor --store`: checks that a store can contain stars.

use super::{Doctor, Failed, Passed, Skipped, check_result};
use crate::cli::error::{Error, Result};
use crate::cli::signals::interrupted;
use crate::publish::{Outcome, probe_store};
use crate::storage::{ChecksumKind, Location};

const STORE_REMEDY: &str = "specify a writable folder, or a writable prefix of a bucket";

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
            Err(error) => {
                return self.note("store", check_result(Err(error), STORE_REMEDY)).map(|_| ());
            }
        };
        let checksums = self.global.stores.s3.checksum != ChecksumKind::None;
        for probed in probe_store(&place, checksums, interrupted()).await? {
            let result = match probed.outcome {
                Outcome::Works(message) => Passed(message.to_owned()),
                Outcome::Fails(message, consequence) => Failed(message, consequence.to_owned()),
                Outcome::NotNeeded(message) => Skipped(message.to_owned()),
            };
            self.note(probed.ability, result)?;
        }
        Ok(())
    }
}
