//! The options of a transform.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;

use super::remote::{RemoteEngine, ensure_supported};
use crate::engine::EngineOptions;
use crate::error::{Error, Result};
use crate::incremental::IncrementalOptions;
use crate::limits::MaxRejects;
use crate::model::{Dataset, Model, Table};
use crate::publish::{DEFAULT_FILE_BYTES, LockMode};
use crate::star::Partitioning;
use crate::storage::Suffix;
use crate::transform::Rules;

/// The inputs, the output and the settings of a transform.
#[derive(Debug, Clone)]
pub struct TransformOptions {
    /// Model that declares the datasets and the tables.
    pub model: Arc<Model>,
    /// Locations of the objects by dataset: objects, prefixes or globs.
    pub inputs: BTreeMap<String, Vec<String>>,
    /// Location of the star.
    pub out: String,
    /// Also read objects with hidden names, which begin with `_` or `.`; `false` by default.
    pub include_hidden: bool,
    /// Suffixes of the objects to read.
    pub suffix: Suffix,
    /// Publish the star even if a dataset is empty; `false` by default.
    pub allow_empty: bool,
    /// Locations of JSONPaths files by dataset. They replace the paths that the model declares.
    pub jsonpaths: BTreeMap<String, String>,
    /// Folder of SQL files that replace or add to the queries of the model.
    pub queries: Option<PathBuf>,
    /// Options that change the results of the star queries.
    pub rules: Rules,
    /// Limit on rejects; none are allowed by default.
    pub max_rejects: MaxRejects,
    /// Locking of the output against other runs.
    pub lock: LockMode,
    /// Options of an incremental run; `None` for a run that reads all objects and leaves no state.
    pub incremental: Option<IncrementalOptions>,
    /// Build the star again and compare it with the existing one, without publishing it.
    pub verify: bool,
    /// Partitioning of tables that are sorted by a time.
    pub partitioning: Partitioning,
    /// Number of earlier stars whose files are kept, so that they can be restored; none by default.
    pub keep: usize,
    /// Target size of the star's files in bytes.
    pub file_bytes: u64,
    /// Threads and memory that the run can use.
    pub engine: EngineOptions,
    /// Machines that carry out the run; `None` for this process.
    pub remote: Option<Arc<dyn RemoteEngine>>,
}

impl TransformOptions {
    /// Returns the default options for an output and one location per dataset.
    pub fn new<'a>(
        inputs: impl IntoIterator<Item = (&'a str, &'a str)>,
        out: &str,
    ) -> TransformOptions {
        let inputs = inputs.into_iter();
        TransformOptions {
            model: Model::built_in(),
            inputs: inputs.map(|(name, url)| (name.to_owned(), vec![url.to_owned()])).collect(),
            out: out.to_owned(),
            include_hidden: false,
            suffix: Suffix::default(),
            allow_empty: false,
            jsonpaths: BTreeMap::new(),
            queries: None,
            rules: Rules::default(),
            max_rejects: MaxRejects::default(),
            lock: LockMode::default(),
            incremental: None,
            partitioning: Partitioning::default(),
            verify: false,
            keep: 0,
            file_bytes: DEFAULT_FILE_BYTES,
            engine: EngineOptions::default(),
            remote: None,
        }
    }

    /// Fails if the partitioning has no effect.
    fn validate_partitioning(&self) -> Result<()> {
        let has_effect = |table: &Arc<Table>| self.partitioning.column(table).is_some();
        if self.partitioning == Partitioning::None || self.model.tables.iter().any(has_effect) {
            return Ok(());
        }
        Err(Error::Usage(format!(
            "--partition has no effect, because no table of the model {} is sorted by a timestamp or a date \
             first; leave it out",
            self.model.name
        )))
    }

    /// Fails unless each dataset of the model has an input, and each input and JSONPaths file belongs
    /// to a dataset.
    ///
    /// # Errors
    ///
    /// Returns an error that names the first dataset without an input, or the first name that is not
    /// that of a dataset.
    pub fn validate_inputs(&self) -> Result<()> {
        self.validate_partitioning()?;
        ensure_supported(self)?;
        for name in self.inputs.keys().chain(self.jsonpaths.keys()) {
            if self.model.dataset(name).is_none() {
                let names: Vec<&str> =
                    self.model.datasets.iter().map(|d| d.name.as_str()).collect();
                return Err(Error::Usage(format!(
                    "the model {} has no dataset {name:?}; its datasets are {}",
                    self.model.name,
                    names.join(", ")
                )));
            }
        }
        for dataset in &self.model.datasets {
            if self.locations(dataset).is_empty() {
                return Err(Error::Usage(format!(
                    "the dataset {0} of the model {1} has no input; set it with --input {0}=URL",
                    dataset.name, self.model.name
                )));
            }
        }
        Ok(())
    }

    /// Returns the locations of the objects of a dataset.
    pub fn locations(&self, dataset: &Dataset) -> &[String] {
        self.inputs.get(&dataset.name).map_or(&[], Vec::as_slice)
    }
}
