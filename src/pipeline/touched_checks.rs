//! Checks of a star of which only some partitions were built.
//!
//! The partitions that were kept passed the checks of the previous run. A check reads only the partitions that were
//! built if the kept ones cannot violate it, and all rows otherwise.

use std::collections::{BTreeMap, BTreeSet};

use datafusion::common::TableReference;
use datafusion::common::utils::quote_identifier;
use datafusion::prelude::{DataFrame, JoinType, SessionContext};

use super::locality::Locality;
use super::run::Run;
use crate::error::{Error, Result};
use crate::incremental::{Days, Touched};
use crate::model::{CheckRule, Model, Reference, Table};
use crate::star::{
    CheckOutcome, FileRecord, Group, Partitioning, Query, RunRecord, TableRecord, register_star,
    run_checks_where,
};

/// The rows of the local tables that a check reads.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Scope {
    All,
    /// The rows of the partitions that were built.
    Built,
    /// The rows whose primary keys are in the partitions that were built.
    BuiltKeys,
}

impl Run<'_> {
    /// Runs the checks, each on the rows that it needs. `all` has the tables of the complete star.
    pub(super) async fn check_touched(
        &self,
        all: &SessionContext,
        record: &RunRecord,
        touched: &Touched,
    ) -> Result<Vec<CheckOutcome>> {
        let (Some(locality), Some(base)) = (&self.locality, self.publication.base()) else {
            return Ok(Vec::new());
        };
        let mut part = record.clone();
        for name in &locality.local {
            if let Some(table) = part.tables.get_mut(name) {
                table.files = files_of(table, &touched.days);
            }
        }
        let model = &self.options.model;
        let built = self.star_session(&part).await?;
        let keys = self.engine.session_for(self.longest_text());
        for table in model.tables.iter().filter(|table| locality.local.contains(&table.name)) {
            register_built_keys(&keys, all, &built, table).await?;
        }
        let mut before = base.clone();
        // No key of a local table is compared, so none of its files needs to be opened.
        let local = before.tables.iter_mut().filter(|(name, _)| locality.local.contains(*name));
        local.for_each(|(_, table)| table.files.clear());
        let before = self.star_session(&before).await?;
        let reduced = reduced_tables(model, locality, &before, all).await?;
        let partitioning = self.options.partitioning;
        let checks = model.checks().into_iter();
        let scopes: BTreeMap<String, Scope> = checks
            .map(|check| (check.name, scope(&check.rule, model, locality, partitioning, &reduced)))
            .collect();
        let is_in = |name: &str, scope| *scopes.get(name).unwrap_or(&Scope::All) == scope;
        let mut outcomes = Vec::new();
        for (scope, session) in
            [(Scope::All, all), (Scope::Built, &built), (Scope::BuiltKeys, &keys)]
        {
            let is_wanted = |query: &Query| is_in(&query.name, scope);
            outcomes.extend(run_checks_where(session, self.queries, is_wanted).await?);
        }
        let names: Vec<&str> = self.queries.of(Group::Check).map(|q| q.name.as_str()).collect();
        outcomes.sort_by_key(|outcome| names.iter().position(|name| *name == outcome.name));
        Ok(outcomes)
    }

    /// Returns a session with the tables of a record.
    pub(super) async fn star_session(&self, record: &RunRecord) -> Result<SessionContext> {
        let session = match &self.remote {
            None => self.engine.session_for(self.longest_text()),
            Some(remote) => remote.session()?,
        };
        register_star(&session, &self.publication.out, record, &self.options.model).await?;
        Ok(session)
    }
}

/// Returns the rows that a check needs, given the tables from which keys have disappeared.
fn scope(
    rule: &CheckRule,
    model: &Model,
    locality: &Locality,
    partitioning: Partitioning,
    reduced: &BTreeSet<String>,
) -> Scope {
    let local = |name: &String| model.table(name).filter(|_| locality.local.contains(name));
    let key = |table: &Table| {
        let column = table.columns.get(partitioning.column(table)?)?;
        table.primary_key.iter().position(|key| *key == column.name)
    };
    match rule {
        CheckRule::NotNull(table) if local(table).is_some() => Scope::Built,
        CheckRule::PrimaryKey(table) => match local(table) {
            Some(table) if key(table).is_some() => Scope::Built,
            Some(_) => Scope::BuiltKeys,
            None => Scope::All,
        },
        CheckRule::Reference(table, reference) => match (local(table), local(&reference.table)) {
            (Some(_), None) if !reduced.contains(&reference.table) => Scope::Built,
            (Some(table), Some(target))
                if is_aligned(table, reference, partitioning, key(target)) =>
            {
                Scope::Built
            }
            _ => Scope::All,
        },
        _ => Scope::All,
    }
}

