//! Checks of the keys and the types of values of a TOML document, and access to its values.

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::column_type::ColumnType;
use super::keys::{Form, Key, Section};
use super::problem::{Fault, one_of};
use super::report::{Report, join};

/// A value and its place in the text.
pub(super) type Value<'i> = Spanned<DeValue<'i>>;

/// Reports unknown keys, missing keys and values of a wrong type in a table and in those below it.
pub(super) fn check_section(
    report: &mut Report,
    at: &str,
    table: &DeTable<'_>,
    section: &'static Section,
) {
    for (name, value) in in_order(table) {
        let at = join(at, name);
        match section.key(name) {
            Some(key) => check_value(report, &at, value, key),
            None => {
                let names: Vec<&str> = section.keys.iter().map(|key| key.name).collect();
                report.add(&at, format!("there is no key {name:?}"), one_of(name, &names));
            }
        }
    }
    for key in section.keys.iter().filter(|key| key.default.is_none()) {
        if !table.contains_key(key.name) {
            let reason = format!("the key {:?} is missing", key.name);
            report.add(&join(at, key.name), reason, example(key));
        }
    }
}

fn check_value(report: &mut Report, at: &str, value: &Value<'_>, key: &'static Key) {
    match (key.form, value.get_ref()) {
        (Form::Text, DeValue::String(_))
        | (Form::Flag | Form::FlagOrSection(_), DeValue::Boolean(_))
        | (Form::Literal, DeValue::String(_) | DeValue::Boolean(_)) => {}
        (Form::Literal, DeValue::Integer(integer)) => {
            if i64::from_str_radix(integer.as_str(), integer.radix()).is_err() {
                let reason = format!("{integer} does not fit into 64 bits");
                report.add(at, reason, "write an integer that the column can hold");
            }
        }
        (Form::Texts, DeValue::Array(items)) => {
            for (i, item) in items.iter().enumerate().filter(|(_, item)| !item.get_ref().is_str()) {
                wrong_type(report, &format!("{at}[{i}]"), item, "a string", "a string in quotes");
            }
        }
        (Form::Type, DeValue::String(text)) => check_type(report, at, text),
        (Form::Choice(choices), DeValue::String(text)) => {
            let names: Vec<&str> = choices.iter().map(|(name, _)| *name).collect();
            if !names.contains(&text.as_ref()) {
                let reason = format!("{text:?} is not a value of {:?}", key.name);
                report.add(at, reason, format!("write one of {}", names.join(", ")));
            }
        }
        (Form::Section(section) | Form::FlagOrSection(section), DeValue::Table(table)) => {
            check_section(report, at, table, section);
        }
        (Form::Sections(section), DeValue::Array(items)) => {
            for (i, item) in items.iter().enumerate() {
                check_table(report, &format!("{at}[{i}]"), item, section);
            }
        }
        (Form::Named(section), DeValue::Table(table)) => {
            for (name, value) in in_order(table) {
                check_table(report, &join(at, name), value, section);
            }
        }
        (Form::Columns(section), DeValue::Table(table)) => {
            for (name, value) in in_order(table) {
                match value.get_ref() {
                    DeValue::String(text) => check_type(report, &join(at, name), text),
                    _ => check_table(report, &join(at, name), value, section),
                }
            }
        }
        (form, _) => wrong_type(report, at, value, expected(form), &example(key)),
    }
}

fn check_table(report: &mut Report, at: &str, value: &Value<'_>, section: &'static Section) {
    match value.get_ref() {
        DeValue::Table(table) => check_section(report, at, table, section),
        _ => wrong_type(report, at, value, "a table", &format!("see {}", section.header)),
    }
}

fn check_type(report: &mut Report, at: &str, text: &str) {
    if let Err(fault) = ColumnType::parse(text) {
        report.add_fault(at, fault);
    }
}

