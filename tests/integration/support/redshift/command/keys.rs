//! Parser for keys: column and table constraints of CREATE TABLE and ALTER TABLE.

use datafusion::sql::sqlparser::tokenizer::Token;

use crate::support::redshift::error::SqlError;
use crate::support::redshift::lex::{Cursor, Name};

pub struct Key {
    pub name: Option<String>,
    pub kind: KeyKind,
    pub columns: Vec<String>,
}

#[derive(Clone)]
pub enum KeyKind {
    Primary,
    Unique,
    Foreign { table: Name, referenced: Option<Vec<String>> },
}

/// Parses a table constraint, if one is next.
pub fn of_table(cursor: &mut Cursor) -> Result<Option<Key>, SqlError> {
    let name = if cursor.accept("constraint") { Some(cursor.name()?) } else { None };
    let key = if cursor.accept("primary key") {
        Key { kind: KeyKind::Primary, columns: cursor.columns()?, name }
    } else if cursor.accept("unique") {
        Key { kind: KeyKind::Unique, columns: cursor.columns()?, name }
    } else if cursor.accept("foreign key") {
        let columns = cursor.columns()?;
        cursor.expect("references")?;
        Key { kind: references(cursor)?, columns, name }
    } else {
        no_check(cursor)?;
        return if name.is_some() { Err(cursor.unexpected()) } else { Ok(None) };
    };
    Ok(Some(key))
}

/// Parses a column constraint, if one is next.
pub fn of_column(cursor: &mut Cursor, column: &str) -> Result<Option<Key>, SqlError> {
    no_check(cursor)?;
    let kind = if cursor.accept("primary key") {
        KeyKind::Primary
    } else if cursor.accept("unique") {
        KeyKind::Unique
    } else if cursor.accept("references") {
        references(cursor)?
    } else {
        return Ok(None);
    };
    Ok(Some(Key { name: None, kind, columns: vec![column.to_owned()] }))
}

fn references(cursor: &mut Cursor) -> Result<KeyKind, SqlError> {
    let table = cursor.relation()?;
    let referenced =
        if cursor.peek() == Some(&Token::LParen) { Some(cursor.columns()?) } else { None };
    Ok(KeyKind::Foreign { table, referenced })
}

fn no_check(cursor: &Cursor) -> Result<(), SqlError> {
    if cursor.peek_word() == Some("check") {
        return Err(SqlError::rejected("CHECK constraints are not supported"));
    }
    Ok(())
}

impl Key {
    /// Returns the letter that `pg_constraint` uses for the kind.
    pub fn letter(&self) -> char {
        match self.kind {
            KeyKind::Primary => 'p',
            KeyKind::Unique => 'u',
            KeyKind::Foreign { .. } => 'f',
        }
    }

    /// Returns the given name, or the one that PostgreSQL generates.
    pub fn name_in(&self, table: &str) -> String {
        let columns = self.columns.join("_");
        self.name.clone().unwrap_or_else(|| match self.kind {
            KeyKind::Primary => format!("{table}_pkey"),
            KeyKind::Unique => format!("{table}_{columns}_key"),
            KeyKind::Foreign { .. } => format!("{table}_{columns}_fkey"),
        })
    }
}
