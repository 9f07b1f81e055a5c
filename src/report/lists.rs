//! The lists that the figures of a report read. They are files beside the tables: warehouses and earlier stars lack
//! them.

use std::collections::BTreeSet;

use crate::api::Star;
use crate::star::Group;

/// Returns the names of the tables that a query reads, in their order; none if it is not SQL of DataFusion.
pub(super) fn tables_read(star: &Star, sql: &str) -> Vec<String> {
    let state = star.session().state();
    let dialect = state.config_options().sql_parser.dialect;
    let statement = state.sql_to_statement(sql, &dialect);
    let tables = statement.and_then(|statement| state.resolve_table_references(&statement));
    let names: BTreeSet<String> =
        tables.unwrap_or_default().iter().map(|table| table.table().to_owned()).collect();
    names.into_iter().collect()
}

/// Returns those of `tables` that are lists of the star or of its model.
pub(super) fn of(star: &Star, tables: &[String]) -> Vec<String> {
    let is_list = |table: &&String| {
        let mut declared = star.queries().of(Group::List);
        star.record().lists.contains_key(*table) || declared.any(|query| query.name == **table)
    };
    tables.iter().filter(is_list).cloned().collect()
}

/// Returns the reason why a query cannot run on the star: it reads a list that the star lacks.
pub(super) fn missing(star: &Star, sql: &str) -> Option<String> {
    let lists = of(star, &tables_read(star, sql));
    let missing = lists.into_iter().find(|list| !star.record().lists.contains_key(list))?;
    Some(format!(
        "the star of run {} has no list {missing}; the next transform adds it",
        star.record().run_id
    ))
}
