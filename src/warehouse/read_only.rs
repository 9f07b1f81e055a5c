//! Accepts only a single query that creates and changes nothing.

mod interpretation;

use std::ops::ControlFlow;

use datafusion::sql::sqlparser::ast::{Query, SetExpr, Statement, Visit, Visitor};
use datafusion::sql::sqlparser::dialect::{PostgreSqlDialect, RedshiftSqlDialect};
use datafusion::sql::sqlparser::parser::Parser;

use crate::warehouse::Dialect;
use crate::warehouse::error::{Error, Result};

/// Checks that `sql` is a single query that creates and changes nothing. `escapes` is `true` if the
/// server treats a backslash in an ordinary literal as an escape.
///
/// # Errors
///
/// Returns [`Error::Usage`] with the reason if it is anything else.
pub fn ensure_read_only(sql: &str, dialect: Dialect, escapes: bool) -> Result<()> {
    let parsed = match dialect {
        Dialect::Redshift => Parser::parse_sql(&RedshiftSqlDialect {}, sql),
        Dialect::Postgres => Parser::parse_sql(&PostgreSqlDialect {}, sql),
    };
    let statements = parsed.map_err(|e| Error::Usage(format!("cannot parse the query: {e}")))?;
    if escapes && !interpretation::is_one_statement(sql) {
        return Err(Error::Usage(
            "the query can be parsed as several statements; write '' for a quote in a literal, CHR(92) \
             for a backslash before one, and no dollar quotes or nested comments"
                .to_owned(),
        ));
    }
    let [Statement::Query(query)] = &statements[..] else {
        return Err(Error::Usage("only a single SELECT statement is allowed".to_owned()));
    };
    let mut changes = ChangeFinder { found: false };
    let _ = query.visit(&mut changes);
    if changes.found || creates_table(query) {
        return Err(Error::Usage("the query must not create or change anything".to_owned()));
    }
    Ok(())
}

/// Visitor that finds data-changing statements within a query.
struct ChangeFinder {
    found: bool,
}

impl Visitor for ChangeFinder {
    type Break = ();

    fn pre_visit_query(&mut self, query: &Query) -> ControlFlow<()> {
        self.found |= creates_table(query)
            || matches!(
                *query.body,
                SetExpr::Insert(_) | SetExpr::Update(_) | SetExpr::Delete(_) | SetExpr::Merge(_)
            );
        ControlFlow::Continue(())
    }
}

fn creates_table(query: &Query) -> bool {
    matches!(&*query.body, SetExpr::Select(select) if select.into.is_some())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn statements_hidden_behind_a_backslash_are_rejected() {
        let hidden = [
            r"SELECT 'a\' || '; DROP TABLE users; --'",
            r"SELECT 'a\', '; DROP TABLE users; --' FROM users",
            r"SELECT '\\\' || '; DROP TABLE users; --'",
            r"SELECT 'a\'; DROP TABLE users; --'",
            r"SELECT 'a\\'; DROP TABLE users; --'",
            "SELECT ['] , '; DROP TABLE users; -- '",
            "SELECT 1 /* /* */; DROP TABLE users; -- */",
            "SELECT 1; DROP TABLE users",
        ];
        for sql in hidden {
            assert!(ensure_read_only(sql, Dialect::Redshift, true).is_err(), "{sql}");
            assert!(ensure_read_only(sql, Dialect::Postgres, true).is_err(), "{sql}");
        }
        // If a backslash is an ordinary character, the first query is two literals, not a hidden
        // statement.
        assert!(ensure_read_only(hidden[0], Dialect::Postgres, false).is_ok());
    }

    #[test]
    fn queries_with_backslashes_quotes_and_comments_are_accepted() {
        for sql in [
            r"SELECT 'C:\\music', 'it''s', 'a;b' FROM songs -- done",
            "/* the; first */ SELECT title FROM songs WHERE title LIKE '%;%';",
            "WITH t AS (SELECT 1 AS x) SELECT \"x\" FROM t",
        ] {
            for dialect in [Dialect::Redshift, Dialect::Postgres] {
                ensure_read_only(sql, dialect, true).unwrap();
            }
        }
    }
}
