//! Listings of the objects that a location names.

use std::path::Path as FsPath;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use futures::stream::{self, BoxStream, StreamExt, TryStreamExt};

use super::bucket::{Bucket, Entry, StoreBucket, walk};
use super::glob::Glob;
use super::local::{self, LocalFile};
use super::paths::shown;
use super::select::{Kind, Selection};
use super::source::{InputObject, Source};
use super::stores::Place;
use super::{Compression, ListOptions, Location, Skipped, StorageError, StoreKey};

type Listed = BoxStream<'static, Result<InputObject, StorageError>>;

/// Lists the data objects that `place` names: one object, those below a prefix, or both. Objects that
/// are skipped are counted in `skipped`.
///
/// # Errors
///
/// Returns an error if the location cannot be read. Errors during the listing are items of the stream.
pub async fn list(
    place: Place,
    options: &ListOptions,
    skipped: Skipped,
) -> Result<Listed, StorageError> {
    let selection = Selection {
        glob: place.location.glob.clone(),
        include_hidden: options.include_hidden,
        suffix: options.suffix,
        skipped,
    };
    match &place.location.store {
        StoreKey::Local => list_local(&place, options, selection),
        StoreKey::Http(_) => {
            let object = place.web_object().await?;
            Ok(stream::iter(object.map(Ok)).boxed())
        }
        StoreKey::S3(_) | StoreKey::Cloud(_) => list_bucket(place, options, selection).await,
    }
}

/// Returns `true` if the options exclude `place` because it is read for another purpose, such as a
/// JSONPaths file that a shell wildcard matched among the logs.
pub fn is_excluded(place: &Place, options: &ListOptions) -> bool {
    let location = &place.location;
    let is_same = |other: &Location| match (location.local_path(), other.local_path()) {
        (Some(path), Some(other)) => {
            path == other
                || path.canonicalize().is_ok_and(|p| other.canonicalize().is_ok_and(|o| o == p))
        }
        _ => location.store == other.store && location.key() == other.key(),
    };
    location.glob.is_none() && !location.folder && options.excluded.iter().any(is_same)
}

fn list_local(
    place: &Place,
    options: &ListOptions,
    selection: Selection,
) -> Result<Listed, StorageError> {
    let Some(path) = place.location.local_path() else { return Ok(stream::empty().boxed()) };
    let metadata = match std::fs::metadata(&path) {
        Ok(metadata) => metadata,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            return Ok(stream::empty().boxed());
        }
        Err(error) => return Err(StorageError::list_io(&shown(&path), error)),
    };
    if !metadata.is_dir() && !place.location.folder {
        let file = local::single(&path, &metadata)?;
        let name = path.file_name().map(|name| name.to_string_lossy()).unwrap_or_default();
        let compression = Compression::of(&name);
        return Ok(stream::iter([Ok(file_object(file, compression))]).boxed());
    }
    let exclusions = local::Exclusions::new(options, place.location.glob.is_some());
    let below = shown(&path).len() + usize::from(path.parent().is_some());
    let selected = local::walk(path, exclusions).map_ok(move |files| {
        let select = |file: LocalFile| {
            let compression = selection.select(&file.shown[below..], file.kind)?;
            Some(Ok(file_object(file, compression)))
        };
        stream::iter(files.into_iter().filter_map(select).collect::<Vec<_>>())
    });
    Ok(selected.try_flatten().boxed())
}

fn file_object(file: LocalFile, compression: Compression) -> InputObject {
    InputObject {
        url: file.shown.into(),
        source: Source::File(file.path.map(|path| Arc::<FsPath>::from(path.as_path()))),
        size: file.size,
        etag: file.etag,
        compression,
        number: 0,
    }
}

/// A listing of a bucket.
struct BucketListing {
    place: Place,
    bucket: Arc<dyn Bucket>,
    /// Prefix of all keys in the listing.
    prefix: String,
    selection: Selection,
    /// Key prefixes and keys of the output.
    output: Vec<String>,
    /// Keys that are read for another purpose.
    excluded: Vec<String>,
}

async fn list_bucket(
    place: Place,
    options: &ListOptions,
    mut selection: Selection,
) -> Result<Listed, StorageError> {
    let bucket: Arc<dyn Bucket> = match &place.s3 {
        Some(s3) => s3.clone(),
        None => Arc::new(StoreBucket(place.store.clone())),
    };
    let name = place.location.to_string();
    let failed = |source| StorageError::list(&name, source);
    let (key, folder, glob) = resolve(&bucket, &place).await.map_err(failed)?;
    selection.glob = glob;
    let object = if folder { None } else { head(&bucket, &key).await.map_err(failed)? };
    let prefix = if key.is_empty() { key } else { key + "/" };
    let (output, excluded) = excluded_keys(&place, options, &prefix);
    let listing = BucketListing { place, bucket, prefix, selection, output, excluded };
    Ok(listing.objects(object))
}

