//! In-memory object stores that handle conditional puts in different ways: the XML API of Google
//! Cloud Storage, S3 servers with and without support for conditions, and Azure's listings.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime};

use super::stub::{Answer, Stub, StubRequest, answer};

/// Handling of conditional puts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Conditions {
    /// Compares ETags, as S3 does.
    Tags,
    /// Compares generations, as Google Cloud Storage does, and rejects conditions on ETags.
    Generations,
    /// Rejects them with this status.
    Rejected(u16),
    /// Ignores the condition and puts the object.
    Ignored,
}

#[derive(Clone)]
struct Object {
    content: Vec<u8>,
    generation: u64,
    modified: SystemTime,
}

impl Object {
    fn tag(&self) -> String {
        format!("\"tag-{}\"", self.generation)
    }

    fn date(&self) -> String {
        humantime::format_rfc3339_seconds(self.modified).to_string()
    }
}

#[derive(Default)]
struct Objects {
    objects: BTreeMap<String, Object>,
    last_generation: u64,
}

/// A store with one bucket, named `bucket`.
pub struct MemoryStore {
    pub stub: Stub,
    objects: Arc<Mutex<Objects>>,
}

impl MemoryStore {
    pub fn start(conditions: Conditions) -> MemoryStore {
        Self::rejecting(conditions, |_| None)
    }

    /// Starts a store that answers a request with the result of `rejection` unless it is `None`.
    pub fn rejecting(
        conditions: Conditions,
        rejection: impl Fn(&StubRequest) -> Option<Answer> + Send + Sync + 'static,
    ) -> MemoryStore {
        let objects: Arc<Mutex<Objects>> = Arc::default();
        let held = objects.clone();
        let stub = Stub::start(move |asked| {
            rejection(asked).unwrap_or_else(|| held.lock().unwrap().answer(asked, conditions))
        });
        MemoryStore { stub, objects }
    }

    pub fn put(&self, key: &str, content: impl AsRef<[u8]>) {
        self.objects.lock().unwrap().insert(key.to_owned(), content.as_ref().to_vec());
    }

    pub fn get(&self, key: &str) -> Option<Vec<u8>> {
        self.objects.lock().unwrap().objects.get(key).map(|object| object.content.clone())
    }

    pub fn age(&self, key: &str, age: Duration) {
        self.objects.lock().unwrap().objects.get_mut(key).unwrap().modified -= age;
    }

    pub fn keys(&self) -> Vec<String> {
        self.objects.lock().unwrap().objects.keys().cloned().collect()
    }
}

impl Objects {
    fn insert(&mut self, key: String, content: Vec<u8>) -> Object {
        self.last_generation += 1;
        let generation = 1000 + self.last_generation;
        let object = Object { content, generation, modified: SystemTime::now() };
        self.objects.insert(key, object.clone());
        object
    }

    fn answer(&mut self, asked: &StubRequest, conditions: Conditions) -> Answer {
        if asked.method == "CONNECT" {
            return answer(502, "");
        }
        // The path has no bucket if the host names it.
        let path = asked.path.trim_start_matches('/');
        let key = match asked.host.starts_with("bucket.") {
            true => path,
            false => path.split_once('/').map_or("", |(_, key)| key),
        };
        match (asked.method.as_str(), key) {
            ("HEAD", "") => with(answer(200, ""), &[("x-amz-bucket-region", "us-east-1")]),
            ("GET", "") if asked.parameter("comp").is_some() => self.azure_list(asked),
            ("GET", "") => self.list(asked),
            ("POST", "") => self.delete_many(asked),
            ("PUT", key) => self.put(key, asked, conditions),
            ("DELETE", key) => {
                self.objects.remove(key);
                answer(204, "")
            }
            (_, key) => self.get(key, asked),
        }
    }

    fn get(&self, key: &str, asked: &StubRequest) -> Answer {
        let Some(object) = self.objects.get(key) else {
            return answer(404, "<Error><Code>NoSuchKey</Code></Error>");
        };
        if asked.header("if-match").is_some_and(|tag| tag != object.tag()) {
            return answer(412, "<Error><Code>PreconditionFailed</Code></Error>");
        }
        let size = object.content.len();
        let range = asked.header("range").and_then(|range| {
            let (start, end) = range.strip_prefix("bytes=")?.split_once('-')?;
            let (start, end): (usize, usize) = (start.parse().ok()?, end.parse().ok()?);
            Some((start, end.min(size - 1)))
        });
        let found = match range {
            Some((start, end)) => with(
                answer(206, object.content[start..=end].to_vec()),
                &[("content-range", &format!("bytes {start}-{end}/{size}"))],
            ),
            None if asked.method == "HEAD" => {
                with(answer(200, ""), &[("content-length", &size.to_string())])
            }
            None => answer(200, object.content.clone()),
        };
        self.described(found, object)
    }

