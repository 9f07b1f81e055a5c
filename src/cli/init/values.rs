//! The values of a new configuration file: from flags, from a converted file, and from prompts.

use dialoguer::{Confirm, Input};
use url::Url;

use crate::cli::args::{GlobalArgs, InitArgs};
use crate::cli::error::{Error, Result};
use crate::cloud::names::Name;
use crate::escape;
use crate::storage::Location;

/// The known values; keys without a value are written as comments.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct Values {
    /// AWS region.
    pub region: Option<String>,
    /// Profile of the AWS configuration files.
    pub profile: Option<String>,
    /// Song objects.
    pub songs: Vec<String>,
    /// Log objects.
    pub logs: Vec<String>,
    /// JSONPaths file for logs.
    pub log_jsonpaths: Option<String>,
    /// Location of the star.
    pub out: Option<String>,
    /// Identifier of the cluster.
    pub name: Option<String>,
    /// Node type of the cluster.
    pub node_type: Option<String>,
    /// The retired node type that the converted file names, if any; `node_type` replaces it.
    pub old_node_type: Option<String>,
    /// Number of nodes.
    pub nodes: Option<u32>,
    /// Name of the database.
    pub database: Option<String>,
    /// User of the database.
    pub user: Option<String>,
    /// Schema of the tables.
    pub schema: Option<String>,
    /// Time after which AWS pauses the cluster, such as `8h`.
    pub expires: Option<String>,
    /// Host of the warehouse.
    pub host: Option<String>,
    /// Port of the warehouse.
    pub port: Option<u16>,
    /// ARN of the role that Redshift assumes to read the star.
    pub iam_role: Option<String>,
}

impl Values {
    /// Returns the values of the flags and environment variables.
    pub fn of_args(args: &InitArgs, global: &GlobalArgs) -> Values {
        // An environment variable that is set to the empty string counts as unset.
        let given = |text: &Option<String>| text.clone().filter(|text| !text.is_empty());
        Values {
            region: given(&global.region),
            profile: given(&global.profile),
            songs: args.songs.clone(),
            logs: args.logs.clone(),
            log_jsonpaths: given(&args.log_jsonpaths),
            out: given(&args.out),
            name: given(&args.name),
            node_type: given(&args.node_type),
            nodes: args.nodes,
            database: given(&args.database),
            user: given(&args.user),
            schema: given(&args.schema),
            expires: given(&args.expires),
            ..Values::default()
        }
    }

    /// Returns these values, with missing ones filled from `other`.
    pub fn or(self, other: Values) -> Values {
        let old_node_type = other.old_node_type.filter(|_| self.node_type.is_none());
        Values {
            region: self.region.or(other.region),
            profile: self.profile.or(other.profile),
            songs: if self.songs.is_empty() { other.songs } else { self.songs },
            logs: if self.logs.is_empty() { other.logs } else { self.logs },
            log_jsonpaths: self.log_jsonpaths.or(other.log_jsonpaths),
            out: self.out.or(other.out),
            name: self.name.or(other.name),
            node_type: self.node_type.or(other.node_type),
            old_node_type: self.old_node_type.or(old_node_type),
            nodes: self.nodes.or(other.nodes),
            database: self.database.or(other.database),
            user: self.user.or(other.user),
            schema: self.schema.or(other.schema),
            expires: self.expires.or(other.expires),
            host: self.host.or(other.host),
            port: self.port.or(other.port),
            iam_role: self.iam_role.or(other.iam_role),
        }
    }

    /// Returns the URL of the warehouse if host, database and user are known.
    ///
    /// # Errors
    ///
    /// Returns an error if they do not form a valid URL.
    pub fn url(&self) -> Result<Option<String>> {
        let (Some(host), Some(database), Some(user)) = (&self.host, &self.database, &self.user)
        else {
            return Ok(None);
        };
        let invalid_host = || Error::Usage(format!("{host:?} cannot be the host of a warehouse"));
        let port = self.port.unwrap_or(crate::warehouse::Dialect::Redshift.port());
        let mut url =
            Url::parse(&format!("redshift://{host}:{port}")).map_err(|_| invalid_host())?;
        url.set_username(user).map_err(|()| invalid_host())?;
        url.set_path(database);
        Ok(Some(url.into()))
    }

