//! Options for the objects of the datasets.

use std::collections::BTreeMap;
use std::str::FromStr;

use clap::{Args, ValueHint};

use crate::cli::completions;
use crate::infer::is_dataset_name;

/// Objects of the datasets.
#[derive(Debug, Default, Args)]
pub struct InputArgs {
    /// Name of a dataset of the model, and a location of its objects: an object, a prefix, or a prefix with a
    /// glob; repeat for more locations and datasets.
    #[arg(long, value_name = "NAME=URL", num_args = 1.., add = completions::datasets("="))]
    pub input: Vec<NamedUrl>,
    /// JSONPaths file for a dataset, instead of the paths that the model declares.
    #[arg(long, value_name = "NAME=URL", num_args = 1.., add = completions::datasets("="))]
    pub jsonpaths: Vec<NamedUrl>,
    /// Location of song objects: short for --input songs=URL.
    #[arg(long, value_name = "URL", num_args = 1.., env = "STARLIFT_SONGS", value_hint = ValueHint::AnyPath)]
    pub songs: Vec<String>,
    /// Location of log objects: short for --input logs=URL.
    #[arg(long, value_name = "URL", num_args = 1.., env = "STARLIFT_LOGS", value_hint = ValueHint::AnyPath)]
    pub logs: Vec<String>,
    /// JSONPaths file for logs: short for --jsonpaths logs=URL.
    #[arg(long, value_name = "URL", env = "STARLIFT_LOG_JSONPATHS", value_hint = ValueHint::FilePath)]
    pub log_jsonpaths: Option<String>,
    /// JSONPaths file for songs: short for --jsonpaths songs=URL.
    #[arg(long, value_name = "URL", env = "STARLIFT_SONG_JSONPATHS", value_hint = ValueHint::FilePath)]
    pub song_jsonpaths: Option<String>,
}

/// A location of a dataset, written `NAME=URL`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NamedUrl {
    /// Name of the dataset.
    pub name: String,
    /// Location.
    pub url: String,
}

impl FromStr for NamedUrl {
    type Err = String;

    fn from_str(text: &str) -> Result<NamedUrl, String> {
        let Some((name, url)) = text.split_once('=').filter(|(_, url)| !url.is_empty()) else {
            return Err("expected NAME=URL, such as events=s3://bucket/events".to_owned());
        };
        if !is_dataset_name(name) {
            return Err(format!(
                "{name:?} is not the name of a dataset: use letters, digits and underscores, and begin \
                 with a letter"
            ));
        }
        Ok(NamedUrl { name: name.to_owned(), url: url.to_owned() })
    }
}

impl InputArgs {
    /// Returns the locations of the objects by dataset.
    pub fn locations(&self) -> BTreeMap<String, Vec<String>> {
        let short = of_short(&self.songs, &self.logs).into_iter();
        let short = short.flat_map(|(name, urls)| urls.iter().map(move |url| (name, url)));
        let long = self.input.iter().map(|input| (input.name.as_str(), &input.url));
        let mut locations: BTreeMap<String, Vec<String>> = BTreeMap::new();
        for (name, url) in short.chain(long) {
            locations.entry(name.to_owned()).or_default().push(url.clone());
        }
        locations
    }

    /// Returns the locations of the JSONPaths files by dataset.
    ///
    /// # Errors
    ///
    /// Returns an error that names a dataset with several files.
    pub fn jsonpaths(&self) -> Result<BTreeMap<String, String>, String> {
        let short = of_short(&self.song_jsonpaths, &self.log_jsonpaths).into_iter();
        let short = short.filter_map(|(name, url)| Some((name.to_owned(), url.clone()?)));
        let long = self.jsonpaths.iter().map(|file| (file.name.clone(), file.url.clone()));
        one_per_dataset(short.chain(long))
    }
}

/// Pairs the values of the short options of the built-in model with the names of its datasets.
pub fn of_short<T>(songs: T, logs: T) -> [(&'static str, T); 2] {
    [("songs", songs), ("logs", logs)]
}

/// Collects JSONPaths files by dataset.
///
/// # Errors
///
/// Returns an error that names a dataset with several files.
pub fn one_per_dataset(
    files: impl Iterator<Item = (String, String)>,
) -> Result<BTreeMap<String, String>, String> {
    let mut by_dataset = BTreeMap::new();
    for (name, url) in files {
        if let Some(first) = by_dataset.insert(name.clone(), url.clone()) {
            return Err(format!(
                "the dataset {name} has several JSONPaths files, {first} and {url}; specify one"
            ));
        }
    }
    Ok(by_dataset)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_location_follows_the_first_equals_sign() {
        let parsed: NamedUrl = "events=s3://b/day=1/".parse().unwrap();
        assert_eq!((parsed.name.as_str(), parsed.url.as_str()), ("events", "s3://b/day=1/"));
        for text in ["", "events", "=s3://b", "events=", "a b=x", "s3://b/day=1"] {
            assert!(text.parse::<NamedUrl>().is_err(), "{text}");
        }
    }

    #[test]
    fn short_options_and_long_ones_add_up() {
        let named = |text: &str| text.parse::<NamedUrl>().unwrap();
        let args = InputArgs {
            songs: vec!["a".to_owned()],
            input: vec![named("songs=b"), named("events=c")],
            log_jsonpaths: Some("p".to_owned()),
            ..InputArgs::default()
        };
        let locations = args.locations();
        assert_eq!(locations["songs"], ["a", "b"]);
        assert_eq!(locations["events"], ["c"]);
        let jsonpaths = BTreeMap::from([("logs".to_owned(), "p".to_owned())]);
        assert_eq!(args.jsonpaths(), Ok(jsonpaths));
    }

    #[test]
    fn a_dataset_has_one_jsonpaths_file() {
        let named = |text: &str| text.parse::<NamedUrl>().unwrap();
        for (short, long) in [(Some("a"), vec!["logs=b"]), (None, vec!["logs=a", "logs=b"])] {
            let args = InputArgs {
                log_jsonpaths: short.map(str::to_owned),
                jsonpaths: long.into_iter().map(named).collect(),
                ..InputArgs::default()
            };
            let error = args.jsonpaths().unwrap_err();
            assert!(error.contains("dataset logs") && error.contains("a and b"), "{error}");
        }
    }
}
