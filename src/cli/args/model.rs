//! Options of `model`.

use std::path::PathBuf;

use clap::{Args, Subcommand, ValueHint};

use super::EXIT_CODES;
use crate::infer::{SampleOptions, is_dataset_name};

/// Options of `model`.
#[derive(Debug, Args)]
pub struct ModelArgs {
    /// The subcommand to run.
    #[command(subcommand)]
    pub command: ModelCommand,
}

/// The subcommand of `model`.
#[derive(Debug, Subcommand)]
pub enum ModelCommand {
    /// Write a copy of the built-in model, to change it.
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
    #[arg(long = "input", value_name = "NAME=URL", required = true, value_parser = named_input)]
    pub inputs: Vec<NamedInput>,
    /// Maximum number of objects to read per dataset: all of a small number, or some spread evenly over
    /// their sorted names, including the first and the last.
    #[arg(long, value_name = "N", default_value_t = SampleOptions::OBJECTS, value_parser = sample_size)]
    pub sample: usize,
    /// Folder of the model; existing files are not replaced.
    #[arg(value_name = "DIR", value_hint = ValueHint::DirPath)]
    pub folder: PathBuf,
}

/// A location of the objects of a dataset.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NamedInput {
    /// Name of the dataset.
    pub name: String,
    /// Location of the objects.
    pub url: String,
}

fn named_input(text: &str) -> Result<NamedInput, String> {
    let Some((name, url)) = text.split_once('=').filter(|(_, url)| !url.is_empty()) else {
        return Err("expected NAME=URL, such as events=s3://bucket/events".to_owned());
    };
    if !is_dataset_name(name) {
        return Err(format!(
            "{name:?} is not the name of a dataset: use letters, digits and underscores, and begin with \
             a letter"
        ));
    }
    Ok(NamedInput { name: name.to_owned(), url: url.to_owned() })
}

fn sample_size(text: &str) -> Result<usize, String> {
    let size = text.parse().ok().filter(|size| (1..=100_000).contains(size));
    size.ok_or_else(|| "a sample has 1 to 100000 objects".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn inputs_are_a_name_and_a_location() {
        let input = named_input("events=s3://bucket/a=1/").unwrap();
        assert_eq!((input.name.as_str(), input.url.as_str()), ("events", "s3://bucket/a=1/"));
        for text in ["events", "events=", "=x", "a b=x", "s3://bucket/a=1"] {
            named_input(text).unwrap_err();
        }
    }
}
