//! The parameters of the nodes, as a plan contains them.

use std::sync::Arc;

use datafusion::error::{DataFusionError, Result};
use serde::{Deserialize, Serialize};

use crate::decode::{FieldPaths, StagedColumns, parse_jsonpaths};
use crate::model::{Model, Table};
use crate::publish::RunFiles;
use crate::star::Partitioning;
use crate::storage::{Location, Stores};

/// The place and the names of the files of a run.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub(crate) struct FilesSpec {
    /// URL of the output.
    pub out: String,
    /// ID of the run.
    pub run_id: String,
    /// Target size of the files of tables in bytes.
    pub file_bytes: u64,
}

/// Parameters of [`DecodeExec`](super::DecodeExec).
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub(crate) struct DecodeSpec {
    /// Text of the model, as in `model.toml`.
    pub model: String,
    /// Name of the dataset.
    pub dataset: String,
    /// Names of the columns that are kept.
    pub columns: Vec<String>,
    /// `true` to repair texts that were encoded twice.
    pub repairs_encoding: bool,
    /// Content of the JSONPaths file, if there is one.
    pub jsonpaths: Option<Vec<u8>>,
    /// The files of the run.
    pub files: FilesSpec,
}

/// Parameters of [`CutExec`](super::CutExec).
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub(crate) struct CutSpec {
    /// Text of the model, as in `model.toml`.
    pub model: String,
    /// Name of the table.
    pub table: String,
    /// The partitioning: `day` or `month`.
    pub partitioning: String,
}

/// Parameters of [`WriteExec`](super::WriteExec).
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub(crate) enum WriteSpec {
    /// Writes rows that are needed until the run ends.
    Work {
        /// Name of the rows.
        name: String,
        /// The files of the run.
        files: FilesSpec,
    },
    /// Writes the partitions of a table, whose rows [`CutExec`](super::CutExec) has converted.
    Table {
        /// The table and its partitioning.
        cut: CutSpec,
        /// Length of the longest text in bytes.
        longest_text: usize,
        /// The files of the run.
        files: FilesSpec,
    },
}

impl FilesSpec {
    /// Returns the place and the names of files.
    pub fn of(files: &RunFiles) -> FilesSpec {
        FilesSpec {
            out: files.out.to_string(),
            run_id: files.run_id.clone(),
            file_bytes: files.file_bytes,
        }
    }

    /// Opens the place on this machine, for a new attempt to write files on `threads` threads.
    pub async fn open(&self, stores: &Stores, threads: usize) -> crate::error::Result<RunFiles> {
        let files = RunFiles {
            out: stores.place(Location::parse_single(&self.out)?).await?,
            run_id: self.run_id.clone(),
            attempt: String::new(),
            file_bytes: self.file_bytes,
            threads,
        };
        Ok(files.new_attempt())
    }
}

impl DecodeSpec {
    /// Returns the columns of the dataset and their places in a record.
    pub fn columns(&self) -> Result<(StagedColumns, FieldPaths)> {
        let model = parse_model(&self.model)?;
        let dataset = model.dataset(&self.dataset).ok_or_else(|| unknown(&self.dataset))?;
        let columns = StagedColumns::of(dataset, |name| self.columns.iter().any(|c| c == name))
            .with_repaired_encoding(self.repairs_encoding);
        let paths = match &self.jsonpaths {
            None => FieldPaths::of(dataset),
            Some(file) => {
                parse_jsonpaths(dataset, file).map_err(|e| DataFusionError::External(e.into()))?
            }
        };
        Ok((columns, paths))
    }
}

impl CutSpec {
    /// Returns the table.
    pub fn table(&self) -> Result<Arc<Table>> {
        let model = parse_model(&self.model)?;
        model.table(&self.table).cloned().ok_or_else(|| unknown(&self.table))
    }

    /// Returns the partitioning.
    pub fn partitioning(&self) -> Partitioning {
        Partitioning::named(&self.partitioning)
    }
}

fn parse_model(text: &str) -> Result<Model> {
    Model::parse("model.toml", text).map_err(|e| DataFusionError::Internal(e.to_string()))
}

fn unknown(name: &str) -> DataFusionError {
    DataFusionError::Internal(format!("the model of the plan has no {name}"))
}
