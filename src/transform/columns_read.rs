//! The columns and tables that a plan scans.

use std::collections::BTreeSet;

use datafusion::common::tree_node::TreeNodeRecursion;
use datafusion::logical_expr::LogicalPlan;

/// Returns the columns that `plan` scans, with their tables, and all tables that it scans.
#[expect(clippy::type_complexity, reason = "two sets of names")]
pub(super) fn columns_read(
    plan: &LogicalPlan,
) -> datafusion::error::Result<(BTreeSet<(String, String)>, BTreeSet<String>)> {
    let (mut columns, mut tables) = (BTreeSet::new(), BTreeSet::new());
    plan.apply_with_subqueries(|node| {
        if let LogicalPlan::TableScan(scan) = node {
            let table = scan.table_name.table();
            let read = scan.projected_schema.fields().iter();
            columns.extend(read.map(|column| (table.to_owned(), column.name().clone())));
            tables.insert(table.to_owned());
        }
        Ok(TreeNodeRecursion::Continue)
    })?;
    Ok((columns, tables))
}
