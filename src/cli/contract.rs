//! The COPY contract, as `load` and `check --copy-contract` hold a star against it.

use std::collections::BTreeMap;

use crate::cli::error::{Error, Result};
use crate::star::RunRecord;
use crate::storage::{Place, Stores};
use crate::warehouse::contract::{Contract, Expected, Reading, check_copy, check_star};
use crate::warehouse::copy::CopyAuth;
use crate::warehouse::copy::redshift;
use crate::warehouse::load::LoadOptions;
use crate::warehouse::quote;
use crate::warehouse::tables::{TableSettings, designs};

/// Says whether Redshift would take the star at `place`.
///
/// # Errors
///
/// If there is no star, or its store fails; breaches are findings, not errors.
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
        tables: designs.iter().map(|design| design.expected()).collect(),
        bucket_region: match warehouse_region {
            Some(_) => stores.region(&place.location).await,
            None => None,
        },
        warehouse_region,
        reading,
    };
    Ok(check_star(place, record, &expected).await?)
}

/// Holds the COPY statements of a load against the contract, too.
///
/// # Errors
///
/// If one of them cannot be written.
pub fn check_statements(
    contract: &mut Contract,
    place: &Place,
    record: &RunRecord,
    options: &LoadOptions,
) -> Result<()> {
    for design in designs(Some(record), &options.tables)? {
        let name = design.table.name;
        let Some(table) = record.tables.get(name) else { continue };
        let url = redshift::manifest_url(place, table);
        // Where the files are not in S3 there is a finding already, and no statement.
        if url.starts_with("s3://") {
            // Keys are judged by their owner, and are in no statement that is shown.
            let authorization = match &options.copy_auth {
                CopyAuth::Role(role) => quote::iam_role(role)?,
                CopyAuth::Session(_) => quote::iam_role("default")?,
            };
            let schema = &options.schema;
            let sql = redshift::copy_statement(&design, schema, name, &url, &authorization)?;
            contract.findings.extend(check_copy(&sql, Some(&design.expected())));
        }
    }
    Ok(())
}

/// Fails when there are findings.
///
/// # Errors
///
/// [`Error::Contract`].
pub fn demand_kept(contract: &Contract) -> Result<()> {
    let findings = contract.findings.len();
    if findings == 0 { Ok(()) } else { Err(Error::Contract { findings }) }
}
