//! Objects as files below a folder.

use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

/// Returns `true` if a file system would resolve the key to a different path.
pub(super) fn is_no_file(key: &str) -> bool {
    key.starts_with('/') || key.split('/').any(|part| matches!(part, "." | ".."))
}

pub(super) fn keys(bucket: &Path, prefix: &str) -> Vec<String> {
    if is_no_file(prefix) {
        return Vec::new();
    }
    let folder = prefix.rsplit_once('/').map_or("", |(folder, _)| folder);
    let files = files_below(&bucket.join(folder));
    let key = |file: PathBuf| file.strip_prefix(bucket).unwrap().to_str().unwrap().to_owned();
    let mut keys: Vec<String> =
        files.into_iter().map(key).filter(|key| key.starts_with(prefix)).collect();
    keys.sort_unstable();
    keys
}

pub(super) fn files_below(folder: &Path) -> Vec<PathBuf> {
    let entries = match fs::read_dir(folder) {
        Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => {
            return Vec::new();
        }
        entries => entries.unwrap(),
    };
    let mut files = Vec::new();
    for entry in entries.map(Result::unwrap) {
        if entry.path().is_dir() {
            files.extend(files_below(&entry.path()));
        } else {
            files.push(entry.path());
        }
    }
    files
}

// s3s-fs keeps the ETag of a key in a file beside the bucket, and would return it for the new
// content.
pub(super) fn forget(root: &Path, bucket: &str, key: &str) {
    for kind in ["internal", "metadata"] {
        let name = format!(".bucket-{}.object-{}.{kind}.json", base64url(bucket), base64url(key));
        match fs::remove_file(root.join(name)) {
            Err(error) if error.kind() != ErrorKind::NotFound => panic!("{error}"),
            _ => {}
        }
    }
}

fn base64url(text: &str) -> String {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    let mut encoded = String::new();
    for chunk in text.as_bytes().chunks(3) {
        let bits = chunk.iter().fold(0, |bits, byte| bits << 8 | u32::from(*byte))
            << (8 * (3 - chunk.len()));
        let digits =
            (0..=chunk.len()).map(|i| char::from(DIGITS[(bits >> (18 - 6 * i) & 63) as usize]));
        encoded.extend(digits);
    }
    encoded
}
