//! How many rejects a run may have.

use std::fmt;
use std::str::FromStr;

/// A number of rejects, or a share of the records read.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum MaxRejects {
    /// At most this many.
    Count(u64),
    /// At most this many of a hundred records.
    Percent(f64),
}

impl Default for MaxRejects {
    fn default() -> Self {
        MaxRejects::Count(0)
    }
}

impl MaxRejects {
    /// Whether `rejected` of `read` records are too many.
    pub fn is_exceeded(self, rejected: u64, read: u64) -> bool {
        match self {
            MaxRejects::Count(allowed) => rejected > allowed,
            MaxRejects::Percent(allowed) => rejected as f64 * 100.0 > allowed * read as f64,
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
            None => text.parse().ok().map(MaxRejects::Count),
        };
        parsed.ok_or_else(|| {
            format!("{text:?} is neither a number of records nor a percentage such as 0.1%")
        })
    }
}

impl fmt::Display for MaxRejects {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            MaxRejects::Count(allowed) => allowed.fmt(f),
            MaxRejects::Percent(allowed) => write!(f, "{allowed}%"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_and_percentages() {
        let parse = |text: &str| text.parse::<MaxRejects>();
        assert_eq!(parse("10"), Ok(MaxRejects::Count(10)));
        assert_eq!(parse("0.5%"), Ok(MaxRejects::Percent(0.5)));
        for text in ["", "-1", "ten", "101%", "NaN%", "5 %", "%"] {
            assert!(parse(text).is_err_and(|e| e.contains(text)), "{text}");
        }
    }

    #[test]
    fn a_limit_is_exceeded_above_it_not_at_it() {
        assert!(!MaxRejects::Count(1).is_exceeded(1, 10));
        assert!(MaxRejects::Count(1).is_exceeded(2, 10));
        assert!(!MaxRejects::Percent(10.0).is_exceeded(1, 10));
        assert!(MaxRejects::Percent(10.0).is_exceeded(2, 10));
        assert!(!MaxRejects::Percent(0.0).is_exceeded(0, 0));
    }
}
