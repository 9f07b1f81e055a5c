//! SELECT, INSERT, UPDATE, DELETE and MERGE: parsed, checked against what Redshift accepts, and
//! rewritten for PostgreSQL.

mod blanks;
mod check;
mod names;
mod rewrite;
mod rules;

use std::collections::HashMap;

use datafusion::sql::sqlparser::ast::{Query, Statement};
use datafusion::sql::sqlparser::dialect::RedshiftSqlDialect;
use datafusion::sql::sqlparser::parser::{Parser, ParserError};
use datafusion::sql::sqlparser::tokenizer::Token;

pub use check::Findings;

use super::error::SqlError;
use super::lex::Name;

/// Late-binding views by name; queries embed their text.
pub type LateViews = HashMap<String, String>;

/// A statement over rows, ready for PostgreSQL except for late-binding views.
pub struct RowStatement {
    statement: Statement,
    pub findings: Findings,
}

impl RowStatement {
    pub fn parse(tokens: &[Token]) -> Result<RowStatement, SqlError> {
        let statement = parsed(tokens, |parser| parser.parse_statement())?;
        RowStatement::new(statement)
    }

    /// Parses a query, as in CREATE VIEW and CREATE TABLE AS.
    pub fn query(tokens: &[Token]) -> Result<RowStatement, SqlError> {
        let query: Box<Query> = parsed(tokens, |parser| parser.parse_query())?;
        RowStatement::new(Statement::Query(query))
    }

    fn new(mut statement: Statement) -> Result<RowStatement, SqlError> {
        let findings = check::check(&statement)?;
        rewrite::rewrite(&mut statement);
        Ok(RowStatement { statement, findings })
    }

    /// Returns the command tag, without the count.
    pub fn tag(&self) -> &'static str {
        match self.statement {
            Statement::Insert(_) => "INSERT 0",
            Statement::Update(_) => "UPDATE",
            Statement::Delete(_) => "DELETE",
            Statement::Merge(_) => "MERGE",
            _ => "SELECT",
        }
    }

    pub fn is_insert(&self) -> bool {
        matches!(self.statement, Statement::Insert(_))
    }

    /// Returns the statement for PostgreSQL, with late-binding views expanded.
    pub fn sql(mut self, views: &LateViews) -> Result<String, SqlError> {
        rewrite::expand(&mut self.statement, views, 0)?;
        Ok(self.statement.to_string())
    }

    /// Returns the statement unexpanded, for a view whose relations need not exist yet.
    pub fn text(&self) -> String {
        self.statement.to_string()
    }
}

/// Checks a standalone expression, such as a default, and rewrites it for PostgreSQL.
pub fn expression(tokens: &[Token]) -> Result<String, SqlError> {
    let mut select = vec![Token::make_keyword("SELECT")];
    select.extend_from_slice(tokens);
    let sql = RowStatement::query(&select)?.text();
    let expression = sql.trim_start_matches("SELECT ");
    Ok(expression.to_owned())
}

fn parsed<T>(
    tokens: &[Token],
    read: impl FnOnce(&mut Parser) -> Result<T, ParserError>,
) -> Result<T, SqlError> {
    let rejected = |error: ParserError| SqlError::new("42601", format!("syntax error: {error}"));
    let dialect = RedshiftSqlDialect {};
    let mut parser = Parser::new(&dialect).with_tokens(date_parts_quoted(tokens));
    let found = read(&mut parser).map_err(rejected)?;
    match parser.next_token().token {
        Token::EOF => Ok(found),
        token => Err(SqlError::syntax(token)),
    }
}

/// Quotes date parts: the parser does not know all of Redshift's as keywords, and reads those that
/// are function arguments as columns.
fn date_parts_quoted(tokens: &[Token]) -> Vec<Token> {
    let mut tokens = tokens.to_vec();
    for at in 0..tokens.len().saturating_sub(3) {
        let [Token::Word(function), Token::LParen, Token::Word(part), after] = &tokens[at..at + 4]
        else {
            continue;
        };
        let takes_part = match function.value.as_str() {
            "extract" => matches!(after, Token::Word(from) if from.value == "from"),
            "date_part" | "dateadd" | "datediff" => *after == Token::Comma,
            _ => false,
        };
        if takes_part {
            tokens[at + 2] = Token::SingleQuotedString(part.value.clone());
        }
    }
    tokens
}

/// Converts a name from the syntax tree.
fn relation(name: &datafusion::sql::sqlparser::ast::ObjectName) -> Result<Name, SqlError> {
    let parts: Option<Vec<String>> =
        name.0.iter().map(|part| part.as_ident().map(|ident| ident.value.clone())).collect();
    match parts.as_deref() {
        Some([name]) => Ok(Name { schema: None, name: name.clone() }),
        Some([schema, name]) => Ok(Name { schema: Some(schema.clone()), name: name.clone() }),
        _ => Err(SqlError::missing(format!("the name {name}"))),
    }
}
