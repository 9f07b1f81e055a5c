//! The JSON Schema of `model.toml`, with which editors complete and check it.

use serde_json::{Map, Value, json};

use super::column_type::{MAX_PRECISION, MAX_SCALE};
use super::keys::{Form, Key, MODEL, Section};

/// Returns the JSON Schema (draft 2020-12) of `model.toml`.
///
/// It covers keys, types and choices. References between tables, names and paths are checked only
/// by [`super::Model::read_dir`].
pub fn json_schema() -> Value {
    let mut definitions = Map::new();
    for section in sections() {
        definitions.insert(definition_name(section), definition(section));
    }
    definitions.insert("Type".to_owned(), column_type());
    let mut schema = json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "starlift model",
    });
    if let (Value::Object(schema), Value::Object(model)) = (&mut schema, definition(&MODEL)) {
        schema.extend(model);
        schema.insert("$defs".to_owned(), Value::Object(definitions));
    }
    schema
}

/// Returns all sections below the file itself, each once, in the order in which keys refer to them.
pub(super) fn sections() -> Vec<&'static Section> {
    let mut found: Vec<&'static Section> = Vec::new();
    let mut waiting = vec![&MODEL];
    while let Some(section) = waiting.pop() {
        if found.iter().any(|known| known.title == section.title) {
            continue;
        }
        found.push(section);
        waiting.extend(section.keys.iter().rev().filter_map(|key| match key.form {
            Form::Section(below)
            | Form::FlagOrSection(below)
            | Form::Sections(below)
            | Form::Named(below)
            | Form::Columns(below) => Some(below),
            _ => None,
        }));
    }
    found.split_off(1)
}

/// Returns the title of a section in camel case.
fn definition_name(section: &Section) -> String {
    let words = section.title.split(' ').map(|word| {
        let (first, rest) = word.split_at(word.len().min(1));
        first.to_uppercase() + rest
    });
    words.collect()
}

fn definition(section: &Section) -> Value {
    let properties = section.keys.iter().map(|key| (key.name.to_owned(), property(key)));
    let required = section.keys.iter().filter(|key| key.default.is_none()).map(|key| key.name);
    json!({
        "type": "object",
        "description": section.about,
        "properties": properties.collect::<Map<_, _>>(),
        "required": required.collect::<Vec<_>>(),
        "additionalProperties": false,
    })
}

fn property(key: &Key) -> Value {
    let mut property = form(key.form);
    if let Value::Object(property) = &mut property {
        let mut about = key.about.to_owned();
        if let Some(default) = key.default {
            about += &format!(" Default: {default}.");
        }
        property.insert("description".to_owned(), Value::String(about));
    }
    property
}

fn form(form: Form) -> Value {
    let reference = |section| json!({ "$ref": format!("#/$defs/{}", definition_name(section)) });
    let any_of = |forms: [Value; 2]| json!({ "anyOf": forms });
    match form {
        Form::Text => json!({ "type": "string" }),
        Form::Type => json!({ "$ref": "#/$defs/Type" }),
        Form::Flag => json!({ "type": "boolean" }),
        Form::Texts => json!({ "type": "array", "items": { "type": "string" } }),
        Form::Literal => json!({ "type": ["string", "integer", "boolean"] }),
        Form::Choice(choices) => {
            let choice =
                |(name, about): &(&str, &str)| json!({ "const": name, "description": about });
            json!({ "oneOf": choices.iter().map(choice).collect::<Vec<_>>() })
        }
        Form::Section(section) => reference(section),
        Form::FlagOrSection(section) => any_of([json!({ "type": "boolean" }), reference(section)]),
        Form::Sections(section) => json!({ "type": "array", "items": reference(section) }),
        Form::Named(section) => {
            json!({ "type": "object", "additionalProperties": reference(section) })
        }
        Form::Columns(section) => {
            let column = any_of([json!({ "$ref": "#/$defs/Type" }), reference(section)]);
            json!({ "type": "object", "additionalProperties": column })
        }
    }
}

fn column_type() -> Value {
    let names = [
        ("text", "UTF-8 text"),
        ("boolean", "true or false"),
        ("smallint", "signed 16-bit integer"),
        ("integer", "signed 32-bit integer"),
        ("bigint", "signed 64-bit integer"),
        ("double", "64-bit floating-point number"),
        ("date", "calendar date, in JSON as YYYY-MM-DD"),
        ("timestamp", "time in UTC, to the microsecond"),
    ];
    let mut types: Vec<Value> =
        names.iter().map(|(name, about)| json!({ "const": name, "description": about })).collect();
    types.push(json!({
        "type": "string",
        "pattern": r"^decimal\s*\(\s*[0-9]+\s*,\s*[0-9]+\s*\)$",
        "description": format!(
            "decimal(PRECISION, SCALE): PRECISION digits (1 to {MAX_PRECISION}), SCALE of them \
             after the decimal point (at most {MAX_SCALE})"
        ),
    }));
    json!({ "anyOf": types })
}
