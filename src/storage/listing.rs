//! Which objects a location names.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use futures::stream::{self, BoxStream, StreamExt, TryStreamExt};
use object_store::path::Path;
use object_store::{ObjectMeta, ObjectStore};

use super::local::{self, LocalFile};
use super::stores::Place;
use super::{Compression, StorageError, StoreKey};

/// Requests for listings under way at once.
const LIST_CONCURRENCY: usize = 16;

/// Prefixes are opened level by level until there are this many to list side by side…
const LIST_FAN_OUT: usize = 32;

/// …but no deeper than this: below lies what no folder structure divides any more.
const LIST_LEVELS: usize = 3;

/// An object to read.
#[derive(Debug, Clone)]
pub struct InputObject {
    /// Its URL, or its path when it is a local file.
    pub url: Arc<str>,
    /// Where its bytes come from.
    pub source: Source,
    /// Bytes, as stored.
    pub size: u64,
    /// The store's tag of this version.
    pub etag: Option<String>,
    /// How it is compressed.
    pub compression: Compression,
}

/// Where an object's bytes come from.
#[derive(Debug, Clone)]
pub enum Source {
    /// The local file that its URL is the path of.
    File,
    /// An object store.
    Store {
        /// The store.
        store: Arc<dyn ObjectStore>,
        /// The object's path in it.
        path: Path,
        /// Whether parts of it can be asked for; a web server need not know how.
        ranged: bool,
    },
}

/// Objects that were passed over, by suffix.
#[derive(Debug, Clone, Default)]
pub struct Skipped {
    by_suffix: Arc<Mutex<BTreeMap<String, u64>>>,
}

impl Skipped {
    fn count(&self, name: &str) {
        let suffix = suffix(name);
        let mut by_suffix = self.by_suffix.lock().unwrap_or_else(PoisonError::into_inner);
        *by_suffix.entry(suffix).or_default() += 1;
    }

