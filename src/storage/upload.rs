//! Uploads: small objects in a single put, large ones in parts.

use std::collections::VecDeque;

use bytes::Bytes;
use object_store::{MultipartUpload, ObjectStoreExt, PutPayload};
use tokio::runtime::Handle;
use tokio_util::task::AbortOnDropHandle;

use super::{Place, StorageError};
/// The result of a step of an upload.
type Result<T> = std::result::Result<T, StorageError>;

/// Size of a part. S3 accepts at most 10,000 parts of at least 5 MiB. With 8 MiB the limit is 80 GB,
/// far above the 1 GB at which Redshift begins to struggle with a file.
const PART_BYTES: usize = 8 * 1024 * 1024;

/// Maximum number of concurrent part uploads.
const PARTS_IN_FLIGHT: usize = 4;

type PartTask = AbortOnDropHandle<object_store::Result<()>>;

/// An object that is being written; it becomes visible in [`Upload::finish`].
pub struct Upload {
    place: Place,
    buffer: Vec<u8>,
    multipart: Option<Box<dyn MultipartUpload>>,
    in_flight: VecDeque<PartTask>,
    bytes: u64,
}

impl Upload {
    /// Creates an upload to `place`.
    pub fn new(place: Place) -> Upload {
        Upload { place, buffer: Vec::new(), multipart: None, in_flight: VecDeque::new(), bytes: 0 }
    }

    /// Drains `bytes` into the upload; waits if too many parts are in flight.
    ///
    /// # Errors
    ///
    /// Returns an error if a part cannot be stored.
    pub async fn write(&mut self, bytes: &mut Vec<u8>) -> Result<()> {
        self.bytes += bytes.len() as u64;
        if self.buffer.is_empty() {
            self.buffer = std::mem::take(bytes);
        } else {
            self.buffer.append(bytes);
        }
        if self.buffer.len() >= PART_BYTES {
            // Slice the parts from one allocation: splitting a vector would move all later bytes each
            // time.
            let mut whole = Bytes::from(std::mem::take(&mut self.buffer));
            while whole.len() >= PART_BYTES {
                self.put_part(whole.split_to(PART_BYTES)).await?;
            }
            self.buffer.extend_from_slice(&whole);
        }
        Ok(())
    }

    async fn put_part(&mut self, part: Bytes) -> Result<()> {
        if self.in_flight.len() >= PARTS_IN_FLIGHT {
            self.await_part().await?;
        }
        let multipart = match &mut self.multipart {
            Some(multipart) => multipart,
            none => none.insert(
                self.place
                    .store
                    .put_multipart(self.place.path())
                    .await
                    .map_err(|e| StorageError::write(&self.place.to_string(), e))?,
            ),
        };
        let sending = multipart.put_part(PutPayload::from(part));
        self.in_flight.push_back(AbortOnDropHandle::new(tokio::spawn(sending)));
        Ok(())
    }

    async fn await_part(&mut self) -> Result<()> {
        if let Some(part) = self.in_flight.pop_front() {
            let url = self.place.to_string();
            let sent = part.await.map_err(|e| StorageError::write_io(&url, e.into()))?;
            sent.map_err(|e| StorageError::write(&url, e))?;
        }
        Ok(())
    }

    /// Completes the upload, which makes the object visible, and returns its size.
    ///
    /// # Errors
    ///
    /// Returns an error if the object cannot be stored.
    pub async fn finish(mut self) -> Result<u64> {
        self.complete().await?;
        self.multipart = None;
        Ok(self.bytes)
    }

    /// Abandons the upload and waits until its parts are removed.
    ///
    /// # Errors
    ///
    /// Returns an error if the parts cannot be removed.
    pub(crate) async fn abort(mut self) -> object_store::Result<()> {
        self.in_flight.clear();
        match self.multipart.take() {
            Some(mut multipart) => multipart.abort().await,
            None => Ok(()),
        }
    }

    async fn complete(&mut self) -> Result<()> {
        if self.multipart.is_none() {
            return self.place.write(std::mem::take(&mut self.buffer)).await;
        }
        if !self.buffer.is_empty() {
            let part = std::mem::take(&mut self.buffer);
            self.put_part(part.into()).await?;
        }
        while !self.in_flight.is_empty() {
            self.await_part().await?;
        }
        if let Some(multipart) = &mut self.multipart {
            let done = multipart.complete().await;
            done.map_err(|e| StorageError::write(&self.place.to_string(), e))?;
        }
        Ok(())
    }
}

impl Drop for Upload {
    /// Aborts an unfinished upload, since stored parts would be kept and charged forever.
    /// [`Place::settle`] waits until they are removed.
    fn drop(&mut self) {
        let (Some(mut multipart), Ok(runtime)) = (self.multipart.take(), Handle::try_current())
        else {
            return;
        };
        let (place, in_flight) = (self.place.clone(), std::mem::take(&mut self.in_flight));
        let abort = async move {
            drop(in_flight);
            if let Err(error) = multipart.abort().await {
                tracing::warn!(object = %place, %error, "an unfinished upload could not be removed");
            }
        };
        self.place.aborts.spawn_on(abort, &runtime);
    }
}
