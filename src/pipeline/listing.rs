//! Options for listing the inputs of a transform.

use super::options::TransformOptions;
use crate::error::{Error, Result};
use crate::model::Model;
use crate::publish::OWN_FOLDERS;
use crate::star::RECORD;
use crate::storage::{ListOptions, Location, OutputPlace};

/// Returns the options for listing the inputs of a transform. They exclude its output and its JSONPaths
/// files.
///
/// # Errors
///
/// Returns an error if a location is invalid, or if an input lies in a folder that the output uses for the
/// star, such as `OUT/songs`.
pub fn list_options(options: &TransformOptions) -> Result<ListOptions> {
    let output = OutputPlace {
        location: Location::parse_single(&options.out)?,
        names: output_names(&options.model),
    };
    for typed in options.inputs.values().flatten() {
        ensure_separate(&Location::parse(typed)?, &output)?;
    }
    let files = options.jsonpaths.values();
    Ok(ListOptions {
        include_hidden: options.include_hidden,
        suffix: options.suffix,
        output: Some(output),
        allow_empty: options.allow_empty,
        excluded: files.map(|file| Location::parse_object(file)).collect::<Result<_, _>>()?,
    })
}

/// Returns the names of the files and folders that a run creates directly below its output.
fn output_names(model: &Model) -> Vec<String> {
    let tables = model.tables.iter().map(|table| &*table.name);
    let own = OWN_FOLDERS.into_iter().chain(["_lock", RECORD]).map(str::to_owned);
    tables.flat_map(|name| [name.to_owned(), format!("{name}.manifest")]).chain(own).collect()
}

/// Fails if the input is one of the files or folders that a run writes below its output, or lies in one.
fn ensure_separate(input: &Location, output: &OutputPlace) -> Result<()> {
    let Some(below) = input.below(&output.location) else { return Ok(()) };
    let first = below.split('/').next().unwrap_or_default();
    if !output.names.iter().any(|name| name == first) {
        return Ok(());
    }
    Err(Error::Usage(format!(
        "the input {} is {first} in the output {}, where the star itself is written; name another \
         output",
        input.typed, output.location
    )))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_input_in_the_folders_of_the_star_is_rejected() {
        for (songs, out, is_rejected) in [
            ("s3://b/star/songs", "s3://b/star", true),
            ("s3://b/star/songs/2018/*.json", "s3://b/star/", true),
            ("s3://b/star/_starlift.json", "s3://b/star", true),
            ("s3://b/star/_lists/x.parquet", "s3://b/star", true),
            ("s3://b/star/_history", "s3://b/star", true),
            ("s3://b/songs", "s3://b", true),
            ("s3://b/star/song_data", "s3://b/star", false),
            ("s3://b/star", "s3://b/star", false),
            ("s3://b", "s3://b/star", false),
            ("s3://c/star/songs", "s3://b/star", false),
            ("/x/star/../star/users", "/x/star", true),
            ("/x/star", "/x/star", false),
        ] {
            let inputs = [("songs", songs), ("logs", "s3://d/logs")];
            let outcome = list_options(&TransformOptions::new(inputs, out));
            assert_eq!(outcome.is_err(), is_rejected, "{songs} {out}");
            assert!(outcome.err().is_none_or(|error| matches!(error, Error::Usage(_))));
        }
    }
}
