//! The files of decoded rows: which are kept, and which are merged into a new one.

use crate::star::PartRecord;

/// A part of the decoded rows of a dataset.
#[derive(Debug, Clone)]
pub(super) struct Part {
    pub record: PartRecord,
    /// `true` if its files are as they were written.
    pub is_intact: bool,
}

/// Returns the number of parts to keep, the oldest ones. The rows of all others are written again, together
/// with `added` new records. `live` is the number of records of each part that are still needed.
///
/// A part is written again if fewer than half of its records are needed, or if it would be less than twice as
/// large as the new part. So the sizes of parts grow geometrically: their number is logarithmic in the number
/// of runs, and so is the number of times that a record is written.
pub(super) fn kept(parts: &[PartRecord], live: &[u64], added: u64) -> usize {
    let sparse = parts.iter().zip(live).position(|(part, live)| live * 2 < part.records);
    let mut kept = sparse.unwrap_or(parts.len());
    let mut merged = added + live[kept..].iter().sum::<u64>();
    if merged == 0 {
        return kept;
    }
    while kept > 0 && live[kept - 1] < merged * 2 {
        kept -= 1;
        merged += live[kept];
    }
    kept
}

/// Returns the number of records of each part, given the number of an object and its records.
pub(super) fn live(parts: &[PartRecord], objects: impl Iterator<Item = (u32, u64)>) -> Vec<u64> {
    let mut live = vec![0; parts.len()];
    for (number, records) in objects {
        let after = parts.partition_point(|part| part.first <= number);
        if let Some(at) = after.checked_sub(1) {
            live[at] += records;
        }
    }
    live
}

#[cfg(test)]
mod tests {
    use super::*;

    fn part(first: u32, records: u64) -> PartRecord {
        PartRecord { first, records, files: Vec::new() }
    }

    #[test]
    fn records_are_counted_in_the_part_of_their_object() {
        let parts = [part(0, 5), part(10, 5), part(11, 5)];
        let objects = [(0, 1), (9, 2), (10, 4), (11, 8), (500, 16)];
        assert_eq!(live(&parts, objects.into_iter()), [3, 4, 24]);
        assert!(live(&[], objects.into_iter()).is_empty());
    }

    #[test]
    fn parts_are_few_and_records_are_seldom_written() {
        let (mut parts, mut written) = (Vec::<PartRecord>::new(), 0);
        for day in 0..1000 {
            let live: Vec<u64> = parts.iter().map(|part| part.records).collect();
            let keep = kept(&parts, &live, 100);
            let merged = 100 + live[keep..].iter().sum::<u64>();
            let first = parts.get(keep).map_or(day, |part| part.first);
            parts.truncate(keep);
            parts.push(part(first, merged));
            written += merged;
            assert!(parts.len() <= 10, "{day}: {}", parts.len());
        }
        assert!(written < 100 * 1000 * 20, "{written}");
    }

    #[test]
    fn a_part_of_which_little_is_needed_is_written_again() {
        let parts = [part(0, 1000), part(5, 100), part(9, 10)];
        assert_eq!(kept(&parts, &[1000, 100, 10], 0), 3, "nothing is new");
        assert_eq!(kept(&parts, &[1000, 100, 10], 1), 3);
        assert_eq!(kept(&parts, &[1000, 100, 10], 6), 2);
        assert_eq!(kept(&parts, &[1000, 49, 10], 0), 1);
        assert_eq!(kept(&parts, &[499, 100, 10], 0), 0);
        assert_eq!(kept(&parts, &[0, 0, 0], 0), 0);
    }
}
