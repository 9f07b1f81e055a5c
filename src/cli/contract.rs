//! The check of a star against the COPY contract, for `load` and `check --copy-contract`.

use std::collections::BTreeMap;

use crate::cli::error::{Error, Result};
use crate::star::RunRecord;
use crate::storage::{Place, Stores};
use crate::warehouse::contract::{
    Contract, Expected, ExpectedTable, Reading, check_copy, check_star,
};
use crate::warehouse::copy::CopyAuth;
use crate::warehouse::copy::redshift;
use crate::warehouse::load::LoadOptions;
use crate::warehouse::sql::ddl::{TableSettings, designs};
use crate::warehouse::sql::quote;

/// Checks whether Redshift would accept the star at `place`.
///
/// # Errors
///
/// Returns an error if there is no star, or its store fails. Breaches are findings, not errors.
pub async fn check(
    place: &Place,
    record: &RunRecord,
    stores: &Stores,
    tables: &BTreeMap<String, TableSettings>,
    warehouse_region: Option<String>,
    reading: Reading,
) -> Result<Contract> {
    let designs = designs(Some(record), tables)?;
    let expected = Expected {
        tables: designs.iter().map(ExpectedTable::from).collect(),
        bucket_region: match warehouse_region {
            Some(_) => stores.region(&place.location).await,
            None => None,
        },
        warehouse_region,
        reading,
    };
    Ok(check_star(place, record, &expected).await?)
}

/// Checks the COPY statements of a load, and adds the findings to `contract`.
///
/// # Errors
///
/// Returns an error if a statement cannot be generated.
pub fn check_statements(
    contract: &mut Contract,
    place: &Place,
    record: &RunRecord,
    options: &LoadOptions,
) -> Result<()> {
    for design in designs(Some(record), &options.tables)? {
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
            let sql = redshift::copy_statement(&design, schema, &name, &url, &authorization)?;
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
pub fn ensure_passes(contract: &Contract) -> Result<()> {
    let findings = contract.findings.len();
    if findings == 0 { Ok(()) } else { Err(Error::Contract { findings }) }
}
