//! Describes skipped objects, for summaries and errors.

use std::collections::BTreeMap;

use crate::error::Error;
use crate::escape;
use crate::model::Dataset;
use crate::storage::Place;

/// Number of suffixes and kinds that are named.
const SHOWN_KINDS: usize = 10;

/// Describes the skipped objects, most frequent first. `named` formats a suffix or kind and its
/// number of objects. After ten of them, one last entry has the totals of the rest.
pub fn skipped_kinds(
    skipped: &BTreeMap<String, u64>,
    named: impl Fn(&str, u64) -> String,
) -> Vec<String> {
    let mut kinds: Vec<(&String, &u64)> = skipped.iter().collect();
    kinds.sort_by_key(|(_, objects)| std::cmp::Reverse(**objects));
    let (shown, others) = kinds.split_at(kinds.len().min(SHOWN_KINDS));
    let mut words: Vec<String> =
        shown.iter().map(|(kind, objects)| named(&escape::line(kind), **objects)).collect();
    if !others.is_empty() {
        let objects: u64 = others.iter().map(|(_, objects)| *objects).sum();
        words.push(format!("and {objects} more in {} suffixes", others.len()));
    }
    words
}

/// Returns the error for a dataset without objects, with the places and names that were searched.
pub fn nothing_found(
    dataset: &Dataset,
    places: &[Place],
    skipped: &BTreeMap<String, u64>,
) -> Error {
    let places: Vec<String> = places.iter().map(|place| place.location.typed.clone()).collect();
    let kinds = skipped_kinds(skipped, |kind, objects| format!("{objects} {kind}"));
    let kinds = match kinds.is_empty() {
        true => "there are no objects of any kind".to_owned(),
        false => format!(
            "skipped: {} (--suffix any reads every suffix, --include-hidden reads hidden names)",
            kinds.join(", ")
        ),
    };
    Error::NothingFound(format!(
        "no {} found at {}: looked for .json, .jsonl and .ndjson objects, also with .gz or .zst; \
         {kinds}",
        dataset.name,
        places.join(", "),
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_most_frequent_come_first_and_the_rest_is_counted() {
        let skipped: BTreeMap<String, u64> = (1..=31).map(|i| (format!(".{i:02}"), i)).collect();
        let words = skipped_kinds(&skipped, |kind, objects| format!("{kind} ({objects})"));
        assert_eq!(words.len(), 11);
        assert_eq!(words[..2], [".31 (31)", ".30 (30)"]);
        assert_eq!(words[10], "and 231 more in 21 suffixes");
        assert!(skipped_kinds(&BTreeMap::new(), |_, _| String::new()).is_empty());
    }
}
