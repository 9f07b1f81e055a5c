//! Codes and advice for store failures.

use super::Code;
use crate::storage::FailureKind;

const SIGN_IN: &str = "sign in (for AWS: environment variables, `aws sso login`, a profile or a \
                       role), or pass --no-sign-request for a public bucket";

const PERMISSIONS: &str = "the credentials lack a permission: reading requires s3:GetObject and s3:ListBucket, writing s3:PutObject and s3:DeleteObject; for a Requester Pays bucket, pass --request-payer, and if the bucket's policy requires encryption, --sse";

const KMS: &str = "the KMS key of the objects cannot be used: writing requires kms:GenerateDataKey and kms:Decrypt on it, reading kms:Decrypt; check that it is enabled, is in the bucket's region, and is the key in --sse-kms-key-id";

const REQUESTER_PAYS: &str =
    "this is a Requester Pays bucket; pass --request-payer to accept the charges";

const CHECKSUM: &str = "the bucket accepts only objects with a checksum, as buckets with Object Lock do; pass --checksum sha256";

const CHANGED: &str = "the object changed while it was read; run again";

pub(super) fn code(kind: FailureKind) -> Code {
    match kind {
        FailureKind::NotFound => Code::ObjectNotFound,
        FailureKind::Unauthenticated => Code::NotSignedIn,
        FailureKind::PermissionDenied => Code::AccessDenied,
        FailureKind::KmsKey => Code::KmsKey,
        FailureKind::RequesterPays => Code::RequesterPays,
        FailureKind::ChecksumRequired => Code::ChecksumRequired,
        FailureKind::Changed => Code::ObjectChanged,
        FailureKind::File => Code::FileFailed,
        FailureKind::Other => Code::StoreFailed,
    }
}

pub(super) fn hint(kind: FailureKind) -> Option<&'static str> {
    match kind {
        FailureKind::Unauthenticated => Some(SIGN_IN),
        FailureKind::PermissionDenied => Some(PERMISSIONS),
        FailureKind::KmsKey => Some(KMS),
        FailureKind::RequesterPays => Some(REQUESTER_PAYS),
        FailureKind::ChecksumRequired => Some(CHECKSUM),
        FailureKind::Changed => Some(CHANGED),
        FailureKind::NotFound | FailureKind::File | FailureKind::Other => None,
    }
}
