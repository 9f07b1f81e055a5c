//! Parses configuration files like Python's ConfigParser.

use std::collections::HashSet;

use configparser::ini::Ini;

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
            return Err(format!("line {number} stands before any [SECTION]"));
        };
        let Some((key, _)) = content.split_once(['=', ':']) else {
            return Err(format!("line {number} is neither a [SECTION] nor KEY = VALUE"));
        };
        if !seen.insert((section.clone(), key.trim().to_uppercase())) {
            return Err(format!("line {number} gives a key for the second time"));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_read_as_python_reads_them() {
        let text = "\u{feff}# c\r\n[dwh]\r\nB : x=y\r\n  a = 100%;#no comment\r\n[S3]\nPATH =\n";
        let entries = parse(text).unwrap();
        let found: Vec<_> = entries
            .iter()
            .map(|e| (e.section.as_str(), e.key.as_str(), e.value.as_str()))
            .collect();
        assert_eq!(found, [("DWH", "B", "x=y\na = 100%;#no comment"), ("S3", "PATH", "")]);
    }

    #[test]
    fn what_is_no_such_file_is_refused_with_its_line() {
        for (text, says) in [
            ("KEY = sesame", "line 1 stands before any [SECTION]"),
            ("[A]\n\nsesame", "line 3 is neither"),
            ("[A]\nsesame = 1\nSesame = 2", "line 3 gives a key for the second time"),
            ("# sesame\n[A", "line 2"),
            ("[A]\n= sesame", "line 2"),
        ] {
            let error = parse(text).unwrap_err();
            assert!(error.contains(says) && !error.to_lowercase().contains("sesame"), "{error}");
        }
    }
}
