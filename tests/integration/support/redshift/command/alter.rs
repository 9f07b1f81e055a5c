//! Parser for ALTER TABLE.

use super::create_table::{self, Column, CreateTable};
use super::keys::{self, Key};
use crate::support::redshift::error::SqlError;
use crate::support::redshift::lex::{Cursor, Name};
use crate::support::redshift::types::{self, Type};

pub struct AlterTable {
    pub table: Name,
    pub alteration: Alteration,
}

pub enum Alteration {
    Rename(String),
    RenameColumn {
        from: String,
        to: String,
    },
    AddColumn(Column),
    DropColumn {
        name: String,
        cascade: bool,
    },
    /// Only the length of a VARCHAR can change.
    Resize {
        column: String,
        kind: Type,
    },
    Owner(String),
    /// ALTER TABLE APPEND FROM
    Append(Name),
    AddKey(Key),
    DropKey {
        name: String,
        cascade: bool,
    },
}

pub fn alter_table(cursor: &mut Cursor) -> Result<AlterTable, SqlError> {
    let table = cursor.relation()?;
    let alteration = alteration(cursor, &table)?;
    Ok(AlterTable { table, alteration })
}

fn alteration(cursor: &mut Cursor, table: &Name) -> Result<Alteration, SqlError> {
    if cursor.accept("rename to") {
        return cursor.name().map(Alteration::Rename);
    }
    if cursor.accept("rename column") {
        let from = cursor.name()?;
        cursor.expect("to")?;
        return Ok(Alteration::RenameColumn { from, to: cursor.name()? });
    }
    if cursor.accept("owner to") {
        return cursor.name().map(Alteration::Owner);
    }
    if cursor.accept("append from") {
        return cursor.relation().map(Alteration::Append);
    }
    if cursor.accept("alter column") {
        let column = cursor.name()?;
        cursor.expect("type")?;
        return Ok(Alteration::Resize { column, kind: types::read(cursor)? });
    }
    if cursor.accept("drop column") {
        let name = cursor.name()?;
        let cascade = cursor.accept("cascade");
        cursor.accept("restrict");
        return Ok(Alteration::DropColumn { name, cascade });
    }
    if cursor.accept("drop constraint") {
        let name = cursor.name()?;
        let cascade = cursor.accept("cascade");
        cursor.accept("restrict");
        return Ok(Alteration::DropKey { name, cascade });
    }
    if cursor.accept("add") {
        if let Some(key) = keys::of_table(cursor)? {
            return Ok(Alteration::AddKey(key));
        }
        cursor.accept("column");
        return add_column(cursor, table).map(Alteration::AddColumn);
    }
    Err(SqlError::missing("this form of ALTER TABLE"))
}

fn add_column(cursor: &mut Cursor, table: &Name) -> Result<Column, SqlError> {
    let mut attributes = CreateTable::new(table.clone());
    let column = create_table::column(cursor, &mut attributes)?;
    let CreateTable { keys, distkey, sortkey, .. } = attributes;
    if !keys.is_empty() || distkey.is_some() || !sortkey.is_empty() {
        return Err(SqlError::rejected("a column that is added can be no key"));
    }
    // Existing rows would have no value.
    if column.not_null && column.default.is_none() {
        let message = "ALTER TABLE ADD COLUMN defined as NOT NULL must have a non-null default";
        return Err(SqlError::rejected(message));
    }
    Ok(column)
}
