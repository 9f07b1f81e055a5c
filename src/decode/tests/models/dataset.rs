//! Random declarations of datasets.

use super::Choices;

pub const TYPES: [&str; 15] = [
    "text",
    "bigint",
    "boolean",
    "smallint",
    "integer",
    "double",
    "date",
    "timestamp",
    "timestamp",
    "timestamp",
    "decimal(5, 2)",
    "decimal(1, 0)",
    "decimal(18, 18)",
    "decimal(38, 0)",
    "decimal(38, 37)",
];

pub const FORMS: [&str; 4] =
    ["rfc3339", "epoch_seconds", "epoch_milliseconds", "epoch_microseconds"];

const NULLS: [&str; 5] = ["", "N/A", "0", " ", "é\n"];

/// Keys of objects, of arrays and of other values: a key has one kind of value in all paths, so that
/// no two paths exclude each other.
const OBJECTS: [&str; 3] = ["outer", "out er", "ö'b"];
const ARRAYS: [&str; 2] = ["list", "li.st"];
const VALUES: [&str; 8] =
    ["a", "b c", "d'e", "f\"g", "h\\i", "é🎵", "k[0]", "a key of more than sixteen bytes"];

/// The shape of the value that a path begins at.
#[derive(Clone, Copy, PartialEq)]
enum Shape {
    Object,
    Array,
    Value,
}

/// A column that is declared so far.
struct Column {
    name: String,
    column_type: &'static str,
    nulls: Option<Vec<&'static str>>,
}

/// Returns the part of a `model.toml` that declares a dataset.
pub fn text(choices: &mut Choices) -> String {
    let records = choices.of(&["auto", "lines", "array"]);
    let root = match records {
        "lines" => choices.of(&[Shape::Object, Shape::Object, Shape::Array]),
        _ => Shape::Object,
    };
    let rows = choices.one_in(3).then(|| match root {
        Shape::Object => choices.of(&["$.rows[*]", "$.outer['the rows'][*]"]),
        _ => choices.of(&["$[*]", "$[4][*]"]),
    });
    let element = choices.of(&[Shape::Object, Shape::Object, Shape::Array, Shape::Value]);
    let columns: Vec<Column> = (0..1 + choices.below(8)).map(|at| column(choices, at)).collect();
    let lines = columns.iter().map(|own| {
        let is_of_element = rows == Some("$[*]") || (rows.is_some() && !choices.one_in(3));
        let path = match (rows.is_some(), is_of_element) {
            (true, true) => path(choices, '@', element),
            _ => path(choices, '$', root),
        };
        // Without a path, the column's name is a key of the record or of the element.
        let has_default = is_of_element == rows.is_some()
            && Shape::Object == if is_of_element { element } else { root };
        let path = if has_default && choices.one_in(2) { None } else { Some(path) };
        declaration(choices, own, path, &columns)
    });
    let lines = lines.collect::<Vec<_>>().join("\n");
    let mut text = if records == "auto" && choices.one_in(2) {
        String::new()
    } else {
        format!("records = \"{records}\"\n")
    };
    if let Some(rows) = rows {
        text += &format!("rows = {rows:?}\n");
    }
    if choices.one_in(3)
        && let Some(condition) = condition(choices, &columns, "")
    {
        text += &format!("partition = {condition}\n");
    }
    text += &format!("[datasets.d.columns]\n{lines}\n");
    for at in 0..choices.below(3) {
        text += &derived(choices, at, &columns);
    }
    text
}

fn column(choices: &mut Choices, at: usize) -> Column {
    let mut nulls = || -> Vec<&str> { (0..choices.below(3)).map(|_| choices.of(&NULLS)).collect() };
    let nulls = Some(nulls());
    let nulls = if choices.one_in(3) { nulls } else { None };
    let name = choices.of(&["c", "cA_", "_"]);
    Column { name: format!("{name}{at}"), column_type: choices.of(&TYPES), nulls }
}

