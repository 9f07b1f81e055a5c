//! Paths to values within a JSON record.
//!
//! A path begins with `$`, the record, or with `@`, the element of the array of rows. It continues
//! with keys (`.key`, `['key']`) and array indexes (`[0]`). The path of rows ends in `[*]`.

use std::fmt;

use super::problem::Fault;

/// The value that a path begins at.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Origin {
    /// The record, written `$`.
    Record,
    /// The element of the dataset's array of rows, written `@`.
    Element,
}

/// A step of a path, from a value to a value within it.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Step {
    /// The value of a key of an object.
    Key(String),
    /// An element of an array, counted from 0.
    Index(usize),
}

/// The place of a column's value.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Path {
    /// The value that the path begins at.
    pub origin: Origin,
    /// Steps to the column's value. Empty only for an element that is itself the value.
    pub steps: Vec<Step>,
}

/// The place of the array whose elements become the rows of a dataset.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct RowsPath {
    /// Steps from the record to the array. Empty if the record is the array.
    pub steps: Vec<Step>,
}

impl Path {
    /// Returns the path of a key.
    pub fn key(origin: Origin, key: &str) -> Path {
        Path { origin, steps: vec![Step::Key(key.to_owned())] }
    }

    pub(super) fn parse(text: &str) -> Result<Path, Fault> {
        let (origin, rest) = match (text.strip_prefix('$'), text.strip_prefix('@')) {
            (Some(rest), _) => (Origin::Record, rest),
            (_, Some(rest)) => (Origin::Element, rest),
            _ => {
                return Err(Fault {
                    reason: format!("the path {text:?} does not begin with $ or @"),
                    remedy: "begin with $ for the record, as in $.actor.login, or with @ for the \
                           element of `rows`"
                        .to_owned(),
                });
            }
        };
        let (steps, stars) = steps(text, rest)?;
        if stars.is_empty() {
            return Ok(Path { origin, steps });
        }
        Err(Fault {
            reason: format!("the path {text:?} contains [*], which selects several values"),
            remedy:
                "set `rows` of the dataset to the path up to [*], and begin the path with @ for \
                   the element"
                    .to_owned(),
        })
    }
}

impl RowsPath {
    pub(super) fn parse(text: &str) -> Result<RowsPath, Fault> {
        let fault = |reason: String, remedy: &str| Err(Fault { reason, remedy: remedy.to_owned() });
        let Some(rest) = text.strip_prefix('$') else {
            let reason = format!("the path of rows {text:?} does not begin with $");
            return fault(reason, "write a path such as $.items[*]");
        };
        let (steps, stars) = steps(text, rest)?;
        match stars[..] {
            [] => fault(
                format!("the path of rows {text:?} has no [*]"),
                "end the path with [*], as in $.items[*]",
            ),
            [at] if at == steps.len() => Ok(RowsPath { steps }),
            [_] => fault(
                format!("the path of rows {text:?} continues after [*]"),
                "end the path with [*]; the paths of columns continue it, as in @.product.name",
            ),
            _ => fault(
                format!("the path of rows {text:?} has more than one [*]"),
                "choose one array; declare another dataset for the other",
            ),
        }
    }
}

/// Parses the steps of a path. Returns them without `[*]`, and the positions of each `[*]`.
fn steps(path: &str, mut rest: &str) -> Result<(Vec<Step>, Vec<usize>), Fault> {
    let fault = |reason: &str| Fault {
        reason: format!("the path {path:?} is not valid: {reason}"),
        remedy: "write keys as .key or ['key'] and array indexes as [0]".to_owned(),
    };
    let (mut steps, mut stars) = (Vec::new(), Vec::new());
    while !rest.is_empty() {
        if let Some(after) = rest.strip_prefix("[*]") {
            stars.push(steps.len());
            rest = after;
            continue;
        }
        let (step, after) = if let Some(inner) = rest.strip_prefix('[') {
            bracket(inner).map_err(fault)?
        } else if let Some(inner) = rest.strip_prefix('.') {
            dot(inner).map_err(fault)?
        } else {
            return Err(fault("expected . or [ after a step"));
        };
        steps.push(step);
        rest = after;
    }
    Ok((steps, stars))
}

