//! Single rules of Redshift's grammar that PostgreSQL lacks.

use datafusion::sql::sqlparser::ast::*;

use super::super::error::SqlError;
use super::names;

pub fn no_returning(found: bool) -> Result<(), SqlError> {
    if found { Err(SqlError::syntax("RETURNING")) } else { Ok(()) }
}

/// Requires two tables and both clauses (Developer Guide, r_MERGE).
pub fn merge(merge: &Merge) -> Result<(), SqlError> {
    let tables = [&merge.table, &merge.source];
    if !tables.iter().all(|table| matches!(table, TableFactor::Table { .. })) {
        return Err(SqlError::missing("MERGE with anything but two tables"));
    }
    let kinds: Vec<_> = merge.clauses.iter().map(|clause| clause.clause_kind).collect();
    match kinds[..] {
        [MergeClauseKind::Matched, MergeClauseKind::NotMatched] => Ok(()),
        _ => Err(SqlError::syntax("MERGE")),
    }
}

/// Requires an explicit ROWS frame for aggregates over an ordered window, and no frame for ranking
/// functions (Developer Guide, c_Window_functions).
pub fn frame(name: &str, window: &WindowSpec) -> Result<(), SqlError> {
    let framed = window.window_frame.as_ref();
    if framed.is_some_and(|frame| frame.units != WindowFrameUnits::Rows) {
        return Err(SqlError::rejected("Only ROWS frames are supported in a window"));
    }
    match (names::is_ranking(name), framed) {
        (true, Some(_)) => {
            Err(SqlError::new("42601", format!("Window function {name} takes no frame clause")))
        }
        (false, None) if !window.order_by.is_empty() => Err(SqlError::new(
            "42601",
            "Aggregate window functions with an ORDER BY clause require a frame clause",
        )),
        _ => Ok(()),
    }
}

pub fn operator(operator: &BinaryOperator) -> Result<(), SqlError> {
    use BinaryOperator::*;
    match operator {
        Plus | Minus | Multiply | Divide | Modulo | StringConcat | Gt | Lt | GtEq | LtEq | Eq
        | NotEq | And | Or | PGRegexMatch | PGRegexIMatch | PGRegexNotMatch | PGRegexNotIMatch => {
            Ok(())
        }
        _ => Err(SqlError::new("42883", format!("operator does not exist: {operator}"))),
    }
}
