//! Keys: recorded so that foreign keys can refer to them and catalogs can list them; never
//! enforced.

use crate::support::redshift::command::{Key, KeyKind, ObjectKind};
use crate::support::redshift::error::SqlError;
use crate::support::redshift::lex::{Name, literal};
use crate::support::redshift::session::{Session, Stop};

use super::tables::array;

impl Session {
    /// Returns the statements that record the keys of a table, which need not exist yet.
    pub(super) async fn declare(&self, table: &Name, keys: &[Key]) -> Result<Vec<String>, Stop> {
        let own = format!("{}::regclass", literal(&table.sql()));
        let mut statements = Vec::new();
        for key in keys {
            let referenced = match &key.kind {
                KeyKind::Foreign { table: other, .. } if other.name == table.name => own.clone(),
                KeyKind::Foreign { table: other, referenced } => {
                    self.referenced(key, other, referenced.as_deref()).await?
                }
                _ => "NULL".to_owned(),
            };
            statements.push(format!(
                "INSERT INTO rs.keys VALUES ({own}, {}, '{}', {}, {referenced})",
                literal(&key.name_in(&table.name)),
                key.letter(),
                array(&key.columns),
            ));
        }
        Ok(statements)
    }

    /// Returns the table that a foreign key refers to, which must have a matching key.
    async fn referenced(
        &self,
        key: &Key,
        table: &Name,
        columns: Option<&[String]>,
    ) -> Result<String, Stop> {
        let oid = self.exists(table, ObjectKind::Table).await?;
        let fits = match columns {
            Some(columns) => format!("kind IN ('p', 'u') AND columns = {}", array(columns)),
            None => format!("kind = 'p' AND cardinality(columns) = {}", key.columns.len()),
        };
        let query = format!("SELECT 1 FROM rs.keys WHERE relid = {oid} AND {fits}");
        if self.select(&query).await?.rows.is_empty() {
            let message = format!(
                "there is no unique constraint matching given keys for referenced table \"{table}\""
            );
            return Err(SqlError::new("42830", message).into());
        }
        Ok(oid)
    }

    /// Fails if a foreign key of another table refers to one of these tables: it is not enforced,
    /// but it prevents a drop.
    pub(super) async fn unreferenced(&self, names: &[Name]) -> Result<(), Stop> {
        let oids: Vec<String> =
            names.iter().map(|name| format!("to_regclass({})", literal(&name.sql()))).collect();
        let oids = oids.join(", ");
        let found = self
            .select(&format!(
                "SELECT k.referenced::regclass, c.relname FROM rs.keys AS k \
                 JOIN pg_catalog.pg_class AS c ON c.oid = k.relid \
                 WHERE k.kind = 'f' AND k.referenced IN ({oids}) AND k.relid NOT IN ({oids})"
            ))
            .await?;
        match found.rows.first().map(Vec::as_slice) {
            Some([Some(table), Some(by)]) => Err(depends("table", table, by).into()),
            _ => Ok(()),
        }
    }

    /// Returns the statement that removes a key. Fails if a foreign key refers to it and `cascade`
    /// is not set.
    pub(super) async fn undeclare(
        &self,
        table: &Name,
        key: &str,
        cascade: bool,
    ) -> Result<String, Stop> {
        let oid = self.exists(table, ObjectKind::Table).await?;
        let found = self
            .select(&format!(
                "SELECT k.kind, f.relid::regclass FROM rs.keys AS k \
                 LEFT JOIN (rs.keys AS f JOIN pg_catalog.pg_class AS c ON c.oid = f.relid) \
                     ON k.kind = 'p' AND f.referenced = k.relid AND f.relid <> k.relid \
                 WHERE k.relid = {oid} AND k.name = {}",
                literal(key)
            ))
            .await?;
        match found.rows.first().map(Vec::as_slice) {
            None => {
                let message = format!("constraint \"{key}\" does not exist");
                Err(SqlError::new("42704", message).into())
            }
            Some([_, Some(by)]) if !cascade => Err(depends("constraint", key, by).into()),
            Some([_, by]) => {
                let own =
                    format!("DELETE FROM rs.keys WHERE relid = {oid} AND name = {}", literal(key));
                let others = format!("; DELETE FROM rs.keys WHERE referenced = {oid}");
                Ok(own + if by.is_some() { &others } else { "" })
            }
            Some(_) => unreachable!("two columns were asked for"),
        }
    }
}

fn depends(kind: &str, what: &str, by: &str) -> SqlError {
    SqlError {
        detail: Some(format!("constraint on table {by} depends on {kind} {what}")),
        ..SqlError::new(
            "2BP01",
            format!("cannot drop {kind} {what} because other objects depend on it"),
        )
    }
}
