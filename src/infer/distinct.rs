//! Counts of distinct values.

use std::collections::HashSet;

use xxhash_rust::xxh3::xxh3_64;

/// Number of distinct values that are remembered per path, by their hashes.
pub(super) const MAX_DISTINCT: usize = 10_000;

/// The distinct values seen at a path.
#[derive(Debug, Default)]
pub(super) struct Distinct {
    hashes: HashSet<u64>,
    is_full: bool,
    is_repeated: bool,
}

impl Distinct {
    /// Adds a value. Values of different kinds differ if their tags do.
    pub fn add(&mut self, tag: u8, bytes: &[u8]) {
        let hash = xxh3_64(bytes).rotate_left(8) ^ u64::from(tag);
        if self.hashes.contains(&hash) {
            self.is_repeated = true;
        } else if self.hashes.len() < MAX_DISTINCT {
            self.hashes.insert(hash);
        } else {
            self.is_full = true;
        }
    }

    /// Returns the number of distinct values, or `None` if there are more than [`MAX_DISTINCT`].
    pub fn count(&self) -> Option<usize> {
        (!self.is_full).then_some(self.hashes.len())
    }

    /// Returns `true` if a value was seen twice. Repetitions of values after the first
    /// [`MAX_DISTINCT`] are not noticed.
    pub fn is_repeated(&self) -> bool {
        self.is_repeated
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_counted_up_to_the_limit() {
        let mut distinct = Distinct::default();
        for i in 0..MAX_DISTINCT {
            distinct.add(b'i', &i.to_le_bytes());
        }
        assert_eq!((distinct.count(), distinct.is_repeated()), (Some(MAX_DISTINCT), false));
        distinct.add(b'i', b"another");
        assert_eq!((distinct.count(), distinct.is_repeated()), (None, false));
        distinct.add(b'i', &0_usize.to_le_bytes());
        assert!(distinct.is_repeated());
    }
}
