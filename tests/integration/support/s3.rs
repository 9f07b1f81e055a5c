//! A real S3 server for tests: s3s over HTTP on a free port of 127.0.0.1. It verifies SigV4
//! signatures and keeps objects as plain files below a temporary directory.
//!
//! The server has its own threads, so a blocking test can run `starlift` against it as a child
//! process. [`Store`] corrects the differences between s3s-fs and AWS; [`Faults`] scripts failures.

#[path = "faults.rs"]
mod faults;

use std::borrow::Cow;
use std::fs;
use std::io::ErrorKind;
use std::net::{SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use bytes::Bytes;
use hyper::header::{HeaderMap, IF_MATCH, IF_NONE_MATCH};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Method, Uri};
use hyper_util::rt::TokioIo;
use s3s::access::{S3Access, S3AccessContext};
use s3s::auth::SimpleAuth;
use s3s::dto::*;
use s3s::service::{S3Service, S3ServiceBuilder};
use s3s::{Body, S3, S3Request, S3Response, S3Result, s3_error};
use s3s_fs::FileSystem;
use tempfile::TempDir;
use tokio::runtime::{Builder, Runtime};
use tokio::sync::RwLock;

use faults::Layer;
pub use faults::{Faults, Gate, Op, Request, Rule, Synthetic};

/// The bucket that every server starts with.
pub const BUCKET: &str = "sparkify";

const ACCESS_KEY: &str = "AKIAIOSFODNN7EXAMPLE";
const SECRET_KEY: &str = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY";

/// A running server; it stops when it is dropped.
pub struct S3Server {
    address: SocketAddr,
    anonymous: bool,
    region: String,
    layer: Arc<Layer>,
    directory: TempDir,
    root: PathBuf,
    runtime: Option<Runtime>,
}

impl S3Server {
    /// Starts a server without faults and with an empty bucket.
    pub fn start() -> S3Server {
        Self::start_with(Faults::default())
    }

    /// Starts a server with these faults.
    pub fn start_with(faults: Faults) -> S3Server {
        let directory = tempfile::tempdir().unwrap();
        let root = directory.path().join("buckets");
        fs::create_dir_all(root.join(BUCKET)).unwrap();
        let (anonymous, region) = (faults.anonymous, faults.region.clone());
        let layer = Arc::new(Layer::new(service(&root, &faults), root.clone(), faults));
        let runtime = Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        runtime.spawn(accept(listener, Arc::clone(&layer)));
        S3Server { address, anonymous, region, layer, directory, root, runtime: Some(runtime) }
    }

