//! A test for whether an S3 server verifies checksums.

use bytes::Bytes;

use super::{Request, S3Api};
use crate::storage::{Place, StorageError};

/// A server's reaction to a wrong checksum.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ChecksumProbe {
    /// The server rejects the object.
    Verified,
    /// The server stores the object.
    Ignored,
    /// Not tested: only S3 requests carry checksums.
    NotSent,
}

/// SHA-256 of empty content, in Base64.
const OF_NOTHING: &str = "47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=";

impl Place {
    /// Tries to write an object here with a wrong checksum.
    ///
    /// # Errors
    ///
    /// Returns an error if the store fails or denies the request.
    pub(crate) async fn probe_checksum(&self) -> Result<ChecksumProbe, StorageError> {
        let Some(s3) = &self.s3 else { return Ok(ChecksumProbe::NotSent) };
        match s3.put_with_wrong_checksum(self.path().as_ref()).await {
            Ok(true) => Ok(ChecksumProbe::Ignored),
            Ok(false) => Ok(ChecksumProbe::Verified),
            Err(error) => Err(StorageError::write(&self.to_string(), error)),
        }
    }
}

impl S3Api {
    /// Returns `true` if the server stores an object despite a wrong checksum.
    async fn put_with_wrong_checksum(&self, key: &str) -> object_store::Result<bool> {
        let request = Request {
            method: "PUT",
            uri: self.object_uri(key),
            headers: vec![("x-amz-checksum-sha256", OF_NOTHING.to_owned())],
            body: Bytes::from_static(b"written by starlift doctor"),
        };
        match self.send(&request).await {
            Ok(_) => Ok(true),
            Err(failure) if matches!(failure.status(), Some(400 | 409 | 412 | 422)) => Ok(false),
            Err(failure) => Err(failure.of(key)),
        }
    }
}