    /// How many objects of each suffix were passed over.
    pub fn by_suffix(&self) -> BTreeMap<String, u64> {
        self.by_suffix.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

/// The suffix that tells what a file is: `.csv`, `.csv.gz`, or `(none)`.
fn suffix(name: &str) -> String {
    let lower = name.to_ascii_lowercase();
    let (stem, outer) = match lower.rsplit_once('.') {
        Some((stem, last)) if !stem.is_empty() => (stem, format!(".{last}")),
        _ => return "(none)".to_owned(),
    };
    match stem.rsplit_once('.') {
        Some((_, inner)) if matches!(outer.as_str(), ".gz" | ".zst") => format!(".{inner}{outer}"),
        _ => outer,
    }
}

/// Lists the JSON objects that `place` names: one object, or all below a prefix that match its
/// glob. What is not JSON by its suffix is counted in `skipped`.
///
/// # Errors
///
/// If the location cannot be read. Errors of listing come through the stream.
pub async fn list(
    place: Place,
    skipped: Skipped,
) -> Result<BoxStream<'static, Result<InputObject, StorageError>>, StorageError> {
    if !place.location.folder {
        // Without leave to list, S3 answers 403 for a key that is not there: listing will tell.
        match place.head().await {
            Ok(Some(meta)) => {
                let compression = Compression::of(meta.location.filename().unwrap_or_default());
                let object = input_object(&place, meta, compression);
                return Ok(stream::iter([Ok(object)]).boxed());
            }
            Ok(None) => {}
            Err(error) if error.is_denied() => {}
            Err(error) => return Err(error),
        }
    }
    if let Some(folder) = place.location.local_path() {
        if !folder.exists() {
            return Ok(stream::empty().boxed());
        }
        let below = folder.as_os_str().len() + usize::from(folder.parent().is_some());
        let selected = local::walk(folder).map_ok(move |files| {
            let selected = files.into_iter();
            let selected = selected.filter_map(|file| select_file(&place, file, below, &skipped));
            stream::iter(selected.map(Ok).collect::<Vec<_>>())
        });
        return Ok(selected.try_flatten().boxed());
    }
    let listed = walk(&place).await?;
    Ok(listed
        .try_filter_map(move |meta| futures::future::ready(Ok(select(&place, meta, &skipped))))
        .boxed())
}

/// The object of `meta` if it is JSON and matches the glob.
fn select(place: &Place, meta: ObjectMeta, skipped: &Skipped) -> Option<InputObject> {
    if let Some(glob) = &place.location.glob {
        let below: Vec<_> = meta.location.prefix_match(place.path())?.collect();
        let below: Vec<&str> = below.iter().map(AsRef::as_ref).collect();
        if !glob.is_match(below.join("/")) {
            return None;
        }
    }
    let name = meta.location.filename().unwrap_or_default();
    let Some(compression) = Compression::of_json(name) else {
        skipped.count(name);
        return None;
    };
    Some(input_object(place, meta, compression))
}

/// The object of a local file, as [`select`] does it; the glob is for what stands `below` so many
/// bytes of its path.
fn select_file(
    place: &Place,
    file: LocalFile,
    below: usize,
    skipped: &Skipped,
) -> Option<InputObject> {
    if let Some(glob) = &place.location.glob
        && !glob.is_match(&file.path[below..])
    {
        return None;
    }
    let name = file.path.rsplit_once('/').map_or(&*file.path, |(_, name)| name);
    let Some(compression) = Compression::of_json(name) else {
        skipped.count(name);
        return None;
    };
    Some(InputObject {
        url: file.path.into(),
        source: Source::File,
        size: file.size,
        etag: file.etag,
        compression,
    })
}

fn input_object(place: &Place, meta: ObjectMeta, compression: Compression) -> InputObject {
    let source = match place.location.local_path() {
        Some(_) => Source::File,
        None => Source::Store {
            store: place.store.clone(),
            path: meta.location.clone(),
            ranged: !matches!(place.location.store, StoreKey::Http(_)),
        },
    };
    InputObject {
        url: place.location.display(&meta.location).into(),
        source,
        size: meta.size,
        etag: meta.e_tag,
        compression,
    }
}

/// All objects below a prefix. An S3 listing is a chain of pages, a thousand keys each: only
/// different prefixes can be listed side by side, so the folders are opened first.
async fn walk(
    place: &Place,
) -> Result<BoxStream<'static, Result<ObjectMeta, StorageError>>, StorageError> {
    let store = place.store.clone();
    let name = place.to_string();
    let mut objects = Vec::new();
    let mut frontier = vec![place.path().clone()];
    for _ in 0..LIST_LEVELS {
        if frontier.is_empty() || frontier.len() >= LIST_FAN_OUT {
            break;
        }
        let opened: Vec<_> = stream::iter(frontier)
            .map(|prefix| {
                let store = store.clone();
                async move { store.list_with_delimiter(Some(&prefix)).await }
            })
            .buffer_unordered(LIST_CONCURRENCY)
            .try_collect()
            .await
            .map_err(|source| StorageError::list(&name, source))?;
        frontier = Vec::new();
        for folder in opened {
            objects.extend(folder.objects);
            frontier.extend(folder.common_prefixes);
        }
    }
    let below = stream::iter(frontier)
        .map(move |prefix| store.list(Some(&prefix)))
        .flatten_unordered(LIST_CONCURRENCY)
        .map_err(move |source| StorageError::list(&name, source));
    Ok(stream::iter(objects).map(Ok).chain(below).boxed())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn suffixes() {
        assert_eq!(suffix("a.csv"), ".csv");
        assert_eq!(suffix("a.b.CSV.gz"), ".csv.gz");
        assert_eq!(suffix("_SUCCESS"), "(none)");
        assert_eq!(suffix(".hidden"), "(none)");
    }
}
