//! Prompts for the values that neither the flags nor a converted file specify.

use dialoguer::{Confirm, Input};

use super::values::Values;
use crate::cli::error::{Error, Result};
use crate::cloud::names::Name;
use crate::escape;
use crate::storage::Location;

/// A source of answers: the user at the terminal, or a script in tests.
pub trait Ask {
    /// Returns the answer to a question, which passes `check`, or an empty string if there is no answer.
    ///
    /// # Errors
    ///
    /// Returns an error if the prompt fails, for example because the terminal is closed.
    fn text(&mut self, question: &str, check: fn(&str) -> Result<(), String>) -> Result<String>;

    /// Returns `true` if the user confirms.
    ///
    /// # Errors
    ///
    /// Returns an error if the prompt fails, for example because the terminal is closed.
    fn confirm(&mut self, question: &str) -> Result<bool>;
}

/// The user at the terminal.
pub struct Terminal;

impl Ask for Terminal {
    fn text(&mut self, question: &str, check: fn(&str) -> Result<(), String>) -> Result<String> {
        let question = escape::line(question);
        let input = Input::<String>::new().with_prompt(question).default(String::new());
        let checked = input.show_default(false).validate_with(|text: &String| check(text.trim()));
        Ok(checked.interact_text().map_err(unanswered)?.trim().to_owned())
    }

    fn confirm(&mut self, question: &str) -> Result<bool> {
        let question = escape::line(question);
        Confirm::new().with_prompt(question).default(true).interact().map_err(unanswered)
    }
}

fn unanswered(error: dialoguer::Error) -> Error {
    Error::io("there was no answer, and nothing was written", error.into())
}

/// Asks for the values that are missing.
///
/// # Errors
///
/// Returns an error if the prompt fails, for example because the terminal is closed.
pub fn complete(values: &mut Values, ask: &mut dyn Ask) -> Result<()> {
    for (list, question) in [
        (&mut values.songs, "Song objects (such as s3://BUCKET/song_data)"),
        (&mut values.logs, "Log objects (such as s3://BUCKET/log_data)"),
    ] {
        if list.is_empty() {
            list.extend(some(ask.text(question, check_objects)?));
        }
    }
    for (value, question, check) in [
        (
            &mut values.out,
            "Place for the star (such as s3://BUCKET/star)",
            check_folder as fn(&str) -> Result<(), String>,
        ),
        (&mut values.region, "AWS region (such as us-west-2)", check_region),
        (&mut values.name, "Name of the Redshift cluster", check_name),
    ] {
        if value.is_none() {
            *value = some(ask.text(question, check)?);
        }
    }
    Ok(())
}

fn some(answer: String) -> Option<String> {
    (!answer.is_empty()).then_some(answer)
}

/// Rejects text that is not a location of objects; accepts empty text.
///
/// # Errors
///
/// Returns the reason if the text is rejected.
pub fn check_objects(text: &str) -> Result<(), String> {
    if text.is_empty() {
        return Ok(());
    }
    Location::parse(text).map(|_| ()).map_err(|e| e.to_string())
}

/// Rejects text that is not a single object or folder; accepts empty text.
///
/// # Errors
///
/// Returns the reason if the text is rejected.
pub fn check_folder(text: &str) -> Result<(), String> {
    if text.is_empty() {
        return Ok(());
    }
    Location::parse_single(text).map(|_| ()).map_err(|e| e.to_string())
}

/// Rejects text that cannot be the name of an AWS region; accepts empty text.
///
/// # Errors
///
/// Returns the reason if the text is rejected.
pub fn check_region(text: &str) -> Result<(), String> {
    let is_part = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    if text.chars().all(is_part) {
        return Ok(());
    }
    Err(format!("{text:?} is not the name of a region; they look like us-west-2"))
}

/// Rejects text that cannot be the name of a cluster and its resources; accepts empty text.
///
/// # Errors
///
/// Returns the reason if the text is rejected.
pub fn check_name(text: &str) -> Result<(), String> {
    if text.is_empty() {
        return Ok(());
    }
    text.parse::<Name>().map(|_| ()).map_err(|e| e.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The remaining answers, and the questions asked. Returns the answers in order, and skips those that
    /// fail the check.
    struct Scripted(Vec<&'static str>, Vec<String>);

    impl Ask for Scripted {
        fn text(
            &mut self,
            question: &str,
            check: fn(&str) -> Result<(), String>,
        ) -> Result<String> {
            self.1.push(question.to_owned());
            loop {
                let answer = self.0.remove(0);
                if check(answer).is_ok() {
                    return Ok(answer.to_owned());
                }
            }
        }

        fn confirm(&mut self, _: &str) -> Result<bool> {
            Ok(true)
        }
    }

    #[test]
    fn only_what_is_unknown_is_asked_for() {
        let mut values = Values { logs: vec!["logs".to_owned()], ..Values::default() };
        let answers =
            vec!["ftp://x", "s3://b/songs", "", "US West", "us-west-2", "My Cluster", "dwh"];
        let mut ask = Scripted(answers, Vec::new());
        complete(&mut values, &mut ask).unwrap();
        assert_eq!((values.songs, values.out), (vec!["s3://b/songs".to_owned()], None));
        assert_eq!(values.region.as_deref(), Some("us-west-2"));
        assert_eq!(values.name.as_deref(), Some("dwh"));
        assert_eq!((ask.0.len(), ask.1.len()), (0, 4));
    }
}
