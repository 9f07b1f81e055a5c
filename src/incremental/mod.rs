//! Incremental runs: they read only objects that are new or have changed, and take the rows of all other
//! objects from the state that the previous run has left.
//!
//! The result is that of a full run, to the byte. The state is disposable: rows that are missing, or that
//! another version or another model has decoded, are decoded again from their objects. The exception is the
//! rows of objects that no longer exist, if [`Removed::Keep`] kept them.
//!
//! `Update::open` reads the state, the datasets of the update are the [`KnownObjects`] of the readers,
//! `Update::restore` stages the rows of the unchanged objects, and `Update::write` writes the next state.
//!
//! [`KnownObjects`]: crate::ingest::KnownObjects

mod all_rows;
mod changes;
mod dataset;
mod days;
mod entry;
mod files;
mod fingerprint;
mod joined;
mod latest;
mod numbers;
mod open;
mod parts;
mod prints;
mod restore;
mod touched;
mod write;

use std::collections::BTreeMap;
use std::sync::Arc;

use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;

use crate::error::Result;
use crate::model::{Dataset, LocalTo};
use crate::staging::{BatchCursor, StagingTable};
use crate::star::FileRecord;

pub use changes::Changes;
pub(crate) use days::Days;
pub(crate) use fingerprint::definition_hash;
pub(crate) use latest::Latest;
pub(crate) use open::{SHOWN_URLS, ensure_none_kept, state_objects};

use dataset::DatasetUpdate;
use parts::Part;

/// Version of the format of the state, and of the rows that decoders make.
const FORMAT: u32 = 1;

/// The treatment of objects that the previous run has read and that are no longer listed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Removed {
    /// The run fails and names them. Objects whose rows an earlier run has kept are no reason to fail.
    #[default]
    Stop,
    /// Their rows are removed, also those that an earlier run has kept.
    Drop,
    /// Their rows are kept.
    Keep,
}

/// Options of an incremental run.
#[derive(Debug, Clone, Copy, Default)]
pub struct IncrementalOptions {
    /// Read all objects again.
    pub full: bool,
    /// Treatment of objects that are no longer listed.
    pub removed: Removed,
}

/// The days of a dataset whose rows can differ from those of the previous run.
#[derive(Debug, Clone)]
pub(crate) struct Touched {
    /// The dataset and its time column.
    pub local: LocalTo,
    /// The days.
    pub days: Arc<Days>,
}

impl Touched {
    /// Returns the time column and the days, if `dataset` is theirs.
    fn of(&self, dataset: &str) -> Option<(String, Arc<Days>)> {
        (self.local.dataset == dataset).then(|| (self.local.column.clone(), self.days.clone()))
    }
}

/// The update of a star by an incremental run.
pub(crate) struct Update {
    datasets: Vec<Known>,
    removed: Removed,
    /// The rejects of the previous run.
    rejects: FileRecord,
    /// The first number of an object that this run reads.
    first_number: u32,
    /// Reasons why unchanged objects are read again.
    reasons: Vec<String>,
}

/// The objects and the decoded rows of a dataset.
struct Known {
    dataset: Arc<Dataset>,
    fingerprint: String,
    /// Schema of the decoded rows, with the numbers of their objects.
    schema: SchemaRef,
    /// A time column by which the rows of a part are sorted, if a table is local to its days.
    time: Option<String>,
    /// Columns whose latest records some tables depend on.
    latest_of: Vec<String>,
    /// Files of the latest records of the previous run, by column.
    earlier_latest: BTreeMap<String, Vec<FileRecord>>,
    objects: Arc<DatasetUpdate>,
    parts: Vec<Part>,
}

/// Calls `each` with the batches of a table.
fn each_batch(
    table: &Arc<StagingTable>,
    mut each: impl FnMut(RecordBatch) -> Result<()>,
) -> Result<()> {
    let mut batches = Arc::new(table.batches(None)?).read(BatchCursor::default());
    while let Some(batch) = batches.next().transpose()? {
        each(batch)?;
    }
    Ok(())
}
