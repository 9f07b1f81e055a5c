//! The first transaction of a load: creates and fills new tables and compares them with the files.

use std::time::Instant;

use super::attributes::attributes;
use super::collation;
use super::lock::LoadLock;
use super::statements::{Names, catalog_path, create, default_path, finish};
use super::verify::{differences, warehouse_stats};
use super::{Loader, catalog, is_lost, is_transient};
use crate::warehouse::Dialect;
use crate::warehouse::connection::session::Session;
use crate::warehouse::copy::{Clause, postgres, redshift};
use crate::warehouse::error::{Cause, WarehouseError};
use crate::warehouse::error::{Error, Result};
use crate::warehouse::sql::ddl::TableDesign;
use crate::warehouse::sql::quote::qualified;

impl Loader<'_> {
    /// Creates and fills the new tables. Returns their names.
    pub(super) async fn build(&mut self, lock: &mut LoadLock<'_>) -> Result<Names> {
        let mut backoff = self.backoff();
        let phases = self.report.phases.len();
        loop {
            let names = self.names();
            let built = match lock.ensure_held().await {
                Ok(()) => self.try_build(&names).await,
                Err(error) => Err(error),
            };
            let Err(error) = built else { return Ok(names) };
            // The tables may be committed even if the response to the COMMIT was lost.
            if is_lost(&error) && self.was_built(&names).await {
                return Ok(names);
            }
            match backoff.next() {
                Some(pause) if is_transient(&error) => {
                    tracing::warn!(%error, "filling the new tables failed; retrying");
                    tokio::time::sleep(pause).await;
                    self.report.phases.truncate(phases);
                }
                _ => return Err(error),
            }
        }
    }

    async fn try_build(&mut self, names: &Names) -> Result<()> {
        let session = Session::open(&self.options.access).await?;
        let built = self.build_in(&session, names).await;
        if built.is_err() {
            // Ending the session would also roll back; this releases the tables sooner.
            let _ = session.rollback("undo the load").await;
        }
        built
    }

    async fn build_in(&mut self, session: &Session, names: &Names) -> Result<()> {
        let dialect = session.dialect();
        self.star.start_statistics().await;
        let attributes = attributes(session, &self.star.model, &names.schema).await?;
        let set = |needs_keys: bool| {
            let due = attributes.iter().filter(move |a| a.needs_keys == needs_keys);
            due.map(|a| {
                let key = names.new_key(&self.star.designs, &a.table);
                a.set(&names.schema, &names.new_table(&a.table), &key)
            })
            .collect::<Result<Vec<_>>>()
        };
        session.begin("begin").await?;
        let collation = collation::of_columns(session).await?;
        if let Some(sql) = default_path(dialect) {
            session.execute("set the search path", sql).await?;
        }
        let create = create(dialect, names, &self.star.designs, collation.as_deref())?;
        for sql in create.into_iter().chain(set(false)?) {
            session.execute("create the new tables", &sql).await?;
        }
        let clause = self.options.copy_auth.clause().await?;
        for design in &self.star.designs {
            let begun = Instant::now();
            let step = format!("copy {}", design.table.name);
            match dialect {
                Dialect::Redshift => self.progress.start(&step),
                Dialect::Postgres => {
                    self.progress.start_counted(&step, self.star.rows_of(&design.table.name));
                }
            }
            self.copy(session, names, design, &clause).await?;
            self.timed(&step, begun);
        }
        let begun = Instant::now();
        self.progress.start("keys and comments");
        for sql in finish(dialect, names, &self.star.designs)?.into_iter().chain(set(true)?) {
            session.execute("finish the new tables", &sql).await?;
        }
        if let Some(sql) = catalog_path(dialect) {
            session.execute("set the search path", sql).await?;
        }
        self.timed("keys and comments", begun);
        let begun = Instant::now();
        self.progress.start("verify");
        self.verify(session, names).await?;
        self.timed("verify", begun);
        session.commit("commit the new tables").await?;
        Ok(())
    }

    async fn copy(
        &self,
        session: &Session,
        names: &Names,
        design: &TableDesign,
        clause: &Clause,
    ) -> Result<()> {
        let name = names.new_table(&design.table.name);
        match session.dialect() {
            Dialect::Postgres => {
                let sql = postgres::copy_statement(design, &names.schema, &name)?;
                postgres::copy(session, &self.star.session, &design.table, &sql, self.progress)
                    .await?;
            }
            Dialect::Redshift => {
                let table = self.star.record.tables.get(&design.table.name);
                let manifest = table.map(|table| redshift::manifest_url(&self.star.star, table));
                let manifest = manifest.unwrap_or_default();
                let statement = |authorization: &str| {
                    let schema = &names.schema;
                    redshift::copy_statement(design, schema, &name, &manifest, authorization)
                };
                self.copy_hidden(session, design, &manifest, clause, statement).await?;
            }
        }
        Ok(())
    }

    /// Runs the COPY that `statement` returns for an authorization clause, without revealing the clause.
    pub(super) async fn copy_hidden(
        &self,
        session: &Session,
        design: &TableDesign,
        manifest: &str,
        clause: &Clause,
        statement: impl Fn(&str) -> Result<String>,
    ) -> Result<()> {
        let (sql, shown) = (statement(clause.expose())?, statement(&clause.shown)?);
        let action = format!("copy {} from {manifest}", design.table.name);
        if let Err(error) = session.execute_hidden(&action, &sql, &shown).await {
            let error = error.map_texts(|text| clause.hide(text));
            return Err(self.explain(error).await.into());
        }
        for notice in session.take_notices() {
            let notice = clause.hide(&notice);
            tracing::info!(table = design.table.name, "{notice}");
        }
        Ok(())
    }

    /// Adds the load error that Redshift recorded. Uses a separate session because the transaction
    /// of this one is aborted.
    async fn explain(&self, mut error: WarehouseError) -> WarehouseError {
        if let Cause::Server(server) = &mut error.cause
            && server.query.is_some()
            && let Ok(session) = Session::open(&self.options.access).await
        {
            server.load_error = redshift::load_error(&session, server).await;
        }
        error
    }

    async fn verify(&mut self, session: &Session, names: &Names) -> Result<()> {
        let mut found = Vec::new();
        let mut compared = 0;
        for (design, files) in self.star.designs.iter().zip(self.star.statistics().await?) {
            let recorded = self.star.rows_of(&design.table.name);
            if files.rows != recorded {
                let (table, rows) = (&design.table.name, files.rows);
                found.push(format!(
                    "{table}: row count {rows} in the files, {recorded} in the record"
                ));
            }
            let from = qualified(&names.schema, &names.new_table(&design.table.name))?;
            let loaded = warehouse_stats(session, &design.table, &from).await?;
            compared += loaded.count();
            found.extend(differences(&design.table, files, &loaded));
        }
        self.report.statistics = compared;
        if found.is_empty() { Ok(()) } else { Err(Error::Mismatch { differences: found }) }
    }

    /// Returns `true` if the new tables exist although the response to their COMMIT was lost. They
    /// were verified before the COMMIT. Their names are unique to this attempt, so the next attempt
    /// cannot collide with them.
    async fn was_built(&self, names: &Names) -> bool {
        let Ok(session) = Session::open(&self.options.access).await else { return false };
        for design in &self.star.designs {
            let table = names.new_table(&design.table.name);
            if !catalog::has_table(&session, &names.schema, &table).await.unwrap_or(false) {
                return false;
            }
        }
        true
    }
}
