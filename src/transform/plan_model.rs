//! Plans all queries of a model without reading data.

use std::borrow::Cow;
use std::sync::Arc;

use datafusion::arrow::datatypes::{Field, Schema, SchemaRef};
use datafusion::datasource::empty::EmptyTable;
use datafusion::prelude::SessionContext;

use super::functions::register_functions;
use super::plan::plan_query;
use super::rules::Rules;
use super::schema::ensure_columns;
use crate::error::{Error, Result};
use crate::model::{Dataset, Group, Model};
use crate::star::Query;
use crate::star::model::{arrow_type, table_schema};

/// Plans every query of a model, in the order of a run.
///
/// # Errors
///
/// Returns an error if a query is not valid SQL, reads an unknown table or column, or does not
/// return the columns of its table.
pub async fn plan_model(model: &Model) -> Result<()> {
    let rules = Rules::default();
    let session = SessionContext::new();
    register_functions(&session, rules.repair_encoding);
    let register = |name: &str, schema: SchemaRef| {
        let table = Arc::new(EmptyTable::new(schema));
        session.register_table(name, table).map_err(|e| Error::query(name, e)).map(|_| ())
    };
    for dataset in &model.datasets {
        register(&dataset.table, staging_schema(dataset))?;
    }
    for group in [Group::Intermediate, Group::Star, Group::Accounting] {
        for file in model.sql_of(group) {
            let query = Query {
                name: Cow::Owned(file.name.clone()),
                group,
                sql: Cow::Owned(file.sql.to_string()),
            };
            let rows = plan_query(&session, &query, rules).await?;
            match (group, model.table(&file.name)) {
                (Group::Star, Some(table)) => {
                    ensure_columns(&file.file(), table, rows.schema().as_arrow())?;
                    register(&table.name, table_schema(table))?;
                }
                (Group::Intermediate, _) => {
                    register(&file.name, Arc::new(rows.schema().as_arrow().clone()))?;
                }
                _ => {}
            }
        }
    }
    Ok(())
}

/// Returns the schema of the staging table of a dataset.
fn staging_schema(dataset: &Dataset) -> SchemaRef {
    let read = dataset
        .columns
        .iter()
        .map(|c| Field::new(&c.name, arrow_type(c.column_type), c.is_nullable()));
    let derived = dataset
        .derived
        .iter()
        .map(|d| Field::new(&d.name, arrow_type(d.column_type()), d.is_nullable()));
    Arc::new(Schema::new(read.chain(derived).collect::<Vec<_>>()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn the_built_in_model_is_planned() {
        plan_model(Model::built_in()).await.unwrap();
    }

    #[tokio::test]
    async fn a_query_without_the_columns_of_its_table_is_an_error() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::create_dir(folder.path().join("star")).unwrap();
        let toml = "name = \"m\"\n[datasets.a.columns]\nx = \"date\"\n[tables.b]\n\
                    grain = \"one row per x\"\nprimary_key = [\"x\"]\n[tables.b.columns]\nx = \"date\"\n";
        std::fs::write(folder.path().join("model.toml"), toml).unwrap();
        for (sql, reason) in [
            ("SELECT x FROM staging_a", None),
            ("SELECT x AS y FROM staging_a", Some("does not return the columns of its table")),
            ("SELECT y AS x FROM staging_a", Some("query star/b.sql failed")),
        ] {
            std::fs::write(folder.path().join("star/b.sql"), sql).unwrap();
            let model = Model::read_dir(folder.path()).unwrap();
            let outcome = plan_model(&model).await.map_err(|error| error.to_string());
            match (outcome, reason) {
                (Ok(()), None) => {}
                (Err(error), Some(reason)) => assert!(error.contains(reason), "{error}"),
                (outcome, _) => unreachable!("{sql}: {outcome:?}"),
            }
        }
    }
}
