//! Parser for CREATE TABLE with Redshift's table and column attributes (Developer Guide,
//! r_CREATE_TABLE_NEW).

use datafusion::sql::sqlparser::tokenizer::Token;

use super::Command;
use super::keys::{self, Key, KeyKind};
use crate::support::redshift::error::SqlError;
use crate::support::redshift::lex::{Cursor, Name};
use crate::support::redshift::query::{self, RowStatement};
use crate::support::redshift::types::{self, Type};
use crate::support::redshift::words;

/// Maximum number of columns of a table (Developer Guide, r_CREATE_TABLE_NEW).
const MOST_COLUMNS: usize = 1_600;

const ENCODINGS: [&str; 13] = [
    "raw",
    "az64",
    "bytedict",
    "delta",
    "delta32k",
    "lzo",
    "mostly8",
    "mostly16",
    "mostly32",
    "runlength",
    "text255",
    "text32k",
    "zstd",
];

pub struct CreateTable {
    pub name: Name,
    pub temporary: bool,
    pub or_not: bool,
    pub source: Source,
    pub keys: Vec<Key>,
    pub diststyle: Option<String>,
    pub distkey: Option<String>,
    pub sortkey: Vec<String>,
}

/// Source of the columns.
pub enum Source {
    Columns(Vec<Column>),
    Like { table: Name, defaults: bool },
    Query { query: Box<RowStatement>, columns: Vec<String> },
}

pub struct Column {
    pub name: String,
    pub kind: Type,
    pub not_null: bool,
    /// Expression in PostgreSQL's dialect.
    pub default: Option<String>,
    pub encoding: Option<String>,
}

pub fn create_table(cursor: &mut Cursor, temporary: bool) -> Result<Command, SqlError> {
    let or_not = cursor.accept("if not exists");
    let name = cursor.relation()?;
    let mut table = CreateTable { temporary, or_not, ..CreateTable::new(name) };
    let mut names = Vec::new();
    if cursor.accept_token(&Token::LParen) {
        let mut body = Cursor::new(cursor.group()?);
        if body.accept("like") {
            table.source = like(&mut body)?;
        } else if is_name_list(&body) {
            names = body.list(Cursor::name)?;
        } else {
            body.list(|item| definition(item, &mut table))?;
        }
        body.end()?;
    }
    attributes(cursor, &mut table)?;
    if cursor.accept("as") {
        let query = if cursor.accept_token(&Token::LParen) {
            RowStatement::query(&cursor.group()?)?
        } else {
            let query = RowStatement::query(cursor.rest())?;
            while cursor.next().is_some() {}
            query
        };
        table.source = Source::Query { query: Box::new(query), columns: names };
    } else if !names.is_empty() {
        return Err(cursor.unexpected());
    }
    table.validate()?;
    Ok(Command::CreateTable(Box::new(table)))
}

fn is_name_list(body: &Cursor) -> bool {
    let mut body = body.clone();
    body.list(Cursor::name).is_ok() && body.done()
}

fn like(body: &mut Cursor) -> Result<Source, SqlError> {
    let table = body.relation()?;
    let defaults = body.accept("including defaults");
    body.accept("excluding defaults");
    Ok(Source::Like { table, defaults })
}

/// Parses a column or a table constraint.
fn definition(cursor: &mut Cursor, table: &mut CreateTable) -> Result<(), SqlError> {
    if let Some(key) = keys::of_table(cursor)? {
        return table.add_key(key);
    }
    let column = column(cursor, table)?;
    match &mut table.source {
        Source::Columns(columns) => columns.push(column),
        _ => return Err(cursor.unexpected()),
    }
    Ok(())
}

/// Parses a column of CREATE TABLE or ADD COLUMN; adds its keys and table attributes to the table.
pub fn column(cursor: &mut Cursor, table: &mut CreateTable) -> Result<Column, SqlError> {
    let name = cursor.name()?;
    if words::is_system_column(&name) {
        let message = format!("column name \"{name}\" conflicts with a system column name");
        return Err(SqlError::new("42701", message));
    }
    let kind = types::read(cursor)?;
    let mut column = Column { name, kind, not_null: false, default: None, encoding: None };
    while !cursor.done() && cursor.peek() != Some(&Token::Comma) {
        attribute(cursor, &mut column, table)?;
    }
    Ok(column)
}

