//! Ranges of numbers and durations, shared by the flags and the configuration file.

use std::num::NonZeroUsize;
use std::time::Duration;

use bytesize::ByteSize;
use serde::{Deserialize, Deserializer, de};

use crate::cli::error::{Error, Result};
use crate::cloud::plan::Expires;
use crate::star::MAX_KEPT;

/// The longest timeout in seconds: servers store milliseconds in 32 bits.
pub const MAX_SECONDS: u64 = i32::MAX as u64 / 1000;

/// The maximum number of retries.
const MAX_RETRIES: usize = 1000;

/// The shortest and the longest time to wait for a change in the cloud: 1 second and 30 days.
const WAITS: (Duration, Duration) =
    (Duration::from_secs(1), Duration::from_secs(30 * 24 * 60 * 60));

/// Parses a size, such as `2GiB`.
///
/// # Errors
///
/// Returns an error if the text is not a number with an optional unit.
pub fn size(text: &str) -> Result<ByteSize, String> {
    text.parse().map_err(|_| "expected a number of bytes, or a size such as 512MiB".to_owned())
}

/// Parses a number of threads.
///
/// # Errors
///
/// Returns an error if the text is not a whole number of at least 1.
pub fn threads(text: &str) -> Result<NonZeroUsize, String> {
    text.parse().map_err(|_| "expected a whole number of at least 1".to_owned())
}

/// Parses a number of retries.
///
/// # Errors
///
/// Returns an error if the text is not a number, or the number exceeds 1000.
pub fn retries(text: &str) -> Result<usize, String> {
    parse_at_most(text, MAX_RETRIES)
}

/// Parses a number of earlier stars whose files are kept.
///
/// # Errors
///
/// Returns an error if the text is not a number, or the number exceeds 100.
pub fn keep(text: &str) -> Result<usize, String> {
    parse_at_most(text, MAX_KEPT)
}

fn parse_at_most(text: &str, max: usize) -> Result<usize, String> {
    let number = text.parse().map_err(|e: std::num::ParseIntError| e.to_string())?;
    at_most(number, max)
}

fn at_most(number: usize, max: usize) -> Result<usize, String> {
    if number <= max { Ok(number) } else { Err(format!("{number} is not in 0..={max}")) }
}

/// Deserializes a number of retries.
///
/// # Errors
///
/// Returns an error under the conditions of [`retries`].
pub fn deserialize_retries<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<usize>, D::Error> {
    deserialize_at_most(deserializer, MAX_RETRIES)
}

/// Deserializes a number of earlier stars whose files are kept.
///
/// # Errors
///
/// Returns an error under the conditions of [`keep`].
pub fn deserialize_keep<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<usize>, D::Error> {
    deserialize_at_most(deserializer, MAX_KEPT)
}

fn deserialize_at_most<'de, D: Deserializer<'de>>(
    deserializer: D,
    max: usize,
) -> Result<Option<usize>, D::Error> {
    let number = Option::<usize>::deserialize(deserializer)?;
    number.map(|number| at_most(number, max)).transpose().map_err(de::Error::custom)
}

/// Parses a time to wait, such as `45min`; it must be between 1 second and 30 days.
///
/// # Errors
///
/// Returns an error if the text is not a duration, or is out of range.
pub fn wait(text: &str) -> Result<Duration, String> {
    let wait = humantime::parse_duration(text).map_err(|e| e.to_string())?;
    if (WAITS.0..=WAITS.1).contains(&wait) {
        return Ok(wait);
    }
    let [shortest, longest] = [WAITS.0, WAITS.1].map(humantime::format_duration);
    Err(format!("it is not from {shortest} to {longest}"))
}

/// Checks the time after which a cluster is paused, and returns it as it was typed.
///
/// # Errors
///
/// Returns an error if the text is not a duration, or is out of range.
pub fn lifetime(text: &str) -> Result<String, String> {
    let lifetime = humantime::parse_duration(text).map_err(|e| format!("{e}; write 8h or 90m"))?;
    Expires::After(lifetime).check().map_err(|e| e.to_string())?;
    Ok(text.to_owned())
}

/// Returns the timeout of the key `name`, given in seconds.
///
/// # Errors
///
/// Returns an error if it is not between 1 and [`MAX_SECONDS`].
pub fn seconds(name: &str, seconds: Option<u64>) -> Result<Option<Duration>> {
    match seconds {
        Some(seconds) if !(1..=MAX_SECONDS).contains(&seconds) => {
            Err(Error::Usage(format!("{name} must be from 1 to {MAX_SECONDS} seconds")))
        }
        seconds => Ok(seconds.map(Duration::from_secs)),
    }
}
