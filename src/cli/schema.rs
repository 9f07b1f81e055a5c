//! `starlift schema`.

use std::collections::BTreeMap;

use super::args::{OutputFormat, SchemaArgs, SchemaFormat};
use super::output::print;
use super::settings::{GlobalOptions, Settings};
use crate::cli::error::{Error, Result};
use crate::model::Model;
use crate::star::RunRecord;
use crate::star::model;
use crate::warehouse::Dialect;
use crate::warehouse::sql::ddl::{ddl, designs};

/// Prints the tables of the model in the requested format.
///
/// # Errors
///
/// Returns an error if the model is not valid, the star in `--star` cannot be read, or the schema is not a valid name.
pub async fn run(args: &SchemaArgs, settings: &Settings, global: &GlobalOptions) -> Result<()> {
    let model = settings.model(&args.model)?;
    let default = match global.output_format {
        OutputFormat::Text => SchemaFormat::Mermaid,
        OutputFormat::Json => SchemaFormat::Json,
    };
    match args.format.unwrap_or(default) {
        SchemaFormat::Mermaid => print(&model::mermaid(&model)),
        SchemaFormat::Json => {
            let text = serde_json::to_string_pretty(&model::json(&model))
                .map_err(|e| Error::io("cannot write JSON", e.into()))?;
            print(&format!("{text}\n"))
        }
        SchemaFormat::Redshift => {
            print(&statements(args, &model, global, Dialect::Redshift).await?)
        }
        SchemaFormat::Postgres => {
            print(&statements(args, &model, global, Dialect::Postgres).await?)
        }
    }
}

async fn statements(
    args: &SchemaArgs,
    model: &Model,
    global: &GlobalOptions,
    dialect: Dialect,
) -> Result<String> {
    let record = match &args.star {
        Some(star) => Some(RunRecord::require_of(&global.place(star).await?, model).await?),
        None => None,
    };
    let designs = designs(model, record.as_ref(), &BTreeMap::new())?;
    Ok(ddl(&designs, dialect, &args.schema)?)
}
