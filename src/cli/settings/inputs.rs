//! The objects of the datasets, in the file and on the command line.

use std::collections::BTreeMap;

use serde::Deserialize;

use super::{TransformSettings, missing, one_or_many};
use crate::cli::args::{DEFAULT_FILE, InputArgs, of_short, one_per_dataset};
use crate::cli::error::{Error, Result};
use crate::model::Model;

/// A location or a list of them.
#[derive(Debug, Deserialize)]
#[serde(transparent)]
pub(super) struct Urls(#[serde(deserialize_with = "one_or_many")] Vec<String>);

impl TransformSettings {
    /// Returns the locations of the objects by dataset.
    pub(super) fn locations(&self) -> BTreeMap<String, Vec<String>> {
        let short = of_short(&self.songs, &self.logs).into_iter();
        let long = self.inputs.iter().map(|(name, urls)| (name.as_str(), &urls.0));
        let mut locations: BTreeMap<String, Vec<String>> = BTreeMap::new();
        for (name, urls) in short.chain(long).filter(|(_, urls)| !urls.is_empty()) {
            locations.entry(name.to_owned()).or_default().extend(urls.iter().cloned());
        }
        locations
    }

    /// Returns the locations of the JSONPaths files by dataset.
    fn jsonpaths(&self) -> Result<BTreeMap<String, String>> {
        let short = of_short(&self.song_jsonpaths, &self.log_jsonpaths).into_iter();
        let short = short.filter_map(|(name, url)| Some((name.to_owned(), url.clone()?)));
        let files = one_per_dataset(short.chain(self.jsonpaths.clone()));
        files.map_err(|error| Error::Usage(format!("{DEFAULT_FILE}: {error}")))
    }

    /// Returns the locations of the objects by dataset; those on the command line replace those of the
    /// same dataset in the file.
    ///
    /// # Errors
    ///
    /// Returns an error if a dataset of the model has no location.
    pub(super) fn resolve(
        &self,
        args: &InputArgs,
        model: &Model,
    ) -> Result<BTreeMap<String, Vec<String>>> {
        let mut locations = self.locations();
        locations.extend(args.locations());
        for dataset in &model.datasets {
            let name = dataset.name.as_str();
            if locations.contains_key(name) {
                continue;
            }
            return Err(match name {
                "songs" | "logs" => missing(
                    &format!("--{name}"),
                    &format!("{name} in [transform]"),
                    &format!("STARLIFT_{}", name.to_uppercase()),
                ),
                _ => Error::Usage(format!(
                    "--input {name}=URL is required; it can also be set as {name} in [transform.inputs] in \
                     {DEFAULT_FILE}"
                )),
            });
        }
        Ok(locations)
    }

    /// Returns the locations of the JSONPaths files by dataset; those on the command line replace those
    /// of the same dataset in the file.
    ///
    /// # Errors
    ///
    /// Returns an error if a dataset has several.
    pub(super) fn resolve_jsonpaths(&self, args: &InputArgs) -> Result<BTreeMap<String, String>> {
        let mut files = self.jsonpaths()?;
        files.extend(args.jsonpaths().map_err(Error::Usage)?);
        Ok(files)
    }
}
