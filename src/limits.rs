//! The limit on the rejects of a run.

use std::fmt;
use std::str::FromStr;

use bytesize::ByteSize;

/// A limit on rejects: a number, a share of the records read, or a size in bytes. By default, any reject
/// exceeds it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum MaxRejects {
    /// Maximum number of rejects.
    Count(u64),
    /// Maximum percentage of the records read, 0 to 100.
    Percent(f64),
    /// Maximum total size of the rejected records in bytes, after decompression.
    Bytes(u64),
}

/// Counts of the rejects of a run.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Rejected {
    /// Number of rejects.
    pub records: u64,
    /// Total size of the rejects in bytes, after decompression.
    pub bytes: u64,
    /// Estimated number of records in the rejects whose end could not be determined; 0 if there are none.
    pub uncertain: u64,
}

impl std::ops::Add for Rejected {
    type Output = Rejected;

    fn add(self, other: Rejected) -> Rejected {
        Rejected {
            records: self.records + other.records,
            bytes: self.bytes + other.bytes,
            uncertain: self.uncertain + other.uncertain,
        }
    }
}

impl Default for MaxRejects {
    fn default() -> Self {
        MaxRejects::Count(0)
    }
}

impl MaxRejects {
    /// Returns `true` if the rejects among `read` records exceed the limit.
    ///
    /// If the number of rejected records is uncertain, a number and a percentage below 100 are always
    /// exceeded, because they depend on it.
    pub fn is_exceeded(self, rejected: Rejected, read: u64) -> bool {
        match self {
            MaxRejects::Count(allowed) => rejected.uncertain > 0 || rejected.records > allowed,
            MaxRejects::Percent(allowed) => {
                let is_all = allowed >= 100.0;
                let share = rejected.records as f64 * 100.0;
                !is_all && (rejected.uncertain > 0 || share > allowed * read as f64)
            }
            MaxRejects::Bytes(allowed) => rejected.bytes > allowed,
        }
    }
}

impl MaxRejects {
    /// Returns `true` if the rejects exceed the limit however many records follow. Percentages other than 0
    /// can only be judged at the end.
    pub fn is_surely_exceeded(self, rejected: Rejected) -> bool {
        match self {
            MaxRejects::Count(allowed) => rejected.records > allowed,
            MaxRejects::Percent(allowed) => allowed == 0.0 && rejected.records > 0,
            MaxRejects::Bytes(allowed) => rejected.bytes > allowed,
        }
    }
}

impl FromStr for MaxRejects {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let parsed = match text.strip_suffix('%') {
            Some(percent) => percent
                .parse()
                .ok()
                .filter(|percent| (0.0..=100.0).contains(percent))
                .map(MaxRejects::Percent),
            None if text.ends_with(['b', 'B']) => {
                text.parse().ok().map(|size: ByteSize| MaxRejects::Bytes(size.as_u64()))
            }
            None => text.parse().ok().map(MaxRejects::Count),
        };
        parsed.ok_or_else(|| {
            format!(
                "{text:?} is neither a number of records nor a percentage such as 0.1%, nor a size \
                 such as 64KiB"
            )
        })
    }
}

impl fmt::Display for MaxRejects {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            MaxRejects::Count(allowed) => allowed.fmt(f),
            MaxRejects::Percent(allowed) => write!(f, "{allowed}%"),
            MaxRejects::Bytes(allowed) => write!(f, "{allowed}B"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_percentages_and_sizes() {
        let parse = |text: &str| text.parse::<MaxRejects>();
        assert_eq!(parse("10"), Ok(MaxRejects::Count(10)));
        assert_eq!(parse("0.5%"), Ok(MaxRejects::Percent(0.5)));
        assert_eq!(parse("64KiB"), Ok(MaxRejects::Bytes(65_536)));
        assert_eq!(parse("1 MB"), Ok(MaxRejects::Bytes(1_000_000)));
        assert_eq!(parse("0B"), Ok(MaxRejects::Bytes(0)));
        for text in ["", "-1", "ten", "101%", "NaN%", "5 %", "%", "B", "-1B", "1XB", "1.5"] {
            assert!(parse(text).is_err_and(|e| e.contains(text)), "{text}");
        }
    }

    #[test]
    fn a_printed_limit_is_the_same_limit() {
        for limit in [MaxRejects::Count(7), MaxRejects::Percent(0.25), MaxRejects::Bytes(12_345)] {
            assert_eq!(limit.to_string().parse(), Ok(limit));
        }
    }

    fn rejects(records: u64, bytes: u64, uncertain: u64) -> Rejected {
        Rejected { records, bytes, uncertain }
    }

    #[test]
    fn a_limit_is_exceeded_above_it_not_at_it() {
        let one = rejects(1, 100, 0);
        let two = rejects(2, 200, 0);
        for limit in [MaxRejects::Count(1), MaxRejects::Percent(10.0), MaxRejects::Bytes(100)] {
            assert!(!limit.is_exceeded(one, 10), "{limit}");
            assert!(limit.is_exceeded(two, 10), "{limit}");
        }
        assert!(!MaxRejects::Percent(0.0).is_exceeded(Rejected::default(), 0));
    }

    #[test]
    fn an_uncertain_number_of_rejects_exceeds_every_limit_on_their_number() {
        let uncertain = rejects(1, 100, 40);
        assert!(MaxRejects::Count(1_000_000).is_exceeded(uncertain, 1_000_000));
        assert!(MaxRejects::Percent(99.9).is_exceeded(uncertain, 1_000_000));
        assert!(!MaxRejects::Percent(100.0).is_exceeded(uncertain, 1));
        assert!(!MaxRejects::Bytes(100).is_exceeded(uncertain, 1));
        assert!(MaxRejects::Bytes(99).is_exceeded(uncertain, 1));
    }

    #[test]
    fn only_percentages_above_0_are_decided_at_the_end() {
        for (limit, records, exceeded) in [
            ("0", 0, false),
            ("0", 1, true),
            ("5", 5, false),
            ("5", 6, true),
            ("0%", 0, false),
            ("0%", 1, true),
            ("0.1%", u64::MAX, false),
            ("100%", u64::MAX, false),
            ("7B", 7, false),
            ("7B", 8, true),
        ] {
            let parsed: MaxRejects = limit.parse().unwrap();
            let rejected = Rejected { records, bytes: records, uncertain: 0 };
            assert_eq!(parsed.is_surely_exceeded(rejected), exceeded, "{limit} {records}");
        }
    }
}
