//! CREATE TABLE, ALTER TABLE, DROP.

use crate::support::redshift::command::{
    AlterTable, Alteration, Column, CreateTable, Drop, ObjectKind, Source,
};
use crate::support::redshift::error::SqlError;
use crate::support::redshift::lex::{Name, literal, quoted};
use crate::support::redshift::session::{Reply, Session, Stop};
use crate::support::redshift::types::Type;

impl Session {
    pub(in super::super) async fn create_table(
        &mut self,
        mut table: CreateTable,
    ) -> Result<Reply, Stop> {
        if !table.temporary {
            table.name = table.name.or_in(self.schema());
        }
        let name = table.name.sql();
        if table.or_not && self.is_there(&name).await? {
            return Ok(Reply::tag("CREATE TABLE"));
        }
        let temporary = if table.temporary { "TEMPORARY " } else { "" };
        let source = std::mem::replace(&mut table.source, Source::Columns(Vec::new()));
        let mut statements = match source {
            Source::Columns(columns) => {
                let keys = table.primary_key();
                let encodings: Vec<_> = columns
                    .iter()
                    .filter_map(|column| Some((column.name.clone(), column.encoding.clone()?)))
                    .collect();
                let columns: Vec<String> = columns.iter().map(|c| column(c, keys)).collect();
                let mut made =
                    vec![format!("CREATE {temporary}TABLE {name} ({})", columns.join(", "))];
                made.extend(attributes(&name, &table, &encodings));
                made
            }
            Source::Like { table: like, defaults } => {
                let defaults = if defaults { " INCLUDING DEFAULTS" } else { "" };
                like_statements(temporary, &name, &like.sql(), defaults)
            }
            Source::Query { query, columns } => {
                let query = self.backing_sql(*query).await?;
                let columns = if columns.is_empty() {
                    String::new()
                } else {
                    let columns: Vec<String> = columns.iter().map(|c| quoted(c)).collect();
                    format!("({}) ", columns.join(", "))
                };
                let mut made = vec![format!("CREATE {temporary}TABLE {name} {columns}AS {query}")];
                made.extend(attributes(&name, &table, &[]));
                made
            }
        };
        statements.push(format!("SELECT rs.seal({})", literal(&name)));
        statements.extend(self.declare(&table.name, &table.keys).await?);
        self.utility(&statements.join(";\n"), "CREATE TABLE").await
    }

    async fn is_there(&self, name: &str) -> Result<bool, Stop> {
        let found = self.select(&format!("SELECT to_regclass({})", literal(name))).await?;
        Ok(found.rows[0][0].is_some())
    }

    pub(in super::super) async fn alter_table(&mut self, alter: AlterTable) -> Result<Reply, Stop> {
        let table = alter.table.sql();
        let seal = format!("SELECT rs.seal({})", literal(&table));
        let action = match alter.alteration {
            Alteration::Rename(to) => format!("RENAME TO {}", quoted(&to)),
            Alteration::RenameColumn { from, to } => {
                format!("RENAME COLUMN {} TO {}", quoted(&from), quoted(&to))
            }
            Alteration::DropColumn { name, cascade } => {
                let cascade = if cascade { " CASCADE" } else { "" };
                format!("DROP COLUMN {}{cascade}", quoted(&name))
            }
            Alteration::Owner(user) => {
                format!("OWNER TO {}", quoted(&self.server.role_name("user", &user)))
            }
            Alteration::AddColumn(added) => {
                format!("ADD COLUMN {}; {seal}", column(&added, &[]))
            }
            Alteration::Resize { column, kind } => {
                self.outside("ALTER TABLE ALTER COLUMN")?;
                let Type::Varchar(_) = kind else {
                    let message = "only the length of a VARCHAR column can be altered";
                    return Err(SqlError::rejected(message).into());
                };
                format!("ALTER COLUMN {} TYPE {kind}; {seal}", quoted(&column))
            }
            Alteration::Append(source) => return self.append(&alter.table, &source).await,
            Alteration::AddKey(key) => {
                self.exists(&alter.table, ObjectKind::Table).await?;
                let statements = self.declare(&alter.table, &[key]).await?;
                return self.utility(&statements.join("; "), "ALTER TABLE").await;
            }
            Alteration::DropKey { name, cascade } => {
                let statement = self.undeclare(&alter.table, &name, cascade).await?;
                return self.utility(&statement, "ALTER TABLE").await;
            }
        };
        self.utility(&format!("ALTER TABLE {table} {action}"), "ALTER TABLE").await
    }

