//! Kinds of store failures, distinguished by their remedy.

use object_store::Error as StoreError;

/// The kind of a store failure.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FailureKind {
    /// The object or bucket does not exist.
    NotFound,
    /// Credentials are missing, or the server does not recognise them.
    Unauthenticated,
    /// The credentials lack a permission.
    PermissionDenied,
    /// The KMS key of the objects cannot be used.
    KmsKey,
    /// The bucket charges the requester, who must accept the charges.
    RequesterPays,
    /// Uploads need a checksum, as in buckets with Object Lock.
    ChecksumRequired,
    /// The object changed while it was being read.
    Changed,
    /// A local file operation failed.
    File,
    /// Any other failure.
    Other,
}

/// Parts of server messages, in lowercase, that identify a kind.
const MESSAGES: [(&[&str], FailureKind); 3] = [
    (&["kms:", "kms.", "kms key", "<code>kms"], FailureKind::KmsKey),
    (&["requester pays", "requesterpays", "request-payer"], FailureKind::RequesterPays),
    (
        &["content-md5 or x-amz-checksum", "content-md5 http header is required"],
        FailureKind::ChecksumRequired,
    ),
];

impl FailureKind {
    /// Returns the kind of an `object_store` error.
    pub(super) fn of(error: &StoreError) -> FailureKind {
        let message = error.to_string().to_lowercase();
        let named = MESSAGES.iter().find(|(parts, _)| parts.iter().any(|p| message.contains(p)));
        match (error, named) {
            (StoreError::NotFound { .. }, _) => FailureKind::NotFound,
            (_, Some((_, kind))) => *kind,
            (StoreError::Unauthenticated { .. }, None) => FailureKind::Unauthenticated,
            (StoreError::PermissionDenied { .. }, None) => FailureKind::PermissionDenied,
            (StoreError::Precondition { .. }, None) => FailureKind::Changed,
            _ => FailureKind::Other,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn denied(message: &str) -> StoreError {
        StoreError::PermissionDenied { path: "key".to_owned(), source: message.into() }
    }

    fn generic(message: &'static str) -> StoreError {
        StoreError::Generic { store: "S3", source: message.into() }
    }

    #[test]
    fn the_message_of_the_server_identifies_the_kind() {
        let kms = "<Code>AccessDenied</Code><Message>User: arn:aws:iam::1:user/a is not authorized to \
                   perform: kms:GenerateDataKey on resource: arn:aws:kms:eu-west-1:1:key/2";
        assert_eq!(FailureKind::of(&denied(kms)), FailureKind::KmsKey);
        let disabled = generic("400 Bad Request: <Code>KMS.DisabledException</Code>");
        assert_eq!(FailureKind::of(&disabled), FailureKind::KmsKey);
        let pays = denied("Bucket is a requester pays bucket");
        assert_eq!(FailureKind::of(&pays), FailureKind::RequesterPays);
        let denied = denied("<Code>AccessDenied</Code>");
        assert_eq!(FailureKind::of(&denied), FailureKind::PermissionDenied);
        let unchecked = generic(
            "Content-MD5 OR x-amz-checksum- HTTP header is required for Put Object requests with \
             Object Lock parameters",
        );
        assert_eq!(FailureKind::of(&unchecked), FailureKind::ChecksumRequired);
    }
}
