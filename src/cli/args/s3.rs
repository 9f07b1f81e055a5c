//! Options of requests to S3.

use clap::{Args, ValueEnum};
use serde::Deserialize;

use crate::cli::error::{Error, Result};
use crate::storage::{Addressing, ChecksumKind, Encryption, S3Options};

/// Options of requests to S3, on the command line and in the `[s3]` table of the configuration file.
#[derive(Debug, Clone, Default, Args, Deserialize)]
#[command(next_help_heading = "S3 options")]
#[serde(deny_unknown_fields)]
pub struct S3Args {
    /// Server-side encryption of written objects [default: the bucket's own].
    #[arg(long, global = true, value_name = "KIND", env = "STARLIFT_SSE")]
    pub sse: Option<SseArg>,
    /// ID, alias or ARN of the KMS key for --sse kms or kms-dsse [default: the account's key for S3].
    #[arg(long, global = true, value_name = "KEY", env = "STARLIFT_SSE_KMS_KEY_ID")]
    pub sse_kms_key_id: Option<String>,
    /// Use an S3 Bucket Key with --sse kms to reduce requests to KMS; S3 has none for kms-dsse [default:
    /// the bucket's setting].
    #[arg(long, global = true, value_name = "BOOL", num_args = 0..=1, require_equals = true,
          default_missing_value = "true", env = "STARLIFT_SSE_BUCKET_KEY")]
    pub sse_bucket_key: Option<bool>,
    /// Accept charges for requests to Requester Pays buckets.
    #[arg(long, global = true, value_name = "BOOL", num_args = 0..=1, require_equals = true,
          default_missing_value = "true", env = "STARLIFT_REQUEST_PAYER")]
    pub request_payer: Option<bool>,
    /// Checksum to send with each write; buckets with Object Lock need one [default: none].
    #[arg(long, global = true, value_name = "KIND", env = "STARLIFT_CHECKSUM")]
    pub checksum: Option<ChecksumArg>,
    /// Position of the bucket name in URLs [default: path].
    #[arg(long, global = true, value_name = "STYLE", env = "STARLIFT_ADDRESSING")]
    pub addressing: Option<AddressingArg>,
}

/// Kind of server-side encryption.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum SseArg {
    /// Keys managed by S3 (SSE-S3).
    S3,
    /// A KMS key (SSE-KMS).
    Kms,
    /// Two layers of encryption with a KMS key (DSSE-KMS).
    KmsDsse,
}

/// Checksum that S3 verifies before it stores an object.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ChecksumArg {
    /// No checksum.
    None,
    /// SHA-256.
    Sha256,
}

/// Position of the bucket name in URLs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum AddressingArg {
    /// In the path: `https://HOST/BUCKET/KEY`.
    Path,
    /// In the host: `https://BUCKET.HOST/KEY`.
    Virtual,
}

impl S3Args {
    /// Returns the options; those that are not set here come from `file`.
    ///
    /// # Errors
    ///
    /// Returns an error if a KMS key or the bucket key is set, but the encryption does not use KMS.
    pub fn options(&self, file: &S3Args) -> Result<S3Options> {
        let key = self.sse_kms_key_id.clone().or_else(|| file.sse_kms_key_id.clone());
        let bucket_key = self.sse_bucket_key.or(file.sse_bucket_key);
        let sse = self.sse.or(file.sse);
        if !matches!(sse, Some(SseArg::Kms | SseArg::KmsDsse)) {
            if key.is_some() {
                return Err(Error::Usage(
                    "--sse-kms-key-id requires --sse kms or kms-dsse".to_owned(),
                ));
            }
            if bucket_key.is_some() {
                return Err(Error::Usage("--sse-bucket-key requires --sse kms".to_owned()));
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
