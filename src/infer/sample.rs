//! The sample of an input: a few objects of many, and the start of large ones.

use std::io::{self, Read};

use futures::stream::{self, StreamExt, TryStreamExt};

use super::records::read_records;
use super::sampled::Sampled;
use super::text::number;
use super::tree::Tree;
use crate::error::Result;
use crate::ingest::objects;
use crate::storage::{
    Compression, Decompressor, InputObject, ListOptions, Place, Skipped, StorageError,
};

/// Number of listed objects that are kept to choose from.
const MAX_LISTED: usize = 100_000;

/// Number of bytes that are read of each object, at least.
const MIN_BYTES: u64 = 64 * 1024;

/// Number of bytes per request.
const RANGE_BYTES: u64 = 1024 * 1024;

/// Number of objects read concurrently.
const OBJECTS_IN_FLIGHT: usize = 8;

/// Expected size of compressed data after decompression, as a multiple.
const EXPANSION: u64 = 8;

/// Reads at most `most` objects of the places and about `bytes` bytes, and returns the profile of
/// their records. The first and the last object are always read, others at equal distances.
pub(super) async fn sample(
    places: Vec<Place>,
    listing: ListOptions,
    skipped: Skipped,
    most: usize,
    bytes: u64,
) -> Result<(Tree, Sampled)> {
    let mut sampled = Sampled::default();
    let mut listed = Thinned::new(MAX_LISTED.max(most));
    let mut found = std::pin::pin!(objects(places, listing, skipped));
    while let Some(object) = found.try_next().await? {
        sampled.objects_listed += 1;
        sampled.bytes_listed += object.size;
        listed.push(object);
    }
    let mut all = listed.finish();
    all.sort_by(|a, b| a.url.cmp(&b.url));
    let chosen = spread(all, most);
    let limit = limit(chosen.iter().map(expected_size).collect(), bytes);
    let mut tree = Tree::default();
    let parts = stream::iter(chosen)
        .map(|object| async move { read_part(&object, limit).await.map(|part| (object, part)) })
        .buffered(OBJECTS_IN_FLIGHT);
    let mut parts = std::pin::pin!(parts);
    while let Some((object, part)) = parts.try_next().await? {
        sampled.objects_read += 1;
        sampled.bytes_read += part.stored;
        sampled.cut += u64::from(part.is_cut);
        let mut broken = Vec::new();
        let add = |record| {
            sampled.records += 1;
            tree.add(&record);
        };
        read_records(&part.text, part.is_cut, add, |part| broken.push(part));
        broken.into_iter().for_each(|broken| sampled.add_broken(&object.url, broken));
    }
    Ok((tree, sampled))
}

/// Keeps objects at equal distances of a listing of any length, and its last one.
struct Thinned {
    kept: Vec<InputObject>,
    last: Option<InputObject>,
    most: usize,
    stride: u64,
    listed: u64,
}

impl Thinned {
    fn new(most: usize) -> Thinned {
        Thinned { kept: Vec::new(), last: None, most, stride: 1, listed: 0 }
    }

    fn push(&mut self, object: InputObject) {
        if self.listed.is_multiple_of(self.stride) {
            self.kept.push(object);
            self.last = None;
        } else {
            self.last = Some(object);
        }
        self.listed += 1;
        if self.kept.len() > self.most {
            if self.kept.len().is_multiple_of(2) {
                self.last = self.kept.last().cloned();
            }
            let mut is_even = false;
            self.kept.retain(|_| {
                is_even = !is_even;
                is_even
            });
            self.stride *= 2;
        }
    }

    fn finish(self) -> Vec<InputObject> {
        self.kept.into_iter().chain(self.last).collect()
    }
}

