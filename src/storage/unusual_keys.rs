//! Listings of Google Cloud Storage and Azure without the keys that `object_store` cannot represent.
//!
//! A single key with an empty part, a part `.` or `..`, a slash at either end or a control character
//! makes `object_store` fail the whole listing. This module removes such keys from the responses before
//! `object_store` parses them, and logs a warning for each.

use std::collections::HashSet;
use std::ops::Range;
use std::sync::{Mutex, PoisonError};

use async_trait::async_trait;
use object_store::ClientOptions;
use object_store::client::{
    HttpClient, HttpConnector, HttpError, HttpRequest, HttpResponse, HttpService, ReqwestConnector,
};
use object_store::path::Path;
use quick_xml::Reader;
use quick_xml::escape::resolve_predefined_entity;
use quick_xml::events::{BytesStart, Event};

/// Maximum number of keys that are named in warnings.
const MAX_WARNINGS: usize = 20;

/// The XML elements of a listing that contain a key or a key prefix.
const ITEMS: [&[u8]; 4] = [b"Contents", b"CommonPrefixes", b"Blob", b"BlobPrefix"];

/// Opens connections that remove unsupported keys from listings.
#[derive(Debug)]
pub(super) struct Listings {
    /// URL of the bucket or container, for warnings.
    bucket: String,
}

impl Listings {
    pub fn of(bucket: &str) -> Listings {
        Listings { bucket: bucket.to_owned() }
    }
}

impl HttpConnector for Listings {
    fn connect(&self, options: &ClientOptions) -> object_store::Result<HttpClient> {
        let inner = ReqwestConnector::default().connect(options)?;
        let warned = Mutex::default();
        Ok(HttpClient::new(Filter { inner, bucket: self.bucket.clone(), warned }))
    }
}

#[derive(Debug)]
struct Filter {
    inner: HttpClient,
    bucket: String,
    /// Keys that a warning has named.
    warned: Mutex<HashSet<String>>,
}

#[async_trait]
impl HttpService for Filter {
    async fn call(&self, request: HttpRequest) -> Result<HttpResponse, HttpError> {
        let is_listing = is_listing(&request);
        let response = self.inner.execute(request).await?;
        if !is_listing || !response.status().is_success() {
            return Ok(response);
        }
        let (mut parts, body) = response.into_parts();
        let body = body.bytes().await?;
        let Some(items) = items(&body) else {
            return Ok(HttpResponse::from_parts(parts, body.into()));
        };
        let mut kept = Vec::with_capacity(body.len());
        let mut end = 0;
        for item in items.into_iter().filter(|item| !item.is_supported()) {
            kept.extend_from_slice(&body[end..item.bytes.start]);
            end = item.bytes.end;
            if !item.is_marker() {
                self.warn(item);
            }
        }
        kept.extend_from_slice(&body[end..]);
        parts.headers.remove("content-length");
        Ok(HttpResponse::from_parts(parts, bytes::Bytes::from(kept).into()))
    }
}

impl Filter {
    fn warn(&self, item: Item) {
        let mut warned = self.warned.lock().unwrap_or_else(PoisonError::into_inner);
        if warned.len() > MAX_WARNINGS || warned.contains(&item.key) {
            return;
        }
        let url = format!("{}/{}", self.bucket, item.key);
        if warned.len() == MAX_WARNINGS {
            let bucket = &self.bucket;
            tracing::warn!(bucket, "more keys that cannot be read were skipped");
        } else if item.size.is_empty() {
            tracing::warn!(url, "a folder whose keys cannot be read was skipped");
        } else {
            tracing::warn!(url, "an object whose key cannot be read was skipped");
        }
        warned.insert(item.key);
    }
}

fn is_listing(request: &HttpRequest) -> bool {
    let mut parameters = request.uri().query().unwrap_or_default().split('&');
    request.method() == "GET" && parameters.any(|p| matches!(p, "list-type=2" | "comp=list"))
}

/// An object or a prefix in a listing.
#[derive(Debug, Default)]
struct Item {
    bytes: Range<usize>,
    key: String,
    size: String,
    /// `true` if the key is escaped because XML cannot represent it.
    is_escaped: bool,
}

impl Item {
    /// Returns `true` if `object_store` reads this key unchanged.
    fn is_supported(&self) -> bool {
        let is_folder = self.size.is_empty();
        let key = self.key.strip_suffix('/').filter(|_| is_folder).unwrap_or(&self.key);
        !self.is_escaped
            && !key.is_empty()
            && Path::parse(key).is_ok_and(|path| path.as_ref() == key)
    }

    /// Returns `true` if this is an object that consoles create for a folder.
    fn is_marker(&self) -> bool {
        let folder = self.key.strip_suffix('/').filter(|_| self.size == "0");
        folder.is_some_and(|key| Path::parse(key).is_ok_and(|path| path.as_ref() == key))
    }
}