    /// Moves all rows and commits (Developer Guide, r_ALTER_TABLE_APPEND).
    async fn append(&mut self, to: &Name, from: &Name) -> Result<Reply, Stop> {
        self.outside("ALTER TABLE APPEND")?;
        for name in [to, from] {
            self.exists(name, ObjectKind::Table).await?;
        }
        let shape = |name: &Name| {
            format!(
                "SELECT attname, format_type(atttypid, atttypmod), attnotnull \
                 FROM pg_catalog.pg_attribute \
                 WHERE attrelid = {}::regclass AND attnum > 0 AND NOT attisdropped ORDER BY attnum",
                literal(&name.sql())
            )
        };
        if self.select(&shape(to)).await?.rows != self.select(&shape(from)).await?.rows {
            let message = "ALTER TABLE APPEND needs tables with the same columns";
            return Err(SqlError::rejected(message).into());
        }
        let (to, from) = (to.sql(), from.sql());
        let statements = format!("INSERT INTO {to} SELECT * FROM {from}; TRUNCATE {from}");
        self.utility(&statements, "ALTER TABLE APPEND").await
    }

    pub(in super::super) async fn drop_objects(&mut self, drop: Drop) -> Result<Reply, Stop> {
        if drop.kind == ObjectKind::Table && !drop.cascade {
            self.unreferenced(&drop.names).await?;
        }
        let word = drop.kind.word();
        let names: Vec<String> = drop.names.iter().map(Name::sql).collect();
        let if_exists = if drop.if_exists { "IF EXISTS " } else { "" };
        let cascade = if drop.cascade { " CASCADE" } else { "" };
        let statement = format!("DROP {word} {if_exists}{}{cascade}", names.join(", "));
        self.utility(&statement, &format!("DROP {word}")).await
    }
}

/// Formats a column definition for PostgreSQL; the columns of a primary key are NOT NULL.
fn column(column: &Column, primary_key: &[String]) -> String {
    let mut sql = format!("{} {}", quoted(&column.name), column.kind);
    if column.not_null || primary_key.contains(&column.name) {
        sql += " NOT NULL";
    }
    if let Some(default) = &column.default {
        sql += &format!(" DEFAULT {default}");
    }
    sql
}

/// Returns the statements that record the distribution, sort keys and encodings for the catalogs.
fn attributes(name: &str, table: &CreateTable, encodings: &[(String, String)]) -> [String; 2] {
    let own = format!("{}::regclass", literal(name));
    let style = match (&table.diststyle, &table.distkey) {
        (_, Some(key)) => format!("KEY({key})"),
        (Some(style), None) if style != "auto" => style.to_uppercase(),
        _ => "AUTO(ALL)".to_owned(),
    };
    let (encoded, encodings): (Vec<_>, Vec<_>) = encodings.iter().cloned().unzip();
    [
        format!("INSERT INTO rs.tables VALUES ({own}, {})", literal(&style)),
        format!(
            "INSERT INTO rs.columns \
             SELECT attrelid, attnum, ({})[array_position({}, attname::text)], attname = {}, \
             coalesce(array_position({}, attname::text), 0) \
             FROM pg_catalog.pg_attribute WHERE attrelid = {own} AND attnum > 0",
            array(&encodings),
            array(&encoded),
            literal(table.distkey.as_deref().unwrap_or_default()),
            array(&table.sortkey),
        ),
    ]
}

/// Returns the statements of LIKE, which copies columns, NOT NULL, distribution and sort keys, but
/// no other constraints (FACTS.md, row 3.15).
fn like_statements(temporary: &str, name: &str, like: &str, defaults: &str) -> Vec<String> {
    let (own, other) = (literal(name), literal(like));
    vec![
        format!("CREATE {temporary}TABLE {name} (LIKE {like}{defaults})"),
        format!(
            "INSERT INTO rs.tables SELECT {own}::regclass, diststyle \
             FROM rs.tables WHERE relid = {other}::regclass"
        ),
        format!(
            "INSERT INTO rs.columns \
             SELECT n.attrelid, n.attnum, k.encoding, k.distkey, k.sortkey \
             FROM rs.columns AS k \
             JOIN pg_catalog.pg_attribute AS o ON o.attrelid = k.relid AND o.attnum = k.attnum \
             JOIN pg_catalog.pg_attribute AS n ON n.attname = o.attname \
             WHERE k.relid = {other}::regclass AND n.attrelid = {own}::regclass"
        ),
    ]
}

pub(super) fn array(names: &[String]) -> String {
    let names: Vec<String> = names.iter().map(|name| literal(name)).collect();
    format!("ARRAY[{}]::text[]", names.join(", "))
}
