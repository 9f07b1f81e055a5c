//! Pages of listings, merged from several sources of keys.

use std::borrow::Cow;

use super::synthetic::Synthetic;

/// Sorted keys from one source.
pub(super) enum Source<'a> {
    Disk(Vec<String>),
    Made(&'a Synthetic),
}

impl Source<'_> {
    fn len(&self) -> usize {
        match self {
            Source::Disk(keys) => keys.len(),
            Source::Made(objects) => objects.count,
        }
    }

    fn key(&self, i: usize) -> Cow<'_, str> {
        match self {
            Source::Disk(keys) => Cow::Borrowed(&keys[i]),
            Source::Made(objects) => Cow::Owned(objects.key(i)),
        }
    }

    /// Returns the first index at or after `from` whose key is not passed. It searches outward from
    /// `from`: the key is close in a plain listing and far away after a folder.
    fn seek(&self, from: usize, passed: impl Fn(&str) -> bool) -> usize {
        let (mut low, mut high, mut step) = (from, from, 1);
        while high < self.len() && passed(&self.key(high)) {
            low = high + 1;
            high += step;
            step *= 2;
        }
        high = high.min(self.len());
        while low < high {
            let middle = low.midpoint(high);
            if passed(&self.key(middle)) {
                low = middle + 1;
            } else {
                high = middle;
            }
        }
        low
    }
}

/// Position of a listing.
#[derive(Clone)]
pub(super) enum Marker {
    Key(String),
    Folder(String),
}

impl Marker {
    pub(super) fn start(token: Option<&str>, after: Option<&str>) -> Marker {
        match token.and_then(|token| token.split_once(':')) {
            Some(("folder", folder)) => Marker::Folder(folder.to_owned()),
            Some((_, key)) => Marker::Key(key.to_owned()),
            None => Marker::Key(after.unwrap_or_default().to_owned()),
        }
    }

    pub(super) fn token(self) -> String {
        match self {
            Marker::Key(key) => format!("key:{key}"),
            Marker::Folder(folder) => format!("folder:{folder}"),
        }
    }

    fn passed(&self, key: &str) -> bool {
        match self {
            Marker::Key(last) => key <= last.as_str(),
            Marker::Folder(folder) => key < folder.as_str() || key.starts_with(folder),
        }
    }
}

pub(super) struct Listed<'a> {
    pub(super) key: String,
    pub(super) made: Option<(&'a Synthetic, usize)>,
}

pub(super) struct Page<'a> {
    pub(super) objects: Vec<Listed<'a>>,
    pub(super) folders: Vec<String>,
    pub(super) count: usize,
    pub(super) next: Option<Marker>,
}

impl<'a> Page<'a> {
    pub(super) fn read(
        sources: &[Source<'a>],
        prefix: &str,
        delimiter: Option<&str>,
        start: Marker,
        limit: usize,
    ) -> Page<'a> {
        let mut page = Page { objects: Vec::new(), folders: Vec::new(), count: 0, next: None };
        let (mut marker, mut places) = (start, vec![0; sources.len()]);
        while let Some(listed) = next(sources, &mut places, prefix, &marker) {
            if page.count == limit {
                page.next = (limit > 0).then_some(marker);
                break;
            }
            page.count += 1;
            if let Some(folder) = folder(&listed.key, prefix, delimiter) {
                page.folders.push(folder.to_owned());
                marker = Marker::Folder(folder.to_owned());
            } else {
                marker = Marker::Key(listed.key.clone());
                page.objects.push(listed);
            }
        }
        page
    }
}

fn next<'a>(
    sources: &[Source<'a>],
    places: &mut [usize],
    prefix: &str,
    marker: &Marker,
) -> Option<Listed<'a>> {
    let mut first: Option<Listed<'a>> = None;
    for (source, place) in sources.iter().zip(places) {
        *place = source.seek(*place, |key| key < prefix || marker.passed(key));
        if *place == source.len() {
            continue;
        }
        let key = source.key(*place);
        if first.as_ref().is_none_or(|first| *key < *first.key) {
            let made =
                if let Source::Made(objects) = source { Some((*objects, *place)) } else { None };
            first = Some(Listed { key: key.into_owned(), made });
        }
    }
    first.filter(|listed| listed.key.starts_with(prefix))
}

fn folder<'k>(key: &'k str, prefix: &str, delimiter: Option<&str>) -> Option<&'k str> {
    let delimiter = delimiter.filter(|delimiter| !delimiter.is_empty())?;
    let end = key[prefix.len()..].find(delimiter)? + prefix.len() + delimiter.len();
    Some(&key[..end])
}

/// Encodes a key as in forms: a space becomes a plus sign.
pub(super) fn url_encoded(key: &str) -> String {
    let mut encoded = String::new();
    for byte in key.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'*' | b'/' => {
                encoded.push(char::from(byte));
            }
            b' ' => encoded.push('+'),
            byte => encoded += &format!("%{byte:02X}"),
        }
    }
    encoded
}