/// Returns the items of a listing in order, or `None` if it is malformed, which `object_store` reports.
fn items(xml: &[u8]) -> Option<Vec<Item>> {
    let mut reader = Reader::from_reader(xml);
    let (mut items, mut path) = (Vec::new(), Vec::<Vec<u8>>::new());
    // The current item and its depth.
    let mut item: Option<(Item, usize)> = None;
    loop {
        let start = usize::try_from(reader.buffer_position()).ok()?;
        let event = reader.read_event().ok()?;
        let field = item.as_mut().filter(|(_, depth)| path.len() > *depth);
        match event {
            Event::Start(tag) => {
                if item.is_none() && ITEMS.contains(&tag.local_name().as_ref()) {
                    let bytes = start..start;
                    item = Some((Item { bytes, ..Item::default() }, path.len() + 1));
                } else if let Some((item, _)) = &mut item {
                    item.is_escaped |= is_escaped(&tag);
                }
                path.push(tag.local_name().as_ref().to_vec());
            }
            Event::End(_) => {
                path.pop();
                if let Some((mut done, _)) = item.take_if(|(_, depth)| path.len() < *depth) {
                    done.bytes.end = usize::try_from(reader.buffer_position()).ok()?;
                    items.push(done);
                }
            }
            Event::Text(text) => add(field, &path, &String::from_utf8_lossy(&text)),
            Event::CData(text) => add(field, &path, &String::from_utf8_lossy(&text)),
            Event::GeneralRef(name) => {
                let text = match name.resolve_char_ref().ok()? {
                    Some(c) => c.to_string(),
                    None => resolve_predefined_entity(&name.decode().ok()?)?.to_owned(),
                };
                add(field, &path, &text);
            }
            Event::Eof => return Some(items),
            _ => {}
        }
    }
}

/// Returns `true` if a name is escaped. Azure escapes names that XML cannot represent and marks them.
///
/// Source: Azure Blob Storage REST API, List Blobs, remarks on blob names.
fn is_escaped(tag: &BytesStart) -> bool {
    let attribute = tag.try_get_attribute("Encoded").ok().flatten();
    tag.local_name().as_ref() == b"Name" && attribute.is_some_and(|a| &*a.value == b"true")
}

/// Appends text to the field of the item that contains it.
fn add(field: Option<&mut (Item, usize)>, path: &[Vec<u8>], text: &str) {
    let Some((item, depth)) = field else { return };
    match (path.len() - *depth, path.last().map(Vec::as_slice)) {
        (1, Some(b"Key" | b"Name" | b"Prefix")) => item.key += text,
        (_, Some(b"Size" | b"Content-Length")) => item.size += text,
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn keys(xml: &str) -> Vec<(String, bool)> {
        let items = items(xml.as_bytes()).unwrap();
        items.into_iter().map(|item| (item.key.clone(), item.is_supported())).collect()
    }

    #[test]
    fn keys_of_google_cloud_storage_are_distinguished() {
        let object = |key: &str| {
            format!("<Contents><Key>{key}</Key><Size>3</Size><ETag>\"x\"</ETag></Contents>")
        };
        let good = ["a/b", "a b", "&amp;", "é", "a..b"];
        let odd = ["a//b", "/a", "a/", "a/./b", "../a", "a&#1;b", ""];
        let objects: String = good.iter().chain(&odd).map(|key| object(key)).collect();
        let folders = "<CommonPrefixes><Prefix>a/b/</Prefix></CommonPrefixes>\
                       <CommonPrefixes><Prefix>a//</Prefix></CommonPrefixes>";
        let xml =
            format!("<ListBucketResult><Prefix>a/</Prefix>{objects}{folders}</ListBucketResult>");
        let found = keys(&xml);
        let kept: Vec<&str> = found.iter().filter(|(_, kept)| *kept).map(|(k, _)| &**k).collect();
        assert_eq!(kept, ["a/b", "a b", "&", "é", "a..b", "a/b/"]);
        assert_eq!(found.len(), good.len() + odd.len() + 2);
    }

    #[test]
    fn keys_of_azure_are_distinguished() {
        let blob = |name: &str| {
            let properties = "<Properties><Content-Length>3</Content-Length></Properties>";
            format!("<Blob>{name}{properties}<Metadata><Name>x//y</Name></Metadata></Blob>")
        };
        let blobs = blob("<Name>a</Name>") + &blob("<Name Encoded=\"true\">a%01</Name>");
        let blobs = blobs + "<BlobPrefix><Name>a//</Name></BlobPrefix>";
        let xml = format!("<EnumerationResults><Blobs>{blobs}</Blobs></EnumerationResults>");
        let wanted = [("a", true), ("a%01", false), ("a//", false)];
        assert_eq!(keys(&xml), wanted.map(|(key, kept)| (key.to_owned(), kept)));
    }

    #[test]
    fn a_marker_is_an_empty_object_with_the_name_of_a_folder() {
        let item = |key: &str, size: &str| Item {
            key: key.to_owned(),
            size: size.to_owned(),
            ..Item::default()
        };
        assert!(item("a/b/", "0").is_marker());
        for (key, size) in [("a/b/", "1"), ("a", "0"), ("a//", "0"), ("a/", "")] {
            assert!(!item(key, size).is_marker(), "{key} {size}");
        }
    }

    #[test]
    fn a_body_that_is_not_a_listing_has_no_items() {
        assert!(items(b"<a><b></a>").is_none());
        assert!(items(b"not XML at all").unwrap().is_empty());
    }
}
