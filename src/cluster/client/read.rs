//! Lists the objects of a run and writes the lists for the tasks that decode them.

use futures::TryStreamExt;

use crate::cluster::nodes::{list_batch, list_schema};
use crate::error::{EngineError, Error, Result};
use crate::ingest::{Input, TransformProgress, nothing_found, objects};
use crate::publish::RunFiles;
use crate::star::FileRecord;
use crate::storage::{ListedObject, Skipped};

/// Bytes of objects per task. An object counts for at least [`OBJECT_BYTES`], about what a request costs.
const TASK_BYTES: u64 = 256 * 1024 * 1024;
const OBJECT_BYTES: u64 = 256 * 1024;

/// Tasks per core that the objects are divided into, if there are enough objects. With several, a slow one at the end
/// delays the run less.
const TASKS_PER_CORE: u64 = 3;

/// Limits to the number of tasks that read a dataset.
const MOST_TASKS: u64 = 2048;

/// The objects of a dataset.
pub(super) struct Listing {
    /// The objects, sorted by URL; the number of each is its position.
    pub objects: Vec<ListedObject>,
    /// Objects that were skipped.
    pub skipped: Skipped,
}

/// Lists the objects of a dataset.
///
/// # Errors
///
/// Returns an error if an object cannot be listed, or cannot be read by other processes, or if there are none.
pub(super) async fn list(input: &Input, progress: &TransformProgress) -> Result<Listing> {
    let skipped = Skipped::default();
    let mut listed =
        Box::pin(objects(input.places.clone(), input.listing.clone(), skipped.clone()));
    let mut found = Vec::new();
    while let Some(object) = listed.try_next().await? {
        progress.listed(object.size);
        let url = object.url.to_string();
        let object = ListedObject::of(&object).ok_or_else(|| {
            let reason = "its URL has a password or a signature, which is not passed on";
            Error::from(EngineError::NotShared { url, reason: reason.to_owned() })
        })?;
        found.push(object);
    }
    progress.listing_done();
    if found.is_empty() && !input.allow_empty {
        let counts = skipped.by_kind();
        return Err(nothing_found(input.columns.dataset(), &input.places, &counts));
    }
    found.sort_unstable_by(|a, b| (&a.url, &a.path).cmp(&(&b.url, &b.path)));
    for (number, object) in (0..).zip(&mut found) {
        object.number = number;
    }
    Ok(Listing { objects: found, skipped })
}

/// Writes the lists of a dataset, one file per task, and returns the files.
///
/// # Errors
///
/// Returns an error if a file cannot be written.
pub(super) async fn write_lists(
    files: &RunFiles,
    dataset: &str,
    objects: &[ListedObject],
    cores: usize,
) -> Result<Vec<FileRecord>> {
    let mut written = Vec::new();
    for list in divide(objects, cores) {
        let name = format!("{dataset}-list");
        let mut sink = files.new_attempt().work_sink(&name, list_schema());
        let batch = list_batch(list).map_err(|e| Error::query("lists of objects", e))?;
        sink.write(batch).await?;
        written.extend(sink.finish().await?.files);
    }
    Ok(written)
}

/// Divides objects into lists of about equal size.
fn divide(objects: &[ListedObject], cores: usize) -> Vec<&[ListedObject]> {
    let weight = |object: &ListedObject| object.size + OBJECT_BYTES;
    let total: u64 = objects.iter().map(weight).sum();
    let tasks = (total / TASK_BYTES).max(TASKS_PER_CORE * cores as u64).clamp(1, MOST_TASKS);
    let share = total.div_ceil(tasks).max(1);
    let (mut lists, mut start, mut sum) = (Vec::new(), 0, 0);
    for (at, object) in objects.iter().enumerate() {
        sum += weight(object);
        if sum >= share {
            lists.push(&objects[start..=at]);
            (start, sum) = (at + 1, 0);
        }
    }
    if start < objects.len() {
        lists.push(&objects[start..]);
    }
    lists
}

#[cfg(test)]
mod tests {
    use super::*;

    fn object(number: u32, size: u64) -> ListedObject {
        let url = format!("s3://b/{number}").as_str().into();
        ListedObject { url, path: None, size, etag: None, number }
    }

    #[test]
    fn each_object_is_in_one_list() {
        for (count, size, cores) in [(0, 1, 2), (1, 1, 2), (7, 1 << 30, 1), (100_000, 300, 16)] {
            let objects: Vec<_> = (0..count).map(|number| object(number, size)).collect();
            let lists = divide(&objects, cores);
            assert_eq!(lists.concat(), objects);
            assert!(lists.iter().all(|list| !list.is_empty()));
            assert!(lists.len() as u64 <= MOST_TASKS);
        }
    }

    #[test]
    fn lists_have_about_equal_sizes() {
        let sizes = (0..1000).map(|at| (at * 7919) % 5_000_000);
        let objects: Vec<_> = (0..).zip(sizes).map(|(at, size)| object(at, size)).collect();
        let lists = divide(&objects, 4);
        let weight = |list: &[ListedObject]| {
            list.iter().map(|object| object.size + OBJECT_BYTES).sum::<u64>()
        };
        let largest = lists.iter().map(|list| weight(list)).max().unwrap();
        assert!((10..=12).contains(&lists.len()), "{}", lists.len());
        assert!(largest < 2 * weight(&objects) / lists.len() as u64);
    }
}
