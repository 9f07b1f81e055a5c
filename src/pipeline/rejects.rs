//! Writes the file of rejects, sorted by object and offset.

use std::ops::Range;

use arrow::array::RecordBatch;
use datafusion::prelude::SessionContext;
use futures::TryStreamExt;

use super::private::{make_private_file, make_private_folder};
use crate::error::{Error, Result};
use crate::publish::Publication;
use crate::staging::LargeTextTable;
use crate::star::FileRecord;

/// Maximum number of rejects kept in memory for display.
const SHOWN_ROWS: usize = 5;

/// Name of the table of rejects without their raw text.
const TABLE: &str = "starlift_rejects";

/// Bytes of raw text after which a batch of rows is written. A limit on the number of rows alone would not
/// bound the memory of a batch.
const BATCH_TEXT_BYTES: u64 = 8 * 1024 * 1024;

/// Writes all rejects, even if the run is about to fail. Returns their file and the first rejects.
///
/// The rows are sorted without their raw texts. The texts are then read back in order, so that only a few
/// of them are in memory at a time.
pub(super) async fn write_rejects(
    session: &SessionContext,
    publication: &Publication,
    rejects: &LargeTextTable,
) -> Result<(FileRecord, Vec<RecordBatch>)> {
    let failed = |e| Error::query(TABLE, e);
    let mut sink = publication.rejects_sink(rejects.schema().clone());
    // Raw text can contain personal data, so other users must not be able to read it at any time.
    make_private_folder(&publication.rejects_folder())?;
    session.register_table(TABLE, rejects.rows().clone()).map_err(failed)?;
    // Several datasets can reject the same record.
    let ordered =
        format!("SELECT * FROM {TABLE} ORDER BY object, \"offset\", dataset, \"column\", reason");
    let rows = session.sql(&ordered).await.map_err(failed)?;
    let mut rows = rows.execute_stream().await.map_err(failed)?;
    let (mut first, mut splitter) = (Vec::new(), BatchSplitter::default());
    while let Some(batch) = rows.try_next().await.map_err(failed)? {
        for (range, is_full) in splitter.split(rejects.lengths(&batch)) {
            let whole = rejects.with_texts(&batch.slice(range.start, range.len()))?;
            keep_first(&mut first, &whole);
            sink.write(whole).await?;
            if is_full {
                sink.end_batch().await?;
            }
        }
    }
    let file = sink.finish().await?.files.into_iter().next().unwrap_or_default();
    make_private_file(&publication.out.child(&file.path))?;
    Ok((file, first))
}

fn keep_first(first: &mut Vec<RecordBatch>, batch: &RecordBatch) {
    let kept: usize = first.iter().map(RecordBatch::num_rows).sum();
    let room = SHOWN_ROWS.saturating_sub(kept).min(batch.num_rows());
    if room > 0 {
        first.push(batch.slice(0, room));
    }
}

/// Divides rows into groups by the bytes of their texts. The groups depend only on the rows, not on the
/// batches in which they arrive.
#[derive(Default)]
struct BatchSplitter {
    bytes: u64,
}

impl BatchSplitter {
    /// Divides the rows of a batch into ranges. The flag of a range is `true` if a group ends with it.
    fn split(&mut self, lengths: impl Iterator<Item = u64>) -> Vec<(Range<usize>, bool)> {
        let (mut ranges, mut start, mut end) = (Vec::new(), 0, 0);
        for length in lengths {
            end += 1;
            self.bytes += length;
            if self.bytes >= BATCH_TEXT_BYTES {
                ranges.push((start..end, true));
                (start, self.bytes) = (end, 0);
            }
        }
        if start < end {
            ranges.push((start..end, false));
        }
        ranges
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn groups_do_not_depend_on_incoming_batches() {
        let lengths: Vec<u64> = (0..50_000).map(|n| n * 7919 % 65_536).collect();
        let ends = |batch_rows: usize| {
            let (mut splitter, mut ends) = (BatchSplitter::default(), Vec::new());
            for (at, batch) in lengths.chunks(batch_rows).enumerate() {
                let ranges = splitter.split(batch.iter().copied());
                assert_eq!(ranges.iter().map(|(range, _)| range.len()).sum::<usize>(), batch.len());
                let full = ranges.into_iter().filter(|(_, is_full)| *is_full);
                ends.extend(full.map(|(range, _)| at * batch_rows + range.end));
            }
            ends
        };
        let whole = ends(lengths.len());
        assert!(whole.len() > 100);
        assert_eq!(ends(8192), whole);
        assert_eq!(ends(1), whole);
        assert!(BatchSplitter::default().split([].into_iter()).is_empty());
    }
}
