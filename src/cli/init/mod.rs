//! `starlift init`.

mod convert;
mod ini;
mod key_map;
mod template;
mod values;

use std::io::{ErrorKind, IsTerminal};
use std::path::Path;

use super::args::{GlobalArgs, InitArgs};
use super::output::{TextFormat, note, print, print_exact};
use super::place_file::place_file;
use super::settings::{DEFAULT_FILE, SCHEMA_TITLE, Settings, schema_text};
use crate::cli::error::{Error, Result};
use crate::warehouse::connection::target::Target;
use values::{Prompt, Terminal, Values};

/// Writes a configuration file, and prints the next steps.
///
/// # Errors
///
/// Returns an error if the file exists and --force is not set, a value is invalid, or the file cannot be
/// written.
pub fn run(args: &InitArgs, global: &GlobalArgs, quiet: bool) -> Result<()> {
    let is_printed = args.to == Path::new("-");
    let schema = args.to.with_file_name(template::SCHEMA);
    if !is_printed {
        if !args.force && args.to.symlink_metadata().is_ok() {
            return Err(exists(&args.to));
        }
        ensure_own_schema(&schema)?;
    }
    let mut values = Values::of_args(args, global);
    let mut notes = Vec::new();
    if let Some(from) = &args.from {
        let converted = convert::convert(from)?;
        values = values.or(converted.values);
        notes = converted.notes;
    }
    // Reject invalid flags and converted values before prompting.
    render(&values, &args.to)?;
    let is_terminal = std::io::stdin().is_terminal() && std::io::stderr().is_terminal();
    if is_terminal && !args.yes {
        values::complete(&mut values, &mut Terminal)?;
        let question = format!("Write {}?", args.to.display());
        if !is_printed && !Terminal.confirm(&question)? {
            return if quiet { Ok(()) } else { print("nothing was written\n") };
        }
    }
    let text = render(&values, &args.to)?;
    let notes = describe_notes(&notes, args.from.as_deref(), &values);
    if is_printed {
        print_exact(&text, TextFormat::Text)?;
        if !quiet {
            note(&notes);
        }
        return Ok(());
    }
    write(&args.to, &text, args.force)?;
    write(&schema, &schema_text(), true)?;
    if quiet {
        return Ok(());
    }
    print(&format!("wrote {}\n{notes}{}", args.to.display(), next_steps(&args.to)))
}

/// Returns the starlift configuration file that corresponds to the text of a Python project's
/// configuration file.
///
/// # Errors
///
/// Returns an error if the text cannot be parsed, or contains an invalid value.
pub fn configuration_of(text: &str) -> Result<String> {
    let path = Path::new("dwh.cfg");
    render(&convert::convert_text(path, text)?.values, path)
}

/// Returns the text of the file after checking that the other commands will accept it.
fn render(values: &Values, to: &Path) -> Result<String> {
    for url in values.songs.iter().chain(&values.logs).chain(&values.log_jsonpaths) {
        values::check_objects(url).map_err(Error::Usage)?;
    }
    values::check_folder(values.out.as_deref().unwrap_or_default()).map_err(Error::Usage)?;
    values::check_region(values.region.as_deref().unwrap_or_default()).map_err(Error::Usage)?;
    values::check_name(values.name.as_deref().unwrap_or_default()).map_err(Error::Usage)?;
    if let Some(url) = values.url()? {
        Target::parse(&url)?;
    }
    let text = template::render(values)?;
    Settings::parse(to, &text)?;
    Ok(text)
}

fn exists(path: &Path) -> Error {
    Error::Usage(format!(
        "{} already exists; --force overwrites it, --to specifies another file",
        path.display()
    ))
}

/// Fails if the place of the schema contains a file that is not such a schema, of this version or an earlier one.
fn ensure_own_schema(path: &Path) -> Result<()> {
    match std::fs::read_to_string(path) {
        Ok(text) if text.contains(SCHEMA_TITLE) => Ok(()),
        Err(e) if e.kind() == ErrorKind::NotFound => Ok(()),
        _ => Err(Error::Usage(format!(
            "{} exists and is not the schema of a configuration file; move it, or write to another folder with --to",
            path.display()
        ))),
    }
}

/// Writes the file atomically.
fn write(path: &Path, text: &str, force: bool) -> Result<()> {
    place_file(path, text, force).map_err(|e| match e.kind() {
        ErrorKind::AlreadyExists => exists(path),
        _ => Error::io(format!("cannot write {}", path.display()), e),
    })
}

fn describe_notes(notes: &[String], from: Option<&Path>, values: &Values) -> String {
    let mut text = String::new();
    if let Some(from) = from.filter(|_| !notes.is_empty()) {
        text += &format!("\nFrom {}:\n", from.display());
        for note in notes {
            text += &format!("  {note}\n");
        }
    }
    let missing = values.missing();
    if !missing.is_empty() {
        text += &format!("\nStill to be filled in: {}\n", missing.join(", "));
    }
    text
}

fn next_steps(path: &Path) -> String {
    let config = if path == Path::new(DEFAULT_FILE) {
        String::new()
    } else {
        format!(" --config {}", path.display())
    };
    format!(
        "\nNext:\n  starlift doctor{config}\n  starlift provision --dry-run{config}\n  \
         starlift run --to redshift{config}\n"
    )
}
