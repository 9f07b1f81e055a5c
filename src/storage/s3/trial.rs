//! Whether an S3 server verifies checksums.

use bytes::Bytes;

use super::{Request, S3Api};
use crate::storage::{Place, StorageError};

/// What a server does with a wrong checksum.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ChecksumTrial {
    /// It refuses the object.
    Verified,
    /// It stores the object.
    Ignored,
    /// It was not tried: stores other than S3 are sent no checksums.
    NotSent,
}

/// The SHA-256 of nothing, in Base64.
const OF_NOTHING: &str = "47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=";

impl Place {
    /// Tries to write an object here with a checksum that is not its own.
    ///
    /// # Errors
    ///
    /// If the store fails, or does not permit it.
    pub(crate) async fn try_checksum(&self) -> Result<ChecksumTrial, StorageError> {
        let Some(s3) = &self.s3 else { return Ok(ChecksumTrial::NotSent) };
        match s3.put_with_wrong_checksum(self.path().as_ref()).await {
            Ok(true) => Ok(ChecksumTrial::Ignored),
            Ok(false) => Ok(ChecksumTrial::Verified),
            Err(error) => Err(StorageError::write(&self.to_string(), error)),
        }
    }
}

impl S3Api {
    /// Returns `true` if an object is stored although its checksum is wrong.
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
