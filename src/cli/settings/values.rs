//! Values that the configuration file can contain in several forms.

use serde::{Deserialize, Deserializer, de};

/// A value that is written as a number or as a string.
#[derive(Deserialize)]
#[serde(untagged, expecting = "expected a whole number, or text such as \"0.1%\" or \"2GiB\"")]
enum NumberOrText {
    Number(u64),
    Text(String),
}

/// Deserializes a value from a number or from text.
///
/// # Errors
///
/// Returns an error if the text cannot be parsed.
pub(super) fn parsed<'de, D: Deserializer<'de>, T>(deserializer: D) -> Result<Option<T>, D::Error>
where
    T: std::str::FromStr<Err: std::fmt::Display>,
{
    let text = match NumberOrText::deserialize(deserializer)? {
        NumberOrText::Number(number) => number.to_string(),
        NumberOrText::Text(text) => text,
    };
    text.parse().map(Some).map_err(de::Error::custom)
}

#[derive(Deserialize)]
#[serde(untagged, expecting = "expected a URL, or a list of them")]
enum OneOrMany {
    One(String),
    Many(Vec<String>),
}

/// Deserializes a string or a list of strings.
///
/// # Errors
///
/// Returns an error if the value is neither.
pub fn one_or_many<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<String>, D::Error> {
    Ok(match OneOrMany::deserialize(deserializer)? {
        OneOrMany::One(url) => vec![url],
        OneOrMany::Many(urls) => urls,
    })
}
