//! The document itself, and its schema.

use chrono::{DateTime, SubsecRound, Utc};
use serde::Serialize;
use serde_json::{Value, json};

use super::schema::{Definitions, Described, document_enums, document_structs, with_description};
use super::{Failure, Report, Results, is_document};
use crate::cli::args::{Command, OutputFormat};
use crate::cli::error::{Error, Result};
use crate::cli::output::{TextFormat, has_written, print_exact, turn_text_off};
use crate::cli::settings::GlobalOptions;

/// Version of the document. It increases if a field is removed or changes its meaning; new fields do not change it.
const VERSION: u32 = 1;

/// Description of the document in its schema.
const DESCRIPTION: &str = "The result of a command of starlift, printed with --output-format json. Whole numbers have \
    up to 64 bits: a parser that reads numbers as doubles changes those above 2^53. All times are RFC 3339 in UTC. New \
    properties can be added without a new version.";

document_structs! {
    /// The properties that the documents of all commands have.
    pub struct Frame {
        /// Version of the document's format.
        pub version: u32,
        /// Version of the program.
        pub starlift_version: String,
        /// Time at which the document was written.
        pub finished_at: DateTime<Utc>,
        /// Outcome of the command.
        pub outcome: Outcome,
        /// Exit code of the process: 0 success; 1 failure; 2 wrong usage; 3 too many rejects; 4 failed check.
        pub exit_code: u8,
        /// The error that ended the command; null if it succeeded.
        pub error: Option<Failure>,
    }
}

/// The document: the result of a command.
#[derive(Debug, Serialize)]
struct Document {
    #[serde(flatten)]
    frame: Frame,
    #[serde(flatten)]
    report: Report,
}

document_enums! {
    /// Outcome of a command.
    pub enum Outcome {
        /// The exit code is 0.
        Success = "success",
        /// The exit code is not 0, and `error` is not null.
        Failure = "failure",
    }
}

impl Document {
    /// Returns the document of a command that ended with `error`, or without an error.
    fn new(report: Report, error: Option<&Error>, completed_changes: Vec<String>) -> Document {
        let error = error.map(|error| Failure::new(error, completed_changes));
        let frame = Frame {
            version: VERSION,
            starlift_version: env!("CARGO_PKG_VERSION").to_owned(),
            finished_at: Utc::now().trunc_subsecs(3),
            outcome: if error.is_none() { Outcome::Success } else { Outcome::Failure },
            exit_code: error.as_ref().map_or(0, |error| error.exit_code),
            error,
        };
        Document { frame, report }
    }
}

/// Prepares the output of a command: if its result is a document, it prints no other text.
pub fn begin(command: &Command, global: &GlobalOptions) {
    global.results.set_format(global.output_format);
    if global.output_format == OutputFormat::Json && is_document(command) {
        turn_text_off();
    }
}

/// Prints the document of a command, if its format is JSON. A failed command that prints no document prints one
/// about its error, unless it has already printed rows or text.
///
/// # Errors
///
/// Returns an error if a write to standard output fails, unless its reader has closed the pipe.
pub fn finish(command: &Command, results: &Results, outcome: &Result<()>) -> Result<()> {
    let is_wanted = is_document(command) || (outcome.is_err() && !has_written());
    if results.format() != OutputFormat::Json || !is_wanted {
        return Ok(());
    }
    let report = Report::new(command, results);
    print(&Document::new(report, outcome.as_ref().err(), results.completed_changes()))
}

/// Prints the document of an error before the options were known, if the arguments or the environment request JSON.
///
/// # Errors
///
/// Returns an error under the conditions of [`finish`].
pub fn print_early(error: &Error) -> Result<()> {
    let arguments: Vec<String> =
        std::env::args_os().skip(1).map(|arg| arg.to_string_lossy().into_owned()).collect();
    if !is_requested(&arguments) {
        return Ok(());
    }
    print(&Document::new(Report::of_arguments(&arguments), Some(error), Vec::new()))
}

fn is_requested(arguments: &[String]) -> bool {
    const FLAG: &str = "--output-format";
    let typed = arguments.iter().enumerate().find_map(|(at, argument)| {
        match argument.strip_prefix(FLAG)? {
            "" => arguments.get(at + 1).cloned(),
            value => value.strip_prefix('=').map(str::to_owned),
        }
    });
    let variable = || std::env::var("STARLIFT_OUTPUT_FORMAT").ok();
    typed.or_else(variable).as_deref() == Some("json")
}

/// Prints a document to standard output.
fn print(document: &Document) -> Result<()> {
    let text = serde_json::to_string_pretty(document)
        .map_err(|e| Error::io("cannot write JSON", std::io::Error::other(e)))?;
    print_exact(&(text + "\n"), TextFormat::Json)
}

/// Returns the JSON Schema of the document, which `docs/output.schema.json` contains.
pub fn schema_text() -> String {
    format!("{:#}\n", schema())
}

/// Returns the JSON Schema (draft 2020-12) of the document.
fn schema() -> Value {
    let mut definitions = Definitions::new();
    let commands = Report::schemas(&mut definitions).into_iter().map(|(command, result)| {
        json!({ "properties": { "command": { "const": command }, "result": result } })
    });
    let commands: Vec<_> = commands.collect();
    Frame::schema(&mut definitions);
    let mut schema = definitions.remove("Frame").unwrap_or_default();
    schema["properties"]["version"]["const"] = VERSION.into();
    for (name, text) in [("command", "Name of the command."), ("result", "Result of the command.")]
    {
        schema["properties"][name] = json!({ "description": text });
        if let Some(required) = schema["required"].as_array_mut() {
            required.push(name.into());
        }
    }
    let mut document = json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "starlift output",
        "oneOf": commands,
        "$defs": definitions,
    });
    if let (Some(document), Some(frame)) = (document.as_object_mut(), schema.as_object()) {
        document.extend(frame.clone());
    }
    with_description(document, DESCRIPTION)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `STARLIFT_UPDATE_GOLDEN=1` updates the schema.
    #[test]
    fn the_schema_in_docs_is_current() {
        let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/output.schema.json");
        if std::env::var_os("STARLIFT_UPDATE_GOLDEN").is_some() {
            std::fs::write(&path, schema_text()).unwrap();
        }
        let found = std::fs::read_to_string(&path).unwrap();
        assert_eq!(
            found,
            schema_text(),
            "STARLIFT_UPDATE_GOLDEN=1 updates docs/output.schema.json"
        );
    }

    #[test]
    fn the_schema_refers_to_what_it_defines() {
        let schema = schema();
        let text = schema.to_string();
        let names = text.split("#/$defs/").skip(1).map(|rest| rest.split('"').next().unwrap());
        let missing: Vec<&str> = names.filter(|name| !schema["$defs"][name].is_object()).collect();
        assert_eq!(missing, Vec::<&str>::new());
        assert!(schema["$defs"].as_object().unwrap().len() > 25);
    }
}
