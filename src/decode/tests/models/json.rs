//! JSON values with the exact text of their numbers, and their random spellings.

use serde_json::Value;

use super::Choices;
use crate::model::Step;

/// A JSON value. A key of an object can occur several times; the last one counts.
#[derive(Debug, Clone, PartialEq)]
pub enum Json {
    Null,
    Boolean(bool),
    /// The number as it is written.
    Number(String),
    Text(String),
    Array(Vec<Json>),
    Object(Vec<(String, Json)>),
}

impl Json {
    /// Returns the value at a path.
    pub fn at(&self, steps: &[Step]) -> Option<&Json> {
        let Some((first, rest)) = steps.split_first() else { return Some(self) };
        let next = match (self, first) {
            (Json::Object(members), Step::Key(name)) => {
                members.iter().rev().find(|(key, _)| key == name).map(|(_, value)| value)
            }
            (Json::Array(elements), Step::Index(index)) => elements.get(*index),
            _ => None,
        };
        next?.at(rest)
    }

    /// Returns the text of the value, with random blanks and escapes.
    pub fn print(&self, choices: &mut Choices) -> String {
        let blanks = ["", "", "", " ", "\n", "\r\n\t"];
        let mut item = |value: &Json, key: Option<&String>| {
            let key = key.map(|key| quoted(choices, key) + choices.of(&["", " "]) + ":");
            let (before, after) = (choices.of(&blanks), choices.of(&blanks));
            key.unwrap_or_default() + before + &value.print(choices) + after
        };
        match self {
            Json::Null => "null".to_owned(),
            Json::Boolean(boolean) => boolean.to_string(),
            Json::Number(text) => text.clone(),
            Json::Text(text) => quoted(choices, text),
            Json::Array(elements) => {
                let elements: Vec<_> = elements.iter().map(|value| item(value, None)).collect();
                format!("[{}]", elements.join(","))
            }
            Json::Object(members) => {
                let members: Vec<_> =
                    members.iter().map(|(key, value)| item(value, Some(key))).collect();
                format!("{{{}}}", members.join(","))
            }
        }
    }

    /// Returns `true` if `read` is the value, apart from the rounding of numbers.
    pub fn is_read_as(&self, read: &Value) -> bool {
        match (self, read) {
            (Json::Null, Value::Null) => true,
            (Json::Boolean(own), Value::Bool(read)) => own == read,
            (Json::Text(own), Value::String(read)) => own == read,
            (Json::Number(text), Value::Number(read)) => {
                let (own, read): (f64, _) = (text.parse().unwrap(), read.as_f64().unwrap());
                (own - read).abs() <= own.abs() * 1e-15
            }
            (Json::Array(own), Value::Array(read)) => {
                own.len() == read.len()
                    && own.iter().zip(read).all(|(own, read)| own.is_read_as(read))
            }
            (Json::Object(own), Value::Object(read)) => {
                let last = |key: &String| self.at(&[Step::Key(key.clone())]);
                own.iter().all(|(key, _)| read.contains_key(key))
                    && read
                        .iter()
                        .all(|(key, read)| last(key).is_some_and(|own| own.is_read_as(read)))
            }
            _ => false,
        }
    }
}

/// Returns a text in quotes, with at least the escapes that JSON requires.
fn quoted(choices: &mut Choices, text: &str) -> String {
    let unicode = |c: char| -> String {
        c.encode_utf16(&mut [0; 2]).iter().map(|unit| format!("\\u{unit:04x}")).collect()
    };
    // The number of characters that are escaped without need.
    let escaped = choices.of(&[0, 0, 0, 1, 2, usize::MAX]);
    let spell = |(at, c): (usize, char)| match c {
        _ if at < escaped && (c != '/' || at > 0) => unicode(c),
        '"' | '\\' => format!("\\{c}"),
        '/' if escaped > 0 => "\\/".to_owned(),
        '\n' => "\\n".to_owned(),
        '\0'..' ' => unicode(c),
        _ => c.to_string(),
    };
    format!("\"{}\"", text.chars().enumerate().map(spell).collect::<String>())
}
