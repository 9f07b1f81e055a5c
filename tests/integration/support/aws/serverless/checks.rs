//! Errors and checks that all requests share.

use serde_json::Value;

use super::super::query::ErrorReply;

pub fn invalid(message: impl Into<String>) -> ErrorReply {
    ErrorReply::new(400, "ValidationException", message)
}

pub fn conflict(message: impl Into<String>) -> ErrorReply {
    ErrorReply::new(400, "ConflictException", message)
}

pub fn missing(message: impl Into<String>) -> ErrorReply {
    ErrorReply::new(400, "ResourceNotFoundException", message)
}

pub fn text<'a>(body: &'a Value, key: &str) -> Result<&'a str, ErrorReply> {
    let missing = || invalid(format!("1 validation error detected: Value at '{key}' is null"));
    body[key].as_str().filter(|text| !text.is_empty()).ok_or_else(missing)
}

/// Reads a name: 3 to 64 characters of `[a-z0-9-]`.
pub fn name<'a>(body: &'a Value, key: &str) -> Result<&'a str, ErrorReply> {
    let name = text(body, key)?;
    let is_valid = (3..=64).contains(&name.len())
        && name.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-');
    if is_valid {
        Ok(name)
    } else {
        Err(invalid(format!("Value '{name}' at '{key}' is not valid")))
    }
}

pub fn texts(body: &Value, key: &str) -> Vec<String> {
    let all = body[key].as_array().into_iter().flatten();
    all.filter_map(Value::as_str).map(str::to_owned).collect()
}

/// Checks that a request has exactly one kind of change.
pub fn one_change(body: &Value, about: &str, groups: &[&[&str]]) -> Result<(), ErrorReply> {
    let kinds = groups.iter().filter(|keys| keys.iter().any(|key| !body[*key].is_null())).count();
    match kinds {
        1 => Ok(()),
        0 => Err(invalid(format!("There is nothing to update for {about}."))),
        _ => Err(invalid(format!(
            "Can't update multiple configurations at the same time for {about}."
        ))),
    }
}
