//! SELECT, INSERT, UPDATE, DELETE, MERGE, TRUNCATE, LOCK and maintenance.

use crate::support::redshift::command::ObjectKind;
use crate::support::redshift::error::SqlError;
use crate::support::redshift::lex::{Name, literal};
use crate::support::redshift::query::{LateViews, RowStatement};
use crate::support::redshift::session::{Reply, Session, Stop};

impl Session {
    pub(in super::super) async fn rows(&mut self, rows: RowStatement) -> Result<Reply, Stop> {
        let tag = rows.tag();
        self.wait_for(&rows.findings.tables, tag == "SELECT").await?;
        let sql = self.backing_sql(rows).await?;
        let mut reply = self.select(&sql).await?;
        // PostgreSQL 8.0 did not include a row count in the tag of a query.
        reply.tag = if tag == "SELECT" { tag.into() } else { format!("{tag} {}", reply.tag) };
        Ok(reply)
    }

    pub(in super::super) async fn explain(&mut self, rows: RowStatement) -> Result<Reply, Stop> {
        let sql = self.backing_sql(rows).await?;
        let mut reply = self.select(&format!("EXPLAIN {sql}")).await?;
        reply.tag = "EXPLAIN".into();
        Ok(reply)
    }

    /// Waits for tables by OID, as Redshift does: it resolves the names before the wait, and unlike
    /// PostgreSQL does not look up the name again if another transaction has dropped the table
    /// (FACTS.md, rows 2.8 and 3.15).
    async fn wait_for(&self, tables: &[Name], reads: bool) -> Result<(), Stop> {
        if tables.is_empty() {
            return Ok(());
        }
        // Locking any relation makes this PostgreSQL session notice changed names.
        self.backing.batch_execute("SELECT pg_catalog.pg_relation_size('rs.loads')").await?;
        let found = self
            .select(&format!(
                "WITH named AS MATERIALIZED (SELECT unnest({})::oid AS oid) \
                 SELECT oid FROM named \
                 WHERE oid IS NOT NULL AND pg_catalog.pg_relation_size(oid) IS NULL",
                numbers(tables)
            ))
            .await?;
        match found.rows.first().map(Vec::as_slice) {
            Some([Some(oid)]) if reads => Err(SqlError::no_oid(oid).into()),
            Some([Some(oid)]) => Err(SqlError::dropped_meanwhile(oid).into()),
            _ => Ok(()),
        }
    }

    /// Returns the statement with late-binding views expanded and the values that it asks of the
    /// session.
    pub(in super::super) async fn backing_sql(
        &mut self,
        rows: RowStatement,
    ) -> Result<String, Stop> {
        let findings = &rows.findings;
        if self.server.serverless && findings.system.iter().any(|name| name == "stl_load_errors") {
            let message = "permission denied for relation stl_load_errors";
            return Err(SqlError::new("42501", message).into());
        }
        if findings.last_copy {
            let set = format!(
                "SELECT set_config('standin.last_copy_id', '{}', false), \
                 set_config('standin.last_copy_count', '{}', false)",
                self.last_copy.id, self.last_copy.count
            );
            self.backing.batch_execute(&set).await?;
        }
        if self.in_transaction() {
            self.in_snapshot(&findings.tables).await?;
        }
        let views =
            if findings.tables.is_empty() { LateViews::new() } else { self.late_views().await? };
        Ok(rows.sql(&views)?)
    }

    /// Fails if a table was created after the transaction's snapshot (error 1018); PostgreSQL would
    /// show it as empty.
    async fn in_snapshot(&self, tables: &[Name]) -> Result<(), Stop> {
        for table in tables {
            let oid = format!("to_regclass({})::oid", literal(&table.sql()));
            let unseen = format!(
                "SELECT 1 WHERE {oid} IS NOT NULL \
                 AND NOT EXISTS (SELECT 1 FROM pg_catalog.pg_class WHERE oid = {oid})"
            );
            if !self.select(&unseen).await?.rows.is_empty() {
                let detail = Some("Relation does not exist.".to_owned());
                return Err(SqlError { detail, ..SqlError::new("XX000", "1018") }.into());
            }
        }
        Ok(())
    }

