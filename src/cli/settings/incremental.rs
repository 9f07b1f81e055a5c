//! Options of incremental runs, in the file and on the command line.

use super::TransformSettings;
use crate::cli::args::TransformArgs;
use crate::cli::error::{Error, Result};
use crate::incremental::IncrementalOptions;

impl TransformSettings {
    /// Returns the options of an incremental run, or `None` if the run is not incremental.
    ///
    /// # Errors
    ///
    /// Returns an error if an option has no effect.
    pub(super) fn resolve_incremental(
        &self,
        args: &TransformArgs,
    ) -> Result<Option<IncrementalOptions>> {
        let removed = args.removed.or(self.removed);
        if args.incremental.or(self.incremental).unwrap_or(false) {
            let removed = removed.unwrap_or_default().into();
            return Ok(Some(IncrementalOptions { full: args.full, removed }));
        }
        // The environment and the file can define the treatment for the runs that are incremental.
        match args.full {
            true => Err(Error::Usage(
                "--full has no effect without --incremental: all objects are read anyway"
                    .to_owned(),
            )),
            false => Ok(None),
        }
    }
}
