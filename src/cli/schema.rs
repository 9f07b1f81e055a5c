//! `starlift schema`.

use std::collections::BTreeMap;

use super::args::{SchemaArgs, SchemaFormat};
use super::output::print;
use super::settings::GlobalOptions;
use crate::cli::error::{Error, Result};
use crate::star::RunRecord;
use crate::star::model;
use crate::warehouse::Dialect;
use crate::warehouse::sql::ddl::{ddl, designs};

/// Prints the star schema in the requested format.
///
/// # Errors
///
/// Returns an error if the star in `--star` cannot be read, or the schema is not a valid name.
pub async fn run(args: &SchemaArgs, global: &GlobalOptions) -> Result<()> {
    match args.format {
        SchemaFormat::Mermaid => print(&model::mermaid()),
        SchemaFormat::Json => {
            let text = serde_json::to_string_pretty(&model::json())
                .map_err(|e| Error::io("cannot write JSON", e.into()))?;
            print(&format!("{text}\n"))
        }
        SchemaFormat::Redshift => print(&statements(args, global, Dialect::Redshift).await?),
        SchemaFormat::Postgres => print(&statements(args, global, Dialect::Postgres).await?),
    }
}

async fn statements(args: &SchemaArgs, global: &GlobalOptions, dialect: Dialect) -> Result<String> {
    let record = match &args.star {
        Some(star) => Some(RunRecord::require(&global.place(star).await?).await?),
        None => None,
    };
    Ok(ddl(&designs(record.as_ref(), &BTreeMap::new())?, dialect, &args.schema)?)
}
