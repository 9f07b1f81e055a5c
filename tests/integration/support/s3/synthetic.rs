//! Objects whose names and contents are computed on demand.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use bytes::Bytes;
use s3s::dto::*;
use s3s::{Body, S3Result};

type Name = dyn Fn(usize) -> String + Send + Sync;

type Content = dyn Fn(usize) -> Vec<u8> + Send + Sync;

/// Objects whose names and contents are computed on demand.
#[derive(Clone)]
pub struct Synthetic {
    pub(crate) count: usize,
    name: Arc<Name>,
    content: Arc<Content>,
}

impl Synthetic {
    /// Defines `count` objects, a thousand per folder: `{prefix}00000/000000000.json` and so on.
    pub fn new(
        prefix: &str,
        count: usize,
        content: impl Fn(usize) -> Vec<u8> + Send + Sync + 'static,
    ) -> Self {
        let prefix = prefix.to_owned();
        let name = move |i: usize| format!("{prefix}{:05}/{i:09}.json", i / 1000);
        Self { count, name: Arc::new(name), content: Arc::new(content) }
    }

    /// Replaces the names. They must ascend in byte order, because lookups use binary search.
    #[must_use]
    pub fn named(self, name: impl Fn(usize) -> String + Send + Sync + 'static) -> Self {
        Self { name: Arc::new(name), ..self }
    }

    pub(crate) fn key(&self, i: usize) -> String {
        (self.name)(i)
    }

    pub(crate) fn content(&self, i: usize) -> Vec<u8> {
        (self.content)(i)
    }

    pub(crate) fn find(&self, key: &str) -> Option<usize> {
        let (mut low, mut high) = (0, self.count);
        while low < high {
            let middle = low.midpoint(high);
            match self.key(middle).as_str().cmp(key) {
                std::cmp::Ordering::Less => low = middle + 1,
                std::cmp::Ordering::Equal => return Some(middle),
                std::cmp::Ordering::Greater => high = middle,
            }
        }
        None
    }
}

pub(super) fn made_at() -> Timestamp {
    Timestamp::from(SystemTime::UNIX_EPOCH + Duration::from_secs(1_700_000_000))
}

pub(super) fn made_etag(i: usize) -> ETag {
    ETag::Strong(format!("{i:032x}"))
}

pub(super) fn made_head(i: usize, objects: &Synthetic) -> HeadObjectOutput {
    HeadObjectOutput {
        content_length: Some(objects.content(i).len() as i64),
        e_tag: Some(made_etag(i)),
        last_modified: Some(made_at()),
        ..HeadObjectOutput::default()
    }
}

pub(super) fn made_body(
    i: usize,
    objects: &Synthetic,
    range: Option<Range>,
) -> S3Result<GetObjectOutput> {
    let mut content = Bytes::from(objects.content(i));
    let mut content_range = None;
    if let Some(range) = range {
        let (full, range) = (content.len(), range.check(content.len() as u64)?);
        content_range = Some(format!("bytes {}-{}/{full}", range.start, range.end - 1));
        content = content.slice(range.start as usize..range.end as usize);
    }
    Ok(GetObjectOutput {
        content_length: Some(content.len() as i64),
        content_range,
        body: Some(StreamingBlob::from(Body::from(content))),
        e_tag: Some(made_etag(i)),
        last_modified: Some(made_at()),
        ..GetObjectOutput::default()
    })
}
