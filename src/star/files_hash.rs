//! The hash of the files of a table or a partition.

use xxhash_rust::xxh3::Xxh3;

/// Computes the hash of files from the hashes of their bytes.
#[derive(Default)]
pub(crate) struct FilesHasher(Box<Xxh3>);

impl FilesHasher {
    /// Adds the next file, given the XXH3-128 hash of its bytes.
    pub fn add(&mut self, hash: u128) {
        self.0.update(&hash.to_le_bytes());
    }

    /// Returns the hash of the files added, in hexadecimal.
    pub fn finish(&self) -> String {
        format!("{:032x}", self.0.digest128())
    }
}