    /// Returns `http://127.0.0.1:PORT`.
    pub fn endpoint(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Returns `s3://sparkify/{key}`.
    pub fn url(&self, key: &str) -> String {
        format!("s3://{BUCKET}/{key}")
    }

    /// Returns the access key ID and the secret that the server accepts.
    pub fn credentials(&self) -> (&'static str, &'static str) {
        (ACCESS_KEY, SECRET_KEY)
    }

    /// Returns the environment of a client: the endpoint, and credentials unless access is
    /// anonymous.
    pub fn env(&self) -> Vec<(&'static str, String)> {
        let nothing = self.directory.path().join("no-such-file").display().to_string();
        let mut env = vec![
            ("AWS_REGION", self.region.clone()),
            ("AWS_ENDPOINT_URL", self.endpoint()),
            ("AWS_ALLOW_HTTP", "true".into()),
            ("AWS_EC2_METADATA_DISABLED", "true".into()),
            ("AWS_CONFIG_FILE", nothing.clone()),
            ("AWS_SHARED_CREDENTIALS_FILE", nothing),
            ("NO_PROXY", "127.0.0.1".into()),
        ];
        if self.anonymous {
            env.push(("AWS_SKIP_SIGNATURE", "true".into()));
        } else {
            env.push(("AWS_ACCESS_KEY_ID", ACCESS_KEY.into()));
            env.push(("AWS_SECRET_ACCESS_KEY", SECRET_KEY.into()));
        }
        env
    }

    /// Points a child process at this server, and removes the AWS settings of the host's
    /// environment.
    pub fn apply<'a>(&self, command: &'a mut Command) -> &'a mut Command {
        for (name, _) in std::env::vars_os() {
            if name.to_string_lossy().starts_with("AWS_") {
                command.env_remove(name);
            }
        }
        command.envs(self.env())
    }

    /// Returns the directory that contains the buckets as subdirectories.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// Uploads every file below a local folder under `prefix`.
    pub fn put_tree(&self, local: &Path, prefix: &str) {
        for file in files_below(local) {
            let name = file.strip_prefix(local).unwrap().to_str().unwrap();
            let key = Path::new(prefix).join(name);
            self.put(key.to_str().unwrap(), fs::read(&file).unwrap());
        }
    }

    /// Creates an object directly on disk, bypassing the HTTP interface and its faults.
    pub fn put(&self, key: &str, content: impl AsRef<[u8]>) {
        let path = self.root.join(BUCKET).join(key);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, content).unwrap();
        forget(&self.root, BUCKET, key);
    }

    /// Reads an object directly from disk, bypassing the HTTP interface and its faults.
    pub fn get(&self, key: &str) -> Option<Vec<u8>> {
        fs::read(self.root.join(BUCKET).join(key)).ok()
    }

    /// Returns the keys below a prefix in order, without synthetic objects.
    pub fn keys(&self, prefix: &str) -> Vec<String> {
        keys(&self.root.join(BUCKET), prefix)
    }

    /// Returns the number of multipart uploads that are neither completed nor aborted.
    pub fn pending_uploads(&self) -> usize {
        let names = fs::read_dir(&self.root).unwrap().map(|entry| entry.unwrap().file_name());
        names.filter(|name| name.to_string_lossy().starts_with(".upload-")).count()
    }

    /// Returns every request so far, in order of arrival.
    pub fn requests(&self) -> Vec<Request> {
        self.layer.requests()
    }

    /// Returns the number of requests with this operation whose target contains the text.
    pub fn count(&self, op: Op, target: &str) -> usize {
        self.requests()
            .iter()
            .filter(|request| op == Op::Any || request.op == op)
            .filter(|request| request.target.contains(target))
            .count()
    }

    /// Returns the highest number of requests that were being served at the same time.
    pub fn peak(&self) -> usize {
        self.layer.peak()
    }

    /// Adds a rule after the existing ones.
    pub fn inject(&self, rule: Rule) {
        self.layer.add_rule(rule);
    }

    /// Makes about one in `n` later requests fail, pseudo-randomly; 0 turns this off.
    pub fn fail_one_in(&self, n: usize) {
        self.layer.fail_one_in(n);
    }

    /// Holds all further requests that match.
    pub fn pause(&self, op: Op, target: &str) -> Gate {
        self.layer.add_gate(op, target, usize::MAX)
    }

    /// Holds the next request that matches.
    pub fn pause_first(&self, op: Op, target: &str) -> Gate {
        self.layer.add_gate(op, target, 1)
    }

    /// Sets the modification time of an object to `age` ago.
    pub fn age(&self, key: &str, age: Duration) {
        let file = fs::File::options().write(true).open(self.root.join(BUCKET).join(key)).unwrap();
        file.set_modified(SystemTime::now() - age).unwrap();
    }
}

impl Drop for S3Server {
    // Dropping a runtime inside the runtime of a test panics.
    fn drop(&mut self) {
        self.runtime.take().unwrap().shutdown_background();
    }
}

fn service(root: &Path, faults: &Faults) -> S3Service {
    let mut builder = S3ServiceBuilder::new(Store::new(root, faults));
    builder.set_auth(SimpleAuth::from_single(ACCESS_KEY, SECRET_KEY));
    if faults.anonymous {
        builder.set_access(Public);
    }
    builder.build()
}

async fn accept(listener: TcpListener, layer: Arc<Layer>) {
    listener.set_nonblocking(true).unwrap();
    let listener = tokio::net::TcpListener::from_std(listener).unwrap();
    loop {
        let (socket, _) = listener.accept().await.unwrap();
        socket.set_nodelay(true).unwrap();
        let layer = Arc::clone(&layer);
        let service = service_fn(move |request| Arc::clone(&layer).serve(request));
        // The connection fails whenever a fault or the client closes it.
        tokio::spawn(http1::Builder::new().serve_connection(TokioIo::new(socket), service));
    }
}

/// Allows unsigned requests; a signature, if present, must still be valid.
struct Public;

#[async_trait::async_trait]
impl S3Access for Public {
    async fn check(&self, _: &mut S3AccessContext<'_>) -> S3Result<()> {
        Ok(())
    }
}

/// s3s-fs, extended by the parts of S3 that it lacks: atomic writes, conditional reads and copies,
/// ETags in listings, keys that are the folder of another key, the bucket's region, and the
/// synthetic objects.
struct Store {
    files: FileSystem,
    root: PathBuf,
    region: String,
    page_size: usize,
    synthetic: Vec<Synthetic>,
    // s3s-fs checks a condition, renames the file and writes its ETag in separate steps.
    lock: RwLock<()>,
}

