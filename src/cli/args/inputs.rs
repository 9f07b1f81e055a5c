//! Options for the objects of the datasets.

use std::collections::BTreeMap;
use std::str::FromStr;

use clap::{Args, ValueHint};

use crate::infer::is_dataset_name;

/// Objects of the datasets.
#[derive(Debug, Default, Args)]
pub struct InputArgs {
    /// Objects of a dataset of the model: objects, prefixes, or prefixes with a glob.
    #[arg(long, value_name = "NAME=URL", num_args = 1..)]
    pub input: Vec<NamedUrl>,
    /// JSONPaths file for a dataset, instead of the paths that the model declares.
    #[arg(long, value_name = "NAME=URL", num_args = 1..)]
    pub jsonpaths: Vec<NamedUrl>,
    /// Song objects: short for --input songs=URL.
    #[arg(long, value_name = "URL", num_args = 1.., env = "STARLIFT_SONGS", value_hint = ValueHint::AnyPath)]
    pub songs: Vec<String>,
    /// Log objects: short for --input logs=URL.
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
        let short = [("songs", &self.songs), ("logs", &self.logs)].into_iter();
        let short = short.flat_map(|(name, urls)| urls.iter().map(move |url| (name, url)));
        let long = self.input.iter().map(|input| (input.name.as_str(), &input.url));
        let mut locations: BTreeMap<String, Vec<String>> = BTreeMap::new();
        for (name, url) in short.chain(long) {
            locations.entry(name.to_owned()).or_default().push(url.clone());
        }
        locations
    }

    /// Returns the locations of the JSONPaths files by dataset.
    pub fn jsonpaths(&self) -> BTreeMap<String, String> {
        let short = [("songs", &self.song_jsonpaths), ("logs", &self.log_jsonpaths)].into_iter();
        let short = short.filter_map(|(name, url)| Some((name.to_owned(), url.clone()?)));
        let long = self.jsonpaths.iter().map(|file| (file.name.clone(), file.url.clone()));
        short.chain(long).collect()
    }
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
        assert_eq!(args.jsonpaths(), BTreeMap::from([("logs".to_owned(), "p".to_owned())]));
    }
}
