//! The commands of the shell, which begin with a backslash.

use clap::ValueEnum;

use crate::cli::args::QueryFormat;
use crate::cli::error::{Error, Result};
use crate::cli::suggest;

/// Help of the commands.
pub const HELP: &str = r"\d             list the tables
\d TABLE       list the columns of a table
\query         list the analytics queries
\query NAME    run an analytics query
\chart         draw results as charts, or show their rows again; \chart on, \chart off
\format NAME   set the format of rows: table, csv, json, ndjson, markdown
\timing        show the time of each statement, or not; \timing on, \timing off
\?             show this help
\q             leave; so does Ctrl-D

A statement ends with a semicolon and can have several lines. Ctrl-C cancels the running statement or
discards the typed one. Tab completes keywords and the names of tables, columns and queries.
";

/// Names of the commands.
pub const NAMES: [&str; 7] = [r"\d", r"\query", r"\chart", r"\format", r"\timing", r"\?", r"\q"];

/// A command.
#[derive(Debug, PartialEq, Eq)]
pub enum Command {
    /// Lists the tables, or the columns of one.
    Describe(Option<String>),
    /// Lists the analytics queries, or runs one.
    Query(Option<String>),
    /// Turns charts on or off; `None` switches.
    Chart(Option<bool>),
    /// Sets the output format; `None` shows it.
    Format(Option<QueryFormat>),
    /// Turns the display of times on or off; `None` switches.
    Timing(Option<bool>),
    /// Shows the help.
    Help,
    /// Ends the shell.
    Quit,
}

impl Command {
    /// Parses a command such as `\d songs`. A semicolon at its end is ignored.
    ///
    /// # Errors
    ///
    /// Returns an error if the command is unknown or has a wrong argument.
    pub fn parse(text: &str) -> Result<Command> {
        let mut words = text.trim().trim_end_matches(';').split_whitespace();
        let name = words.next().unwrap_or_default();
        let argument = words.next();
        if let Some(extra) = words.next() {
            return Err(Error::Usage(format!(
                "{name} has at most one argument; {extra:?} is another"
            )));
        }
        let owned = argument.map(str::to_owned);
        match name {
            r"\d" => Ok(Command::Describe(owned)),
            r"\query" => Ok(Command::Query(owned)),
            r"\chart" => switch(name, argument).map(Command::Chart),
            r"\timing" => switch(name, argument).map(Command::Timing),
            r"\format" => argument.map(format).transpose().map(Command::Format),
            r"\?" | r"\h" | r"\help" => Ok(Command::Help),
            r"\q" | r"\quit" => Ok(Command::Quit),
            _ => {
                let error = format!(r"there is no command {name}; \? lists the commands");
                Err(suggest::among(Error::Usage(error), name, NAMES))
            }
        }
    }
}

fn switch(name: &str, argument: Option<&str>) -> Result<Option<bool>> {
    match argument {
        None => Ok(None),
        Some("on") => Ok(Some(true)),
        Some("off") => Ok(Some(false)),
        Some(other) => Err(Error::Usage(format!("{name} is on or off, not {other:?}"))),
    }
}

/// Returns the formats of the shell: those that are text.
pub fn formats() -> impl Iterator<Item = QueryFormat> {
    let all = QueryFormat::value_variants().iter().copied();
    all.filter(|format| *format != QueryFormat::Parquet)
}

/// Returns the name of a format.
pub fn format_name(format: QueryFormat) -> String {
    format.to_possible_value().map(|value| value.get_name().to_owned()).unwrap_or_default()
}

fn format(name: &str) -> Result<QueryFormat> {
    let known: Vec<String> = formats().map(format_name).collect();
    formats().find(|format| format_name(*format) == name).ok_or_else(|| {
        let message = format!("there is no format {name:?}; the formats are {}", known.join(", "));
        suggest::among(Error::Usage(message), name, known.iter().map(String::as_str))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn commands_have_at_most_one_argument() {
        assert_eq!(Command::parse(r"\d").unwrap(), Command::Describe(None));
        assert_eq!(Command::parse(r"\d songs;").unwrap(), Command::Describe(Some("songs".into())));
        assert_eq!(Command::parse(r"\chart on").unwrap(), Command::Chart(Some(true)));
        let format = Command::parse(r"\format csv").unwrap();
        assert_eq!(format, Command::Format(Some(QueryFormat::Csv)));
        for (text, message) in [
            (r"\d songs users", "at most one argument"),
            (r"\chart maybe", "on or off"),
            (r"\format xml", "table, csv, json, ndjson, markdown"),
            (r"\format parquet", "there is no format"),
            (r"\exit", "there is no command"),
        ] {
            let error = Command::parse(text).unwrap_err().to_string();
            assert!(error.contains(message), "{error}");
        }
        assert_eq!(Command::parse(r"\quary").unwrap_err().similar_names(), [r"\query"]);
    }
}
