//! Rejects empty datasets, so that they do not replace a star that has rows.

use crate::error::{Error, Result};
use crate::ingest::DatasetCounts;
use crate::star::RunRecord;
use crate::storage::Place;

/// Fails if objects of a dataset were read but contain no record, or if none of its records was decoded
/// although the run of the current star decoded some. Typical causes are a wrong location, a marker object
/// or a failed upload.
pub(super) async fn ensure_not_empty(
    out: &Place,
    datasets: &[(String, DatasetCounts)],
) -> Result<()> {
    if datasets.iter().all(|(_, counts)| counts.decoded > 0) {
        return Ok(());
    }
    let record = RunRecord::read(out).await?;
    let earlier = |dataset: &str| record.as_ref()?.datasets.get(dataset);
    for (dataset, counts) in datasets {
        let earlier_rows = earlier(dataset).map_or(0, |dataset| dataset.decoded);
        let is_empty = counts.records() == 0 || counts.decoded == 0 && earlier_rows > 0;
        if counts.objects_read > 0 && is_empty {
            return Err(Error::EmptyDataset {
                dataset: dataset.clone(),
                objects: counts.objects_read,
                bytes: counts.stored_bytes,
                rejected: counts.rejected,
                out: out.to_string(),
                earlier_rows: record.as_ref().map(|_| earlier_rows),
            });
        }
    }
    Ok(())
}
