//! The tables by the rows that their queries need in an incremental run.

use std::collections::{BTreeMap, BTreeSet};

use crate::model::{Join, LocalTo, Model};
use crate::transform::RequiredColumns;

/// The tables whose queries need only the days that have changed, and those that need all rows of the dataset
/// of these days. The queries of the other tables do not read that dataset.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Locality {
    pub local_to: LocalTo,
    pub local: BTreeSet<String>,
    pub global: BTreeSet<String>,
    /// The joins of the local tables with other datasets.
    pub joins: Vec<Join>,
    /// The lists that read the dataset of the days.
    pub lists: BTreeSet<String>,
    /// The other datasets that a local table, or an accounting query or list that reads the dataset of the days, reads
    /// without a declared join: their rows can affect all days.
    pub unjoined: BTreeSet<String>,
}

impl Locality {
    /// Returns the tables of a model, given what its queries read. Returns `None` if no table is local, if a query
    /// needs all rows of a table that is computed only for the days that have changed, or if a local table reads one
    /// that needs all rows.
    pub fn of(model: &Model, needs: &RequiredColumns) -> Option<Locality> {
        let reads = &needs.reads;
        let mut local_to = model.tables.iter().filter_map(|table| table.local_to.as_ref());
        let first = local_to.next()?.clone();
        if local_to.any(|other| *other != first) {
            return None;
        }
        let staged = &model.dataset(&first.dataset)?.table;
        let tables = || model.tables.iter().filter(|table| table.local_to.is_some());
        let local: BTreeSet<String> = tables().map(|table| table.name.clone()).collect();
        let mut global = BTreeSet::new();
        for table in model.tables.iter().filter(|table| table.local_to.is_none()) {
            if !depends(&table.name, staged, reads) {
                continue;
            }
            let is_dataset = |name: &String| model.dataset_of_staging(name).is_some();
            if !reads.get(&table.name)?.iter().all(is_dataset) {
                return None;
            }
            global.insert(table.name.clone());
        }
        let (mut joins, mut unjoined) = (Vec::new(), BTreeSet::new());
        for table in tables() {
            let reached = Reached::of(reads.get(&table.name)?, &local, model, reads);
            if reached.tables.iter().any(|name| global.contains(*name)) {
                return None;
            }
            unjoined.extend(reached.unjoined(&first.dataset, &table.joins));
            joins.extend(table.joins.iter().cloned());
        }
        let mut lists = BTreeSet::new();
        let list = |(name, read)| (Some(name), read);
        let counted = needs.accounting_reads.values().map(|read| (None, read));
        for (list, read) in counted.chain(needs.list_reads.iter().map(list)) {
            let reached = Reached::of(read, &local, model, reads);
            if reached.datasets.contains(&first.dataset) {
                unjoined.extend(reached.unjoined(&first.dataset, &joins));
                lists.extend(list.cloned());
            }
        }
        Some(Locality { local_to: first, local, global, joins, lists, unjoined })
    }

    /// Returns `true` if changes of these datasets affect only the days of changed records, and of those that join
    /// with changed records.
    pub fn limits(&self, changed: &BTreeSet<&str>) -> bool {
        self.unjoined.iter().all(|dataset| !changed.contains(&**dataset))
    }
}

/// The datasets and tables that a query reads, directly or through tables that are not local.
#[derive(Default)]
struct Reached<'a> {
    datasets: BTreeSet<&'a String>,
    tables: BTreeSet<&'a String>,
}

impl<'a> Reached<'a> {
    /// Returns what a query reaches that reads the tables `read`.
    fn of(
        read: &'a BTreeSet<String>,
        local: &BTreeSet<String>,
        model: &'a Model,
        reads: &'a BTreeMap<String, BTreeSet<String>>,
    ) -> Reached<'a> {
        let mut reached = Reached::default();
        let mut waiting: Vec<&String> = read.iter().collect();
        while let Some(name) = waiting.pop() {
            if local.contains(name) {
                continue;
            }
            match model.dataset_of_staging(name) {
                Some(dataset) => {
                    reached.datasets.insert(&dataset.name);
                }
                None if reached.tables.insert(name) => {
                    waiting.extend(reads.get(name).into_iter().flatten());
                }
                None => {}
            }
        }
        reached
    }

    /// Returns the datasets other than `own` that none of `joins` names.
    fn unjoined(&self, own: &str, joins: &[Join]) -> impl Iterator<Item = String> {
        let is_joined = |name: &str| joins.iter().any(|join| join.dataset == name);
        let others = self.datasets.iter().filter(|name| ***name != own && !is_joined(name));
        others.map(|name| (*name).clone()).collect::<Vec<_>>().into_iter()
    }
}