    fn described(&self, found: Answer, object: &Object) -> Answer {
        let date: chrono::DateTime<chrono::Utc> = object.modified.into();
        with(
            found,
            &[
                ("etag", &object.tag()),
                ("x-goog-generation", &object.generation.to_string()),
                ("last-modified", &date.to_rfc2822().replace("+0000", "GMT")),
            ],
        )
    }

    fn put(&mut self, key: &str, asked: &StubRequest, conditions: Conditions) -> Answer {
        let found = self.objects.get(key);
        let by_tag = asked.header("if-match").is_some() || asked.header("if-none-match").is_some();
        let is_met = match conditions {
            Conditions::Generations if by_tag => return answer(400, "<Error/>"),
            Conditions::Generations => {
                let generation = found.map_or(0, |object| object.generation).to_string();
                asked.header("x-goog-if-generation-match").is_none_or(|wanted| wanted == generation)
            }
            Conditions::Rejected(status) if by_tag => return answer(status, "<Error/>"),
            Conditions::Tags => {
                let tag = found.map(Object::tag);
                asked.header("if-none-match").is_none_or(|_| tag.is_none())
                    && asked.header("if-match").is_none_or(|wanted| tag.as_deref() == Some(wanted))
            }
            Conditions::Rejected(_) | Conditions::Ignored => true,
        };
        if !is_met {
            return answer(412, "<Error><Code>PreconditionFailed</Code></Error>");
        }
        let object = self.insert(key.to_owned(), asked.body.to_vec());
        self.described(answer(200, ""), &object)
    }

    fn delete_many(&mut self, asked: &StubRequest) -> Answer {
        let body = String::from_utf8_lossy(&asked.body).into_owned();
        for key in body.split("<Key>").skip(1) {
            self.objects.remove(key.split("</Key>").next().unwrap());
        }
        answer(200, "<DeleteResult></DeleteResult>")
    }

    /// Returns the objects and folders of a listing.
    fn found(&self, asked: &StubRequest) -> (Vec<(&String, &Object)>, Vec<String>) {
        let prefix = asked.parameter("prefix").unwrap_or_default();
        let (mut objects, mut folders) = (Vec::new(), Vec::new());
        for (key, object) in self.objects.iter().filter(|(key, _)| key.starts_with(&prefix)) {
            let delimiter = asked.parameter("delimiter");
            match delimiter.and_then(|delimiter| key[prefix.len()..].find(&delimiter)) {
                Some(end) => folders.push(key[..=prefix.len() + end].to_owned()),
                None => objects.push((key, object)),
            }
        }
        folders.dedup();
        (objects, folders)
    }

    fn list(&self, asked: &StubRequest) -> Answer {
        let (objects, folders) = self.found(asked);
        let mut xml = "<ListBucketResult>".to_owned();
        for (key, object) in objects {
            let (key, tag, size) = (escaped(key), object.generation, object.content.len());
            let date = object.date();
            write!(
                xml,
                "<Contents><Key>{key}</Key><LastModified>{date}</LastModified>\
                 <ETag>\"tag-{tag}\"</ETag><Size>{size}</Size></Contents>"
            )
            .unwrap();
        }
        for folder in folders {
            let folder = escaped(&folder);
            write!(xml, "<CommonPrefixes><Prefix>{folder}</Prefix></CommonPrefixes>").unwrap();
        }
        answer(200, xml + "<IsTruncated>false</IsTruncated></ListBucketResult>")
    }

    fn azure_list(&self, asked: &StubRequest) -> Answer {
        let (objects, folders) = self.found(asked);
        let name = |key: &str| match key.contains(char::is_control) {
            true => format!("<Name Encoded=\"true\">{}</Name>", key.replace('\u{1}', "%01")),
            false => format!("<Name>{}</Name>", escaped(key)),
        };
        let mut xml = "<EnumerationResults><Blobs>".to_owned();
        for (key, object) in objects {
            let date: chrono::DateTime<chrono::Utc> = object.modified.into();
            write!(
                xml,
                "<Blob>{}<Properties><Last-Modified>{}</Last-Modified><Etag>{}</Etag>\
                 <Content-Length>{}</Content-Length><Content-Type>x</Content-Type></Properties></Blob>",
                name(key),
                date.to_rfc2822().replace("+0000", "GMT"),
                escaped(&object.tag()),
                object.content.len()
            )
            .unwrap();
        }
        for folder in folders {
            write!(xml, "<BlobPrefix>{}</BlobPrefix>", name(&folder)).unwrap();
        }
        answer(200, xml + "</Blobs><NextMarker/></EnumerationResults>")
    }
}

fn escaped(key: &str) -> String {
    key.replace('&', "&amp;").replace('<', "&lt;").replace('\u{1}', "&#1;").replace('"', "&quot;")
}

fn with(mut found: Answer, headers: &[(&'static str, &str)]) -> Answer {
    for (name, value) in headers {
        found.headers_mut().insert(*name, value.parse().unwrap());
    }
    found
}
