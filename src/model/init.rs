//! An editable copy of the built-in model.

use std::borrow::Cow;

use super::{Model, built_in, folder, json_schema};

/// Name of the file with the JSON Schema, which the first line of `model.toml` refers to.
pub const SCHEMA_FILE: &str = "model.schema.json";

/// A file to write.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InitFile {
    /// Path below the folder of the model, with `/` between its parts.
    pub path: String,
    /// Content.
    pub text: Cow<'static, str>,
}

/// Returns the files of a new model folder: the built-in model with its comments and queries, and
/// the JSON Schema. The model in the folder has the same hash as the built-in one until a file is
/// changed.
pub fn files() -> Vec<InitFile> {
    let mut files = vec![
        InitFile { path: folder::FILE.to_owned(), text: Cow::Borrowed(built_in::TOML) },
        InitFile { path: SCHEMA_FILE.to_owned(), text: Cow::Owned(schema_text()) },
    ];
    let model = Model::built_in();
    files.extend(
        model.sql.iter().map(|sql| InitFile { path: sql.file(), text: sql.sql.to_string().into() }),
    );
    files
}

/// Returns the text of [`SCHEMA_FILE`].
pub fn schema_text() -> String {
    format!("{:#}\n", json_schema())
}
