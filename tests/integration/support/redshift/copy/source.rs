//! Objects that a COPY reads from the bucket with the role's permissions.

use std::collections::HashMap;
use std::sync::Mutex;

use bytes::Bytes;
use futures::TryStreamExt;
use object_store::aws::{AmazonS3, AmazonS3Builder};
use object_store::path::Path;
use object_store::{ObjectStore, ObjectStoreExt};
use serde_json::Value;

use super::Failure;
use super::statement::CopyStatement;

/// The buckets that the role can read.
pub struct Buckets {
    pub endpoint: String,
    pub access_key: String,
    pub secret_key: String,
    pub region: String,
    /// Region of the warehouse.
    pub own_region: String,
    clients: Mutex<HashMap<String, AmazonS3>>,
}

/// A file to load.
#[derive(Clone, Debug)]
pub struct Entry {
    pub bucket: String,
    pub key: String,
    pub mandatory: bool,
    /// Size in bytes that the manifest declares.
    pub length: Option<u64>,
}

impl Entry {
    /// Returns the address as messages show it.
    pub fn address(&self, region: &str) -> String {
        let key = self.key.replace('=', "%3D");
        format!("https://s3.{region}.amazonaws.com/{}/{key}", self.bucket)
    }
}

impl Buckets {
    pub fn new(
        endpoint: String,
        (access_key, secret_key): (&str, &str),
        region: String,
        own_region: String,
    ) -> Buckets {
        Buckets {
            endpoint,
            access_key: access_key.to_owned(),
            secret_key: secret_key.to_owned(),
            region,
            own_region,
            clients: Mutex::default(),
        }
    }

    /// Returns the files of a statement in load order.
    pub async fn entries(&self, copy: &CopyStatement) -> Result<Vec<Entry>, Failure> {
        self.same_region(&copy.bucket)?;
        if copy.manifest { self.manifest(copy).await } else { self.prefixed(copy).await }
    }

    /// Reads a file, or returns `None` if it is missing and not mandatory.
    pub async fn read(&self, entry: &Entry) -> Result<Option<Bytes>, Failure> {
        self.same_region(&entry.bucket)?;
        let Some(bytes) = self.object(&entry.bucket, &entry.key).await? else {
            if !entry.mandatory {
                return Ok(None);
            }
            let context = format!("File not found: {}", entry.address(&self.own_region));
            return Err(Failure::scan(15001, context, "Spectrum Scan Error: File not found"));
        };
        if entry.length.is_some_and(|length| length != bytes.len() as u64) {
            let context = "HTTP response error code: 416 Message: InvalidRange The requested \
                           range is not satisfiable";
            return Err(Failure::scan(15001, context, "Spectrum Scan Error"));
        }
        Ok(Some(bytes))
    }

    fn same_region(&self, bucket: &str) -> Result<(), Failure> {
        if self.region == self.own_region {
            return Ok(());
        }
        let context = format!(
            "S3ServiceException:The S3 bucket addressed by the query is in a different region from \
             this cluster.,Status 301,Error PermanentRedirect, bucket {bucket}"
        );
        Err(Failure::s3(context))
    }

    async fn manifest(&self, copy: &CopyStatement) -> Result<Vec<Entry>, Failure> {
        let Some(bytes) = self.object(&copy.bucket, &copy.key).await? else {
            let context = format!(
                "S3ServiceException:The specified key does not exist.,Status 404,Error NoSuchKey,\
                 S3 key being read : s3://{}/{}",
                copy.bucket, copy.key
            );
            return Err(Failure::s3(context));
        };
        let document: Value = serde_json::from_slice(&bytes).map_err(|error| {
            Failure::manifest(8001, format!("not in correct json format: {error}"))
        })?;
        let entries = document
            .as_object()
            .and_then(|object| object.get("entries"))
            .and_then(Value::as_array)
            .ok_or_else(|| Failure::manifest(8001, "no list of entries".to_owned()))?;
        entries.iter().map(entry).collect()
    }

    /// Returns all keys that begin with the path: `a` also matches `ab`.
    async fn prefixed(&self, copy: &CopyStatement) -> Result<Vec<Entry>, Failure> {
        let folder = copy.key.rsplit_once('/').map_or("", |(folder, _)| folder);
        let Ok(folder) = Path::parse(folder) else { return Ok(Vec::new()) };
        let listing = self.client(&copy.bucket).list(Some(&folder));
        let found: Vec<_> = listing.try_collect().await.map_err(|e| Failure::s3(e.to_string()))?;
        let keys = found.into_iter().map(|object| object.location.to_string());
        let mut keys: Vec<String> = keys.filter(|key| key.starts_with(&copy.key)).collect();
        keys.sort_unstable();
        let bucket = copy.bucket.clone();
        let entry = |key| Entry { bucket: bucket.clone(), key, mandatory: true, length: None };
        Ok(keys.into_iter().map(entry).collect())
    }

    async fn object(&self, bucket: &str, key: &str) -> Result<Option<Bytes>, Failure> {
        // The client rejects `a//b` as a path. S3 accepts it as a key, but no object here has such
        // a key.
        let Ok(path) = Path::parse(key) else { return Ok(None) };
        if path.as_ref() != key {
            return Ok(None);
        }
        let client = self.client(bucket);
        let answer = async { client.get(&path).await?.bytes().await };
        match answer.await {
            Ok(bytes) => Ok(Some(bytes)),
            Err(object_store::Error::NotFound { .. }) => Ok(None),
            Err(error) => Err(Failure::s3(format!("S3ServiceException:{error}"))),
        }
    }

    fn client(&self, bucket: &str) -> AmazonS3 {
        let mut clients = self.clients.lock().unwrap();
        let made = || {
            AmazonS3Builder::new()
                .with_endpoint(&self.endpoint)
                .with_bucket_name(bucket)
                .with_region(&self.region)
                .with_access_key_id(&self.access_key)
                .with_secret_access_key(&self.secret_key)
                .with_allow_http(true)
                .build()
                .unwrap()
        };
        clients.entry(bucket.to_owned()).or_insert_with(made).clone()
    }
}

fn entry(value: &Value) -> Result<Entry, Failure> {
    let Some(url) = value.get("url").and_then(Value::as_str) else {
        return Err(Failure::manifest(8001, "File entry does not have 'url' key.".to_owned()));
    };
    let address = url.strip_prefix("s3://").and_then(|path| path.split_once('/'));
    let Some((bucket, key)) = address else {
        return Err(Failure::manifest(8001, format!("'{url}' is not the address of an object")));
    };
    let Some(meta) = value.get("meta") else {
        return Err(Failure::manifest(15003, "File entry does not have 'meta' key.".to_owned()));
    };
    let Some(length) = meta.get("content_length").and_then(Value::as_u64) else {
        let error = "File entry's 'meta' does not have 'content_length' key.";
        return Err(Failure::manifest(15003, error.to_owned()));
    };
    Ok(Entry {
        bucket: bucket.to_owned(),
        key: key.to_owned(),
        mandatory: value.get("mandatory").and_then(Value::as_bool).unwrap_or(false),
        length: Some(length),
    })
}
