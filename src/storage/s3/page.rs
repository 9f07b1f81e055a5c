//! Parser of a ListObjectsV2 page.
//!
//! Source: Amazon S3 API Reference, ListObjectsV2, with `encoding-type=url`, since XML 1.0 cannot
//! represent every key.

use percent_encoding::percent_decode;
use quick_xml::Reader;
use quick_xml::escape::resolve_predefined_entity;
use quick_xml::events::Event;

use crate::storage::bucket::{Entry, Found};

/// The reason why a response is not a valid page.
#[derive(Debug, thiserror::Error)]
pub(super) enum PageError {
    #[error("the listing is not XML")]
    Xml(#[from] quick_xml::Error),
    #[error("the listing is not UTF-8")]
    Encoding(#[from] quick_xml::encoding::EncodingError),
    #[error("the listing contains a key that is not UTF-8")]
    Key(#[from] std::string::FromUtf8Error),
    #[error(
        "the listing is {0:?} instead of ListBucketResult; check that the endpoint is an S3 server"
    )]
    Root(String),
    #[error("the listing lacks the {0} of an object")]
    Missing(&'static str),
    #[error("the listing is truncated, but has no new continuation token")]
    Token,
    #[error("the listing is incomplete")]
    Incomplete,
}

/// A page of a listing.
#[derive(Debug, Default)]
pub(super) struct Page {
    pub found: Vec<Found>,
    /// Continuation token of the next page.
    pub next: Option<String>,
}

/// A page with undecoded keys, since `EncodingType` may come after them.
#[derive(Default)]
struct Raw {
    objects: Vec<RawObject>,
    folders: Vec<String>,
    is_encoded: bool,
    is_truncated: bool,
    is_complete: bool,
    next: Option<String>,
}

#[derive(Default)]
struct RawObject {
    key: Option<String>,
    size: Option<u64>,
    etag: Option<String>,
}

impl Page {
    /// Parses the response to a request with the continuation token `token`.
    pub fn parse(xml: &[u8], token: Option<&str>) -> Result<Page, PageError> {
        let raw = Raw::parse(xml)?;
        let decoded = |text: String| match raw.is_encoded {
            true => url_decoded(&text),
            false => Ok(text),
        };
        let mut page = Page { next: raw.next, ..Page::default() };
        for object in raw.objects {
            let key = object.key.ok_or(PageError::Missing("key"))?;
            let key = match decoded(key.clone()) {
                Ok(key) => key,
                Err(error) => {
                    // S3 has no such keys. If another server has one, the rest must remain readable.
                    tracing::warn!(key, %error, "an object was skipped");
                    continue;
                }
            };
            let size = object.size.ok_or(PageError::Missing("size"))?;
            page.found.push(Found::Object(Entry { key, size, etag: object.etag }));
        }
        for folder in raw.folders {
            match decoded(folder.clone()) {
                Ok(folder) => page.found.push(Found::Folder(folder)),
                Err(error) => tracing::warn!(folder, %error, "a folder was skipped"),
            }
        }
        // Following a repeated token would loop forever.
        let is_new = page.next.as_deref().is_some_and(|next| token != Some(next));
        if raw.is_truncated && !is_new {
            return Err(PageError::Token);
        }
        page.next = page.next.filter(|_| raw.is_truncated);
        Ok(page)
    }
}

impl Raw {
    fn parse(xml: &[u8]) -> Result<Raw, PageError> {
        let mut reader = Reader::from_reader(xml);
        let mut raw = Raw::default();
        let (mut path, mut text) = (Vec::<String>::new(), String::new());
        loop {
            match reader.read_event()? {
                Event::Start(start) => {
                    let name = start.local_name();
                    path.push(String::from_utf8_lossy(name.as_ref()).into_owned());
                    raw.begin(&path)?;
                    text.clear();
                }
                Event::End(_) => {
                    raw.end(&path, std::mem::take(&mut text));
                    path.pop();
                }
                Event::Text(part) => text += &part.decode()?,
                Event::CData(part) => text += &part.decode()?,
                Event::GeneralRef(reference) => match reference.resolve_char_ref()? {
                    Some(c) => text.push(c),
                    None => text += resolve_predefined_entity(&reference.decode()?).unwrap_or(""),
                },
                Event::Eof => break,
                _ => {}
            }
        }
        if raw.is_complete { Ok(raw) } else { Err(PageError::Incomplete) }
    }

    fn begin(&mut self, path: &[String]) -> Result<(), PageError> {
        match path {
            [root] if root != "ListBucketResult" => Err(PageError::Root(root.clone())),
            [_, contents] if contents == "Contents" => {
                self.objects.push(RawObject::default());
                Ok(())
            }
            _ => Ok(()),
        }
    }

    fn end(&mut self, path: &[String], text: String) {
        let path: Vec<&str> = path.iter().map(String::as_str).collect();
        match (path.as_slice(), self.objects.last_mut()) {
            (["ListBucketResult"], _) => self.is_complete = true,
            ([_, "Contents", "Key"], Some(object)) => object.key = Some(text),
            ([_, "Contents", "Size"], Some(object)) => object.size = text.trim().parse().ok(),
            ([_, "Contents", "ETag"], Some(object)) => object.etag = Some(text),
            ([_, "CommonPrefixes", "Prefix"], _) => self.folders.push(text),
            ([_, "EncodingType"], _) => self.is_encoded = text == "url",
            ([_, "IsTruncated"], _) => self.is_truncated = text == "true",
            ([_, "NextContinuationToken"], _) => self.next = Some(text).filter(|t| !t.is_empty()),
            _ => {}
        }
    }
}

/// Decodes form-encoded text, in which a plus is a space.
fn url_decoded(text: &str) -> Result<String, PageError> {
    let spaced = text.replace('+', " ");
    Ok(String::from_utf8(percent_decode(spaced.as_bytes()).collect())?)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn keys(xml: &str) -> Vec<String> {
        let key = |found| match found {
            Found::Object(entry) => entry.key,
            Found::Folder(folder) => folder,
        };
        Page::parse(xml.as_bytes(), None).unwrap().found.into_iter().map(key).collect()
    }

    fn page(more: &str) -> String {
        format!(
            "<?xml version=\"1.0\"?>\n<ListBucketResult xmlns=\"http://x/\">{more}</ListBucketResult>"
        )
    }

    fn object(key: &str) -> String {
        format!(
            "<Contents><Key>{key}</Key><Size>3</Size><ETag>&quot;a&quot;</ETag>\
             <Owner><ID>Key</ID></Owner></Contents>"
        )
    }

    #[test]
    fn keys_are_exact_with_and_without_encoding() {
        let raw = [" a ", "a//b", "/a", "a&amp;b", "&#x1F;", "a+b", "100%25", "<![CDATA[x<y]]>"];
        let raw: String = raw.into_iter().map(object).collect();
        assert_eq!(
            keys(&page(&raw)),
            [" a ", "a//b", "/a", "a&b", "\u{1f}", "a+b", "100%25", "x<y"]
        );
        let encoded = ["+a", "a//b", "a%2Bb", "%01", "100%25", "%C3%A9/.."].map(object).concat();
        let encoded = encoded + "<CommonPrefixes><Prefix>a+b/</Prefix></CommonPrefixes>";
        assert_eq!(
            keys(&page(&format!("{encoded}<EncodingType>url</EncodingType>"))),
            [" a", "a//b", "a+b", "\u{1}", "100%", "é/..", "a b/"]
        );
    }

    #[test]
    fn a_key_that_is_not_utf8_hides_no_other() {
        let objects = object("%FF") + &object("a") + "<CommonPrefixes><Prefix>%FE/</Prefix>";
        let encoded = objects + "</CommonPrefixes><EncodingType>url</EncodingType>";
        assert_eq!(keys(&page(&encoded)), ["a"]);
    }

    #[test]
    fn sizes_tags_and_tokens_are_read() {
        let more =
            "<IsTruncated>true</IsTruncated><NextContinuationToken>t=&amp;</NextContinuationToken>";
        let xml = page(&(object("k") + more));
        let page = Page::parse(xml.as_bytes(), Some("s")).unwrap();
        let Found::Object(entry) = &page.found[0] else { panic!("{page:?}") };
        assert_eq!((entry.size, entry.etag.as_deref()), (3, Some("\"a\"")));
        assert_eq!(page.next.as_deref(), Some("t=&"));
        Page::parse(xml.as_bytes(), Some("t=&")).unwrap_err();
    }

    #[test]
    fn a_body_that_is_not_a_page_is_an_error() {
        for xml in [
            "<html><body/></html>".to_owned(),
            page("<Contents><Size>1</Size></Contents>"),
            page("<Contents><Key>k</Key></Contents>"),
            page("<IsTruncated>true</IsTruncated>"),
            page("<Contents>"),
            String::new(),
            page("").replace("</ListBucketResult>", ""),
        ] {
            assert!(Page::parse(xml.as_bytes(), None).is_err(), "{xml}");
        }
    }
}
