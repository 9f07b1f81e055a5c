//! Parsers for views, DROP, COMMENT and maintenance.

use datafusion::sql::sqlparser::tokenizer::Token;

use super::Command;
use crate::support::redshift::error::SqlError;
use crate::support::redshift::lex::{Cursor, Name};
use crate::support::redshift::query::RowStatement;

pub struct CreateView {
    pub name: Name,
    pub replace: bool,
    pub columns: Vec<String>,
    pub query: RowStatement,
    /// Text of the query, if the view is late-binding.
    pub late: Option<String>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub enum ObjectKind {
    Table,
    View,
    Schema,
}

impl ObjectKind {
    pub fn word(self) -> &'static str {
        match self {
            ObjectKind::Table => "TABLE",
            ObjectKind::View => "VIEW",
            ObjectKind::Schema => "SCHEMA",
        }
    }
}

pub struct Drop {
    pub kind: ObjectKind,
    pub names: Vec<Name>,
    pub if_exists: bool,
    pub cascade: bool,
}

pub fn create_view(cursor: &mut Cursor, replace: bool) -> Result<Command, SqlError> {
    let name = cursor.relation()?;
    let columns =
        if cursor.peek() == Some(&Token::LParen) { cursor.columns()? } else { Vec::new() };
    cursor.expect("as")?;
    let mut tokens = cursor.rest().to_vec();
    while cursor.next().is_some() {}
    let late = unbound(&tokens);
    if late {
        tokens.truncate(tokens.len() - 4);
    }
    let query = RowStatement::query(&tokens)?;
    if late && !columns.is_empty() {
        return Err(SqlError::missing("column names of a late-binding view"));
    }
    if late && let Some(table) = query.findings.tables.iter().find(|t| t.schema.is_none()) {
        let message = format!(
            "All the relation names inside should be qualified when creating VIEW WITH NO SCHEMA \
             BINDING: {table}"
        );
        return Err(SqlError::new("42601", message));
    }
    let late = late.then(|| words(&tokens));
    Ok(Command::CreateView(Box::new(CreateView { name, replace, columns, query, late })))
}

fn unbound(tokens: &[Token]) -> bool {
    let Some(start) = tokens.len().checked_sub(4) else { return false };
    Cursor::new(tokens[start..].to_vec()).accept("with no schema binding")
}

/// Formats tokens as text that parses back to the same tokens.
fn words(tokens: &[Token]) -> String {
    let text = |token: &Token| match token {
        Token::SingleQuotedString(text) => {
            format!("'{}'", text.replace('\\', "\\\\").replace('\'', "''"))
        }
        token => token.to_string(),
    };
    tokens.iter().map(text).collect::<Vec<_>>().join(" ")
}

pub fn drop(cursor: &mut Cursor) -> Result<Command, SqlError> {
    let kind = if cursor.accept("table") {
        ObjectKind::Table
    } else if cursor.accept("view") {
        ObjectKind::View
    } else if cursor.accept("schema") {
        ObjectKind::Schema
    } else if cursor.accept("user") || cursor.accept("group") {
        return Err(SqlError::missing("DROP USER and DROP GROUP"));
    } else {
        return Err(SqlError::missing("DROP of this"));
    };
    let if_exists = cursor.accept("if exists");
    let names = cursor.list(Cursor::relation)?;
    let cascade = cursor.accept("cascade");
    cursor.accept("restrict");
    Ok(Command::Drop(Drop { kind, names, if_exists, cascade }))
}

pub fn vacuum(cursor: &mut Cursor) -> Result<Command, SqlError> {
    for kind in ["full", "sort only", "delete only", "reindex", "recluster"] {
        cursor.accept(kind);
    }
    let table = if cursor.done() { None } else { Some(cursor.relation()?) };
    if cursor.accept("to") {
        cursor.number::<u8>()?;
        cursor.expect("percent")?;
    }
    cursor.accept("boost");
    Ok(Command::Vacuum(table))
}

pub fn analyze(cursor: &mut Cursor) -> Result<Command, SqlError> {
    if cursor.peek_word() == Some("compression") {
        return Err(SqlError::missing("ANALYZE COMPRESSION"));
    }
    cursor.accept("verbose");
    let table = if cursor.done() { None } else { Some(cursor.relation()?) };
    if cursor.peek() == Some(&Token::LParen) {
        cursor.columns()?;
    }
    if !cursor.accept("predicate columns") {
        cursor.accept("all columns");
    }
    Ok(Command::Analyze(table))
}

pub fn comment(cursor: &mut Cursor) -> Result<Command, SqlError> {
    cursor.expect("on")?;
    let on = ["table", "view", "column", "schema"].into_iter().find(|kind| cursor.accept(kind));
    let on = on.ok_or_else(|| cursor.unexpected())?;
    let mut name = cursor.relation()?;
    let mut column = None;
    if on == "column" {
        column = Some(if cursor.accept_token(&Token::Period) {
            cursor.name()?
        } else {
            let table = name.schema.take().ok_or_else(|| cursor.unexpected())?;
            std::mem::replace(&mut name.name, table)
        });
    }
    cursor.expect("is")?;
    let text = if cursor.accept("null") { None } else { Some(cursor.string()?) };
    Ok(Command::Comment { on, name, column, text })
}
