//! Tests of the store abilities that publishing a star needs.

use bytes::Bytes;
use futures::{StreamExt, TryStreamExt};
use object_store::{Error as StoreError, GetOptions, ObjectStoreExt};

use super::conditional::{self, Replaced};
use super::lock::{LockMode, OutputLock};
use super::{cleanup, disk};
use crate::error::{Error, Result, causes};
use crate::storage::{ChecksumProbe, Place, StorageError, Upload};

/// More than one part of an upload, and not a multiple of the part size.
const LARGE_BYTES: usize = 8 * 1024 * 1024 + 1000;

const NO_LOCKS: &str = "starlift cannot exclude two runs that start at the same moment: ensure by other means that \
                        only one run at a time writes there, and pass --lock off";

const NOT_USABLE: &str = "starlift cannot write stars to this store; use another one";

/// An ability of a store and the outcome of its test.
pub(crate) struct ProbedAbility {
    /// Name of the ability.
    pub ability: &'static str,
    /// Outcome of the test.
    pub outcome: Outcome,
}

/// The outcome of a test.
pub(crate) enum Outcome {
    /// The store has the ability.
    Works(&'static str),
    /// The store lacks the ability: what happened, and its consequence.
    Fails(String, &'static str),
    /// The ability is not needed for this store.
    NotNeeded(&'static str),
}

use Outcome::{Fails, NotNeeded, Works};

/// The outcome of a test, or the store's error.
type ProbeResult = Result<Outcome>;

/// Tests every ability that runs need of a store, in a temporary prefix below `place`, and removes the
/// prefix, even when `stop` resolves. With `checksums`, the store must verify them.
///
/// # Errors
///
/// Returns an error if `stop` resolves.
pub(crate) async fn probe_store(
    place: &Place,
    checksums: bool,
    stop: impl Future<Output = ()>,
) -> Result<Vec<ProbedAbility>> {
    let scratch = place.child(&format!("_starlift-doctor-{:016x}", rand::random::<u64>()));
    let missing = place.location.local_path().map(|folder| disk::missing_folders(&folder));
    let mut probed = Vec::new();
    let stopped = tokio::select! {
        () = probe_all(&scratch, checksums, &mut probed) => false,
        () = stop => true,
    };
    scratch.settle().await;
    let removed = ProbedAbility::new(
        "delete",
        remove(&scratch).await,
        "remove the remaining objects by hand",
    );
    // If nothing can be written, there is nothing to remove.
    if !matches!(probed.as_slice(), [ProbedAbility { outcome: Fails(..), .. }]) {
        probed.push(removed);
    }
    if let Some(folder) = scratch.location.local_path() {
        // The last folder existed before the test, and `remove_dir` fails for folders that are not
        // empty.
        let missing = missing.unwrap_or_default();
        let created =
            missing.iter().take(missing.len().saturating_sub(1)).map(|path| path.as_path());
        for folder in std::iter::once(folder.as_path()).chain(created) {
            let _ = std::fs::remove_dir(folder);
        }
    }
    if stopped { Err(Error::Stopped) } else { Ok(probed) }
}

async fn probe_all(scratch: &Place, checksums: bool, probed: &mut Vec<ProbedAbility>) {
    let written = ProbedAbility::new("write and read", write(scratch).await, NOT_USABLE);
    let is_usable = matches!(written.outcome, Works(_));
    probed.push(written);
    if !is_usable {
        return;
    }
    let stale = "listings are not up to date: runs may miss inputs, and leave old files";
    probed.push(ProbedAbility::new("list", list(scratch).await, stale));
    let whole = "starlift reads large objects in ranges, so it cannot read from this store";
    probed.push(ProbedAbility::new("ranges", ranges(scratch).await, whole));
    let changed = "starlift cannot detect that an object changes while it is read";
    probed.push(ProbedAbility::new("versions", versions(scratch).await, changed));
    if scratch.location.local_path().is_some() {
        let unlocked =
            "the file system does not support locks: start one run at a time, and pass --lock off";
        probed.push(ProbedAbility::new("lock", lock(scratch).await, unlocked));
    } else {
        probed.push(ProbedAbility::new("create once", create(scratch).await, NO_LOCKS));
        probed.push(ProbedAbility::new("replace", replace(scratch).await, NO_LOCKS));
    }
    let small = "files of more than 8 MiB cannot be written; set --file-size below 8MiB";
    probed.push(ProbedAbility::new("parts", parts(scratch).await, small));
    let paid = "parts of failed uploads remain, and are charged, until a lifecycle rule of the bucket removes them";
    probed.push(ProbedAbility::new("abort", abort(scratch).await, paid));
    let damaged =
        "--checksum has no effect: the store does not detect data that is damaged in transit";
    probed.push(ProbedAbility::new("checksum", checksum(scratch, checksums).await, damaged));
}

impl ProbedAbility {
    fn new(ability: &'static str, result: ProbeResult, consequence: &'static str) -> ProbedAbility {
        let outcome = result.unwrap_or_else(|error| Fails(in_one_line(&error), consequence));
        let outcome = match outcome {
            Fails(message, "") => Fails(message, consequence),
            other => other,
        };
        ProbedAbility { ability, outcome }
    }
}

/// Formats an error and its causes on one line; servers answer with several lines.
fn in_one_line(error: &Error) -> String {
    let reasons = causes(error).fold(error.to_string(), |text, cause| {
        let reason = cause.to_string();
        if text.contains(&reason) { text } else { format!("{text}: {reason}") }
    });
    reasons.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// Returns the failure of a store that did not do what was requested.
fn wrong(message: impl Into<String>) -> ProbeResult {
    Ok(Fails(message.into(), ""))
}

async fn write(scratch: &Place) -> ProbeResult {
    let place = scratch.child("object");
    place.write("written by starlift doctor").await?;
    match place.read().await? {
        Some(bytes) if bytes == "written by starlift doctor" => {
            Ok(Works("an object that was written is read back unchanged"))
        }
        Some(_) => wrong("an object that was written is read back with other content"),
        None => wrong("an object that was written does not exist"),
    }
}

async fn list(scratch: &Place) -> ProbeResult {
    let place = scratch.child("folder/listed");
    place.write("x").await?;
    let found = paths(scratch).await?;
    let level = scratch.store.list_with_delimiter(Some(scratch.path())).await;
    let level = level.map_err(|e| StorageError::list(&scratch.to_string(), e))?;
    if !found.contains(place.path()) {
        return wrong("an object is not listed immediately after it was written");
    }
    match level
        .common_prefixes
        .iter()
        .any(|folder| *folder == scratch.child("folder").location.path)
    {
        true => {
            Ok(Works("objects are listed immediately after they are written, and so are folders"))
        }
        false => wrong("a listing with a delimiter lacks a folder"),
    }
}

async fn paths(scratch: &Place) -> Result<Vec<object_store::path::Path>> {
    let listed = scratch.store.list(Some(scratch.path())).map_ok(|meta| meta.location);
    let listed: Result<Vec<_>, StoreError> = listed.try_collect().await;
    Ok(listed.map_err(|e| StorageError::list(&scratch.to_string(), e))?)
}

async fn ranges(scratch: &Place) -> ProbeResult {
    let place = scratch.child("ranges");
    place.write("0123456789").await?;
    let part = place.store.get_range(place.path(), 3..6).await;
    let part = part.map_err(|e| StorageError::read(&place.to_string(), e))?;
    match &*part {
        b"345" => Ok(Works("a range of an object can be read")),
        _ => wrong(format!(
            "a range of 3 bytes was requested, and {} bytes were returned",
            part.len()
        )),
    }
}

async fn versions(scratch: &Place) -> ProbeResult {
    let place = scratch.child("versions");
    place.write("one").await?;
    let Some(before) = place.head().await?.and_then(|meta| meta.e_tag) else {
        return wrong("objects have no ETag");
    };
    place.write("another").await?;
    let options = GetOptions { if_match: Some(before), ..GetOptions::default() };
    match place.store.get_opts(place.path(), options).await {
        Err(StoreError::Precondition { .. }) => {
            Ok(Works("a read with If-Match fails if the object has changed"))
        }
        Err(error) => Err(StorageError::read(&place.to_string(), error).into()),
        Ok(_) => wrong("reads ignore If-Match"),
    }
}

async fn lock(scratch: &Place) -> ProbeResult {
    let held = OutputLock::acquire(scratch, "doctor", LockMode::On).await?;
    let second = OutputLock::acquire(scratch, "doctor", LockMode::On).await;
    held.release().await;
    match second {
        Err(Error::Locked { .. }) => Ok(Works("a file can be locked")),
        Err(error) => Err(error),
        Ok(_) => wrong("a file could be locked twice at the same time"),
    }
}

async fn create(scratch: &Place) -> ProbeResult {
    let place = scratch.child("created");
    match conditional::replace(&place, &Bytes::from_static(b"one"), None).await? {
        Replaced::Done(_) => {}
        Replaced::Unsupported => return wrong("conditional puts are rejected"),
        Replaced::Refused(_) => {
            return wrong("a conditional put cannot create an object that does not exist");
        }
    }
    match conditional::replace(&place, &Bytes::from_static(b"two"), None).await? {
        Replaced::Refused(Some(found)) if found.bytes == "one" => {
            Ok(Works("If-None-Match prevents an object from being created twice"))
        }
        Replaced::Unsupported => wrong("conditional puts are rejected"),
        _ => wrong("If-None-Match is ignored: an object was created twice"),
    }
}

async fn replace(scratch: &Place) -> ProbeResult {
    let place = scratch.child("replaced");
    place.write("one").await?;
    let Some(first) = conditional::read(&place).await? else {
        return wrong("an object that was written does not exist");
    };
    match conditional::replace(&place, &Bytes::from_static(b"two"), Some(&first.version)).await? {
        Replaced::Done(_) => {}
        Replaced::Unsupported => return wrong("conditional puts are rejected"),
        Replaced::Refused(_) => {
            return wrong("a conditional put does not replace an object of the expected version");
        }
    }
    let again = Bytes::from_static(b"three");
    match conditional::replace(&place, &again, Some(&first.version)).await? {
        Replaced::Refused(Some(found)) if found.bytes == "two" => {
            Ok(Works("an object is replaced only if it has the expected version"))
        }
        Replaced::Unsupported => wrong("conditional puts are rejected"),
        _ => wrong("the expected version is ignored: an object of another version was replaced"),
    }
}

async fn parts(scratch: &Place) -> ProbeResult {
    let place = scratch.child("parts");
    let content: Vec<u8> = (0..LARGE_BYTES).map(|i| (i / 1000 % 251) as u8).collect();
    let mut upload = Upload::new(place.clone());
    upload.write(&mut content.clone()).await?;
    upload.finish().await?;
    match place.read().await? {
        Some(bytes) if bytes == content => Ok(Works("an object can be written in parts")),
        _ => wrong("an object that was written in parts is read back with other content"),
    }
}

async fn abort(scratch: &Place) -> ProbeResult {
    let place = scratch.child("aborted");
    let mut upload = Upload::new(place.clone());
    upload.write(&mut vec![0; LARGE_BYTES]).await?;
    if let Err(error) = upload.abort().await {
        return Err(StorageError::delete(&place.to_string(), error).into());
    }
    match place.head().await? {
        None => Ok(Works("a multipart upload can be aborted")),
        Some(_) => wrong("an aborted upload created an object"),
    }
}

async fn checksum(scratch: &Place, is_required: bool) -> ProbeResult {
    match scratch.child("checksum").probe_checksum().await? {
        ChecksumProbe::Verified => Ok(Works("an object with a wrong checksum is rejected")),
        ChecksumProbe::Ignored if is_required => {
            wrong("an object with a wrong checksum is accepted")
        }
        ChecksumProbe::Ignored => {
            Ok(NotNeeded("the store does not verify checksums, which only --checksum needs"))
        }
        ChecksumProbe::NotSent => Ok(NotNeeded("starlift sends checksums to S3 only")),
    }
}

/// Removes everything below the prefix.
async fn remove(scratch: &Place) -> ProbeResult {
    if let Some(folder) = scratch.location.local_path() {
        return match std::fs::remove_dir_all(&folder) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                Err(StorageError::delete_io(&folder.display().to_string(), error).into())
            }
            _ => Ok(Works("files can be removed")),
        };
    }
    let found = paths(scratch).await?;
    let relative = |path: &object_store::path::Path| {
        let below = path.prefix_match(scratch.path())?;
        Some(below.map(|part| part.as_ref().to_owned()).collect::<Vec<_>>().join("/"))
    };
    cleanup::remove(scratch, found.iter().filter_map(relative).collect()).await?;
    let remaining = scratch.store.list(Some(scratch.path())).count().await;
    match remaining {
        0 => Ok(Works("objects can be removed in bulk, and are no longer listed")),
        _ => wrong(format!("objects that were removed are still listed; see {scratch}")),
    }
}
