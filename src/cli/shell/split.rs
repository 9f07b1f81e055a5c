//! Divides text into statements and commands.

/// Syntax of literals, which depends on the server.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Syntax {
    /// A backslash escapes the next character in a literal.
    pub escapes: bool,
    /// `$tag$` begins and ends a literal.
    pub dollars: bool,
}

/// The first statement or command of a text.
#[derive(Debug, PartialEq, Eq)]
pub enum First<'t> {
    /// A statement without its semicolon.
    Statement(Piece<'t>),
    /// A command: a line that begins with a backslash.
    Command(Piece<'t>),
    /// The text ends within a statement.
    Incomplete(Piece<'t>),
    /// The text contains only blanks and comments.
    Nothing,
}

/// A part of a text.
#[derive(Debug, PartialEq, Eq)]
pub struct Piece<'t> {
    /// The part itself.
    pub text: &'t str,
    /// Position at which it begins.
    pub start: usize,
    /// Position after it, from which the text continues.
    pub end: usize,
}

/// Returns the first statement or command of `text` from the position `from` on.
pub fn first(text: &str, from: usize, syntax: Syntax) -> First<'_> {
    let mut start = from;
    loop {
        start = skip_blank(text, start);
        if !text[start..].starts_with(';') {
            break;
        }
        start += 1;
    }
    let rest = &text[start..];
    if rest.is_empty() {
        return First::Nothing;
    }
    let piece =
        |end: usize, after: usize| Piece { text: text[start..end].trim(), start, end: after };
    if rest.starts_with('\\') {
        let end = rest.find('\n').map_or(text.len(), |at| start + at);
        return First::Command(piece(end, (end + 1).min(text.len())));
    }
    let mut at = start;
    while let Some(c) = text[at..].chars().next() {
        if c == ';' {
            return First::Statement(piece(at, at + 1));
        }
        match skip_item(text, at, c, syntax) {
            Some(next) => at = next,
            None => break,
        }
    }
    First::Incomplete(piece(text.len(), text.len()))
}

/// Returns the position after the character, literal, quoted name or comment at `at`, or `None` if it does not
/// end.
fn skip_item(text: &str, at: usize, c: char, syntax: Syntax) -> Option<usize> {
    let rest = &text[at..];
    match c {
        '\'' => quoted_end(rest, '\'', syntax.escapes).map(|length| at + length),
        '"' => quoted_end(rest, '"', false).map(|length| at + length),
        '$' if syntax.dollars => dollar_end(rest).map(|length| at + length),
        _ if rest.starts_with("--") => Some(at + rest.find('\n').unwrap_or(rest.len())),
        _ if rest.starts_with("/*") => comment_end(rest).map(|length| at + length),
        _ => Some(at + c.len_utf8()),
    }
}

/// Returns the position of the next character that is neither blank nor in a comment. An unterminated comment
/// is not skipped.
fn skip_blank(text: &str, from: usize) -> usize {
    let mut at = from;
    loop {
        at += text[at..].len() - text[at..].trim_start().len();
        let rest = &text[at..];
        let length = match rest {
            _ if rest.starts_with("--") => Some(rest.find('\n').unwrap_or(rest.len())),
            _ if rest.starts_with("/*") => comment_end(rest),
            _ => None,
        };
        match length {
            Some(length) => at += length,
            None => return at,
        }
    }
}

/// Returns the length of a literal or quoted name. A doubled quote counts as two adjacent ones.
fn quoted_end(rest: &str, quote: char, escapes: bool) -> Option<usize> {
    let mut characters = rest.char_indices().skip(1);
    while let Some((at, c)) = characters.next() {
        if c == quote {
            return Some(at + 1);
        }
        if escapes && c == '\\' {
            characters.next();
        }
    }
    None
}

/// Returns the length of a comment, which can contain others.
fn comment_end(rest: &str) -> Option<usize> {
    let (mut depth, mut at) = (1, 2);
    while depth > 0 {
        at += rest[at..].find(['*', '/'])?;
        if rest[at..].starts_with("*/") {
            (depth, at) = (depth - 1, at + 2);
        } else if rest[at..].starts_with("/*") {
            (depth, at) = (depth + 1, at + 2);
        } else {
            at += 1;
        }
    }
    Some(at)
}

/// Returns the length of a dollar-quoted literal, or of a dollar sign that does not begin one.
fn dollar_end(rest: &str) -> Option<usize> {
    let inner = &rest[1..];
    let tag_end = inner.find(|c: char| !c.is_alphanumeric() && c != '_');
    match tag_end.filter(|&end| inner[end..].starts_with('$')).map(|end| &rest[..end + 2]) {
        None => Some(1),
        Some(tag) => {
            let body = rest[tag.len()..].find(tag)?;
            Some(tag.len() + body + tag.len())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Returns the statements and commands of a text, and what is left.
    fn all(text: &str, syntax: Syntax) -> (Vec<&str>, Option<&str>) {
        let (mut found, mut at) = (Vec::new(), 0);
        loop {
            match first(text, at, syntax) {
                First::Statement(piece) | First::Command(piece) => {
                    found.push(piece.text);
                    at = piece.end;
                }
                First::Incomplete(piece) => return (found, Some(piece.text)),
                First::Nothing => return (found, None),
            }
        }
    }

    #[test]
    fn semicolons_end_statements_outside_of_literals_and_comments() {
        for (text, statements, rest) in [
            ("select 1; select 2;", vec!["select 1", "select 2"], None),
            ("select ';', \"a;b\" -- c;\n; d", vec!["select ';', \"a;b\" -- c;"], Some("d")),
            ("select 'it''s'; /* ; /* ; */ ; */ ;;", vec!["select 'it''s'"], None),
            ("\\d songs\nselect 1;\\q", vec!["\\d songs", "select 1", "\\q"], None),
            ("-- only a comment", vec![], None),
            ("select 'open;", vec![], Some("select 'open;")),
            ("select 1 /* open;", vec![], Some("select 1 /* open;")),
            ("/* open;", vec![], Some("/* open;")),
            ("", vec![], None),
        ] {
            assert_eq!(all(text, Syntax::default()), (statements, rest), "{text}");
        }
    }

    #[test]
    fn literals_depend_on_the_server() {
        let redshift = Syntax { escapes: true, dollars: false };
        assert_eq!(all(r"select 'a\';b';", redshift), (vec![r"select 'a\';b'"], None));
        let postgres = Syntax { escapes: false, dollars: true };
        assert_eq!(all("select $a$;$a$, '\\';", postgres), (vec!["select $a$;$a$, '\\'"], None));
        assert_eq!(all("select $1;", postgres), (vec!["select $1"], None));
    }
}