impl Store {
    fn new(root: &Path, faults: &Faults) -> Self {
        Self {
            files: FileSystem::new(root).unwrap(),
            root: root.to_owned(),
            region: faults.region.clone(),
            page_size: faults.page_size.min(1000),
            synthetic: faults.synthetic.clone(),
            lock: RwLock::default(),
        }
    }

    fn is_object(&self, bucket: &str, key: &str) -> bool {
        !is_no_file(key) && self.root.join(bucket).join(key).is_file()
    }

    // s3s-fs treats a folder as an object and then fails to read it.
    fn require_object(&self, bucket: &str, key: &str) -> S3Result<()> {
        if !self.root.join(bucket).is_dir() {
            return Err(s3_error!(NoSuchBucket));
        }
        if !self.is_object(bucket, key) {
            return Err(s3_error!(NoSuchKey));
        }
        Ok(())
    }

    fn require_upload(&self, id: &str) -> S3Result<()> {
        if !self.root.join(format!(".upload-{id}.json")).is_file() {
            return Err(s3_error!(NoSuchUpload));
        }
        Ok(())
    }

    // s3s-fs checks this only after it has discarded the upload.
    fn check_parts(&self, input: &CompleteMultipartUploadInput) -> S3Result<()> {
        let parts = input
            .multipart_upload
            .as_ref()
            .and_then(|upload| upload.parts.as_deref())
            .unwrap_or_default();
        for (i, part) in parts.iter().enumerate() {
            let number = part.part_number.unwrap_or_default();
            let file = self.root.join(format!(".upload_id-{}.part-{number}", input.upload_id));
            let size = file.metadata().map_err(|_| s3_error!(InvalidPart))?.len();
            if size < 5 << 20 && i + 1 < parts.len() {
                return Err(s3_error!(EntityTooSmall));
            }
        }
        Ok(())
    }

    fn made(&self, bucket: &str, key: &str) -> Option<(usize, &Synthetic)> {
        let find = |objects| Synthetic::find(objects, key).map(|i| (i, objects));
        self.synthetic.iter().filter(|_| bucket == BUCKET).find_map(find)
    }

    async fn head(&self, bucket: &str, key: &str) -> S3Result<HeadObjectOutput> {
        let input =
            HeadObjectInput::builder().bucket(bucket.into()).key(key.into()).build().unwrap();
        Ok(self.files.head_object(request(input)).await?.output)
    }

    async fn check_write(&self, headers: &HeaderMap, bucket: &str, key: &str) -> S3Result<()> {
        let exists = self.is_object(bucket, key);
        if headers.contains_key(IF_NONE_MATCH) && exists {
            return Err(s3_error!(PreconditionFailed));
        }
        let Some(wanted) = headers.get(IF_MATCH) else {
            return Ok(());
        };
        if !exists {
            return Err(s3_error!(NoSuchKey));
        }
        let wanted = ETagCondition::parse_http_header(wanted.as_bytes())
            .map_err(|_| s3_error!(InvalidArgument))?;
        check_read(self.head(bucket, key).await?.e_tag.as_ref(), Some(&wanted), None)
    }

    // An empty folder left behind would block an object of the same name.
    fn delete(&self, bucket: &str, key: &str) -> S3Result<()> {
        let bucket_root = self.root.join(bucket);
        if !bucket_root.is_dir() {
            return Err(s3_error!(NoSuchBucket));
        }
        if self.is_object(bucket, key) {
            let path = bucket_root.join(key);
            fs::remove_file(&path).map_err(s3s::S3Error::internal_error)?;
            forget(&self.root, bucket, key);
            let folders = path.ancestors().skip(1).take_while(|folder| *folder != bucket_root);
            folders.map(fs::remove_dir).take_while(Result::is_ok).for_each(drop);
        }
        Ok(())
    }

    async fn object(&self, bucket: &str, listed: &Listed<'_>) -> S3Result<Object> {
        let (size, e_tag, modified) = match listed.made {
            Some((objects, i)) => (objects.content(i).len() as i64, made_etag(i), made_at()),
            None => {
                let head = self.head(bucket, &listed.key).await?;
                (
                    head.content_length.unwrap(),
                    head.e_tag.unwrap(),
                    self.modified(bucket, &listed.key),
                )
            }
        };
        Ok(Object {
            key: Some(listed.key.clone()),
            size: Some(size),
            e_tag: Some(e_tag),
            last_modified: Some(modified),
            storage_class: Some(ObjectStorageClass::from_static(ObjectStorageClass::STANDARD)),
            ..Object::default()
        })
    }

