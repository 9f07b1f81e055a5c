//! `starlift man`: manual pages, one per command.

use std::path::Path;

use clap::CommandFactory;
use clap_mangen::Man;

use super::args::Cli;
use super::output::print;
use super::place_file::place_file;
use super::summary::counted;
use crate::cli::error::{Error, Result};

/// Writes the manual pages to a folder, which is created if it does not exist. Pages of the same name are replaced.
///
/// # Errors
///
/// Returns an error if a page cannot be written.
pub fn run(folder: &Path, quiet: bool) -> Result<()> {
    let failed = |path: &Path, e| Error::io(format!("cannot write {}", path.display()), e);
    std::fs::create_dir_all(folder).map_err(|e| failed(folder, e))?;
    let pages = pages().map_err(|e| failed(folder, e))?;
    for (name, text) in &pages {
        let path = folder.join(name);
        place_file(&path, text, true).map_err(|e| failed(&path, e))?;
    }
    if quiet {
        return Ok(());
    }
    let count = counted(pages.len() as u64, "page");
    print(&format!("wrote {count} to {}\n", folder.display()))
}

/// Returns the pages as pairs of file name and text.
fn pages() -> std::io::Result<Vec<(String, String)>> {
    let mut program = Cli::command().disable_help_subcommand(true);
    program.build();
    let mut pages = Vec::new();
    let mut waiting = vec![program];
    while let Some(command) = waiting.pop() {
        waiting.extend(command.get_subcommands().filter(|below| !below.is_hide_set()).cloned());
        let source = format!("starlift {}", env!("CARGO_PKG_VERSION"));
        let page = Man::new(command).source(source).manual("starlift");
        let mut text = Vec::new();
        page.render(&mut text)?;
        pages.push((page.get_filename(), String::from_utf8_lossy(&text).into_owned()));
    }
    pages.sort();
    Ok(pages)
}
