//! Plans the queries before any data is read, to validate them and to determine which columns they need
//! from the staging tables.

use std::collections::BTreeSet;
use std::sync::Arc;

use datafusion::arrow::datatypes::SchemaRef;
use datafusion::common::tree_node::TreeNodeRecursion;
use datafusion::common::{ParamValues, ScalarValue};
use datafusion::dataframe::DataFrame;
use datafusion::datasource::empty::EmptyTable;
use datafusion::logical_expr::LogicalPlan;
use datafusion::prelude::SessionContext;

use super::functions::{RepairEncoding, register_functions};
use super::rules::Rules;
use super::schema::ensure_columns;
use crate::decode::{Dataset, StagedColumns};
use crate::error::{Error, Result};
use crate::star::model::table_schema;
use crate::star::{Group, Queries, Query};

/// The columns of the staging tables that the queries of a transform read.
pub struct RequiredColumns {
    /// Columns of `staging_songs`.
    pub songs: StagedColumns,
    /// Columns of `staging_events`.
    pub events: StagedColumns,
    /// The last star table whose query reads a staging table; after it they can be dropped.
    pub last_reader: Option<String>,
}

/// Plans every query that builds the star and returns the columns that they read.
///
/// # Errors
///
/// Returns an error if a query cannot be planned or does not return the columns of its table. This way, a
/// mistake in a query is reported before any object is read.
pub async fn required_columns(queries: &Queries, rules: Rules) -> Result<RequiredColumns> {
    let session = SessionContext::new();
    register_functions(&session, rules.repair_encoding);
    let register = |name: &str, schema: SchemaRef| {
        let table = Arc::new(EmptyTable::new(schema));
        session.register_table(name, table).map_err(|e| Error::query(name, e))
    };
    for dataset in [Dataset::Songs, Dataset::Events] {
        register(dataset.table(), dataset.schema())?;
    }
    let mut read = BTreeSet::new();
    let mut last_reader = None;
    for group in [Group::Intermediate, Group::Star, Group::Accounting] {
        for query in queries.of(group) {
            let rows = plan_query(&session, query, rules).await?;
            let table = queries.model().table(&query.name).filter(|_| group == Group::Star);
            if let Some(table) = table {
                ensure_columns(&query.file(), table, rows.schema().as_arrow())?;
            }
            if group == Group::Intermediate {
                register(&query.name, Arc::new(rows.schema().as_arrow().clone()))?;
            }
            let plan = rows.into_optimized_plan().map_err(|e| Error::query(query.file(), e))?;
            let reads = columns_read(&plan).map_err(|e| Error::query(query.file(), e))?;
            if reads.iter().any(|(table, _)| is_staging(table)) {
                last_reader = table.map(|table| table.name.clone()).or(last_reader);
            }
            read.extend(reads);
            // Later queries can read the table.
            if let Some(table) = table {
                register(&table.name, table_schema(table))?;
            }
        }
    }
    let needs = |dataset: Dataset| {
        StagedColumns::of(dataset, |column| {
            read.contains(&(dataset.table().to_owned(), column.to_owned()))
        })
        .with_repaired_encoding(rules.repair_encoding == RepairEncoding::Store)
    };
    Ok(RequiredColumns {
        songs: needs(Dataset::Songs),
        events: needs(Dataset::Events),
        last_reader,
    })
}

fn is_staging(table: &str) -> bool {
    [Dataset::Songs, Dataset::Events].iter().any(|dataset| dataset.table() == table)
}

/// Returns the table and the name of every column that `plan` scans.
fn columns_read(plan: &LogicalPlan) -> datafusion::error::Result<BTreeSet<(String, String)>> {
    let mut read = BTreeSet::new();
    plan.apply_with_subqueries(|node| {
        if let LogicalPlan::TableScan(scan) = node {
            let table = scan.table_name.table();
            let columns = scan.projected_schema.fields().iter();
            read.extend(columns.map(|column| (table.to_owned(), column.name().clone())));
        }
        Ok(TreeNodeRecursion::Continue)
    })?;
    Ok(read)
}

/// Plans a query with the values of `rules` as its parameters.
///
/// # Errors
///
/// Returns an error if the query is not valid SQL or refers to unknown tables or columns.
pub(super) async fn plan_query(
    session: &SessionContext,
    query: &Query,
    rules: Rules,
) -> Result<DataFrame> {
    let failed = |e| Error::query(query.file(), e);
    let values = [("match", rules.match_rule.as_str()), ("unmatched", rules.unmatched.as_str())];
    let used = values.iter().filter(|(name, _)| query.sql.contains(&format!("${name}")));
    let parameters: Vec<_> = used.map(|&(name, value)| (name, ScalarValue::from(value))).collect();
    let rows = session.sql(&query.sql).await.map_err(failed)?;
    if parameters.is_empty() {
        return Ok(rows);
    }
    rows.with_param_values(ParamValues::from(parameters)).map_err(failed)
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn events(queries: &Queries) -> Vec<String> {
        let needs = required_columns(queries, Rules::default()).await.unwrap();
        needs.events.schema().fields().iter().map(|field| field.name().clone()).collect()
    }

    #[tokio::test]
    async fn columns_are_staged_that_a_query_reads() {
        let needs = required_columns(&Queries::built_in(), Rules::default()).await.unwrap();
        assert_eq!(needs.last_reader.as_deref(), Some("songplays"));
        let built_in = events(&Queries::built_in()).await;
        for column in ["auth", "method", "registration", "status"] {
            assert!(!built_in.contains(&column.to_owned()), "{column} is staged");
        }
        let folder = tempfile::tempdir().unwrap();
        let users = "SELECT \"userId\" AS user_id, auth AS first_name, NULL AS last_name, \
                     NULL AS gender, level FROM staging_events";
        std::fs::write(folder.path().join("users.sql"), users).unwrap();
        let own = events(&Queries::built_in().with_folder(folder.path()).unwrap()).await;
        assert!(own.contains(&"auth".to_owned()) && !own.contains(&"firstName".to_owned()));
    }

    #[tokio::test]
    async fn a_query_can_read_the_tables_before_its_own() {
        let folder = tempfile::tempdir().unwrap();
        for (read, is_planned) in [("artists", true), ("songplays", false)] {
            let users = format!(
                "SELECT \"userId\" AS user_id, t.location AS first_name, NULL AS last_name, \
                 NULL AS gender, e.level \
                 FROM staging_events e LEFT JOIN {read} t ON t.artist_id = e.artist"
            );
            std::fs::write(folder.path().join("users.sql"), users).unwrap();
            let queries = Queries::built_in().with_folder(folder.path()).unwrap();
            let planned = required_columns(&queries, Rules::default()).await;
            assert_eq!(planned.is_ok(), is_planned, "{read}");
        }
    }
}
