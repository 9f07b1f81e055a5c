//! Parses configuration files like Python's ConfigParser, and sanitizes their values: removes quotes and
//! comments, and rejects credentials.

use std::collections::HashSet;

use configparser::ini::Ini;

use super::values::check_objects;

/// A key of a section and its value.
#[derive(Debug, PartialEq, Eq)]
pub struct Entry {
    /// Name of the section, in upper case.
    pub section: String,
    /// Name of the key, in upper case.
    pub key: String,
    /// The value as written, with quotes and inline comments.
    pub value: String,
}

/// Returns the entries of a text, or the reason if it cannot be parsed. The text may contain secrets, so
/// the reason never quotes it.
pub fn parse(text: &str) -> Result<Vec<Entry>, String> {
    let text = text.trim_start_matches('\u{feff}');
    check(text)?;
    let mut ini = Ini::new_cs();
    ini.set_multiline(true);
    // A `#` inside a password does not start a comment, neither here nor in ConfigParser.
    let mut defaults = ini.defaults();
    defaults.enable_inline_comments = false;
    ini.load_defaults(defaults);
    let mut entries = Vec::new();
    for (section, keys) in ini.read(text.to_owned())? {
        entries.extend(keys.into_iter().map(|(key, value)| Entry {
            section: section.to_uppercase(),
            key: key.to_uppercase(),
            value: value.unwrap_or_default(),
        }));
    }
    entries.sort_by(|a, b| (&a.section, &a.key).cmp(&(&b.section, &b.key)));
    Ok(entries)
}

/// Rejects text that ConfigParser rejects but the `configparser` crate accepts.
fn check(text: &str) -> Result<(), String> {
    let mut section = None;
    let mut seen = HashSet::new();
    let mut indent_of_key = None;
    for (number, line) in (1..).zip(text.lines()) {
        let content = line.trim();
        if content.is_empty() || content.starts_with(['#', ';']) {
            continue;
        }
        if content.starts_with('[') {
            section = Some(content.to_uppercase());
            indent_of_key = None;
            continue;
        }
        let indent = line.len() - line.trim_start().len();
        if indent_of_key.is_some_and(|of_key| indent > of_key) {
            continue;
        }
        indent_of_key = Some(indent);
        let Some(section) = &section else {
            return Err(format!("line {number} is before the first [SECTION]"));
        };
        let Some((key, _)) = content.split_once(['=', ':']) else {
            return Err(format!("line {number} is neither a [SECTION] nor KEY = VALUE"));
        };
        if !seen.insert((section.clone(), key.trim().to_uppercase())) {
            return Err(format!("line {number} repeats a key"));
        }
    }
    Ok(())
}

/// A host with an optional port and database.
#[derive(Debug, Default)]
pub struct Server {
    /// Host name, in lowercase.
    pub host: Option<String>,
    /// Port number.
    pub port: Option<u16>,
    /// Name of the database.
    pub database: Option<String>,
}

impl Server {
    /// Parses `HOST`, `HOST:PORT` or `HOST:PORT/DATABASE`, as the AWS console shows it, with or without a
    /// scheme.
    pub fn parse(text: &str) -> Option<Server> {
        let text = text.split_once("://").map_or(text, |(_, rest)| rest);
        let (server, database) = text.split_once('/').unwrap_or((text, ""));
        let (host, port) = match server.split_once(':') {
            Some((host, port)) => (host, Some(port.parse().ok()?)),
            None => (server, None),
        };
        let is_host = host.chars().all(|c| c.is_ascii_alphanumeric() || c == '-' || c == '.');
        let database = Some(database).filter(|name| is_word(name)).map(str::to_owned);
        (is_host && !host.is_empty()).then(|| Server {
            host: Some(host.to_lowercase()),
            port,
            database,
        })
    }

    /// Returns the part at `index` of a host of the form `NAME.ID.REGION.redshift.amazonaws.com`.
    pub fn part(&self, index: usize) -> Option<String> {
        let host = self.host.as_deref()?;
        let parts: Vec<&str> = host.split('.').collect();
        let is_cluster = parts.len() >= 6 && parts[3..6] == ["redshift", "amazonaws", "com"];
        is_cluster.then(|| parts[index].to_owned())
    }
}

/// Returns a value without its quotes and its comment.
///
/// # Errors
///
/// Returns the reason if the value spans lines, refers to another key, or is a placeholder such as
/// `<HOST>`.
pub fn plain(value: &str) -> Result<&str, &'static str> {
    if value.contains('\n') {
        return Err("it spans several lines");
    }
    if value.contains("%(") || value.contains("${") {
        return Err("it refers to another key");
    }
    let value = value.trim();
    let quote = value.chars().next().filter(|c| matches!(c, '\'' | '"'));
    let inner = quote.and_then(|quote| value[1..].split_once(quote));
    let value = match inner {
        Some((inner, _)) => inner,
        None => without_comment(value),
    };
    if value.starts_with('<') && value.ends_with('>') {
        return Err("it is a placeholder");
    }
    Ok(value.trim())
}

