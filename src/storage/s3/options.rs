//! Options of S3 requests.

use object_store::aws::{AmazonS3Builder, Checksum};

/// Options for reading objects from S3 and writing them.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct S3Options {
    /// Encryption of written objects; by default the bucket's own setting applies.
    pub encryption: Option<Encryption>,
    /// `true` to encrypt with an S3 Bucket Key instead of one request to KMS per object.
    pub bucket_key: Option<bool>,
    /// `true` to accept the charges of requester-pays buckets.
    pub request_payer: bool,
    /// Checksum to send with written objects.
    pub checksum: ChecksumKind,
    /// Position of the bucket's name in a URL.
    pub addressing: Addressing,
}

/// Server-side encryption.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Encryption {
    /// Keys managed by S3 (SSE-S3).
    S3,
    /// A KMS key (SSE-KMS), by ID or ARN; by default the account's AWS managed key for S3.
    Kms(Option<String>),
    /// Two layers of encryption with a KMS key (DSSE-KMS).
    DualKms(Option<String>),
}

/// A checksum that S3 verifies before it stores an object.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum ChecksumKind {
    /// No checksum.
    #[default]
    None,
    /// `x-amz-checksum-sha256`.
    Sha256,
}

/// Position of the bucket's name in a URL.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Addressing {
    /// In the path: `https://HOST/BUCKET/KEY`.
    #[default]
    Path,
    /// In the host: `https://BUCKET.HOST/KEY`.
    Virtual,
}

impl Addressing {
    /// Returns the URL of a bucket at an endpoint, without a final slash.
    pub(crate) fn bucket_url(self, endpoint: &str, bucket: &str) -> String {
        let endpoint = endpoint.trim_end_matches('/');
        match (self, endpoint.split_once("://")) {
            (Addressing::Virtual, Some((scheme, host))) => format!("{scheme}://{bucket}.{host}"),
            _ => format!("{endpoint}/{bucket}"),
        }
    }
}

impl S3Options {
    /// Applies the options to a builder of `object_store`.
    pub(crate) fn configure(&self, builder: AmazonS3Builder) -> AmazonS3Builder {
        // The encryption settings have no public variants and must be parsed from their names.
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