/// Returns `true` if the query of `name` reads the table `staged`, or a table that depends on it.
fn depends(name: &str, staged: &str, reads: &BTreeMap<String, BTreeSet<String>>) -> bool {
    // A query reads only tables that are built before it.
    let read = reads.get(name).into_iter().flatten().filter(|read| *read != name);
    read.into_iter().any(|read| read == staged || depends(read, staged, reads))
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::star::Queries;
    use crate::transform::{Rules, required_columns};

    #[tokio::test]
    async fn the_tables_of_the_built_in_model_are_local_global_or_independent() {
        let queries = Queries::built_in();
        let needs = required_columns(&queries, Rules::default()).await.unwrap();
        let locality = Locality::of(queries.model(), &needs).unwrap();
        assert_eq!(locality.local.iter().collect::<Vec<_>>(), ["songplays", "time"]);
        assert_eq!(locality.global.iter().collect::<Vec<_>>(), ["users"]);
        let [join] = &locality.joins[..] else { panic!("{:?}", locality.joins) };
        assert_eq!(
            (&*join.dataset, &*join.columns[0], &*join.equal_to[0]),
            ("songs", "artist_name", "artist")
        );
        assert!(locality.unjoined.is_empty());
        assert_eq!(locality.lists.iter().collect::<Vec<_>>(), ["unmatched_titles"]);
        assert!(!needs.has_staged_rates);
    }

    #[tokio::test]
    async fn a_dataset_that_is_read_without_a_declared_join_can_affect_all_days() {
        let queries = Queries::built_in();
        let needs = required_columns(&queries, Rules::default()).await.unwrap();
        let mut model = (**queries.model()).clone();
        for table in &mut model.tables {
            Arc::make_mut(table).joins.clear();
        }
        let locality = Locality::of(&model, &needs).unwrap();
        assert_eq!(locality.unjoined.iter().collect::<Vec<_>>(), ["songs"]);
        assert!(locality.joins.is_empty());
    }

    /// Returns what the queries of the built-in model read, if the query of `table` reads `tables` instead.
    async fn needs(table: &str, tables: &[&str]) -> RequiredColumns {
        let mut needs = required_columns(&Queries::built_in(), Rules::default()).await.unwrap();
        let tables = tables.iter().map(|name| (*name).to_owned()).collect();
        needs.reads.insert(table.to_owned(), tables);
        needs
    }

    #[tokio::test]
    async fn tables_that_need_all_rows_and_local_ones_do_not_read_each_other() {
        let model = Model::built_in();
        for (table, tables, is_possible) in [
            ("users", &["staging_events"][..], true),
            ("users", &["songplays"], false),
            ("users", &["time", "staging_events"], false),
            ("songplays", &["staging_events", "song_matches", "users"], false),
        ] {
            let needs = needs(table, tables).await;
            assert_eq!(Locality::of(&model, &needs).is_some(), is_possible, "{table} {tables:?}");
        }
        let needs = needs("users", &["staging_songs"]).await;
        assert!(Locality::of(&model, &needs).unwrap().global.is_empty());
    }

    #[tokio::test]
    async fn a_dataset_that_an_accounting_query_reads_can_affect_all_days() {
        let (model, mut needs) = (Model::built_in(), needs("users", &["staging_events"]).await);
        let mut songplays = BTreeSet::from(["staging_events".to_owned()]);
        std::mem::swap(&mut songplays, needs.reads.get_mut("songplays").unwrap());
        let mut model = (*model).clone();
        for table in &mut model.tables {
            Arc::make_mut(table).joins.clear();
        }
        needs.accounting_reads.clear();
        needs.list_reads.clear();
        assert!(Locality::of(&model, &needs).unwrap().unjoined.is_empty());
        needs.accounting_reads.insert("matches".to_owned(), songplays);
        assert!(Locality::of(&model, &needs).unwrap().unjoined.contains("songs"));
    }
}
