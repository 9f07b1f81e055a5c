//! Converts the configuration file of a Python project into starlift's values.

use std::collections::BTreeMap;
use std::path::Path;

use super::ini::{self, Entry, Server, is_word, place, plain, shown};
use super::key_map::{Meaning, meaning_of};
use super::values::{Values, check_name, check_region};
use crate::cli::error::{Error, Result};

/// Node type that replaces types that AWS has retired.
const NODE_TYPE: &str = "ra3.large";

/// Converted values, and notes for the user about the conversion.
#[derive(Debug, Default)]
pub struct Converted {
    /// Values found in the file.
    pub values: Values,
    /// Keys that were left out or changed, one line per note.
    pub notes: Vec<String>,
}

/// Reads a configuration file of a Python project.
///
/// # Errors
///
/// Returns an error if the file cannot be read, is not in ConfigParser's format, or contains none of the
/// known keys.
pub fn convert(path: &Path) -> Result<Converted> {
    let text = std::fs::read_to_string(path)
        .map_err(|e| Error::Usage(format!("cannot read {}: {e}", path.display())))?;
    convert_text(path, &text)
}

/// Converts the text of a configuration file, like [`convert`]; `path` is used only in errors.
///
/// # Errors
///
/// Returns an error if the text is not in ConfigParser's format, or contains none of the known keys.
pub fn convert_text(path: &Path, text: &str) -> Result<Converted> {
    let entries =
        ini::parse(text).map_err(|reason| Error::Usage(format!("{}: {reason}", path.display())))?;
    let unknown_file = || {
        Error::Usage(format!(
            "{} contains none of the keys that can be converted: those of the sections [AWS], \
             [CLUSTER], [DB], [DWH], [IAM_ROLE] and [S3]",
            path.display()
        ))
    };
    of_entries(entries).ok_or_else(unknown_file)
}

/// Converts entries; returns `None` if none of them is known.
fn of_entries(mut entries: Vec<Entry>) -> Option<Converted> {
    // The first value of each meaning wins. [CLUSTER] describes an existing cluster, and [DWH] one to be
    // created; the region of the bucket comes last.
    const FIRST: [&str; 5] = ["CLUSTER", "DB", "DWH", "IAM_ROLE", "AWS"];
    entries.sort_by_key(|entry| {
        FIRST.iter().position(|section| *section == entry.section).unwrap_or(FIRST.len())
    });
    let mut conversion = Conversion::default();
    for entry in &entries {
        conversion.add(entry);
    }
    if conversion.found.is_empty() && !conversion.is_known {
        return None;
    }
    Some(conversion.finish())
}

#[derive(Default)]
struct Conversion {
    found: BTreeMap<Meaning, (String, String)>,
    is_known: bool,
    unknown: Vec<String>,
    converted: Converted,
}

impl Conversion {
    fn note(&mut self, key: &str, what: &str) {
        self.converted.notes.push(format!("{key}: {what}"));
    }

    fn add(&mut self, entry: &Entry) {
        let Entry { section, key, value } = entry;
        let Some(meaning) = meaning_of(section, key) else {
            self.unknown.push(format!("[{}] {}", shown(section), shown(key)));
            return;
        };
        self.is_known = true;
        if meaning.is_secret() {
            let advice = match meaning {
                Meaning::AwsKey => {
                    "left out; AWS keys come from `aws configure`, single sign-on, the environment \
                     or a --profile"
                }
                _ => {
                    "left out; set it as STARLIFT_PASSWORD or in a --password-file, or log in \
                     with auth = \"iam\""
                }
            };
            if plain(value) != Ok("") {
                self.note(&shown(key), advice);
            }
            return;
        }
        match plain(value) {
            Ok("") => {}
            Ok(value) => self.keep(meaning, key, value),
            Err(reason) => self.note(key, &format!("not converted: {reason}")),
        }
    }

    fn keep(&mut self, meaning: Meaning, key: &str, value: &str) {
        match self.found.get(&meaning) {
            Some((_, kept)) if kept == value => {}
            Some((first, _)) => {
                let what = format!("not converted: it differs from {first}");
                self.note(key, &what);
            }
            None => {
                self.found.insert(meaning, (key.to_owned(), value.to_owned()));
            }
        }
    }

    fn take(&mut self, meaning: Meaning) -> Option<(String, String)> {
        self.found.remove(&meaning)
    }

    /// Takes the value of `meaning` if `test` accepts it; otherwise notes that it is not converted.
    fn take_if<T>(
        &mut self,
        meaning: Meaning,
        expected: &str,
        test: impl Fn(&str) -> Option<T>,
    ) -> Option<T> {
        let (key, value) = self.take(meaning)?;
        let accepted = test(&value);
        if accepted.is_none() {
            self.note(&key, &format!("not converted: it is not {expected}"));
        }
        accepted
    }

    fn finish(mut self) -> Converted {
        self.server();
        self.nodes();
        self.places();
        let word = |text: &str| is_word(text).then(|| text.to_owned());
        self.converted.values.profile =
            self.take_if(Meaning::Profile, "the name of a profile", word);
        self.role();
        let Conversion { mut converted, unknown, .. } = self;
        if !unknown.is_empty() {
            converted.notes.push(format!("not converted: {}", unknown.join(", ")));
        }
        converted
    }

