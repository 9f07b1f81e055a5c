//! `starlift model`.

mod check;
mod infer;
mod init;

use std::io::{ErrorKind, Write};
use std::path::Path;

use super::args::{ModelCommand, ModelCommandArgs};
use super::settings::{GlobalOptions, Settings};
use crate::cli::error::{Error, Result};
use crate::model::init::InitFile;

/// Runs a subcommand of `model`.
///
/// # Errors
///
/// Returns an error if files exist or cannot be written, the objects cannot be read, or the model
/// has problems.
pub async fn run(
    args: &ModelCommandArgs,
    settings: &Settings,
    global: &GlobalOptions,
) -> Result<()> {
    match &args.command {
        ModelCommand::Init { folder } => init::run(folder, global.quiet),
        ModelCommand::Infer(args) => infer::run(args, settings, global).await,
        ModelCommand::Check { folder } => check::run(folder, global.quiet).await,
    }
}

/// Fails if one of the files exists in `folder`.
fn ensure_absent<'a>(folder: &Path, files: impl IntoIterator<Item = &'a str>) -> Result<()> {
    let found: Vec<String> = files
        .into_iter()
        .map(|file| folder.join(file))
        .filter(|path| path.symlink_metadata().is_ok())
        .map(|path| path.display().to_string())
        .collect();
    if found.is_empty() { Ok(()) } else { Err(exists(&found)) }
}

fn exists(found: &[String]) -> Error {
    let (first, more) = (&found[0], found.len() - 1);
    let more = if more == 0 { String::new() } else { format!(" (and {more} other files)") };
    Error::Usage(format!(
        "{first} already exists{more}; specify another folder, or move the files away"
    ))
}

/// Writes the files of a model into `folder`, and replaces none.
fn write(folder: &Path, files: &[InitFile]) -> Result<()> {
    ensure_absent(folder, files.iter().map(|file| file.path.as_str()))?;
    for file in files {
        let path = folder.join(&file.path);
        let fail = |e| Error::io(format!("cannot write {}", path.display()), e);
        if let Some(parent) = path.parent() {
            std::fs::create_dir_all(parent).map_err(fail)?;
        }
        let created = std::fs::OpenOptions::new().write(true).create_new(true).open(&path);
        let written = created.and_then(|mut created| created.write_all(file.text.as_bytes()));
        written.map_err(|e| match e.kind() {
            ErrorKind::AlreadyExists => exists(&[path.display().to_string()]),
            _ => fail(e),
        })?;
    }
    Ok(())
}
