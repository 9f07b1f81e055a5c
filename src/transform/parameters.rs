//! Plans a query with the options of a transform as its parameters.

use datafusion::common::{ParamValues, ScalarValue};
use datafusion::dataframe::DataFrame;
use datafusion::prelude::SessionContext;

use super::rules::Rules;
use crate::error::{Error, Result};
use crate::star::{Query, read_only};

/// Plans a query with the values of `rules` as its parameters.
///
/// # Errors
///
/// Returns an error if the query is not valid SQL or refers to unknown tables or columns.
pub(crate) async fn plan_query(
    session: &SessionContext,
    query: &Query,
    rules: Rules,
) -> Result<DataFrame> {
    let failed = |e| Error::query(query.file(), e);
    let values = [("match", rules.match_rule.as_str()), ("unmatched", rules.unmatched.as_str())];
    let used = values.iter().filter(|(name, _)| query.sql.contains(&format!("${name}")));
    let parameters: Vec<_> = used.map(|&(name, value)| (name, ScalarValue::from(value))).collect();
    let rows = session.sql_with_options(&query.sql, read_only()).await.map_err(failed)?;
    if parameters.is_empty() {
        return Ok(rows);
    }
    rows.with_param_values(ParamValues::from(parameters)).map_err(failed)
}
