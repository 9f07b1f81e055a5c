//! The tables by the rows that their queries need in an incremental run.

use std::collections::{BTreeMap, BTreeSet};

use crate::model::{Join, LocalTo, Model, Table};

/// The tables whose queries need only the days that have changed, and those that need all rows of the dataset
/// of these days. The queries of the other tables do not read that dataset.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Locality {
    pub local_to: LocalTo,
    pub local: BTreeSet<String>,
    pub global: BTreeSet<String>,
    /// The joins of the local tables with other datasets.
    pub joins: Vec<Join>,
    /// The other datasets that a local table reads without a declared join: their rows can affect all days.
    pub unjoined: BTreeSet<String>,
}

impl Locality {
    /// Returns the tables of a model, given the tables that each query reads. Returns `None` if no table is local,
    /// or if a query needs all rows of a table that is computed only for the days that have changed.
    pub fn of(model: &Model, reads: &BTreeMap<String, BTreeSet<String>>) -> Option<Locality> {
        let mut local_to = model.tables.iter().filter_map(|table| table.local_to.as_ref());
        let first = local_to.next()?.clone();
        if local_to.any(|other| *other != first) {
            return None;
        }
        let staged = &model.dataset(&first.dataset)?.table;
        let tables = || model.tables.iter().filter(|table| table.local_to.is_some());
        let local: BTreeSet<String> = tables().map(|table| table.name.clone()).collect();
        let mut joins = Vec::new();
        let mut unjoined = BTreeSet::new();
        for table in tables() {
            for join in &table.joins {
                if !joins.contains(join) {
                    joins.push(join.clone());
                }
            }
            unjoined.extend(unjoined_datasets(table, &first, &local, model, reads));
        }
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
        Some(Locality { local_to: first, local, global, joins, unjoined })
    }

    /// Returns `true` if changes of these datasets affect only the days of changed records, and of those that join
    /// with changed records.
    pub fn limits(&self, changed: &BTreeSet<&str>) -> bool {
        self.unjoined.iter().all(|dataset| !changed.contains(&**dataset))
    }
}

/// Returns the datasets that the query of a local table reads without a declared join, directly or through tables
/// that are not local.
fn unjoined_datasets(
    table: &Table,
    local_to: &LocalTo,
    local: &BTreeSet<String>,
    model: &Model,
    reads: &BTreeMap<String, BTreeSet<String>>,
) -> BTreeSet<String> {
    let mut waiting = vec![&table.name];
    let (mut seen, mut datasets) = (BTreeSet::new(), BTreeSet::new());
    while let Some(name) = waiting.pop() {
        for read in reads.get(name).into_iter().flatten().filter(|read| !local.contains(*read)) {
            match model.dataset_of_staging(read) {
                Some(dataset) => {
                    datasets.insert(dataset.name.clone());
                }
                None if seen.insert(read) => waiting.push(read),
                None => {}
            }
        }
    }
    let is_joined = |name: &String| table.joins.iter().any(|join| join.dataset == *name);
    datasets.retain(|name| *name != local_to.dataset && !is_joined(name));
    datasets
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
        let locality = Locality::of(queries.model(), &needs.reads).unwrap();
        assert_eq!(locality.local.iter().collect::<Vec<_>>(), ["songplays", "time"]);
        assert_eq!(locality.global.iter().collect::<Vec<_>>(), ["users"]);
        let [join] = &locality.joins[..] else { panic!("{:?}", locality.joins) };
        assert_eq!(
            (&*join.dataset, &*join.columns[0], &*join.equal_to[0]),
            ("songs", "artist_name", "artist")
        );
        assert!(locality.unjoined.is_empty());
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
        let locality = Locality::of(&model, &needs.reads).unwrap();
        assert_eq!(locality.unjoined.iter().collect::<Vec<_>>(), ["songs"]);
        assert!(locality.joins.is_empty());
    }

    #[test]
    fn a_query_that_needs_all_rows_of_a_local_table_prevents_the_shortcut() {
        let model = Model::built_in();
        let reads = |users: &[&str]| {
            let reads = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
            BTreeMap::from([
                ("songs".to_owned(), reads(&["staging_songs"])),
                ("artists".to_owned(), reads(&["staging_songs"])),
                ("users".to_owned(), reads(users)),
                ("songplays".to_owned(), reads(&["staging_events", "titles"])),
                ("titles".to_owned(), reads(&["staging_songs"])),
                ("time".to_owned(), reads(&["songplays"])),
            ])
        };
        assert!(Locality::of(&model, &reads(&["staging_events"])).is_some());
        assert!(Locality::of(&model, &reads(&["staging_songs"])).unwrap().global.is_empty());
        assert!(Locality::of(&model, &reads(&["songplays"])).is_none());
        assert!(Locality::of(&model, &reads(&["time", "staging_events"])).is_none());
    }
}
