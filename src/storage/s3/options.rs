//! Options of requests to S3.

use object_store::aws::{AmazonS3Builder, Checksum};

/// How objects are requested from S3 and written to it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct S3Options {
    /// Encryption of what is written; without it the bucket's own default applies.
    pub encryption: Option<Encryption>,
    /// Whether the bucket's key encrypts the keys of objects, in place of one request to KMS each.
    pub bucket_key: Option<bool>,
    /// Accept to be charged for requests, as buckets demand whose requesters pay.
    pub request_payer: bool,
    /// The checksum that is sent with what is written.
    pub checksum: ChecksumKind,
    /// Where the name of the bucket stands in a URL.
    pub addressing: Addressing,
}

/// Server-side encryption.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Encryption {
    /// With keys of S3 (SSE-S3).
    S3,
    /// With a key of KMS (SSE-KMS): the one of this id or ARN, else the account's own for S3.
    Kms(Option<String>),
    /// In two layers with a key of KMS (DSSE-KMS).
    DualKms(Option<String>),
}

/// A checksum that S3 verifies before it stores an object.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum ChecksumKind {
    /// None.
    #[default]
    None,
    /// `x-amz-checksum-sha256`.
    Sha256,
}

/// Where the name of the bucket stands in a URL.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Addressing {
    /// In the path: `https://HOST/BUCKET/KEY`.
    #[default]
    Path,
    /// In the host: `https://BUCKET.HOST/KEY`.
    Virtual,
}

impl Addressing {
    /// The URL of a bucket at an endpoint, without a final slash.
    pub(crate) fn bucket_url(self, endpoint: &str, bucket: &str) -> String {
        let endpoint = endpoint.trim_end_matches('/');
        match (self, endpoint.split_once("://")) {
            (Addressing::Virtual, Some((scheme, host))) => format!("{scheme}://{bucket}.{host}"),
            _ => format!("{endpoint}/{bucket}"),
        }
    }
}

impl S3Options {
    /// The options as `object_store` applies them to its requests.
    pub(crate) fn configure(&self, builder: AmazonS3Builder) -> AmazonS3Builder {
        // Keys of encryption have names, and no public variants.
        let with = |builder: AmazonS3Builder, key: &str, value: &str| match key.parse() {
            Ok(key) => builder.with_config(key, value),
            Err(_) => builder,
        };
        let mut builder = builder.with_request_payer(self.request_payer);
        if let Some(encryption) = &self.encryption {
            let (name, key) = match encryption {
                Encryption::S3 => ("AES256", &None),
                Encryption::Kms(key) => ("aws:kms", key),
                Encryption::DualKms(key) => ("aws:kms:dsse", key),
            };
            builder = with(builder, "aws_server_side_encryption", name);
            if let Some(key) = key {
                builder = with(builder, "aws_sse_kms_key_id", key);
            }
        }
        if let Some(enabled) = self.bucket_key {
            builder = builder.with_bucket_key(enabled);
        }
        match self.checksum {
            ChecksumKind::None => builder,
            ChecksumKind::Sha256 => builder.with_checksum_algorithm(Checksum::SHA256),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bucket_is_named_in_the_path_or_the_host() {
        for endpoint in
            ["https://s3.eu-west-1.amazonaws.com", "https://s3.eu-west-1.amazonaws.com/"]
        {
            assert_eq!(
                Addressing::Path.bucket_url(endpoint, "b.c"),
                "https://s3.eu-west-1.amazonaws.com/b.c"
            );
            assert_eq!(
                Addressing::Virtual.bucket_url(endpoint, "b"),
                "https://b.s3.eu-west-1.amazonaws.com"
            );
        }
        assert_eq!(Addressing::Virtual.bucket_url("http://h:9000", "b"), "http://b.h:9000");
    }
}
