//! The quality of the data: counts that must add up, rejected records and input objects.

use super::chart::Flow;
use super::declared::Declared;
use super::error::Result;
use crate::star::{Group, Queries, Query, RunRecord};
use crate::transform::Balance;

/// Section of the figures on the quality of the data.
pub(super) const SECTION: &str = "Data quality";

/// The rejected records by reason.
const REJECTS: &str = r#"-- Question: Why were records rejected, and where are they?
-- Grain: one row per dataset, column and reason.
-- Units: records is a count; first_places has object and line of the first three.
-- Title: Rejected records by reason
-- Top: 20
SELECT
    dataset,
    "column",
    reason,
    COUNT(*) AS records,
    STRING_AGG(
        CASE WHEN place <= 3 THEN object || ':' || CAST(line AS VARCHAR) END,
        '; ' ORDER BY place
    ) AS first_places
FROM (
    SELECT
        dataset, "column", reason, object, line,
        ROW_NUMBER() OVER (
            PARTITION BY dataset, "column", reason
            ORDER BY object, "offset"
        ) AS place
    FROM rejects
) AS numbered
GROUP BY dataset, "column", reason
ORDER BY records DESC, dataset, "column" NULLS LAST, reason
"#;

/// The input objects by dataset.
const INPUTS: &str = "-- Question: Which objects were read?
-- Grain: one row per dataset.
-- Units: objects, records, decoded and rejected are counts; bytes are as stored; first and last are by name.
-- Title: Input objects
SELECT
    dataset,
    COUNT(*) AS objects,
    SUM(size) AS bytes,
    SUM(records) AS records,
    SUM(decoded) AS decoded,
    SUM(rejects) AS rejected,
    MIN(url) AS first_object,
    MAX(url) AS last_object
FROM inputs
GROUP BY dataset
ORDER BY dataset
";

/// Returns the figure of the rejected records.
pub(super) fn rejects() -> Result<Declared> {
    own("rejects", REJECTS)
}

/// Returns the figure of the input objects.
pub(super) fn inputs() -> Result<Declared> {
    own("inputs", INPUTS)
}

/// Returns a figure that every report has. Its name differs from those of files.
fn own(name: &str, sql: &str) -> Result<Declared> {
    let query = Query { name: name.to_owned(), group: Group::Report, sql: sql.to_owned() };
    let declared = Declared::of(&query)?;
    let section = SECTION.to_owned();
    Ok(Declared {
        name: format!("own.{name}"),
        file: format!("query of {name}"),
        section,
        ..declared
    })
}

/// Returns the counts that must add up: the records of each dataset, and the balances of the accounting.
///
/// # Errors
///
/// Returns an error if the header of an accounting query is not valid.
pub(super) fn flows(record: &RunRecord, queries: &Queries) -> Result<Vec<Flow>> {
    let mut flows: Vec<Flow> = Vec::new();
    for (name, read) in &record.datasets {
        flows.push(Flow {
            total: (format!("{name} records read"), read.records),
            parts: vec![
                ("decoded".to_owned(), read.decoded),
                ("rejected".to_owned(), read.rejected),
            ],
        });
    }
    let count = |name: &String| {
        let found = record.accounting.values().find_map(|counts| counts.get(name));
        (name.replace('_', " "), found.copied().unwrap_or(0))
    };
    for query in queries.of(Group::Accounting) {
        // Records of earlier versions lack the counts.
        let Some(balance) = Balance::of(query)?.filter(|_| !record.accounting.is_empty()) else {
            continue;
        };
        flows.push(Flow {
            total: count(&balance.total),
            parts: balance.parts.iter().map(count).collect(),
        });
    }
    Ok(flows)
}