    // Truncated to the second, as in AWS's listings and the Last-Modified header.
    fn modified(&self, bucket: &str, key: &str) -> Timestamp {
        let modified =
            self.root.join(bucket).join(key).metadata().and_then(|data| data.modified()).unwrap();
        let age = modified.duration_since(SystemTime::UNIX_EPOCH).unwrap();
        Timestamp::from(SystemTime::UNIX_EPOCH + Duration::from_secs(age.as_secs()))
    }

    fn sources(&self, bucket: &str, prefix: &str) -> Vec<Source<'_>> {
        let mut sources = vec![Source::Disk(keys(&self.root.join(bucket), prefix))];
        if bucket == BUCKET {
            sources.extend(self.synthetic.iter().map(Source::Made));
        }
        sources
    }
}

#[async_trait::async_trait]
impl S3 for Store {
    async fn head_bucket(
        &self,
        req: S3Request<HeadBucketInput>,
    ) -> S3Result<S3Response<HeadBucketOutput>> {
        let mut response = self.files.head_bucket(req).await?;
        response.output.bucket_region = Some(self.region.clone());
        Ok(response)
    }

    async fn get_bucket_location(
        &self,
        req: S3Request<GetBucketLocationInput>,
    ) -> S3Result<S3Response<GetBucketLocationOutput>> {
        let mut response = self.files.get_bucket_location(req).await?;
        let elsewhere = self.region != "us-east-1";
        response.output.location_constraint = elsewhere.then(|| self.region.clone().into());
        Ok(response)
    }

    async fn head_object(
        &self,
        req: S3Request<HeadObjectInput>,
    ) -> S3Result<S3Response<HeadObjectOutput>> {
        let _guard = self.lock.read().await;
        let (if_match, if_none_match) =
            (req.input.if_match.clone(), req.input.if_none_match.clone());
        let response = if let Some((i, objects)) = self.made(&req.input.bucket, &req.input.key) {
            S3Response::new(made_head(i, objects))
        } else {
            self.require_object(&req.input.bucket, &req.input.key)?;
            self.files.head_object(req).await?
        };
        check_read(response.output.e_tag.as_ref(), if_match.as_ref(), if_none_match.as_ref())?;
        Ok(response)
    }

    async fn get_object(
        &self,
        req: S3Request<GetObjectInput>,
    ) -> S3Result<S3Response<GetObjectOutput>> {
        let _guard = self.lock.read().await;
        let (if_match, if_none_match) =
            (req.input.if_match.clone(), req.input.if_none_match.clone());
        let response = if let Some((i, objects)) = self.made(&req.input.bucket, &req.input.key) {
            S3Response::new(made_body(i, objects, req.input.range)?)
        } else {
            self.require_object(&req.input.bucket, &req.input.key)?;
            self.files.get_object(req).await?
        };
        check_read(response.output.e_tag.as_ref(), if_match.as_ref(), if_none_match.as_ref())?;
        Ok(response)
    }

    async fn list_objects_v2(
        &self,
        req: S3Request<ListObjectsV2Input>,
    ) -> S3Result<S3Response<ListObjectsV2Output>> {
        let _guard = self.lock.read().await;
        let input = req.input;
        if !self.root.join(&input.bucket).is_dir() {
            return Err(s3_error!(NoSuchBucket));
        }
        let prefix = input.prefix.clone().unwrap_or_default();
        let limit = input
            .max_keys
            .map_or(self.page_size, |keys| self.page_size.min(usize::try_from(keys).unwrap_or(0)));
        let start =
            Marker::start(input.continuation_token.as_deref(), input.start_after.as_deref());
        let page = Page::read(
            &self.sources(&input.bucket, &prefix),
            &prefix,
            input.delimiter.as_deref(),
            start,
            limit,
        );
        let is_encoded =
            input.encoding_type.as_ref().is_some_and(|encoding| encoding.as_str() == "url");
        let encoded = |key: String| if is_encoded { url_encoded(&key) } else { key };
        let mut contents = Vec::with_capacity(page.objects.len());
        for listed in &page.objects {
            let object = self.object(&input.bucket, listed).await?;
            contents.push(Object { key: object.key.map(encoded), ..object });
        }
        let folders = page.folders.into_iter();
        let folders = folders.map(|folder| CommonPrefix { prefix: Some(encoded(folder)) });
        Ok(S3Response::new(ListObjectsV2Output {
            common_prefixes: Some(folders.collect()),
            contents: Some(contents),
            continuation_token: input.continuation_token,
            delimiter: input.delimiter,
            encoding_type: input.encoding_type,
            is_truncated: Some(page.next.is_some()),
            key_count: Some(page.count as i32),
            max_keys: Some(limit as i32),
            name: Some(input.bucket),
            next_continuation_token: page.next.map(Marker::token),
            prefix: input.prefix,
            start_after: input.start_after,
            ..ListObjectsV2Output::default()
        }))
    }

