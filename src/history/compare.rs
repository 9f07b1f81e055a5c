//! Compares two stars: the partitions whose files differ, and the rows of these.

use std::collections::{BTreeMap, BTreeSet};

use arrow::array::{Array, AsArray};
use arrow::datatypes::Int64Type;
use datafusion::prelude::SessionContext;

use crate::engine::Engine;
use crate::error::{Error, Result};
use crate::model::{Model, Table, quoted};
use crate::star::model::table_schema;
use crate::star::{FileRecord, Partitioning, RunRecord, register_files};
use crate::storage::Place;

/// The differences between two stars.
#[derive(Debug, Default)]
pub struct Comparison {
    /// Number of partitions that at least one of the stars has.
    pub partitions: usize,
    /// The partitions that differ, by table in the order of the model and by first day.
    pub differences: Vec<Difference>,
}

/// A partition that differs, or a table without partitions.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Difference {
    /// Name of the table.
    pub table: String,
    /// The first day of the partition, such as `2018-11-01`; empty for a table without partitions.
    pub from: String,
    /// Number of rows before and after.
    pub rows: [u64; 2],
    /// The rows that differ.
    pub changes: RowChanges,
}

/// The rows that differ between two versions of a partition. A row that has moved to another partition is removed
/// from one and added to the other.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct RowChanges {
    /// Rows whose primary key is new.
    pub added: u64,
    /// Rows whose primary key is gone.
    pub removed: u64,
    /// Rows whose primary key is in both, with other values.
    pub changed: u64,
}

/// Compares the stars of two records at `out`, which `model` declares. Reads only files of partitions that differ.
///
/// # Errors
///
/// Returns an error if a star was made with another model, or a file is missing or cannot be read.
pub async fn compare(
    engine: &Engine,
    out: &Place,
    model: &Model,
    stars: [&RunRecord; 2],
) -> Result<Comparison> {
    for star in stars {
        star.ensure_model(out, model)?;
    }
    let names = stars.map(|star| star.options.partition.as_str());
    // Partitions of different lengths cannot be compared with each other.
    let partitioning = Partitioning::named(if names[0] == names[1] { names[0] } else { "none" });
    let mut comparison = Comparison::default();
    for table in &model.tables {
        let [Some(before), Some(after)] = stars.map(|star| star.tables.get(&table.name)) else {
            continue;
        };
        let contents = [before, after].map(|record| record.contents_by_day(partitioning));
        let days: BTreeSet<&str> = contents.iter().flat_map(|c| c.keys().copied()).collect();
        comparison.partitions += days.len();
        let differs = |day: &&&str| {
            let hash = |side: usize| contents[side].get(**day).map(|content| content.hash);
            // Without a hash it is not known that they are equal.
            hash(0) != hash(1) || hash(0) == Some("")
        };
        let days: Vec<&str> = days.iter().filter(differs).copied().collect();
        if days.is_empty() {
            continue;
        }
        let files = contents.each_ref().map(|contents| {
            let files = days.iter().filter_map(|day| contents.get(day));
            files.flat_map(|content| content.files).cloned().collect::<Vec<FileRecord>>()
        });
        let changes = count_changes(&engine.session(), out, table, partitioning, files).await?;
        comparison.differences.extend(days.iter().map(|day| Difference {
            table: table.name.clone(),
            from: (*day).to_owned(),
            rows: contents.each_ref().map(|c| c.get(day).map_or(0, |content| content.rows)),
            changes: changes.get(*day).copied().unwrap_or_default(),
        }));
    }
    Ok(comparison)
}

/// Counts the rows that differ between two sets of files of a table, by first day of the partition.
async fn count_changes(
    session: &SessionContext,
    out: &Place,
    table: &Table,
    partitioning: Partitioning,
    files: [Vec<FileRecord>; 2],
) -> Result<BTreeMap<String, RowChanges>> {
    for (name, files) in ["before", "after"].iter().zip(&files) {
        register_files(session, out, name, table_schema(table), files, vec![]).await?;
    }
    let name = format!("the differences of {}", table.name);
    let failed = |e| Error::query(&name, e);
    let sql = changes_sql(table, partitioning);
    let batches = session.sql(&sql).await.map_err(failed)?.collect().await.map_err(failed)?;
    let mut changes = BTreeMap::new();
    for batch in &batches {
        let days = arrow::compute::cast(batch.column(0), &arrow::datatypes::DataType::Utf8)?;
        let count = |column: usize, row: usize| {
            let counts = batch.column(column).as_primitive::<Int64Type>();
            if counts.is_valid(row) { counts.value(row) as u64 } else { 0 }
        };
        for (row, day) in days.as_string::<i32>().iter().enumerate() {
            let [added, removed, changed] = [1, 2, 3].map(|column| count(column, row));
            let rows = RowChanges { added, removed, changed };
            changes.insert(day.unwrap_or_default().to_owned(), rows);
        }
    }
    Ok(changes)
}

/// Returns the query that counts the rows that differ: the first step finds the rows that one side has more often
/// than the other, the second one pairs those of the same primary key. Columns are numbered, so that their names
/// cannot be those of the query.
fn changes_sql(table: &Table, partitioning: Partitioning) -> String {
    let list = |names: Vec<String>| names.join(", ");
    let columns: Vec<String> = (0..table.columns.len()).map(|at| format!("c{at}")).collect();
    let renamed = table.columns.iter().zip(&columns);
    let renamed = renamed.map(|(column, alias)| format!("{} AS {alias}", quoted(&column.name)));
    let (renamed, columns) = (list(renamed.collect()), list(columns));
    let day = match (partitioning, partitioning.column(table)) {
        (Partitioning::Day | Partitioning::Month, Some(at)) => {
            let unit = partitioning.as_str();
            format!("CAST(CAST(date_trunc('{unit}', c{at}) AS DATE) AS VARCHAR)")
        }
        _ => "''".to_owned(),
    };
    let of_key = |at: &usize| table.is_primary(&table.columns[*at].name);
    let keys = (0..table.columns.len()).filter(of_key).map(|at| format!("c{at}"));
    let keys = list(keys.collect());
    format!(
        "WITH sides AS (
             SELECT {renamed}, 1 AS side FROM after UNION ALL SELECT {renamed}, -1 AS side FROM before
         ),
         different AS (
             SELECT {columns}, SUM(side) AS surplus FROM sides GROUP BY {columns} HAVING SUM(side) <> 0
         ),
         keys AS (
             SELECT {day} AS day, {keys},
                    SUM(CASE WHEN surplus > 0 THEN surplus ELSE 0 END) AS came,
                    SUM(CASE WHEN surplus < 0 THEN -surplus ELSE 0 END) AS went
             FROM different
             GROUP BY {day}, {keys}
         )
         SELECT day,
                CAST(SUM(CASE WHEN went = 0 THEN came ELSE 0 END) AS BIGINT) AS added,
                CAST(SUM(CASE WHEN came = 0 THEN went ELSE 0 END) AS BIGINT) AS removed,
                CAST(SUM(CASE WHEN came > 0 AND went > 0 THEN 1 ELSE 0 END) AS BIGINT) AS changed
         FROM keys
         GROUP BY day"
    )
}
