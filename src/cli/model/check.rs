//! `starlift model check`.

use std::path::Path;
use std::sync::Arc;

use super::super::output::{GOOD, print, styled};
use super::super::summary::counted;
use crate::cli::error::Result;
use crate::model::Model;
use crate::report::validate;
use crate::star::Queries;
use crate::transform::{Rules, plan_all};

/// Checks the model in `folder`, and prints a summary of it.
///
/// # Errors
///
/// Returns an error if the folder cannot be read, with all problems of the model, if a query
/// cannot be planned, or if the header of a figure is not valid.
pub async fn run(folder: &Path, quiet: bool) -> Result<()> {
    let model = Arc::new(Model::read_dir(folder)?);
    let queries = Queries::of_model(model.clone());
    plan_all(&queries, Rules::default()).await?;
    validate(&queries)?;
    if quiet { Ok(()) } else { print(&summary(&model)) }
}

fn summary(model: &Model) -> String {
    let mut text = format!("model     {}: {}\n", model.name, styled(GOOD, "no problems"));
    for dataset in &model.datasets {
        let columns = counted(dataset.column_names().count() as u64, "column");
        text += &format!("dataset   {}: {columns}, read as {}\n", dataset.name, dataset.table);
    }
    for table in &model.tables {
        let columns = counted(table.columns.len() as u64, "column");
        let key = table.primary_key.join(", ");
        text += &format!("table     {}: {columns}, primary key ({key})\n", table.name);
    }
    text += &format!(
        "queries   {} in all; {}\n",
        model.sql.len(),
        counted(model.checks().len() as u64, "check")
    );
    text
}