    async fn put_object(
        &self,
        req: S3Request<PutObjectInput>,
    ) -> S3Result<S3Response<PutObjectOutput>> {
        let _guard = self.lock.write().await;
        self.check_write(&req.headers, &req.input.bucket, &req.input.key).await?;
        self.files.put_object(req).await
    }

    async fn copy_object(
        &self,
        req: S3Request<CopyObjectInput>,
    ) -> S3Result<S3Response<CopyObjectOutput>> {
        let _guard = self.lock.write().await;
        if let CopySource::Bucket { bucket, key, .. } = &req.input.copy_source {
            self.require_object(bucket, key)?;
        }
        self.check_write(&req.headers, &req.input.bucket, &req.input.key).await?;
        self.files.copy_object(req).await
    }

    async fn delete_object(
        &self,
        req: S3Request<DeleteObjectInput>,
    ) -> S3Result<S3Response<DeleteObjectOutput>> {
        let _guard = self.lock.write().await;
        self.delete(&req.input.bucket, &req.input.key)?;
        Ok(S3Response::new(DeleteObjectOutput::default()))
    }

    async fn delete_objects(
        &self,
        req: S3Request<DeleteObjectsInput>,
    ) -> S3Result<S3Response<DeleteObjectsOutput>> {
        let _guard = self.lock.write().await;
        let mut deleted = Vec::new();
        for object in req.input.delete.objects {
            self.delete(&req.input.bucket, &object.key)?;
            deleted.push(DeletedObject { key: Some(object.key), ..DeletedObject::default() });
        }
        Ok(S3Response::new(DeleteObjectsOutput {
            deleted: Some(deleted),
            ..DeleteObjectsOutput::default()
        }))
    }

    async fn upload_part(
        &self,
        req: S3Request<UploadPartInput>,
    ) -> S3Result<S3Response<UploadPartOutput>> {
        self.require_upload(&req.input.upload_id)?;
        self.files.upload_part(req).await
    }

    async fn complete_multipart_upload(
        &self,
        req: S3Request<CompleteMultipartUploadInput>,
    ) -> S3Result<S3Response<CompleteMultipartUploadOutput>> {
        let _guard = self.lock.write().await;
        self.require_upload(&req.input.upload_id)?;
        self.check_parts(&req.input)?;
        self.check_write(&req.headers, &req.input.bucket, &req.input.key).await?;
        self.files.complete_multipart_upload(req).await
    }

    async fn abort_multipart_upload(
        &self,
        req: S3Request<AbortMultipartUploadInput>,
    ) -> S3Result<S3Response<AbortMultipartUploadOutput>> {
        let _guard = self.lock.write().await;
        self.require_upload(&req.input.upload_id)?;
        self.files.abort_multipart_upload(req).await
    }

    async fn create_multipart_upload(
        &self,
        req: S3Request<CreateMultipartUploadInput>,
    ) -> S3Result<S3Response<CreateMultipartUploadOutput>> {
        self.files.create_multipart_upload(req).await
    }

    async fn upload_part_copy(
        &self,
        req: S3Request<UploadPartCopyInput>,
    ) -> S3Result<S3Response<UploadPartCopyOutput>> {
        let _guard = self.lock.read().await;
        self.require_upload(&req.input.upload_id)?;
        self.files.upload_part_copy(req).await
    }

    async fn list_parts(
        &self,
        req: S3Request<ListPartsInput>,
    ) -> S3Result<S3Response<ListPartsOutput>> {
        self.require_upload(&req.input.upload_id)?;
        self.files.list_parts(req).await
    }
}

