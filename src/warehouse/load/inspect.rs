//! Inspects the schema before anything is changed.

use super::catalog::Existing;
use super::lock::LoadLock;
use super::{
    Loader, catalog, dependents, encoding, grants, is_transient, ledger, leftovers, rights,
};
use crate::warehouse::connection::session::Session;
use crate::warehouse::error::{Error, Result};

/// A purpose of inspecting the schema.
#[derive(Clone, Copy)]
pub(super) enum Inspection {
    /// Determine whether the run is already loaded.
    Loaded,
    /// Ensure that all tables can be replaced.
    Replaceable,
}

impl Loader<'_> {
    /// Inspects the schema. Returns `true` if the run is already loaded.
    pub(super) async fn inspect(
        &mut self,
        lock: &mut LoadLock<'_>,
        wanted: Inspection,
    ) -> Result<bool> {
        let mut backoff = self.backoff();
        loop {
            let checked = match lock.ensure_held().await {
                Ok(()) => self.try_inspect(wanted).await,
                Err(error) => Err(error),
            };
            let Err(error) = checked else { return checked };
            match backoff.next() {
                Some(pause) if is_transient(&error) => {
                    tracing::warn!(%error, "inspecting the tables failed; retrying");
                    tokio::time::sleep(pause).await;
                }
                _ => return Err(error),
            }
        }
    }

    async fn try_inspect(&mut self, wanted: Inspection) -> Result<bool> {
        let session = Session::open(&self.options.access).await?;
        match wanted {
            Inspection::Loaded => self.find_loaded(&session).await,
            Inspection::Replaceable => self.ensure_replaceable(&session).await.map(|()| false),
        }
    }

    /// Drops the leftovers of earlier loads, and returns `true` if the run is already loaded. Otherwise fails if
    /// the database cannot store a text.
    async fn find_loaded(&mut self, session: &Session) -> Result<bool> {
        let (schema, model) = (&self.options.schema, &*self.star.model);
        // Only the holder of the lock creates such tables, so those that exist belong to no running
        // load.
        let left = leftovers::leftovers(session, model, schema).await?;
        self.report.not_dropped = leftovers::drop_tables(session, schema, &left).await?;
        let last = ledger::last(session, schema).await?;
        if let Some((entry, counts)) = last
            && entry.run_id == self.star.record.run_id
            && !self.options.force
            && self.are_all(&counts)
            && self.is_loaded(session, &counts).await?
        {
            self.report.already_loaded = true;
            self.report.number = entry.number;
            return Ok(true);
        }
        self.ensure_storable(session).await?;
        Ok(false)
    }

    /// Returns `true` if `counts` has every table of the star. If it lacks one, someone edited the ledger by
    /// hand.
    fn are_all(&self, counts: &[(String, u64)]) -> bool {
        let tables = &self.star.model.tables;
        counts.len() == tables.len()
            && tables.iter().all(|table| counts.iter().any(|(name, _)| *name == table.name))
    }

    /// Returns `true` if the tables of the ledger's latest run exist with the recorded row counts.
    async fn is_loaded(&self, session: &Session, counts: &[(String, u64)]) -> Result<bool> {
        let existing = catalog::existing(session, &self.star.model, &self.options.schema).await?;
        for (table, rows) in counts {
            if !existing.iter().any(|e| e.table == *table && e.kind == "r") {
                return Ok(false);
            }
            let found = self.count(session, table).await?;
            if found != Some(*rows) {
                tracing::warn!(table, rows, ?found, "the table has changed since it was loaded");
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// Fails with the texts that the database's encoding cannot store, before anything is copied.
    async fn ensure_storable(&self, session: &Session) -> Result<()> {
        let tables: Vec<_> = self.star.designs.iter().map(|design| design.table.clone()).collect();
        let place = self.star.star.to_string();
        let others = [("the location of the star, which the ledger records", place.as_str())];
        let texts = encoding::unstorable(session, &self.star.session, &tables, &others).await?;
        if texts.is_empty() {
            return Ok(());
        }
        Err(Error::Encoding {
            database: self.options.access.target.database.clone(),
            encoding: session.encoding().unwrap_or_default().to_owned(),
            texts,
        })
    }

    /// Fails if objects would be lost or rights are missing, before anything is changed. With
    /// `cascade`, records the objects that will be lost.
    async fn ensure_replaceable(&mut self, session: &Session) -> Result<()> {
        let (schema, model) = (&self.options.schema, &*self.star.model);
        let existing = catalog::existing(session, model, schema).await?;
        let names = |wanted: &dyn Fn(&&Existing) -> bool| -> Vec<String> {
            existing.iter().filter(wanted).map(|e| e.table.clone()).collect()
        };
        let foreign = names(&|e| e.kind != "r");
        if !foreign.is_empty() {
            return Err(Error::NotATable { schema: schema.clone(), names: foreign });
        }
        let depends = dependents::dependents(session, model, schema).await?;
        let mut reasons = rights::obstacles(session, model, schema).await?;
        if self.options.cascade {
            let foreign = depends.iter().filter(|dependent| !dependent.is_owned);
            reasons.extend(foreign.map(|d| format!("{} belongs to another user", d.name)));
        }
        if !reasons.is_empty() {
            return Err(Error::NotOwner { schema: schema.clone(), reasons });
        }
        let tables = names(&|_| true);
        let mut lost: Vec<String> = depends.into_iter().map(|dependent| dependent.name).collect();
        let policies = dependents::policies(session, model, schema).await?;
        lost.extend(policies.into_iter().map(|policy| policy.name));
        let seen = grants::grants(session, schema, &tables).await?;
        lost.extend(grants::unseen(session, model, schema, &seen).await?);
        if ledger::last_number(session, schema).await? == 0 {
            lost.extend(tables.iter().map(|table| format!("table {table}, which no load created")));
        }
        if !lost.is_empty() && !self.options.cascade {
            return Err(Error::Dependents { schema: schema.clone(), names: lost });
        }
        for name in &lost {
            tracing::warn!("{name} will be dropped with the table that it depends on");
        }
        self.report.dropped = lost;
        Ok(())
    }
}
