//! The model that a command uses.

use std::path::PathBuf;

use clap::{Args, ValueHint};

/// The model that a command uses.
#[derive(Debug, Args)]
pub struct ModelArgs {
    /// Folder of the model: model.toml and SQL files [default: the built-in model].
    #[arg(long, value_name = "DIR", env = "STARLIFT_MODEL", value_hint = ValueHint::DirPath)]
    pub model: Option<PathBuf>,
}