    fn server(&mut self) {
        let word = |text: &str| is_word(text).then(|| text.to_owned());
        let server = self.take_if(Meaning::Host, "the host of a cluster", Server::parse);
        let server = server.unwrap_or_default();
        for (meaning, value) in
            [(Meaning::Region, server.part(2)), (Meaning::Cluster, server.part(0))]
        {
            let Some(value) = value else { continue };
            // The host in the file is more reliable than the separate keys.
            if let Some((key, other)) =
                self.found.insert(meaning, ("host".to_owned(), value.clone()))
                && !other.eq_ignore_ascii_case(&value)
            {
                self.note(&key, "not converted: it differs from the host");
            }
        }
        let region = |text: &str| {
            let name = text.to_lowercase();
            check_region(&name).ok().map(|()| name)
        };
        self.converted.values.region =
            self.take_if(Meaning::Region, "the name of a region", region);
        self.identifier();
        let database = self.take_if(Meaning::Database, "the name of a database", word);
        self.converted.values.database = database.or(server.database);
        self.converted.values.user = self.take_if(Meaning::User, "the name of a user", word);
        let port =
            self.take_if(Meaning::Port, "a port", |text| text.parse().ok().filter(|p| *p > 0));
        self.converted.values.port = port.or(server.port);
        self.converted.values.host = server.host;
    }

    /// Takes the cluster identifier, in lowercase as AWS stores it.
    fn identifier(&mut self) {
        let Some((key, typed)) = self.take(Meaning::Cluster) else { return };
        let name = typed.to_lowercase();
        if check_name(&name).is_err() {
            self.note(&key, "not converted: it is not a valid name of a cluster");
            return;
        }
        if name != typed {
            self.note(&key, &format!("written as {name}: AWS stores it in lowercase"));
        }
        self.converted.values.name = Some(name);
    }

    fn nodes(&mut self) {
        if let Some((key, value)) = self.take(Meaning::NodeType) {
            let value = value.to_lowercase();
            let retired = ["dc1.", "dc2.", "ds1.", "ds2.", "dw1.", "dw2."];
            if retired.iter().any(|family| value.starts_with(family)) {
                let family = value[..3].to_uppercase();
                let what = format!(
                    "{value} replaced by {NODE_TYPE}; {family} clusters can no longer be created"
                );
                self.note(&key, &what);
                self.converted.values.old_node_type = Some(value);
                self.converted.values.node_type = Some(NODE_TYPE.to_owned());
            } else if is_word(&value) {
                self.converted.values.node_type = Some(value);
            } else {
                self.note(&key, "not converted: it is not a node type");
            }
        }
        let one_or_more = |text: &str| text.parse().ok().filter(|nodes| *nodes > 0);
        let nodes: Option<u32> = self.take_if(Meaning::Nodes, "a number of nodes", one_or_more);
        let is_single = self.take_if(Meaning::ClusterType, "single-node or multi-node", |text| {
            match text.to_lowercase().as_str() {
                "single-node" => Some(true),
                "multi-node" => Some(false),
                _ => None,
            }
        });
        self.converted.values.nodes = if is_single == Some(true) { Some(1) } else { nodes };
        if is_single == Some(true) && nodes.is_some_and(|nodes| nodes != 1) {
            self.note("number of nodes", "written as 1: the cluster is of type single-node");
        }
    }

    fn places(&mut self) {
        let bucket = self.take(Meaning::Bucket);
        let root = bucket.as_ref().map(|(_, name)| {
            let name = name.split_once("://").map_or(name.as_str(), |(_, rest)| rest);
            format!("s3://{}", name.trim_end_matches('/'))
        });
        let place = |text: &str| place(text, root.as_deref());
        let expected = "a location without credentials";
        self.converted.values.songs =
            self.take_if(Meaning::Songs, expected, place).into_iter().collect();
        self.converted.values.logs =
            self.take_if(Meaning::Logs, expected, place).into_iter().collect();
        self.converted.values.out = self.take_if(Meaning::Out, expected, place);
        let jsonpaths = |text: &str| place(text).filter(|_| !text.starts_with("auto"));
        self.converted.values.log_jsonpaths =
            self.take_if(Meaning::LogJsonpaths, "the URL of a JSONPaths file", jsonpaths);
        if let Some((key, _)) = bucket {
            self.note(&key, "has no key: each location contains its bucket");
        }
    }

    fn role(&mut self) {
        let arn = |text: &str| text.starts_with("arn:").then(|| text.to_owned());
        self.converted.values.iam_role = self.take_if(Meaning::RoleArn, "an ARN", arn);
        if let Some((key, _)) = self.take(Meaning::RoleName) {
            let what = if self.converted.values.iam_role.is_some() {
                "not converted: the role's ARN is enough"
            } else {
                "not converted: iam_role requires an ARN, and `starlift provision` creates a role"
            };
            self.note(&key, what);
        }
    }
}
