//! The check of a star and of the COPY statements of its load against the COPY contract.

use std::collections::BTreeMap;

use super::LoadOptions;
use crate::model::Model;
use crate::star::RunRecord;
use crate::storage::{Place, Stores};
use crate::warehouse::contract::{
    Contract, Expected, ExpectedTable, Reading, check_copy, check_star,
};
use crate::warehouse::copy::CopyAuth;
use crate::warehouse::copy::redshift;
use crate::warehouse::error::{Error, Result};
use crate::warehouse::sql::ddl::{TableSettings, designs};
use crate::warehouse::sql::quote;

/// Checks whether Redshift would accept the star at `place`.
///
/// # Errors
///
/// Returns an error if there is no star, it was made with another model, or its store fails. Breaches are findings, not errors.
pub async fn check_files(
    place: &Place,
    model: &Model,
    record: &RunRecord,
    stores: &Stores,
    tables: &BTreeMap<String, TableSettings>,
    warehouse_region: Option<String>,
    reading: Reading,
) -> Result<Contract> {
    record.ensure_model(place, model)?;
    let designs = designs(model, Some(record), tables)?;
    let expected = Expected {
        tables: designs.iter().map(ExpectedTable::from).collect(),
        bucket_region: match warehouse_region {
            Some(_) => stores.region(&place.location).await,
            None => None,
        },
        warehouse_region,
        reading,
    };
    check_star(place, record, &expected).await
}

/// Checks whether Redshift would accept the star at `place` and the COPY statements of its load. Reads the
/// footers of the files, and does not connect to the warehouse.
///
/// # Errors
///
/// Returns an error if the store of the star fails, or a statement cannot be generated. Breaches are
/// findings, not errors.
pub async fn check_contract(
    place: &Place,
    model: &Model,
    record: &RunRecord,
    stores: &Stores,
    options: &LoadOptions,
) -> Result<Contract> {
    let region = options.access.target.region().map(str::to_owned);
    let (tables, reading) = (&options.tables, Reading::Footers);
    let mut contract = check_files(place, model, record, stores, tables, region, reading).await?;
    check_statements(&mut contract, place, model, record, options)?;
    Ok(contract)
}

/// Checks the COPY statements of a load, and adds the findings to `contract`.
///
/// # Errors
///
/// Returns an error if a statement cannot be generated.
fn check_statements(
    contract: &mut Contract,
    place: &Place,
    model: &Model,
    record: &RunRecord,
    options: &LoadOptions,
) -> Result<()> {
    for design in designs(model, Some(record), &options.tables)? {
        let name = &design.table.name;
        let Some(table) = record.tables.get(name) else { continue };
        let url = redshift::manifest_url(place, table);
        // If the files are not in S3, there is already a finding, and there is no statement to check.
        if url.starts_with("s3://") {
            // Temporary keys must not appear in a statement that is shown: check it with a role instead.
            let authorization = match &options.copy_auth {
                CopyAuth::Role(role) => quote::iam_role(role)?,
                CopyAuth::Session(_) => quote::iam_role("default")?,
            };
            let schema = &options.schema;
            let sql = redshift::copy_statement(&design, schema, name, &url, &authorization)?;
            contract.findings.extend(check_copy(&sql, Some(&ExpectedTable::from(&design))));
        }
    }
    Ok(())
}

/// Fails if there are findings.
///
/// # Errors
///
/// Returns [`Error::Contract`] if there are findings.
pub fn ensure_passes(contract: Contract) -> Result<()> {
    if contract.passes() { Ok(()) } else { Err(Error::Contract { findings: contract.findings }) }
}
