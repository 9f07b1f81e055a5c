//! A set of fingerprints that is fast for numbers that are not in it.

use std::collections::HashSet;

/// Number of bits of the filter: 256 KiB, which fit into the cache of a processor.
const BITS: usize = 1 << 21;

/// A set of fingerprints.
pub(super) struct Prints {
    all: HashSet<i64>,
    /// One bit per hash, set if a fingerprint has it.
    filter: Vec<u64>,
}

impl Prints {
    /// Creates a set.
    pub fn new(all: HashSet<i64>) -> Prints {
        let mut filter = vec![0; BITS / 64];
        for print in &all {
            let bit = bit(*print);
            filter[bit / 64] |= 1 << (bit % 64);
        }
        Prints { all, filter }
    }

    /// Returns `true` if the set has a fingerprint.
    #[inline]
    pub fn has(&self, print: i64) -> bool {
        let bit = bit(print);
        self.filter[bit / 64] >> (bit % 64) & 1 == 1 && self.all.contains(&print)
    }

    /// Returns the fingerprints.
    pub fn all(&self) -> &HashSet<i64> {
        &self.all
    }
}

/// Returns the bit of a fingerprint. Its lowest bits are those of a hash.
fn bit(print: i64) -> usize {
    print as usize % BITS
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_set_has_its_fingerprints_and_no_others() {
        let prints = Prints::new((0..1000).map(|n: i64| n * n * 7919).collect());
        for n in 0..1000 {
            assert!(prints.has(n * n * 7919));
            assert!(!prints.has(n * n * 7919 + BITS as i64));
        }
        assert_eq!(prints.all().len(), 1000);
    }
}
