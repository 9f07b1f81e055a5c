//! Advice on failures of stores.

use object_store::Error as StoreError;

const SIGN_IN: &str = "sign in (for AWS: environment variables, `aws sso login`, a profile or a \
                       role), or pass --no-sign-request for a public bucket";

const PERMISSIONS: &str = "the credentials in use may not do this; reading needs s3:GetObject and \
                           s3:ListBucket, writing s3:PutObject and s3:DeleteObject; if the bucket \
                           makes requesters pay, pass --request-payer, and if its policy demands \
                           encryption, --sse";

const KMS: &str = "the KMS key of the objects cannot be used: writing needs kms:GenerateDataKey and \
                   kms:Decrypt on it, reading kms:Decrypt; see that it is enabled, is in the \
                   bucket's region, and is the one that --sse-kms-key-id names";

const REQUESTER_PAYS: &str = "whoever requests objects of this bucket pays for it; pass \
                              --request-payer to accept that";

const CHECKSUM: &str = "the bucket takes objects with a checksum only, as buckets with Object Lock \
                        do; pass --checksum sha256";

const CHANGED: &str = "the object changed while it was read; run again";

/// What servers say of a failure, in lower case, and the advice on it.
const SAID: [(&[&str], &str); 3] = [
    (&["kms:", "kms.", "kms key", "<code>kms"], KMS),
    (&["requester pays", "requesterpays", "request-payer"], REQUESTER_PAYS),
    (&["content-md5 or x-amz-checksum", "content-md5 http header is required"], CHECKSUM),
];

/// What to do about a failure, where there is something to advise.
pub(super) fn of(error: &StoreError) -> Option<&'static str> {
    let said = error.to_string().to_lowercase();
    let named = SAID.iter().find(|(texts, _)| texts.iter().any(|text| said.contains(text)));
    match (error, named) {
        (StoreError::NotFound { .. }, _) => None,
        (_, Some((_, advice))) => Some(advice),
        (StoreError::Unauthenticated { .. }, None) => Some(SIGN_IN),
        (StoreError::PermissionDenied { .. }, None) => Some(PERMISSIONS),
        (StoreError::Precondition { .. }, None) => Some(CHANGED),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn denied(said: &str) -> StoreError {
        StoreError::PermissionDenied { path: "key".to_owned(), source: said.into() }
    }

    #[test]
    fn a_refusal_names_its_own_reason() {
        let kms = "<Code>AccessDenied</Code><Message>User: arn:aws:iam::1:user/a is not authorized to \
                   perform: kms:GenerateDataKey on resource: arn:aws:kms:eu-west-1:1:key/2";
        assert_eq!(of(&denied(kms)), Some(KMS));
        let disabled = StoreError::Generic {
            store: "S3",
            source: "400 Bad Request: <Code>KMS.DisabledException</Code>".into(),
        };
        assert_eq!(of(&disabled), Some(KMS));
        assert_eq!(of(&denied("Bucket is a requester pays bucket")), Some(REQUESTER_PAYS));
        assert_eq!(of(&denied("<Code>AccessDenied</Code>")), Some(PERMISSIONS));
        let unchecked = StoreError::Generic {
            store: "S3",
            source:
                "Content-MD5 OR x-amz-checksum- HTTP header is required for Put Object requests \
                     with Object Lock parameters"
                    .into(),
        };
        assert_eq!(of(&unchecked), Some(CHECKSUM));
    }
}
