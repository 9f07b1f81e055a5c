//! `starlift model init`.

use std::path::Path;

use super::super::output::print;
use super::super::summary::counted;
use super::write;
use crate::cli::error::Result;
use crate::model::init::files;

/// Writes the built-in model into `folder`, and prints the next steps.
///
/// # Errors
///
/// Returns an error if a file exists or cannot be written.
pub fn run(folder: &Path, quiet: bool) -> Result<()> {
    let files = files();
    write(folder, &files)?;
    if quiet {
        return Ok(());
    }
    let shown = folder.display();
    print(&format!(
        "wrote {} to {shown}\n\nNext:\n  edit {}, which docs/model.md describes\n  \
         starlift model check {shown}\n",
        counted(files.len() as u64, "file"),
        folder.join("model.toml").display(),
    ))
}