fn dot(rest: &str) -> Result<(Step, &str), &'static str> {
    let end = rest.find(['.', '[']).unwrap_or(rest.len());
    let key = &rest[..end];
    let is_special = |c: char| c.is_whitespace() || c.is_control() || "]'\"*\\".contains(c);
    match key {
        "" => Err("a key is empty"),
        "*" => Err("a wildcard selects several values"),
        _ if key.contains(is_special) => Err("a key with special characters needs ['…']"),
        _ => Ok((Step::Key(key.to_owned()), &rest[end..])),
    }
}

fn bracket(rest: &str) -> Result<(Step, &str), &'static str> {
    let mut chars = rest.char_indices();
    let Some((_, quote @ ('\'' | '"'))) = chars.next() else {
        let end = rest.find(']').ok_or("a bracket is not closed")?;
        let index = rest[..end].trim().parse();
        let index = index.map_err(|_| "expected a quoted key or an array index in brackets")?;
        return Ok((Step::Index(index), &rest[end + 1..]));
    };
    let mut key = String::new();
    while let Some((at, c)) = chars.next() {
        if c == quote {
            let after = rest[at + 1..].strip_prefix(']').ok_or("expected ] after the quote")?;
            return Ok((Step::Key(key), after));
        }
        key.push(match c {
            '\\' => chars.next().ok_or("a quote is not closed")?.1,
            _ => c,
        });
    }
    Err("a quote is not closed")
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let is_plain = |key: &str| {
            !key.is_empty() && key.chars().all(|c| c.is_ascii_alphanumeric() || "_-".contains(c))
        };
        match self {
            Step::Key(key) if is_plain(key) => write!(f, ".{key}"),
            Step::Key(key) => write!(f, "['{}']", key.replace('\\', "\\\\").replace('\'', "\\'")),
            Step::Index(index) => write!(f, "[{index}]"),
        }
    }
}

impl fmt::Display for Path {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.origin {
            Origin::Record => "$",
            Origin::Element => "@",
        })?;
        self.steps.iter().try_for_each(|step| write!(f, "{step}"))
    }
}

impl fmt::Display for RowsPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("$")?;
        self.steps.iter().try_for_each(|step| write!(f, "{step}"))?;
        f.write_str("[*]")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_parsed_as_they_are_written() {
        for text in ["$.a", "$.a.b", "$['a b'].c[2]", "$[0].x", "@", "@.sku", "$['it\\'s']"] {
            assert_eq!(Path::parse(text).unwrap().to_string(), text);
        }
        for (text, plain) in [("$[\"a\"]", "$.a"), ("$['a']['b']", "$.a.b"), ("$.ä", "$['ä']")] {
            assert_eq!(Path::parse(text).unwrap().to_string(), plain);
        }
        for text in ["$[*]", "$.items[*]", "$.payload['x y'][*]"] {
            assert_eq!(RowsPath::parse(text).unwrap().to_string(), text);
        }
    }

    #[test]
    fn other_paths_are_refused_with_the_reason() {
        for (text, reason) in [
            ("a.b", "does not begin with $ or @"),
            ("$.a[*].b", "contains [*]"),
            ("$.", "a key is empty"),
            ("$..a", "a key is empty"),
            ("$.*", "a wildcard"),
            ("$.a b", "special characters"),
            ("$['a'", "expected ] after the quote"),
            ("$['a", "a quote is not closed"),
            ("$['a\\", "a quote is not closed"),
            ("$[x]", "a quoted key or an array index"),
            ("$[-1]", "a quoted key or an array index"),
            ("$['a']b", "expected . or ["),
        ] {
            let fault = Path::parse(text).unwrap_err();
            assert!(fault.reason.contains(reason), "{fault:?}");
        }
        for (text, reason) in [
            ("items[*]", "does not begin with $"),
            ("@.items[*]", "does not begin with $"),
            ("$.items", "has no [*]"),
            ("$.a[*].b", "continues after [*]"),
            ("$.a[*].b[*]", "more than one [*]"),
        ] {
            let fault = RowsPath::parse(text).unwrap_err();
            assert!(fault.reason.contains(reason), "{fault:?}");
        }
    }
}
