//! Parsers for SET, RESET and SHOW of Redshift's parameters.

use std::time::Duration;

use datafusion::sql::sqlparser::tokenizer::Token;

use super::Command;
use crate::support::redshift::error::SqlError;
use crate::support::redshift::lex::Cursor;

pub enum Setting {
    /// Zero means no timeout.
    StatementTimeout(Duration),
    SearchPath(Vec<String>),
    FloatDigits(i32),
    /// Accepted, but without effect in the stand-in.
    Ignored,
}

pub enum Show {
    SearchPath,
    StatementTimeout,
    Fixed { name: &'static str, value: &'static str },
}

const IGNORED: [&str; 13] = [
    "analyze_threshold_percent",
    "application_name",
    "client_encoding",
    "datestyle",
    "enable_result_cache_for_session",
    "idle_in_transaction_session_timeout",
    "idle_session_timeout",
    "query_group",
    "timezone",
    "use_fips_ssl",
    "wlm_query_slot_count",
    "statement_id",
    "mv_enable_aqmv_for_session",
];

const FIXED: [(&str, &str); 6] = [
    ("server_version", "8.0.2"),
    ("datestyle", "ISO, MDY"),
    ("timezone", "UTC"),
    ("client_encoding", "UTF8"),
    ("enable_case_sensitive_identifier", "off"),
    ("is_superuser", "on"),
];

pub fn set(cursor: &mut Cursor) -> Result<Command, SqlError> {
    if cursor.peek_word() == Some("local") {
        return Err(SqlError::syntax("LOCAL"));
    }
    cursor.accept("session");
    let name = setting(cursor)?;
    if !cursor.accept("to") {
        cursor.expect_token(&Token::Eq)?;
    }
    let values = cursor.list(value)?;
    assign(&name, values).map(Command::Set)
}

pub fn reset(cursor: &mut Cursor) -> Result<Command, SqlError> {
    let name = setting(cursor)?;
    let default = match name.as_str() {
        "search_path" => "$user, public",
        _ => "default",
    };
    assign(&name, default.split(", ").map(str::to_owned).collect()).map(Command::Set)
}

pub fn show(cursor: &mut Cursor) -> Result<Command, SqlError> {
    let name = setting(cursor)?;
    let shown = match name.as_str() {
        "search_path" => Show::SearchPath,
        "statement_timeout" => Show::StatementTimeout,
        _ => {
            let known = FIXED.iter().find(|(fixed, _)| *fixed == name);
            let (name, value) = known.ok_or_else(|| unknown(&name))?;
            Show::Fixed { name, value }
        }
    };
    Ok(Command::Show(shown))
}

/// Checks a parameter of the startup message.
pub fn startup(name: &str, value: &str) -> Result<(), SqlError> {
    match name {
        "extra_float_digits" => float_digits(value).map(|_| ()),
        _ => Ok(()),
    }
}

fn setting(cursor: &mut Cursor) -> Result<String, SqlError> {
    match cursor.next() {
        Some(Token::Word(word)) => Ok(word.value),
        _ => Err(SqlError::syntax("SET")),
    }
}

fn value(cursor: &mut Cursor) -> Result<String, SqlError> {
    let minus = cursor.accept_token(&Token::Minus);
    match cursor.next() {
        Some(Token::Word(word)) if !minus => Ok(word.value),
        Some(Token::SingleQuotedString(text)) if !minus => Ok(text),
        Some(Token::Number(digits, _)) => Ok(format!("{}{digits}", if minus { "-" } else { "" })),
        _ => Err(SqlError::syntax("SET")),
    }
}

fn assign(name: &str, values: Vec<String>) -> Result<Setting, SqlError> {
    match (name, values.as_slice()) {
        ("search_path", _) => Ok(Setting::SearchPath(values)),
        ("statement_timeout", [value]) => timeout(value),
        ("extra_float_digits", [value]) => Ok(Setting::FloatDigits(float_digits(value)?)),
        ("enable_case_sensitive_identifier", [value]) if is_off(value) => Ok(Setting::Ignored),
        ("enable_case_sensitive_identifier", _) => {
            Err(SqlError::missing("case-sensitive identifiers"))
        }
        _ if IGNORED.contains(&name) => Ok(Setting::Ignored),
        _ => Err(unknown(name)),
    }
}

fn unknown(name: &str) -> SqlError {
    SqlError::new("42704", format!("unrecognized configuration parameter \"{name}\""))
}

fn is_off(value: &str) -> bool {
    matches!(value, "off" | "false" | "default")
}

fn timeout(value: &str) -> Result<Setting, SqlError> {
    let milliseconds = if value == "default" { Ok(0) } else { value.parse() };
    milliseconds
        .map(|milliseconds| Setting::StatementTimeout(Duration::from_millis(milliseconds)))
        .map_err(|_| invalid("statement_timeout", value))
}

/// Parses a value from -15 to 2 (reported in sqlx issue 801).
fn float_digits(value: &str) -> Result<i32, SqlError> {
    match value.parse() {
        _ if value == "default" => Ok(0),
        Ok(digits @ -15..=2) => Ok(digits),
        Ok(digits) => Err(SqlError::new(
            "22023",
            format!(
                "{digits} is outside the valid range for parameter \"extra_float_digits\" \
                 (-15 .. 2)"
            ),
        )),
        Err(_) => Err(invalid("extra_float_digits", value)),
    }
}

fn invalid(name: &str, value: &str) -> SqlError {
    SqlError::new("22023", format!("invalid value for parameter \"{name}\": \"{value}\""))
}