/// Encodes as in forms: a space becomes a plus sign.
fn url_encoded(key: &str) -> String {
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

fn request<T>(input: T) -> S3Request<T> {
    S3Request {
        input,
        method: Method::GET,
        uri: Uri::default(),
        headers: HeaderMap::default(),
        extensions: hyper::http::Extensions::default(),
        credentials: None,
        region: None,
        service: None,
        trailing_headers: None,
    }
}

fn check_read(
    e_tag: Option<&ETag>,
    if_match: Option<&ETagCondition>,
    if_none_match: Option<&ETagCondition>,
) -> S3Result<()> {
    let is = |condition: &ETagCondition| match condition {
        ETagCondition::Any => true,
        ETagCondition::ETag(wanted) => e_tag.is_some_and(|e_tag| e_tag.weak_cmp(wanted)),
    };
    if if_match.is_some_and(|condition| !is(condition)) {
        return Err(s3_error!(PreconditionFailed));
    }
    if if_none_match.is_some_and(is) {
        return Err(s3_error!(NotModified));
    }
    Ok(())
}

fn made_at() -> Timestamp {
    Timestamp::from(SystemTime::UNIX_EPOCH + Duration::from_secs(1_700_000_000))
}

fn made_etag(i: usize) -> ETag {
    ETag::Strong(format!("{i:032x}"))
}

fn made_head(i: usize, objects: &Synthetic) -> HeadObjectOutput {
    HeadObjectOutput {
        content_length: Some(objects.content(i).len() as i64),
        e_tag: Some(made_etag(i)),
        last_modified: Some(made_at()),
        ..HeadObjectOutput::default()
    }
}

fn made_body(i: usize, objects: &Synthetic, range: Option<Range>) -> S3Result<GetObjectOutput> {
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

/// Sorted keys from one source.
enum Source<'a> {
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
enum Marker {
    Key(String),
    Folder(String),
}

impl Marker {
    fn start(token: Option<&str>, after: Option<&str>) -> Marker {
        match token.and_then(|token| token.split_once(':')) {
            Some(("folder", folder)) => Marker::Folder(folder.to_owned()),
            Some((_, key)) => Marker::Key(key.to_owned()),
            None => Marker::Key(after.unwrap_or_default().to_owned()),
        }
    }

    fn token(self) -> String {
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

struct Listed<'a> {
    key: String,
    made: Option<(&'a Synthetic, usize)>,
}

struct Page<'a> {
    objects: Vec<Listed<'a>>,
    folders: Vec<String>,
    count: usize,
    next: Option<Marker>,
}

impl<'a> Page<'a> {
    fn read(
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

/// Returns `true` if a file system would resolve the key to a different path.
fn is_no_file(key: &str) -> bool {
    key.starts_with('/') || key.split('/').any(|part| matches!(part, "." | ".."))
}

fn keys(bucket: &Path, prefix: &str) -> Vec<String> {
    if is_no_file(prefix) {
        return Vec::new();
    }
    let folder = prefix.rsplit_once('/').map_or("", |(folder, _)| folder);
    let files = files_below(&bucket.join(folder));
    let key = |file: PathBuf| file.strip_prefix(bucket).unwrap().to_str().unwrap().to_owned();
    let mut keys: Vec<String> =
        files.into_iter().map(key).filter(|key| key.starts_with(prefix)).collect();
    keys.sort_unstable();
    keys
}

fn files_below(folder: &Path) -> Vec<PathBuf> {
    let entries = match fs::read_dir(folder) {
        Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => {
            return Vec::new();
        }
        entries => entries.unwrap(),
    };
    let mut files = Vec::new();
    for entry in entries.map(Result::unwrap) {
        if entry.path().is_dir() {
            files.extend(files_below(&entry.path()));
        } else {
            files.push(entry.path());
        }
    }
    files
}

// s3s-fs keeps the ETag of a key in a file beside the bucket, and would return it for the new
// content.
fn forget(root: &Path, bucket: &str, key: &str) {
    for kind in ["internal", "metadata"] {
        let name = format!(".bucket-{}.object-{}.{kind}.json", base64url(bucket), base64url(key));
        match fs::remove_file(root.join(name)) {
            Err(error) if error.kind() != ErrorKind::NotFound => panic!("{error}"),
            _ => {}
        }
    }
}

fn base64url(text: &str) -> String {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    let mut encoded = String::new();
    for chunk in text.as_bytes().chunks(3) {
        let bits = chunk.iter().fold(0, |bits, byte| bits << 8 | u32::from(*byte))
            << (8 * (3 - chunk.len()));
        let digits =
            (0..=chunk.len()).map(|i| char::from(DIGITS[(bits >> (18 - 6 * i) & 63) as usize]));
        encoded.extend(digits);
    }
    encoded
}