fn wrong_type(report: &mut Report, at: &str, value: &Value<'_>, expected: &str, remedy: &str) {
    let found = match value.get_ref() {
        DeValue::String(_) => "a string",
        DeValue::Integer(_) => "an integer",
        DeValue::Float(_) => "a float",
        DeValue::Boolean(_) => "a boolean",
        DeValue::Datetime(_) => "a date or time",
        DeValue::Array(_) => "a list",
        DeValue::Table(_) => "a table",
    };
    let reason = format!("expected {expected}, found {found}");
    report.add_fault(at, Fault { reason, remedy: remedy.to_owned() });
}

fn expected(form: Form) -> &'static str {
    match form {
        Form::Text | Form::Choice(_) => "a string",
        Form::Type => "the name of a type",
        Form::Flag => "true or false",
        Form::Texts => "a list of strings",
        Form::Literal => "a string, an integer or a boolean",
        Form::FlagOrSection(_) => "true, false or a condition",
        Form::Sections(_) => "a list of tables",
        Form::Section(_) | Form::Named(_) | Form::Columns(_) => "a table",
    }
}

/// Returns a remedy that shows the form of a value.
fn example(key: &Key) -> String {
    let name = key.name;
    match key.form {
        Form::Text => format!("write {name} = \"…\""),
        Form::Type => format!("write {name} = \"text\" or another type"),
        Form::Choice(choices) => {
            let names: Vec<String> = choices.iter().map(|(name, _)| format!("{name:?}")).collect();
            format!("write {name} = {}", names.join(" or "))
        }
        Form::Flag => format!("write {name} = true or {name} = false"),
        Form::Texts => format!("write {name} = [\"…\"]"),
        Form::Literal => format!("write {name} = \"…\", an integer, true or false"),
        Form::FlagOrSection(section) => {
            format!("write {name} = true or {name} = {}", section.header)
        }
        Form::Section(section) if section.header.starts_with('{') => {
            format!("write {name} = {}", section.header)
        }
        Form::Section(section) | Form::Sections(section) => format!("write {}", section.header),
        Form::Named(section) | Form::Columns(section) => {
            format!("add at least one entry below {}", section.header)
        }
    }
}

/// Returns the entries of a table in the order in which they are written.
pub(super) fn in_order<'t, 'i>(table: &'t DeTable<'i>) -> Vec<(&'t str, &'t Value<'i>)> {
    let mut entries: Vec<_> = table.iter().collect();
    entries.sort_by_key(|(name, _)| name.span().start);
    entries.into_iter().map(|(name, value)| (name.get_ref().as_ref(), value)).collect()
}

/// Returns the string of a key, or `None` if it is absent or not a string.
pub(super) fn text<'t>(table: &'t DeTable<'_>, name: &str) -> Option<&'t str> {
    table.get(name)?.get_ref().as_str()
}

/// Returns the boolean of a key, `false` if it is absent.
pub(super) fn flag(table: &DeTable<'_>, name: &str) -> bool {
    table.get(name).and_then(|value| value.get_ref().as_bool()).unwrap_or_default()
}

/// Returns the strings of a list, or `None` if it is absent.
pub(super) fn texts(table: &DeTable<'_>, name: &str) -> Option<Vec<String>> {
    let items = table.get(name)?.get_ref().as_array()?.iter();
    Some(items.filter_map(|item| item.get_ref().as_str()).map(str::to_owned).collect())
}

/// Returns the table of a key, or `None` if it is absent.
pub(super) fn section<'t, 'i>(table: &'t DeTable<'i>, name: &str) -> Option<&'t DeTable<'i>> {
    table.get(name)?.get_ref().as_table()
}

/// Returns the tables of a list.
pub(super) fn sections<'t, 'i>(
    table: &'t DeTable<'i>,
    name: &str,
) -> impl Iterator<Item = &'t DeTable<'i>> {
    let items = table.get(name).and_then(|value| value.get_ref().as_array());
    items.into_iter().flat_map(|items| items.iter()).filter_map(|item| item.get_ref().as_table())
}

/// Returns the entries of a table of names in the order in which they are written.
pub(super) fn named<'t, 'i>(table: &'t DeTable<'i>, name: &str) -> Vec<(&'t str, &'t Value<'i>)> {
    section(table, name).map(in_order).unwrap_or_default()
}
