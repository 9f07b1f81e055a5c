//! The objects of the buckets: s3s-fs, and the parts of S3 that it lacks.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use hyper::header::{HeaderMap, IF_MATCH, IF_NONE_MATCH};
use hyper::{Method, Uri};
use s3s::dto::*;
use s3s::{S3, S3Request, S3Response, S3Result, s3_error};
use s3s_fs::FileSystem;
use tokio::sync::RwLock;

use super::disk::{forget, is_no_file, keys};
use super::listing::{Listed, Marker, Page, Source, url_encoded};
use super::synthetic::{made_at, made_body, made_etag, made_head};
use super::{BUCKET, Faults, Synthetic};

/// s3s-fs, extended by the parts of S3 that it lacks: atomic writes, conditional reads and copies,
/// ETags in listings, keys that are the folder of another key, the bucket's region, and the
/// synthetic objects.
pub(super) struct Store {
    files: FileSystem,
    root: PathBuf,
    region: String,
    page_size: usize,
    synthetic: Vec<Synthetic>,
    // s3s-fs checks a condition, renames the file and writes its ETag in separate steps.
    lock: RwLock<()>,
}

impl Store {
    pub(super) fn new(root: &Path, faults: &Faults) -> Self {
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