/// Returns the key or prefix that a location names, `true` if it can only be a prefix, and the pattern
/// for the keys below it. A name that exists literally is not treated as a pattern.
async fn resolve(
    bucket: &Arc<dyn Bucket>,
    place: &Place,
) -> object_store::Result<(String, bool, Option<Glob>)> {
    let location = &place.location;
    for literal in &location.literals {
        let is_object = literal.glob.is_none() && !literal.folder;
        let exists = is_object && head(bucket, &literal.key).await?.is_some()
            || any_below(bucket, &literal.key).await?;
        if exists {
            return Ok((literal.key.clone(), literal.folder, literal.glob.clone()));
        }
    }
    Ok((location.key().to_owned(), location.folder, location.glob.clone()))
}

/// Returns the object `key`. Without permission to list, S3 answers 403 for a missing key; treat it as
/// missing and let the listing report a real lack of permission.
async fn head(bucket: &Arc<dyn Bucket>, key: &str) -> object_store::Result<Option<Entry>> {
    match bucket.head(key).await {
        Err(error) if is_denied(&error) => Ok(None),
        outcome => outcome,
    }
}

async fn any_below(bucket: &Arc<dyn Bucket>, key: &str) -> object_store::Result<bool> {
    match bucket.clone().list(format!("{key}/"), true).try_next().await {
        Err(error) if is_denied(&error) => Ok(false),
        outcome => outcome.map(|found| found.is_some()),
    }
}

fn is_denied(error: &object_store::Error) -> bool {
    use object_store::Error::{PermissionDenied, Unauthenticated};
    matches!(error, PermissionDenied { .. } | Unauthenticated { .. })
}

/// Returns the key prefixes of the output, and the keys to exclude, for a listing of `prefix`.
fn excluded_keys(place: &Place, options: &ListOptions, prefix: &str) -> (Vec<String>, Vec<String>) {
    let here = |location: &&super::Location| location.store == place.location.store;
    let excluded = options.excluded.iter().filter(here).map(|location| location.key().to_owned());
    let mut output = Vec::new();
    if let Some(place) = options.output.as_ref().filter(|output| here(&&output.location)) {
        let below = match place.location.key() {
            "" => String::new(),
            key => format!("{key}/"),
        };
        if below == prefix {
            let names = place.names.iter();
            output.extend(names.flat_map(|name| [format!("{below}{name}/"), below.clone() + name]));
        } else if below.starts_with(prefix) {
            output.push(below);
        }
    }
    (output, excluded.collect())
}

impl BucketListing {
    /// Returns `object` and the objects below the prefix. An empty object is skipped if other keys
    /// exist below it: consoles and mounting tools create such markers for folders.
    fn objects(self, object: Option<Entry>) -> Listed {
        let listing = Arc::new(self);
        let as_input = |entry: &Entry| {
            let name = entry.key.rsplit('/').next().unwrap_or_default();
            listing.input(entry.clone(), Compression::of(name))
        };
        let own = object.as_ref().map(as_input);
        let (first, marker) = match &object {
            Some(entry) if entry.size == 0 => (None, own),
            _ => (own, None),
        };
        let found_any = Arc::new(AtomicBool::new(false));
        let below = listing.clone().below(object.is_some(), found_any.clone());
        let last = stream::iter(marker)
            .filter(move |_| futures::future::ready(!found_any.load(Ordering::Relaxed)));
        stream::iter(first).map(Ok).chain(below).chain(last.map(Ok)).boxed()
    }

    fn below(self: Arc<Self>, has_object: bool, found_any: Arc<AtomicBool>) -> Listed {
        let name = self.place.location.to_string();
        walk(self.bucket.clone(), self.prefix.clone())
            // A single object can be read without permission to list.
            .take_while(move |found| {
                let denied = has_object && matches!(found, Err(error) if is_denied(error));
                futures::future::ready(!denied)
            })
            .try_filter_map(move |entry| {
                found_any.store(true, Ordering::Relaxed);
                futures::future::ready(Ok(self.select(entry)))
            })
            .map_err(move |source| StorageError::list(&name, source))
            .boxed()
    }

    fn select(&self, entry: Entry) -> Option<InputObject> {
        // Consoles create such objects for folders.
        if entry.size == 0 && entry.key.ends_with('/') {
            return None;
        }
        let is_output = self.output.iter().any(|output| match output.ends_with('/') {
            true => entry.key.starts_with(output.as_str()),
            false => entry.key == *output,
        });
        let kind = match () {
            () if is_output => Some(Kind::Output),
            () if self.excluded.contains(&entry.key) => Some(Kind::JsonPaths),
            () => None,
        };
        let compression = self.selection.select(&entry.key[self.prefix.len()..], kind)?;
        Some(self.input(entry, compression))
    }

    fn input(&self, entry: Entry, compression: Compression) -> InputObject {
        let source = Source::in_bucket(&self.place, &entry.key);
        InputObject {
            url: self.place.location.url_of(&entry.key).into(),
            source,
            size: entry.size,
            etag: entry.etag,
            compression,
            number: 0,
        }
    }
}