fn without_comment(value: &str) -> &str {
    let is_start = |at: usize| at == 0 || value[..at].ends_with([' ', '\t']);
    let comment = value.match_indices(['#', ';']).find(|(at, _)| is_start(*at));
    comment.map_or(value, |(at, _)| &value[..at])
}

/// Returns the URL of an object or folder; a path without a scheme is placed in `bucket`. Returns `None`
/// if the text contains credentials or is not a valid location.
pub fn place(text: &str, bucket: Option<&str>) -> Option<String> {
    let (scheme, rest) = text.split_once("://").unwrap_or(("", text));
    let (server, _) = rest.split_once('/').unwrap_or((rest, ""));
    if server.contains('@') || text.contains("Signature=") || text.contains(char::is_control) {
        return None;
    }
    let place = match (scheme, bucket) {
        ("s3a" | "s3n", _) => format!("s3://{rest}"),
        ("", Some(bucket)) => format!("{bucket}/{}", rest.trim_start_matches('/')),
        _ => text.to_owned(),
    };
    check_objects(&place).ok().map(|()| place)
}

/// Returns `true` if the value is a single word: not empty, and without whitespace and control
/// characters.
pub fn is_word(text: &str) -> bool {
    !text.is_empty() && !text.contains(|c: char| c.is_whitespace() || c.is_control())
}

/// Returns the name if it looks like one, else a placeholder: other text may be part of a secret.
pub fn shown(name: &str) -> String {
    let is_name = |c: char| c.is_ascii_alphanumeric() || "_-. ".contains(c);
    if name.len() <= 40 && name.chars().all(is_name) {
        name.to_owned()
    } else {
        "(a name that is not shown)".to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_parsed_as_by_configparser() {
        let text = "\u{feff}# c\r\n[dwh]\r\nB : x=y\r\n  a = 100%;#no comment\r\n[S3]\nPATH =\n";
        let entries = parse(text).unwrap();
        let found: Vec<_> = entries
            .iter()
            .map(|e| (e.section.as_str(), e.key.as_str(), e.value.as_str()))
            .collect();
        assert_eq!(found, [("DWH", "B", "x=y\na = 100%;#no comment"), ("S3", "PATH", "")]);
    }

    #[test]
    fn other_text_is_rejected_with_its_line() {
        for (text, says) in [
            ("KEY = sesame", "line 1 is before the first [SECTION]"),
            ("[A]\n\nsesame", "line 3 is neither"),
            ("[A]\nsesame = 1\nSesame = 2", "line 3 repeats a key"),
            ("# sesame\n[A", "line 2"),
            ("[A]\n= sesame", "line 2"),
        ] {
            let error = parse(text).unwrap_err();
            assert!(error.contains(says) && !error.to_lowercase().contains("sesame"), "{error}");
        }
    }

    #[test]
    fn values_lose_quotes_and_comments() {
        for (value, expected) in [
            ("'s3://a/b'", "s3://a/b"),
            ("\"a b\" # x", "a b"),
            ("4  # nodes", "4"),
            ("dev", "dev"),
            ("a#b;c", "a#b;c"),
            ("''", ""),
            ("# later", ""),
            ("it's", "it's"),
        ] {
            assert_eq!(plain(value).unwrap(), expected, "{value}");
        }
        for value in ["a\nb", "%(DB)s", "${DB}", "<HOST>", "'<HOST>'"] {
            assert!(plain(value).is_err(), "{value}");
        }
    }

    #[test]
    fn hosts_are_parsed_with_port_and_database() {
        let server =
            Server::parse("jdbc:redshift://C.x1.us-west-2.redshift.amazonaws.com:5440/dev")
                .unwrap();
        assert_eq!((server.part(0).as_deref(), server.port), (Some("c"), Some(5440)));
        assert_eq!(
            (server.part(2).as_deref(), server.database.as_deref()),
            (Some("us-west-2"), Some("dev"))
        );
        assert!(Server::parse("u:sesame@host").is_none());
        assert!(Server::parse("localhost").unwrap().part(0).is_none());
    }

    #[test]
    fn places_with_credentials_are_none() {
        assert_eq!(place("s3a://b/c", None).unwrap(), "s3://b/c");
        assert_eq!(place("/log_data", Some("s3://b")).unwrap(), "s3://b/log_data");
        assert_eq!(place("s3n://ID:sesame@b/c", None), None);
        assert_eq!(place("https://h/o?X-Amz-Signature=sesame", None), None);
    }
}