fn attribute(
    cursor: &mut Cursor,
    column: &mut Column,
    table: &mut CreateTable,
) -> Result<(), SqlError> {
    if cursor.accept("not null") {
        column.not_null = true;
    } else if cursor.accept("null") {
    } else if cursor.accept("default") {
        column.default = Some(default(cursor)?);
    } else if cursor.accept("encode") {
        let encoding = cursor.peek_word().unwrap_or_default().to_owned();
        if !ENCODINGS.contains(&encoding.as_str()) {
            return Err(cursor.unexpected());
        }
        cursor.next();
        column.encoding = Some(encoding);
    } else if cursor.accept("distkey") {
        table.set_distkey(column.name.clone())?;
    } else if cursor.accept("sortkey") {
        table.sortkey.push(column.name.clone());
    } else if let Some(key) = keys::of_column(cursor, &column.name)? {
        table.add_key(key)?;
    } else if matches!(cursor.peek_word(), Some("identity" | "generated")) {
        return Err(SqlError::missing("IDENTITY"));
    } else {
        return Err(cursor.unexpected());
    }
    Ok(())
}

/// Parses a default: all tokens up to the next attribute or comma outside parentheses.
fn default(cursor: &mut Cursor) -> Result<String, SqlError> {
    const ENDS: [&str; 9] = [
        "not",
        "encode",
        "distkey",
        "sortkey",
        "primary",
        "unique",
        "references",
        "check",
        "constraint",
    ];
    let (mut tokens, mut depth) = (Vec::new(), 0);
    while let Some(token) = cursor.peek() {
        let ends = *token == Token::Comma || cursor.peek_word().is_some_and(|w| ENDS.contains(&w));
        if depth == 0 && ends {
            break;
        }
        depth += i32::from(*token == Token::LParen) - i32::from(*token == Token::RParen);
        tokens.push(token.clone());
        cursor.next();
    }
    query::expression(&tokens)
}

/// Parses the attributes after the columns, which no commas separate.
fn attributes(cursor: &mut Cursor, table: &mut CreateTable) -> Result<(), SqlError> {
    loop {
        if cursor.accept("backup yes") || cursor.accept("backup no") {
        } else if cursor.accept("diststyle") {
            let styles = ["auto", "even", "key", "all"];
            let style = styles.iter().find(|style| cursor.accept(style));
            let style = style.ok_or_else(|| cursor.unexpected())?;
            table.diststyle = Some((*style).to_owned());
        } else if cursor.accept("distkey") {
            match cursor.columns()?.as_slice() {
                [column] => table.set_distkey(column.clone())?,
                _ => return Err(SqlError::syntax("DISTKEY")),
            }
        } else if cursor.accept("sortkey auto") || cursor.accept("encode auto") {
        } else if cursor.accept("compound sortkey")
            || cursor.accept("interleaved sortkey")
            || cursor.accept("sortkey")
        {
            if !table.sortkey.is_empty() {
                return Err(SqlError::new("42601", "multiple sort keys are not allowed"));
            }
            table.sortkey = cursor.columns()?;
        } else {
            return Ok(());
        }
    }
}

impl CreateTable {
    pub fn new(name: Name) -> CreateTable {
        CreateTable {
            name,
            temporary: false,
            or_not: false,
            source: Source::Columns(Vec::new()),
            keys: Vec::new(),
            diststyle: None,
            distkey: None,
            sortkey: Vec::new(),
        }
    }

    /// Returns the columns of the primary key.
    pub fn primary_key(&self) -> &[String] {
        let key = self.keys.iter().find(|key| matches!(key.kind, KeyKind::Primary));
        key.map_or(&[], |key| &key.columns)
    }

    fn add_key(&mut self, key: Key) -> Result<(), SqlError> {
        if matches!(key.kind, KeyKind::Primary) && !self.primary_key().is_empty() {
            return Err(SqlError::new("42P16", "multiple primary keys for a table"));
        }
        self.keys.push(key);
        Ok(())
    }

    fn set_distkey(&mut self, column: String) -> Result<(), SqlError> {
        if self.distkey.is_some() {
            return Err(SqlError::new("42601", "only one DISTKEY is allowed"));
        }
        self.distkey = Some(column);
        Ok(())
    }

    fn validate(&self) -> Result<(), SqlError> {
        let style = self.diststyle.as_deref();
        if self.distkey.is_some() && style.is_some_and(|style| style != "key") {
            let message = "DISTKEY requires DISTSTYLE KEY";
            return Err(SqlError::new("42601", message));
        }
        if style == Some("key") && self.distkey.is_none() {
            return Err(SqlError::new("42601", "DISTSTYLE KEY requires a DISTKEY"));
        }
        let Source::Columns(columns) = &self.source else { return Ok(()) };
        if columns.is_empty() {
            return Err(SqlError::syntax(")"));
        }
        if columns.len() > MOST_COLUMNS {
            let message = format!("tables can have at most {MOST_COLUMNS} columns");
            return Err(SqlError::new("54011", message));
        }
        let named = self.keys.iter().flat_map(|key| &key.columns);
        for name in named.chain(&self.distkey).chain(&self.sortkey) {
            if !columns.iter().any(|column| column.name == *name) {
                let message = format!("column \"{name}\" named in key does not exist");
                return Err(SqlError::new("42703", message));
            }
        }
        Ok(())
    }
}