    /// Returns the keys that a run needs and that have no value.
    pub fn missing(&self) -> Vec<&'static str> {
        let has_url = self.host.is_some() && self.database.is_some() && self.user.is_some();
        [
            ("star", self.out.is_some()),
            ("songs in [transform]", !self.songs.is_empty()),
            ("logs in [transform]", !self.logs.is_empty()),
            ("out in [transform]", self.out.is_some()),
            ("region in [cloud]", self.region.is_some()),
            ("name in [cloud]", self.name.is_some() || has_url),
            ("cluster or url in [warehouse.redshift]", self.name.is_some() || has_url),
        ]
        .into_iter()
        .filter_map(|(key, is_known)| (!is_known).then_some(key))
        .collect()
    }
}

/// A source of answers: the user at the terminal, or a script in tests.
pub trait Prompt {
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

impl Prompt for Terminal {
    fn text(&mut self, question: &str, check: fn(&str) -> Result<(), String>) -> Result<String> {
        let question = escape::line(question);
        let input = Input::<String>::new().with_prompt(question).default(String::new());
        let checked = input.show_default(false).validate_with(|text: &String| check(text.trim()));
        Ok(checked.interact_text().map_err(prompt_error)?.trim().to_owned())
    }

    fn confirm(&mut self, question: &str) -> Result<bool> {
        let question = escape::line(question);
        Confirm::new().with_prompt(question).default(true).interact().map_err(prompt_error)
    }
}

fn prompt_error(error: dialoguer::Error) -> Error {
    Error::io("there was no answer, and nothing was written", error.into())
}

/// Prompts for the missing values.
///
/// # Errors
///
/// Returns an error if the prompt fails, for example because the terminal is closed.
pub fn complete(values: &mut Values, prompt: &mut dyn Prompt) -> Result<()> {
    for (list, question) in [
        (&mut values.songs, "Song objects (such as s3://BUCKET/song_data)"),
        (&mut values.logs, "Log objects (such as s3://BUCKET/log_data)"),
    ] {
        if list.is_empty() {
            list.extend(non_empty(prompt.text(question, check_objects)?));
        }
    }
    for (value, question, check) in [
        (
            &mut values.out,
            "Location of the star (such as s3://BUCKET/star)",
            check_folder as fn(&str) -> Result<(), String>,
        ),
        (&mut values.region, "AWS region (such as us-west-2)", check_region),
        (&mut values.name, "Name of the Redshift cluster", check_name),
    ] {
        if value.is_none() {
            *value = non_empty(prompt.text(question, check)?);
        }
    }
    Ok(())
}

fn non_empty(answer: String) -> Option<String> {
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

    /// The remaining answers, and the questions. Returns the answers in order, and skips those that
    /// fail the check.
    struct Scripted(Vec<&'static str>, Vec<String>);

    impl Prompt for Scripted {
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
    fn only_missing_values_are_prompted_for() {
        let mut values = Values { logs: vec!["logs".to_owned()], ..Values::default() };
        let answers =
            vec!["ftp://x", "s3://b/songs", "", "US West", "us-west-2", "My Cluster", "dwh"];
        let mut prompt = Scripted(answers, Vec::new());
        complete(&mut values, &mut prompt).unwrap();
        assert_eq!((values.songs, values.out), (vec!["s3://b/songs".to_owned()], None));
        assert_eq!(values.region.as_deref(), Some("us-west-2"));
        assert_eq!(values.name.as_deref(), Some("dwh"));
        assert_eq!((prompt.0.len(), prompt.1.len()), (0, 4));
    }
}
