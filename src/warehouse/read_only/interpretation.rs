//! Finds the statements in a text under every interpretation that a server may apply to it.
//!
//! A parser that ends a literal at a quote where the server does not, or the reverse, sees one
//! statement where the server sees two. Text that the parser accepts is therefore also scanned
//! here, in every combination of the differences between dialects.

/// One interpretation of a text.
#[derive(Debug, Clone, Copy)]
struct Interpretation {
    /// A backslash escapes the next character in a literal.
    escapes: bool,
    /// Comments can be nested.
    nests: bool,
    /// `$tag$` begins and ends a literal.
    dollars: bool,
}

/// Returns `true` if the text is at most one statement under every interpretation.
pub(super) fn is_one_statement(sql: &str) -> bool {
    let both = [false, true];
    both.iter().all(|&escapes| {
        both.iter().all(|&nests| {
            both.iter().all(|&dollars| {
                let mut rest = sql;
                let interpretation = Interpretation { escapes, nests, dollars };
                // Only blanks and comments can follow the first semicolon.
                interpretation.skip_statement(&mut rest) && {
                    rest = rest.strip_prefix(';').unwrap_or(rest);
                    interpretation.skip_blank(&mut rest) && rest.is_empty()
                }
            })
        })
    })
}

impl Interpretation {
    /// Skips to the first semicolon that ends a statement, or to the end of the text. Returns
    /// `false` if a literal or comment is unterminated.
    fn skip_statement(self, rest: &mut &str) -> bool {
        while let Some(next) = rest.chars().next().filter(|&c| c != ';') {
            let is_whole = match next {
                '\'' => skip_quoted(rest, '\'', self.escapes),
                '"' => skip_quoted(rest, '"', false),
                '$' if self.dollars => skip_dollar_quoted(rest),
                _ if rest.starts_with("--") || rest.starts_with("/*") => self.skip_comment(rest),
                _ => {
                    *rest = &rest[next.len_utf8()..];
                    true
                }
            };
            if !is_whole {
                return false;
            }
        }
        true
    }

    /// Skips blanks and comments. Returns `false` if a comment is unterminated.
    fn skip_blank(self, rest: &mut &str) -> bool {
        loop {
            *rest = rest.trim_start();
            if !rest.starts_with("--") && !rest.starts_with("/*") {
                return true;
            }
            if !self.skip_comment(rest) {
                return false;
            }
        }
    }

    fn skip_comment(self, rest: &mut &str) -> bool {
        if rest.starts_with("--") {
            let end = rest.find(['\n', '\r']).unwrap_or(rest.len());
            *rest = &rest[end..];
            return true;
        }
        let (mut depth, mut at) = (1, 2);
        while depth > 0 {
            let Some(found) = rest[at..].find(['*', '/']).map(|found| at + found) else {
                return false;
            };
            at = found + 1;
            if rest[found..].starts_with("*/") {
                (depth, at) = (depth - 1, found + 2);
            } else if self.nests && rest[found..].starts_with("/*") {
                (depth, at) = (depth + 1, found + 2);
            }
        }
        *rest = &rest[at..];
        true
    }
}

/// Skips a literal or quoted name. A doubled quote counts as two adjacent literals, with the same
/// end.
fn skip_quoted(rest: &mut &str, quote: char, escapes: bool) -> bool {
    let mut chars = rest.char_indices().skip(1);
    while let Some((at, c)) = chars.next() {
        if c == quote {
            *rest = &rest[at + 1..];
            return true;
        }
        if escapes && c == '\\' {
            chars.next();
        }
    }
    false
}

/// Skips a dollar-quoted literal, or a dollar sign that does not begin one.
fn skip_dollar_quoted(rest: &mut &str) -> bool {
    let inner = &rest[1..];
    let tag_end = inner.find(|c: char| !c.is_alphanumeric() && c != '_');
    let tag = tag_end.filter(|&end| inner[end..].starts_with('$')).map(|end| &rest[..end + 2]);
    let Some(tag) = tag else {
        *rest = inner;
        return true;
    };
    let body = &rest[tag.len()..];
    let Some(end) = body.find(tag) else { return false };
    *rest = &body[end + tag.len()..];
    true
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plain_queries_are_one_statement() {
        for sql in [
            "SELECT 1",
            "SELECT 'a;b', \"x;y\" FROM t -- a; b\n ;  /* c; */ -- d;",
            "SELECT 'it''s' /* '; */",
            r"SELECT 'a\\b', 'c\\'",
            "SELECT 'price in $' || 'and $'",
            "SELECT a[0], b['x'] FROM t",
            "",
        ] {
            assert!(is_one_statement(sql), "{sql}");
        }
    }

    #[test]
    fn text_that_some_server_parses_as_two_statements_is_not_one() {
        for sql in [
            "SELECT 1; DROP TABLE users",
            r"SELECT 'a\' || '; DROP TABLE users; --'",
            r"SELECT 'a\'; DROP TABLE users; --'",
            r"SELECT 'a\'' ; DROP TABLE users; --'",
            r"SELECT '\\\' || '; DROP TABLE users; --'",
            "SELECT 1 /* /* */ ; DROP TABLE users; -- */",
            "SELECT 1 /* /* */ */ ; DROP TABLE users",
            "SELECT $$ ' $$ || '; DROP TABLE users; --'",
            "SELECT $a$ ' $a$, '; DROP TABLE users; --'",
            "SELECT ['] , '; DROP TABLE users; -- '",
            "SELECT 'open",
            "SELECT 1 /* open",
        ] {
            assert!(!is_one_statement(sql), "{sql}");
        }
    }
}