/// Returns `true` if a row and the row that it refers to are always in partitions of the same period. `key` is the
/// position of the column in the primary key of the referenced table by which that table is partitioned.
fn is_aligned(
    table: &Table,
    reference: &Reference,
    partitioning: Partitioning,
    key: Option<usize>,
) -> bool {
    let column = partitioning.column(table).and_then(|at| table.columns.get(at));
    let referring = key.and_then(|key| reference.columns.get(key));
    matches!((column, referring), (Some(column), Some(referring)) if column.name == *referring)
}

/// Returns the referenced tables that are not local and from which keys have disappeared since the previous run.
async fn reduced_tables(
    model: &Model,
    locality: &Locality,
    before: &SessionContext,
    now: &SessionContext,
) -> Result<BTreeSet<String>> {
    let references = model.tables.iter().flat_map(|table| &table.references);
    let referenced: BTreeSet<&String> = references
        .map(|reference| &reference.table)
        .filter(|name| !locality.local.contains(*name))
        .collect();
    let mut reduced = BTreeSet::new();
    for table in referenced.into_iter().filter_map(|name| model.table(name)) {
        let failed = |e| Error::query(table.name.as_str(), e);
        let lost = keys_of(before, table).await?.except(keys_of(now, table).await?);
        let lost = lost.and_then(|lost| lost.limit(0, Some(1))).map_err(failed)?;
        if lost.count().await.map_err(failed)? > 0 {
            reduced.insert(table.name.clone());
        }
    }
    Ok(reduced)
}

/// Registers in `session` the rows of a table of `all` whose primary keys are in the table of `built`.
async fn register_built_keys(
    session: &SessionContext,
    all: &SessionContext,
    built: &SessionContext,
    table: &Table,
) -> Result<()> {
    let failed = |e| Error::query(table.name.as_str(), e);
    if table.primary_key.is_empty() {
        return Ok(());
    }
    // A join parses the names of its columns as SQL.
    let keys: Vec<_> = table.primary_key.iter().map(|key| quote_identifier(key)).collect();
    let keys: Vec<&str> = keys.iter().map(AsRef::as_ref).collect();
    let wanted = keys_of(built, table).await?.alias("built").map_err(failed)?;
    let rows = all.table(reference(table)).await.map_err(failed)?;
    let rows = rows.join(wanted, JoinType::LeftSemi, &keys, &keys, None).map_err(failed)?;
    session.register_table(reference(table), rows.into_view()).map_err(failed)?;
    Ok(())
}

/// Returns the primary keys of the rows of a table.
async fn keys_of(session: &SessionContext, table: &Table) -> Result<DataFrame> {
    let failed = |e| Error::query(table.name.as_str(), e);
    let keys: Vec<&str> = table.primary_key.iter().map(String::as_str).collect();
    let rows = session.table(reference(table)).await.map_err(failed)?;
    rows.select_columns(&keys).map_err(failed)
}

/// Returns the name of a table as it is registered.
fn reference(table: &Table) -> TableReference {
    TableReference::bare(table.name.as_str())
}

/// Returns the files of the partitions of a table that are in `days`.
fn files_of(table: &TableRecord, days: &Days) -> Vec<FileRecord> {
    let partitions = table.clone().split().into_iter();
    let touched = partitions.filter(|(partition, _)| days.has_partition(&partition.from));
    touched.flat_map(|(_, files)| files).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::star::Queries;
    use crate::transform::{Rules, required_columns};

    /// Returns the names of the checks of the built-in model that need each scope.
    async fn names(reduced: &[&str], wanted: Scope) -> Vec<String> {
        let queries = Queries::built_in();
        let model = queries.model();
        let needs = required_columns(&queries, Rules::default()).await.unwrap();
        let locality = Locality::of(model, &needs).unwrap();
        let reduced = reduced.iter().map(|name| (*name).to_owned()).collect();
        let checks = model.checks().into_iter().filter(|check| {
            scope(&check.rule, model, &locality, Partitioning::Day, &reduced) == wanted
        });
        checks.map(|check| check.name).collect()
    }

    #[tokio::test]
    async fn checks_that_kept_partitions_cannot_violate_read_the_built_partitions() {
        let built = names(&[], Scope::Built).await;
        for name in
            ["songplays_not_null", "songplays_user_id_in_users", "songplays_start_time_in_time"]
        {
            assert!(built.iter().any(|built| built == name), "{name} is not in {built:?}");
        }
        assert_eq!(names(&[], Scope::BuiltKeys).await, ["songplays_primary_key"]);
    }

    #[tokio::test]
    async fn a_referenced_table_that_lost_keys_is_compared_with_all_rows() {
        let all = names(&["users"], Scope::All).await;
        assert!(all.contains(&"songplays_user_id_in_users".to_owned()), "{all:?}");
        assert!(!all.contains(&"songplays_song_id_in_songs".to_owned()), "{all:?}");
        let rows = names(&[], Scope::All).await;
        assert!(rows.contains(&"records_accounted".to_owned()), "{rows:?}");
        assert!(rows.contains(&"songplays_rows".to_owned()), "{rows:?}");
    }
}
