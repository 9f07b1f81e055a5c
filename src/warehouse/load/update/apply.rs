//! Deletes and copies the rows that differ, and compares them with the files.

use std::time::Instant;

use datafusion::prelude::SessionContext;
use futures::stream::{self, StreamExt};

use super::Loader;
use super::manifests::{manifest_path, remove_manifests};
use super::plan::{Plan, SwapReason, TableChange};
use super::statements::{Merge, changed_rows, delete};
use crate::model::Table;
use crate::publish::manifest;
use crate::star::register_table;
use crate::storage::Place;
use crate::warehouse::Dialect;
use crate::warehouse::connection::session::Session;
use crate::warehouse::copy::{postgres, redshift};
use crate::warehouse::error::{Error, Result};
use crate::warehouse::load::statements::{catalog_path, default_path};
use crate::warehouse::load::verify::{differences, file_stats, warehouse_stats};
use crate::warehouse::sql::ddl::{TableDesign, time_index};

/// Number of partitions whose files are verified at the same time.
const FILES_IN_FLIGHT: usize = 8;

/// Number of rows that PostgreSQL reads in the time in which it copies one. Measured: it reads 10 million rows per
/// second, and copies half a million.
const ROWS_READ_PER_COPIED: u64 = 20;

impl Loader<'_> {
    /// Changes the rows of `plan` in the transaction of `session`, and compares them with the files. Returns
    /// the reason if that is not possible.
    pub(super) async fn apply(
        &mut self,
        session: &Session,
        plan: &Plan,
        load_id: &str,
    ) -> Result<Result<(), SwapReason>> {
        self.verify_files(plan).await?;
        let files = self.open_changes(plan).await?;
        match session.dialect() {
            Dialect::Postgres => {
                if let Some(reason) = self.change_in_postgres(session, plan, &files).await? {
                    return Ok(Err(reason));
                }
            }
            Dialect::Redshift => {
                let mut manifests = Vec::new();
                let changed = match self.write_manifests(plan, load_id, &mut manifests).await {
                    Ok(()) => self.change_in_redshift(session, plan, &manifests).await.map(Ok),
                    Err(error) => Ok(Err(SwapReason::Manifest(error.to_string()))),
                };
                let manifests = manifests.into_iter().map(|(_, manifest)| manifest).collect();
                remove_manifests(&self.star.star, manifests).await;
                if let Err(reason) = changed? {
                    return Ok(Err(reason));
                }
            }
        }
        self.compare(session, plan, &files).await
    }

    /// Checks that the files to copy are those that the run has checked.
    async fn verify_files(&self, plan: &Plan) -> Result<()> {
        let contents = plan.tables.iter().flat_map(|change| change.copied.contents());
        // Collected because the future of a closure that borrows its argument is not `Send`.
        let verified: Vec<_> =
            contents.map(|content| async move { content.verify(&self.star.star).await }).collect();
        let mut verified = stream::iter(verified).buffer_unordered(FILES_IN_FLIGHT);
        while let Some(verified) = verified.next().await {
            verified?;
        }
        Ok(())
    }

    fn design(&self, change: &TableChange) -> &TableDesign {
        &self.star.designs[change.at]
    }

    /// Returns a session in which the tables have only the rows to copy.
    async fn open_changes(&self, plan: &Plan) -> Result<SessionContext> {
        let star = &self.star.session;
        let session = SessionContext::new_with_config_rt(star.copied_config(), star.runtime_env());
        for change in plan.tables.iter().filter(|change| !change.copied.files.is_empty()) {
            let table = &self.design(change).table;
            register_table(&session, &self.star.star, table, &change.copied.files).await?;
        }
        Ok(session)
    }

    /// Changes the rows such that no reference is ever broken: the server checks them after each statement. Returns
    /// the reason if it would read the referencing tables too often.
    async fn change_in_postgres(
        &mut self,
        session: &Session,
        plan: &Plan,
        files: &SessionContext,
    ) -> Result<Option<SwapReason>> {
        let (schema, names) = (self.options.schema.clone(), self.names());
        if let Some(sql) = default_path(Dialect::Postgres) {
            session.execute("set the search path", sql).await?;
        }
        let is_referenced = |table: &Table| {
            let references = self.star.designs.iter().flat_map(|design| &design.table.references);
            references.into_iter().any(|reference| reference.table == table.name)
        };
        let (referenced, facts): (Vec<&TableChange>, Vec<&TableChange>) =
            plan.tables.iter().partition(|change| is_referenced(&self.design(change).table));
        for change in facts.iter().rev().filter(|change| change.deleted > 0) {
            let sql = delete(&schema, &self.design(change).table, change)?;
            session.execute("delete the rows that differ", &sql).await?;
        }
        let mut merges = Vec::new();
        for change in referenced {
            let design = self.design(change);
            let merge = Merge::new(&names, design, change)?;
            session.execute("create a table for new rows", &merge.create).await?;
            let table = names.new_table(&design.table.name);
            self.copy_rows(session, change, files, &table).await?;
            if self.has_many_gone(session, &design.table, &merge).await? {
                return Ok(Some(SwapReason::ManyGone(design.table.name.clone())));
            }
            for sql in &merge.upsert {
                session.execute("merge the new rows", sql).await?;
            }
            merges.push(merge);
        }
        for change in facts {
            let table = self.design(change).table.name.clone();
            self.copy_rows(session, change, files, &table).await?;
        }
        for sql in merges.iter().rev().flat_map(|merge| &merge.delete) {
            session.execute("delete the rows that are gone", sql).await?;
        }
        if let Some(sql) = catalog_path(Dialect::Postgres) {
            session.execute("set the search path", sql).await?;
        }
        Ok(None)
    }

    /// Returns `true` if replacing all tables is faster than checking the references to the rows that are gone.
    async fn has_many_gone(&self, session: &Session, table: &Table, merge: &Merge) -> Result<bool> {
        let read = self.rows_read_per_delete(table);
        if read == 0 {
            return Ok(false);
        }
        let gone = session.value("count the rows that are gone", &merge.count_deleted).await?;
        let gone: u64 = gone.and_then(|gone| gone.parse().ok()).unwrap_or_default();
        let all: u64 = self.star.rows().iter().map(|(_, rows)| rows).sum();
        Ok(gone.saturating_mul(read) > all.saturating_mul(ROWS_READ_PER_COPIED))
    }

    /// Returns the number of rows that the server reads to check that no row references one that is deleted from
    /// `table`: all rows of the tables that reference it by a column without an index.
    fn rows_read_per_delete(&self, table: &Table) -> u64 {
        let rows = self.star.designs.iter().filter_map(|design| {
            let other = &*design.table;
            let references = other.references.iter().filter(|r| r.table == table.name);
            let is_indexed = |column: Option<&String>| {
                let column = column.map(String::as_str);
                column == time_index(other)
                    || column == other.primary_key.first().map(String::as_str)
            };
            let mut columns = references.map(|reference| reference.columns.first());
            columns.any(|column| !is_indexed(column)).then(|| self.star.rows_of(&other.name))
        });
        rows.sum()
    }

    /// Copies the rows of a change into the table called `name`.
    async fn copy_rows(
        &self,
        session: &Session,
        change: &TableChange,
        files: &SessionContext,
        name: &str,
    ) -> Result<()> {
        let design = self.design(change);
        if change.copied.rows == 0 {
            return Ok(());
        }
        self.progress.start_counted(&format!("copy {}", design.table.name), change.copied.rows);
        let sql = postgres::append_statement(design, &self.options.schema, name)?;
        postgres::copy(session, files, &design.table, &sql, self.progress).await?;
        Ok(())
    }

    /// Writes a manifest for each table with rows to copy to `manifests`, with the positions of the tables.
    async fn write_manifests(
        &self,
        plan: &Plan,
        load_id: &str,
        manifests: &mut Vec<(usize, Place)>,
    ) -> crate::error::Result<()> {
        for change in plan.tables.iter().filter(|change| change.copied.rows > 0) {
            let name = &self.design(change).table.name;
            let place = self.star.star.child(&manifest_path(load_id, name));
            place.write(manifest(&self.star.star, &change.copied)?).await?;
            manifests.push((change.at, place));
        }
        Ok(())
    }

    async fn change_in_redshift(
        &mut self,
        session: &Session,
        plan: &Plan,
        manifests: &[(usize, Place)],
    ) -> Result<()> {
        let schema = self.options.schema.clone();
        let clause = self.options.copy_auth.clause().await?;
        for change in plan.tables.iter().rev().filter(|change| change.deleted > 0) {
            let sql = delete(&schema, &self.design(change).table, change)?;
            session.execute("delete the rows that differ", &sql).await?;
        }
        for (at, manifest) in manifests {
            let design = &self.star.designs[*at];
            let begun = Instant::now();
            let step = format!("copy {}", design.table.name);
            self.progress.start(&step);
            let url = manifest.location.url(manifest.path());
            let sql = |authorization: &str| {
                let name = &design.table.name;
                redshift::copy_statement(design, &schema, name, &url, authorization)
            };
            self.copy_hidden(session, design, &url, &clause, sql).await?;
            self.timed(&step, begun);
        }
        Ok(())
    }

    /// Compares the changed rows with the files, and the number of rows of every table with the record. Returns the
    /// table with another number of rows: others have changed rows that the update does not touch.
    async fn compare(
        &mut self,
        session: &Session,
        plan: &Plan,
        files: &SessionContext,
    ) -> Result<Result<(), SwapReason>> {
        self.progress.start("verify");
        let (mut found, mut compared) = (Vec::new(), 0);
        for change in &plan.tables {
            let table = &self.design(change).table;
            let from = changed_rows(&self.options.schema, table, change)?;
            let loaded = warehouse_stats(session, table, &from).await?;
            compared += loaded.count();
            if change.copied.files.is_empty() {
                if loaded.rows > 0 {
                    found.push(format!(
                        "{}: {} rows are left of days without rows",
                        table.name, loaded.rows
                    ));
                }
                continue;
            }
            found.extend(differences(table, &file_stats(files, table).await?, &loaded));
        }
        if !found.is_empty() {
            return Err(Error::Mismatch { differences: found });
        }
        for design in &self.star.designs {
            let (name, expected) = (&design.table.name, self.star.rows_of(&design.table.name));
            let rows = self.count(session, name).await?;
            if rows != Some(expected) {
                tracing::warn!(table = name, expected, ?rows, "unexpected number of rows");
                return Ok(Err(SwapReason::Changed(name.clone())));
            }
            compared += 1;
        }
        self.report.statistics = compared;
        Ok(Ok(()))
    }
}