    async fn late_views(&self) -> Result<LateViews, Stop> {
        let found = self
            .select(
                "SELECT n.nspname, c.relname, v.body, n.nspname = any(current_schemas(false)) \
                 FROM rs.late_views AS v \
                 JOIN pg_catalog.pg_class AS c ON c.oid = v.relid \
                 JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace",
            )
            .await?;
        let mut views = LateViews::new();
        for row in found.rows {
            let [Some(schema), Some(name), Some(body), visible] = &row[..] else { continue };
            views.insert(format!("{schema}.{name}"), body.clone());
            if visible.as_deref() == Some("t") {
                views.insert(name.clone(), body.clone());
            }
        }
        Ok(views)
    }

    /// Empties a table and commits the transaction it runs in (Developer Guide, r_TRUNCATE).
    pub(in super::super) async fn truncate(&mut self, name: Name) -> Result<Reply, Stop> {
        self.exists(&name, ObjectKind::Table).await?;
        self.backing.batch_execute(&format!("TRUNCATE TABLE {}", name.sql())).await?;
        self.finish("COMMIT").await?;
        Ok(Reply::tag("TRUNCATE TABLE"))
    }

    pub(in super::super) async fn lock(&mut self, names: Vec<Name>) -> Result<Reply, Stop> {
        if !self.in_transaction() {
            let message = "LOCK TABLE can only be used in transaction blocks";
            return Err(SqlError::new("25P01", message).into());
        }
        let numbers = format!("SELECT {}", numbers(&names));
        let before = self.outside_numbers(&numbers).await?;
        let names: Vec<String> = names.iter().map(Name::sql).collect();
        let statement = format!("LOCK TABLE {} IN ACCESS EXCLUSIVE MODE", names.join(", "));
        let locked = self.utility(&statement, "LOCK TABLE").await?;
        // The table was replaced while this session waited for the lock.
        if self.outside_numbers(&numbers).await? != before {
            return Err(SqlError::conflict().into());
        }
        Ok(locked)
    }

    /// Runs a query in another session, because in this one it would take the transaction's
    /// snapshot.
    async fn outside_numbers(&self, query: &str) -> Result<Vec<Option<String>>, Stop> {
        let path = self.backing_path();
        let client = self.server.database.client().await;
        client.batch_execute(&path).await?;
        let messages = client.simple_query(query).await?;
        let row = messages.iter().find_map(|message| match message {
            tokio_postgres::SimpleQueryMessage::Row(row) => Some(row),
            _ => None,
        });
        Ok(row.map(|row| vec![row.get(0).map(str::to_owned)]).unwrap_or_default())
    }

    /// Does nothing except check where the statement is allowed (Developer Guide, r_VACUUM_command,
    /// r_ALTER_TABLE).
    pub(in super::super) async fn vacuum(&mut self, name: Option<Name>) -> Result<Reply, Stop> {
        self.outside("VACUUM")?;
        if let Some(name) = name {
            self.exists(&name, ObjectKind::Table).await?;
        }
        Ok(Reply::tag("VACUUM"))
    }

    pub(in super::super) fn outside(&self, statement: &str) -> Result<(), SqlError> {
        if !self.in_transaction() {
            return Ok(());
        }
        let message = format!("{statement} cannot run inside a transaction block");
        Err(SqlError::new("25001", message))
    }

    /// Returns the OID of the relation, or an error if it does not exist.
    pub(in super::super) async fn exists(
        &self,
        name: &Name,
        kind: ObjectKind,
    ) -> Result<String, Stop> {
        let relkind = if kind == ObjectKind::View { "v" } else { "r" };
        let found = self
            .select(&format!(
                "SELECT oid, relkind = '{relkind}' FROM pg_catalog.pg_class \
                 WHERE oid = to_regclass({})",
                literal(&name.sql())
            ))
            .await?;
        match found.rows.first().map(Vec::as_slice) {
            Some([Some(oid), Some(right)]) if right == "t" => Ok(oid.clone()),
            Some(_) => {
                let message = format!("\"{name}\" is not a {}", kind.word().to_lowercase());
                Err(SqlError::new("42809", message).into())
            }
            None => Err(SqlError::no_relation(&name.to_string()).into()),
        }
    }
}

/// Returns an SQL expression for the OIDs of the named relations; NULL for each that does not
/// exist.
fn numbers(tables: &[Name]) -> String {
    let numbers = tables.iter().map(|table| format!("to_regclass({})::oid", literal(&table.sql())));
    format!("ARRAY[{}]", numbers.collect::<Vec<_>>().join(", "))
}
