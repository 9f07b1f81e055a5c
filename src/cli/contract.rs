//! The COPY contract, as `load` and `check --copy-contract` hold a star against it.

use std::collections::BTreeMap;

use crate::error::{Error, Result};
use crate::publish::RunRecord;
use crate::storage::{Place, Stores};
use crate::warehouse::contract::{Contract, Expected, Reading, check_star};
use crate::warehouse::tables::{TableSettings, designs};

/// Says whether Redshift would take the star at `place`.
///
/// # Errors
///
/// If there is no star, or its store fails; breaches are findings, not errors.
pub async fn check(
    place: &Place,
    stores: &Stores,
    tables: &BTreeMap<String, TableSettings>,
    warehouse_region: Option<String>,
    reading: Reading,
) -> Result<Contract> {
    let record = RunRecord::require(place).await?;
    let designs = designs(Some(&record), tables)?;
    let expected = Expected {
        tables: designs.iter().map(|design| design.expected()).collect(),
        bucket_region: match warehouse_region {
            Some(_) => stores.region(&place.location).await,
            None => None,
        },
        warehouse_region,
        reading,
    };
    check_star(place, &record, &expected).await
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
