//! Incremental runs that build only the partitions whose rows can differ.
//!
//! Tables that are local to a day are queried on the days that have changed, and the other partitions are those
//! of the previous run. Counts of the accounting are adjusted by the difference on these days.

use std::collections::BTreeMap;
use std::sync::Arc;

use datafusion::prelude::SessionContext;

use super::lists::Lists;
use super::locality::Locality;
use super::run::{AccountingQueries, Run};
use crate::error::{Error, Result};
use crate::incremental::{Latest, Touched, Update};
use crate::ingest::Staging;
use crate::publish::batch_rows;
use crate::star::{FileRecord, Partitioning, RunRecord, TableRecord, find_files};
use crate::transform::{
    Accounting, ENCODING, build_intermediates, count, register_rule_functions, register_tables,
};

/// Sessions with the rows that tables need, by table. Other tables are queried in the session of the run.
pub(super) type Sources = BTreeMap<String, SessionContext>;

/// Counts of the rows of the touched days, as they were before the run.
#[derive(Default)]
pub(super) struct Before {
    pub accounting: Vec<Accounting>,
    pub lists: Lists,
}

impl Run<'_> {
    /// Returns the days whose rows can differ from those of the previous run, or `None` if the queries must run
    /// on all rows.
    pub(super) async fn find_touched(&self, staging: &Staging) -> Result<Option<Touched>> {
        let (Some(update), Some(base)) = (&self.update, self.publication.base()) else {
            return Ok(None);
        };
        let Some(locality) = &self.locality else { return Ok(None) };
        if !self.can_keep_partitions(update, locality, base) {
            return Ok(None);
        }
        let (out, threads) = (&self.publication.out, self.engine.threads);
        let tables = base.tables.values().flat_map(|table| &table.files);
        let lists = base.state.iter().flat_map(|state| state.lists.values().flatten());
        let files: Vec<FileRecord> = tables.chain(lists).cloned().collect();
        if let Err(error) = find_files(out, &files).await {
            tracing::info!(%error, "the existing star cannot be read; building it again");
            return Ok(None);
        }
        let partitioning = self.options.partitioning;
        let (local, joins) = (&locality.local_to, &locality.joins[..]);
        let joined = update.joined(out, self.engine, staging, (local, joins), partitioning).await?;
        let Some(joined) = joined else { return Ok(None) };
        let days = update.touched(out, staging, local, joined, threads).await?;
        let partitions =
            base.tables.values().map(|table| table.partitions.len()).max().unwrap_or(0);
        if days.len() > 1 + partitions / 2 {
            return Ok(None);
        }
        let local = locality.local_to.clone();
        Ok(Some(Touched { local, days: Arc::new(days) }))
    }

    /// Returns `true` if partitions of the previous run can be kept.
    fn can_keep_partitions(&self, update: &Update, locality: &Locality, base: &RunRecord) -> bool {
        let (before, now) = update.longest_texts();
        // Without texts to count, the previous run has counted none, even if dictionaries had some.
        let has_counted = base.state.as_ref().is_some_and(|state| !state.encoding.is_empty());
        update.continues(&locality.local_to)
            && batch_rows(before) == batch_rows(now)
            && !self.options.verify
            && self.options.partitioning != Partitioning::None
            && self.options.queries.is_none()
            && self.has_definition_of(base)
            && self.has_partitions(base)
            && self.has_list_counts(base)
            && (has_counted || !self.counts_encoding_of(update.texts_encoded_twice()))
            && update.changed_datasets().is_some_and(|changed| locality.limits(&changed))
    }

    /// Returns `true` if the local tables of the previous run have partitions and counts.
    fn has_partitions(&self, base: &RunRecord) -> bool {
        let Some(locality) = &self.locality else { return false };
        locality.local.iter().all(|name| {
            let table = base.tables.get(name);
            table.is_some_and(|table| table.rows == 0 || !table.partitions.is_empty())
        })
    }

    /// Returns the counts of the touched days before this run, and the sessions of the tables that need more than
    /// these days. Both are empty if all days are built.
    pub(super) async fn find_sources(
        &self,
        accounting: &AccountingQueries,
        staging: &Staging,
        latest: &Latest,
    ) -> Result<(Before, Sources)> {
        let Some(touched) = &self.touched else { return Ok((Before::default(), Sources::new())) };
        let before = self.count_before(touched, staging, &accounting.staged).await?;
        Ok((before, self.sources(staging, latest).await?))
    }

    /// Counts the rows of the touched days as they were before this run.
    async fn count_before(
        &self,
        touched: &Touched,
        staging: &Staging,
        names: &[String],
    ) -> Result<Before> {
        let Some(update) = &self.update else { return Ok(Before::default()) };
        let space = self.engine.staging_space();
        let out = &self.publication.out;
        let tables = update.restore_before(out, staging, self.engine, touched).await?;
        let session = self.engine.session_for(self.longest_text());
        register_tables(&session, &self.options.model, &tables)?;
        let rules = self.options.rules;
        build_intermediates(&session, self.queries, rules, &space).await?;
        let mut counted = Vec::new();
        let encoding = self.counts_encoding().then(|| ENCODING.to_owned());
        for name in names.iter().chain(&encoding) {
            counted.push(count(&session, self.queries, name, rules).await?);
        }
        let lists = self.count_lists(&session, &space, |name| self.keeps_counts(name)).await?;
        Ok(Before { accounting: counted, lists })
    }

    /// Replaces the counts of the touched days by those of all days: the counts of the previous run, without
    /// those of these days before, with those of these days now.
    pub(super) fn adjust_counts(&mut self, before: &[Accounting]) -> Result<()> {
        let Some(base) = self.publication.base() else { return Ok(()) };
        for now in &mut self.report.accounting {
            let Some(before) = before.iter().find(|before| before.name == now.name) else {
                continue;
            };
            let all = match (now.name.as_str(), &base.state) {
                (ENCODING, Some(state)) => Some(&state.encoding),
                (name, _) => base.accounting.get(name),
            };
            for ((name, count), (_, before)) in now.counts.iter_mut().zip(&before.counts) {
                let all = all.and_then(|counts| counts.get(name)).copied().unwrap_or(0);
                *count = (all + *count).checked_sub(*before).ok_or_else(|| {
                    Error::Unbalanced(format!(
                        "{before} {name} on days that have changed, of {all}"
                    ))
                })?;
            }
        }
        Ok(())
    }

    /// Returns the sessions in which the tables that need more than the touched days are queried.
    async fn sources(&self, staging: &Staging, latest: &Latest) -> Result<Sources> {
        let mut sources = Sources::new();
        let (Some(update), Some(locality)) = (&self.update, &self.locality) else {
            return Ok(sources);
        };
        let model = &self.options.model;
        for table in model.tables.iter().filter(|table| locality.global.contains(&table.name)) {
            let session = self.engine.session_for(self.longest_text());
            register_rule_functions(&session, self.options.rules);
            let latest = table.latest_of.as_ref().and_then(|of| {
                let rows = latest.get(&(of.dataset.clone(), of.column.clone()))?;
                let at = model.datasets.iter().position(|dataset| dataset.name == of.dataset)?;
                Some((at, rows))
            });
            match latest {
                Some((at, rows)) => {
                    let mut tables = staging.datasets.clone();
                    tables[at] = rows.clone();
                    register_tables(&session, model, &tables)?;
                }
                None => update.register_all(&session, &self.publication.out, staging).await?,
            }
            sources.insert(table.name.clone(), session);
        }
        Ok(sources)
    }

    /// Adds the partitions of the previous run that are not touched to the local tables.
    pub(super) fn add_untouched(
        &self,
        tables: &mut BTreeMap<String, TableRecord>,
        touched: &Touched,
    ) {
        let (Some(base), Some(locality)) = (self.publication.base(), &self.locality) else {
            return;
        };
        for name in &locality.local {
            let (Some(table), Some(earlier)) = (tables.get_mut(name), base.tables.get(name)) else {
                continue;
            };
            let kept = earlier.clone().split().into_iter();
            let kept = kept.filter(|(p, _)| !touched.days.has_partition(&p.from));
            let mut partitions: Vec<_> = kept.chain(table.clone().split()).collect();
            partitions.sort_by(|(one, _), (other, _)| one.from.cmp(&other.from));
            if !partitions.is_empty() {
                let manifest = table.manifest.clone();
                *table = TableRecord { manifest, ..TableRecord::of_partitions(partitions) };
            }
        }
    }
}