/// Returns the line of a column.
fn declaration(
    choices: &mut Choices,
    column: &Column,
    path: Option<String>,
    columns: &[Column],
) -> String {
    let Column { name, column_type, nulls } = column;
    let mut keys = vec![format!("type = \"{column_type}\"")];
    keys.extend(path.map(|path| format!("path = {path:?}")));
    if *column_type == "timestamp" {
        keys.push(format!("form = \"{}\"", choices.of(&FORMS)));
    }
    if *column_type == "text" && choices.one_in(2) {
        keys.push("repetitive = true".to_owned());
    }
    keys.extend(nulls.as_ref().map(|nulls| format!("null_if = {nulls:?}")));
    match choices.below(8) {
        6 => keys.push("required = true".to_owned()),
        7 => {
            let condition = condition(choices, columns, name);
            keys.extend(condition.map(|condition| format!("required = {condition}")));
        }
        _ => {}
    }
    match &keys[..] {
        [_] if choices.one_in(2) => format!("{name} = \"{column_type}\""),
        _ => format!("{name} = {{ {} }}", keys.join(", ")),
    }
}

/// Returns a condition on a column that is not called `own`, unless there is none.
fn condition(choices: &mut Choices, columns: &[Column], own: &str) -> Option<String> {
    let is_comparable = |column: &&Column| {
        let types = ["text", "boolean", "smallint", "integer", "bigint"];
        column.name != own && types.contains(&column.column_type)
    };
    let columns: Vec<&Column> = columns.iter().filter(is_comparable).collect();
    if columns.is_empty() {
        return None;
    }
    let column = choices.of(&columns);
    let nulls = column.nulls.as_deref().unwrap_or(&[""]);
    let equals = match column.column_type {
        "text" => {
            let text = choices.of(&["push", "é\n", "0", "a\"b", ""]);
            format!("{:?}", if nulls.contains(&text) { "push" } else { text })
        }
        "boolean" => choices.of(&["true", "false"]).to_owned(),
        _ => choices.of(&["1", "0", "-1", "32767"]).to_owned(),
    };
    Some(format!("{{ column = \"{}\", equals = {equals} }}", column.name))
}

fn derived(choices: &mut Choices, at: usize, columns: &[Column]) -> String {
    let hashable: Vec<&Column> = columns.iter().filter(|c| c.column_type != "double").collect();
    if hashable.is_empty() {
        return String::new();
    }
    let mut names: Vec<String> = Vec::new();
    for _ in 0..1 + choices.below(3) {
        let name = &choices.of(&hashable).name;
        if !names.contains(name) {
            names.push(name.clone());
        }
    }
    let when = if choices.one_in(2) { condition(choices, columns, "") } else { None };
    let when = when.map(|when| format!("when = {when}\n")).unwrap_or_default();
    format!("[datasets.d.derived.f{at}]\nfingerprint = {names:?}\n{when}")
}

/// Returns a path to a value within a value of the given shape.
fn path(choices: &mut Choices, origin: char, mut shape: Shape) -> String {
    let mut path = origin.to_string();
    for depth in 0.. {
        let last = if depth == 2 { 1 } else { 4 };
        let next = [Shape::Value, Shape::Value, Shape::Object, Shape::Array][choices.below(last)];
        match (shape, next) {
            (Shape::Value, _) => break,
            (Shape::Array, Shape::Value) => path += choices.of(&["[0]", "[1]"]),
            (Shape::Array, Shape::Object) => path += "[2]",
            (Shape::Array, Shape::Array) => path += "[3]",
            (Shape::Object, Shape::Value) => path += &key(choices, &VALUES),
            (Shape::Object, Shape::Object) => path += &key(choices, &OBJECTS),
            (Shape::Object, Shape::Array) => path += &key(choices, &ARRAYS),
        }
        shape = next;
    }
    path
}

/// Returns the step to one of `keys`.
fn key(choices: &mut Choices, keys: &[&str]) -> String {
    let key = choices.of(keys);
    let is_plain = key.chars().all(|c| c.is_alphabetic());
    match choices.below(3) {
        0 | 1 if is_plain => format!(".{key}"),
        2 => format!("[\"{}\"]", key.replace('\\', "\\\\").replace('"', "\\\"")),
        _ => format!("['{}']", key.replace('\\', "\\\\").replace('\'', "\\'")),
    }
}