/// Returns at most `most` items at equal distances, including the first and the last. One item is
/// the last.
fn spread<T>(items: Vec<T>, most: usize) -> Vec<T> {
    let last = items.len().saturating_sub(1);
    if items.len() <= most {
        return items;
    }
    let gaps = most.saturating_sub(1);
    let mut wanted = (0..most).map(|i| (i * last).checked_div(gaps).unwrap_or(last)).peekable();
    let mut chosen = Vec::with_capacity(most);
    for (index, item) in items.into_iter().enumerate() {
        if wanted.next_if_eq(&index).is_some() {
            chosen.push(item);
        }
    }
    chosen
}

/// Returns the size of the object's text; the largest number if it is unknown.
fn expected_size(object: &InputObject) -> u64 {
    match object.compression {
        _ if object.size == 0 && object.file().is_none() && !object.is_ranged() => u64::MAX,
        Compression::None => object.size,
        Compression::Gzip | Compression::Zstd => object.size.saturating_mul(EXPANSION),
    }
}

/// Returns the number of bytes to read of each object, so that together they are about `budget`.
fn limit(mut sizes: Vec<u64>, budget: u64) -> u64 {
    sizes.sort_unstable();
    let mut left = budget;
    let mut largest = 0;
    for (i, size) in sizes.iter().enumerate() {
        let share = left / number(sizes.len() - i);
        if *size > share {
            return share.max(MIN_BYTES);
        }
        left -= size;
        largest = *size;
    }
    largest.max(MIN_BYTES)
}

/// The start of an object.
#[derive(Debug, PartialEq, Eq)]
struct Part {
    text: Vec<u8>,
    /// `true` if the object continues.
    is_cut: bool,
    /// Number of stored bytes read.
    stored: u64,
}

async fn read_part(object: &InputObject, limit: u64) -> Result<Part> {
    if object.file().is_some() {
        let file = object.clone();
        let read = tokio::task::spawn_blocking(move || read_file(&file, limit)).await?;
        return Ok(read.map_err(|error| StorageError::read_io(&object.url, error))?);
    }
    let failed = |error| StorageError::read_io(&object.url, error);
    let mut reader = PartReader::new(object.compression, limit);
    if object.is_ranged() {
        let mut start = 0;
        while start < object.size && !reader.is_full {
            let end = (start + RANGE_BYTES).min(object.size);
            let chunk = object.read_range(start..end).await?;
            reader.feed(&chunk).map_err(failed)?;
            start = end;
        }
    } else {
        let mut chunks = object.stream();
        while !reader.is_full
            && let Some(chunk) = chunks.try_next().await?
        {
            reader.feed(&chunk).map_err(failed)?;
        }
    }
    Ok(reader.finish().map_err(failed)?)
}

fn read_file(object: &InputObject, limit: u64) -> io::Result<Part> {
    let path = object.file().ok_or(io::ErrorKind::Unsupported)?;
    let mut file = std::fs::File::open(path)?;
    let mut reader = PartReader::new(object.compression, limit);
    let mut block = vec![0; 128 * 1024];
    while !reader.is_full {
        match file.read(&mut block)? {
            0 => break,
            length => reader.feed(&block[..length])?,
        }
    }
    reader.finish()
}

/// Collects the text of an object up to a limit.
struct PartReader {
    decompressor: Decompressor,
    text: Vec<u8>,
    limit: usize,
    is_full: bool,
    stored: u64,
}

/// The reason why the decompressor stopped.
enum Stop {
    Full,
    Failed(io::Error),
}

impl From<io::Error> for Stop {
    fn from(error: io::Error) -> Stop {
        Stop::Failed(error)
    }
}

impl PartReader {
    fn new(compression: Compression, limit: u64) -> PartReader {
        PartReader {
            decompressor: Decompressor::new(compression),
            text: Vec::new(),
            limit: usize::try_from(limit).unwrap_or(usize::MAX),
            is_full: false,
            stored: 0,
        }
    }

    fn feed(&mut self, stored: &[u8]) -> io::Result<()> {
        self.stored += number(stored.len());
        let PartReader { decompressor, text, limit, .. } = self;
        let fed = decompressor.feed(stored, |plain| append(text, plain, *limit));
        self.stop(fed)
    }

