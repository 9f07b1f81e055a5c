//! Glob patterns for paths below a prefix.

use globset::{GlobBuilder, GlobMatcher};

/// A pattern for paths below a prefix. `*` matches within one path component, `**` across components.
#[derive(Debug, Clone)]
pub struct Glob {
    whole: GlobMatcher,
    below: GlobMatcher,
    /// `true` if the pattern describes the names of objects, rather than any name in a folder.
    names_objects: bool,
    /// Components of the pattern that match hidden names.
    hidden_parts: Vec<GlobMatcher>,
}

/// The reason why a path matches a glob.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Match {
    /// The pattern describes the name of the object.
    Named,
    /// The pattern matches a folder above the object, or any name.
    Within,
}

impl Glob {
    /// Parses a pattern.
    pub(super) fn new(pattern: &str) -> Result<Glob, globset::Error> {
        let folder = pattern.trim_end_matches('/');
        let last = folder.rsplit('/').next().unwrap_or_default();
        let parts = folder.split('/').filter(|part| describes_hidden(part));
        Ok(Glob {
            whole: matcher(folder)?,
            below: matcher(&format!("{folder}/**"))?,
            names_objects: folder == pattern && last.bytes().any(|byte| byte != b'*'),
            // Braces may contain slashes, so a component might not be a valid pattern by itself.
            hidden_parts: parts.filter_map(|part| matcher(part).ok()).collect(),
        })
    }

    /// Returns `true` if the pattern matches a path or a folder above it.
    pub fn is_match(&self, path: &str) -> bool {
        self.matches(path).is_some()
    }

    pub(super) fn matches(&self, path: &str) -> Option<Match> {
        if self.whole.is_match(path) {
            return Some(if self.names_objects { Match::Named } else { Match::Within });
        }
        self.below.is_match(path).then_some(Match::Within)
    }

    /// Returns `true` if the pattern explicitly matches a hidden path component, as `_archive` or `_*`
    /// do.
    pub(super) fn names_hidden(&self, part: &str) -> bool {
        self.hidden_parts.iter().any(|pattern| pattern.is_match(part))
    }
}

fn matcher(pattern: &str) -> Result<GlobMatcher, globset::Error> {
    let glob = GlobBuilder::new(pattern).literal_separator(true).empty_alternates(true).build()?;
    Ok(glob.compile_matcher())
}

/// Returns `true` if an alternative of a pattern component begins with `_` or `.`.
fn describes_hidden(part: &str) -> bool {
    let is_hidden = |text: &str| match text.strip_prefix('[') {
        Some(class) => {
            let class = class.split(']').next().unwrap_or_default();
            !class.starts_with(['!', '^']) && class.contains(['_', '.'])
        }
        None => super::select::is_hidden(text.strip_prefix('\\').unwrap_or(text)),
    };
    is_hidden(part) || part.starts_with('{') && part.split(['{', ',']).any(is_hidden)
}

/// The characters that make a path component a pattern.
const SPECIAL: [char; 4] = ['*', '?', '[', '{'];

/// Returns the ways to split a path into a literal prefix and a pattern, the longest prefix first. A
/// path that exists literally is not treated as a pattern.
pub(super) fn splits(path: &str) -> Vec<(&str, Option<&str>)> {
    let mut splits = Vec::new();
    let mut start = 0;
    for part in path.split_inclusive('/') {
        if part.contains(SPECIAL) {
            splits.push((&path[..start], Some(&path[start..])));
        }
        start += part.len();
    }
    splits.push((path, None));
    splits.reverse();
    splits
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_comma_outside_braces_is_a_comma() {
        let glob = Glob::new("a,b-*.json").unwrap();
        assert!(glob.is_match("a,b-1.json"));
        for other in ["b-2.json", "a", "a/x.json"] {
            assert!(!glob.is_match(other), "{other}");
        }
        let glob = Glob::new("{a,b}-?.json").unwrap();
        assert!(glob.is_match("a-1.json") && glob.is_match("b-2.json"));
    }

    #[test]
    fn a_pattern_that_matches_a_folder_matches_its_contents() {
        let glob = Glob::new("[AB]").unwrap();
        assert_eq!(glob.matches("A"), Some(Match::Named));
        assert_eq!(glob.matches("A/B/C/TRABC.json"), Some(Match::Within));
        assert_eq!(glob.matches("C/B/C/TRCBC.json"), None);
    }

    #[test]
    fn only_patterns_for_names_name_objects() {
        for (pattern, path, wanted) in [
            ("events.json.*", "events.json.1", Match::Named),
            ("*/part-*", "a/part-1", Match::Named),
            ("*", "events.json.1", Match::Within),
            ("2018/**", "2018/11/events.json.1", Match::Within),
            ("part-*/", "part-1/x", Match::Within),
        ] {
            assert_eq!(Glob::new(pattern).unwrap().matches(path), Some(wanted), "{pattern}");
        }
    }

    #[test]
    fn hidden_names_must_be_named() {
        for (pattern, part, wanted) in [
            ("_old/*.json", "_old", true),
            ("*/._*", "._x.json", true),
            ("{a,_b}/*", "_b", true),
            ("[._]*.json", "_x.json", true),
            ("\\_x*", "_x1", true),
            ("*/*.json", "_x.json", false),
            ("[!a]*", "_x.json", false),
            ("?x.json", "_x.json", false),
        ] {
            assert_eq!(Glob::new(pattern).unwrap().names_hidden(part), wanted, "{pattern}");
        }
    }

    #[test]
    fn every_literal_reading_comes_before_a_shorter_one() {
        assert_eq!(
            splits("a/b[1]/c/*.json"),
            [
                ("a/b[1]/c/*.json", None),
                ("a/b[1]/c/", Some("*.json")),
                ("a/", Some("b[1]/c/*.json")),
            ]
        );
        assert_eq!(splits("a/b"), [("a/b", None)]);
        assert_eq!(splits("*"), [("*", None), ("", Some("*"))]);
    }
}
