//! The reference page of `model.toml`.

use super::keys::{Form, MODEL, Section};
use super::schema::{json_schema, sections};

const INTRODUCTION: &str = "\
# model.toml

A model is a folder: `model.toml` declares the datasets that are read and the tables of the star, and SQL
files define the tables.

`--model DIR` selects the folder of a model, for every command that builds, reads or loads a star; `model` in
`starlift.toml` and `STARLIFT_MODEL` do the same. Without it, commands use the model that is compiled in, the
folder `queries`. `--queries` replaces SQL files of the model one by one.

The record of a star contains the name and the hash of the model that made it. A command fails if it uses a model
of another name, or another version of the model that has other tables.

| Path | Content |
| --- | --- |
| `model.toml` | The datasets and the tables. |
| `star/TABLE.sql` | The query of each table, on the staging tables and the tables before it. |
| `intermediate/NAME.sql` | Tables that several queries read; each is built once. |
| `accounting/NAME.sql` | Counts of the records of a run by their outcome. |
| `checks/NAME.sql` | Queries that return the rows that violate an invariant. Checks of primary keys, NOT NULL and references are generated. |
| `analytics/NAME.sql` | Queries that answer questions from the star. |

Names of tables and columns of the star have lowercase letters, digits and underscores, at most 63 bytes (tables:
41, because a load makes temporary names of them), and are not reserved words of PostgreSQL or Redshift. Names of staging tables and columns can have capital letters,
which queries must quote, and only words of PostgreSQL are reserved. Names that differ only in case are the
same name.

All problems of a model are reported at once, each with file, line, key, reason and remedy, before any object is
read. This page is generated from the definition of the keys, as is the JSON Schema with which editors complete
and check the file.

`starlift model init DIR` writes a copy of the built-in model, `starlift model infer --input NAME=URL DIR` drafts
a model from a sample of the records, and `starlift model check DIR` prints all problems of a model and plans its
queries. A draft accepts every value of the sample, and its comments state what was seen.
";

/// Returns the reference page of `model.toml` in Markdown.
pub fn reference() -> String {
    let mut page = INTRODUCTION.to_owned();
    page += "\n## Types\n\n| Type | Values |\n| --- | --- |\n";
    for (name, about) in types() {
        page += &format!("| `{name}` | {about} |\n");
    }
    for section in std::iter::once(&MODEL).chain(sections()) {
        page += &describe(section);
    }
    page
}

/// Returns the names and descriptions of the types, from the schema.
fn types() -> Vec<(String, String)> {
    let schema = json_schema();
    let types = schema["$defs"]["Type"]["anyOf"].as_array().cloned().unwrap_or_default();
    let described = types.iter().map(|column_type| {
        let about = column_type["description"].as_str().unwrap_or_default();
        match column_type["const"].as_str() {
            Some(name) => (name.to_owned(), about.to_owned()),
            None => {
                let (name, about) = about.split_once(": ").unwrap_or(("", about));
                (name.to_owned(), about.to_owned())
            }
        }
    });
    described.collect()
}

fn describe(section: &Section) -> String {
    let mut text = format!("\n## {}\n\n", section.title);
    if !section.header.is_empty() {
        text += &format!("`{}`\n\n", section.header);
    }
    text += &format!("{}\n\n| Key | Value | Default | Meaning |\n", section.about);
    text += "| --- | --- | --- | --- |\n";
    for key in section.keys {
        let default = key.default.unwrap_or("mandatory");
        let about = key.about.replace('|', "\\|");
        text += &format!("| `{}` | {} | {default} | {about} |\n", key.name, value(key.form));
    }
    text
}

/// Returns the description of the values of a form.
fn value(form: Form) -> String {
    let link = |section: &Section| {
        let anchor = section.title.to_lowercase().replace(' ', "-");
        format!("[{}](#{anchor})", section.title.to_lowercase())
    };
    match form {
        Form::Text => "string".to_owned(),
        Form::Type => "[type](#types)".to_owned(),
        Form::Flag => "`true` or `false`".to_owned(),
        Form::Texts => "list of strings".to_owned(),
        Form::Literal => "string, integer or boolean".to_owned(),
        Form::Choice(choices) => {
            let described = choices.iter().map(|(name, about)| format!("`\"{name}\"`: {about}"));
            described.collect::<Vec<_>>().join("; ")
        }
        Form::Section(section) => link(section),
        Form::FlagOrSection(section) => format!("`true`, `false` or a {}", link(section)),
        Form::Sections(section) => format!("list: {}", link(section)),
        Form::Named(section) => format!("by name: {}", link(section)),
        Form::Columns(section) => format!("by name: {} or [type](#types)", link(section)),
    }
}
