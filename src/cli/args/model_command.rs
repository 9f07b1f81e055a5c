//! Options of `model`.

use std::path::PathBuf;

use clap::{Args, Subcommand, ValueHint};

use super::EXIT_CODES;
use super::inputs::NamedUrl;
use crate::infer::SampleOptions;

/// Options of `model`.
#[derive(Debug, Args)]
pub struct ModelCommandArgs {
    /// The subcommand to run.
    #[command(subcommand)]
    pub command: ModelCommand,
}

/// The subcommand of `model`.
#[derive(Debug, Subcommand)]
pub enum ModelCommand {
    /// Write a copy of the built-in model as a starting point.
    #[command(after_help = EXIT_CODES)]
    Init {
        /// Folder of the model; existing files are not replaced.
        #[arg(value_name = "DIR", value_hint = ValueHint::DirPath)]
        folder: PathBuf,
    },
    /// Draft a model from a sample of JSON records.
    #[command(after_help = EXIT_CODES)]
    Infer(ModelInferArgs),
    /// Check a model, and print all of its problems.
    #[command(after_help = EXIT_CODES)]
    Check {
        /// Folder of the model.
        #[arg(value_name = "DIR", value_hint = ValueHint::DirPath)]
        folder: PathBuf,
    },
}

/// Options of `model infer`.
#[derive(Debug, Args)]
pub struct ModelInferArgs {
    /// Name of a dataset, and its objects: an object, a prefix, or a prefix with a glob; repeat for more
    /// locations and datasets.
    #[arg(long = "input", value_name = "NAME=URL", required = true)]
    pub inputs: Vec<NamedUrl>,
    /// Maximum number of objects to read per dataset: all of a small number, or some spread evenly over
    /// their sorted names, including the first and the last.
    #[arg(long, value_name = "N", default_value_t = SampleOptions::OBJECTS, value_parser = sample_size)]
    pub sample: usize,
    /// Folder of the model; existing files are not replaced.
    #[arg(value_name = "DIR", value_hint = ValueHint::DirPath)]
    pub folder: PathBuf,
}

fn sample_size(text: &str) -> Result<usize, String> {
    let size = text.parse().ok().filter(|size| (1..=100_000).contains(size));
    size.ok_or_else(|| "a sample has 1 to 100000 objects".to_owned())
}
