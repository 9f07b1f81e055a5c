//! The order of the rows of a star table.

use datafusion::common::Column;
use datafusion::logical_expr::SortExpr;
use datafusion::prelude::Expr;

use super::model::Table;

/// Returns the sort order of the rows of `table`, see [`Table::order`]: ascending, nulls last.
pub(crate) fn sort_order(table: &Table) -> Vec<SortExpr> {
    table.order().map(|c| Expr::Column(Column::new_unqualified(c)).sort(true, false)).collect()
}