    fn finish(mut self) -> io::Result<Part> {
        if !self.is_full {
            let decompressor =
                std::mem::replace(&mut self.decompressor, Decompressor::new(Compression::None));
            let (text, limit) = (&mut self.text, self.limit);
            let finished = decompressor.finish(|plain| append(text, plain, limit));
            self.stop(finished)?;
        }
        Ok(Part { text: self.text, is_cut: self.is_full, stored: self.stored })
    }

    fn stop(&mut self, outcome: Result<(), Stop>) -> io::Result<()> {
        match outcome {
            Ok(()) => Ok(()),
            Err(Stop::Full) => {
                self.is_full = true;
                Ok(())
            }
            Err(Stop::Failed(error)) => Err(error),
        }
    }
}

/// Appends text up to a limit.
fn append(text: &mut Vec<u8>, plain: &[u8], limit: usize) -> Result<(), Stop> {
    let room = limit.saturating_sub(text.len());
    text.extend_from_slice(&plain[..plain.len().min(room)]);
    if plain.len() > room { Err(Stop::Full) } else { Ok(()) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::storage::Source;

    #[test]
    fn items_are_spread_and_include_both_ends() {
        assert_eq!(spread((0..5).collect(), 9), [0, 1, 2, 3, 4]);
        assert_eq!(spread((0..101).collect(), 5), [0, 25, 50, 75, 100]);
        assert_eq!(spread((0..10).collect(), 3), [0, 4, 9]);
        assert_eq!(spread((0..10).collect(), 1), [9]);
        assert!(spread(Vec::<u8>::new(), 1).is_empty());
    }

    #[test]
    fn small_objects_leave_their_share_to_large_ones() {
        let mib = 1024 * 1024;
        assert_eq!(limit(vec![mib, 2 * mib], 64 * mib), 2 * mib);
        assert_eq!(limit(vec![100 * mib, mib, mib], 64 * mib), 62 * mib);
        assert_eq!(limit(vec![100 * mib, 100 * mib], 64 * mib), 32 * mib);
        assert_eq!(limit(vec![u64::MAX; 10_000], 64 * mib), MIN_BYTES);
        assert_eq!(limit(vec![], 64 * mib), MIN_BYTES);
    }

    fn object(index: usize) -> InputObject {
        InputObject {
            url: format!("{index:05}").into(),
            source: Source::File(None),
            size: 1,
            etag: None,
            compression: Compression::None,
            number: 0,
        }
    }

    #[test]
    fn a_long_listing_is_thinned_and_keeps_both_ends() {
        for (count, most) in [(1, 9), (5, 10), (10, 9), (11, 10), (12, 9), (1000, 10), (1001, 9)] {
            let mut thinned = Thinned::new(most);
            (0..count).for_each(|index| thinned.push(object(index)));
            let kept = thinned.finish();
            assert!(kept.len() <= 11 && kept.len() >= count.min(5), "{count}: {}", kept.len());
            assert_eq!(*kept[0].url, *object(0).url);
            assert_eq!(*kept[kept.len() - 1].url, *object(count - 1).url);
        }
    }

    #[test]
    fn text_is_read_up_to_the_limit() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.json.gz");
        let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        io::Write::write_all(&mut gzip, &[b'x'; 1000]).unwrap();
        let stored = gzip.finish().unwrap();
        std::fs::write(&path, &stored).unwrap();
        let object = InputObject {
            url: path.to_str().unwrap().into(),
            compression: Compression::Gzip,
            ..object(0)
        };
        let whole = read_file(&object, 1000).unwrap();
        let expected = Part { text: vec![b'x'; 1000], is_cut: false, stored: stored.len() as u64 };
        assert_eq!(whole, expected);
        let part = read_file(&object, 999).unwrap();
        assert_eq!((part.text.len(), part.is_cut), (999, true));
    }
}
