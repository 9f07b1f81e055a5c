//! Options of requests to S3.

use clap::{Args, ValueEnum};
use serde::Deserialize;

use crate::cli::error::{Error, Result};
use crate::storage::{Addressing, ChecksumKind, Encryption, S3Options};

/// Options of requests to S3, on the command line and in `[s3]` of the configuration file.
#[derive(Debug, Clone, Default, Args, Deserialize)]
#[command(next_help_heading = "S3 options")]
#[serde(deny_unknown_fields)]
pub struct S3Args {
    /// Server-side encryption of what is written [default: the bucket's own].
    #[arg(long, global = true, value_name = "KIND", env = "STARLIFT_SSE")]
    pub sse: Option<SseArg>,
    /// KMS key for --sse kms: its id, alias or ARN [default: the account's key for S3].
    #[arg(long, global = true, value_name = "KEY", env = "STARLIFT_SSE_KMS_KEY_ID")]
    pub sse_kms_key_id: Option<String>,
    /// Use an S3 bucket key with --sse kms: fewer requests to KMS [default: the bucket's setting].
    #[arg(long, global = true, value_name = "BOOL", num_args = 0..=1, require_equals = true,
          default_missing_value = "true", env = "STARLIFT_SSE_BUCKET_KEY")]
    pub sse_bucket_key: Option<bool>,
    /// Accept the charges for requests to buckets whose requesters pay.
    #[arg(long, global = true, value_name = "BOOL", num_args = 0..=1, require_equals = true,
          default_missing_value = "true", env = "STARLIFT_REQUEST_PAYER")]
    pub request_payer: Option<bool>,
    /// Checksum to send with what is written; buckets with Object Lock need one [default: none].
    #[arg(long, global = true, value_name = "KIND", env = "STARLIFT_CHECKSUM")]
    pub checksum: Option<ChecksumArg>,
    /// Where the bucket is named in a URL [default: path].
    #[arg(long, global = true, value_name = "STYLE", env = "STARLIFT_ADDRESSING")]
    pub addressing: Option<AddressingArg>,
}

/// Server-side encryption.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum SseArg {
    /// With keys of S3 (SSE-S3).
    S3,
    /// With a key of KMS (SSE-KMS).
    Kms,
    /// In two layers with a key of KMS (DSSE-KMS).
    KmsDsse,
}

/// A checksum that S3 verifies before it stores an object.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ChecksumArg {
    /// No checksum.
    None,
    /// SHA-256.
    Sha256,
}

/// Where a bucket is named in a URL.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum AddressingArg {
    /// In the path: `https://HOST/BUCKET/KEY`.
    Path,
    /// In the host: `https://BUCKET.HOST/KEY`.
    Virtual,
}

impl S3Args {
    /// The options, with those of `file` where they are not given here.
    ///
    /// # Errors
    ///
    /// If a key of KMS is named, or a bucket key asked for, and KMS is not to encrypt.
    pub fn options(&self, file: &S3Args) -> Result<S3Options> {
        let key = self.sse_kms_key_id.clone().or_else(|| file.sse_kms_key_id.clone());
        let bucket_key = self.sse_bucket_key.or(file.sse_bucket_key);
        let sse = self.sse.or(file.sse);
        if !matches!(sse, Some(SseArg::Kms | SseArg::KmsDsse)) {
            if key.is_some() {
                return Err(Error::Usage("--sse-kms-key-id needs --sse kms".to_owned()));
            }
            if bucket_key.is_some() {
                return Err(Error::Usage("--sse-bucket-key needs --sse kms".to_owned()));
            }
        }
        Ok(S3Options {
            encryption: sse.map(|sse| match sse {
                SseArg::S3 => Encryption::S3,
                SseArg::Kms => Encryption::Kms(key),
                SseArg::KmsDsse => Encryption::DualKms(key),
            }),
            bucket_key,
            request_payer: self.request_payer.or(file.request_payer).unwrap_or(false),
            checksum: match self.checksum.or(file.checksum) {
                Some(ChecksumArg::Sha256) => ChecksumKind::Sha256,
                Some(ChecksumArg::None) | None => ChecksumKind::None,
            },
            addressing: match self.addressing.or(file.addressing) {
                Some(AddressingArg::Virtual) => Addressing::Virtual,
                Some(AddressingArg::Path) | None => Addressing::Path,
            },
        })
    }
}
