//! The lists of a star. They are files beside the tables: warehouses and earlier stars lack them.

use std::collections::BTreeSet;

use super::star::Star;
use crate::star::Group;

impl Star {
    /// Returns the names of the tables that a query reads, in their order; none if it is not SQL of DataFusion.
    pub(crate) fn tables_read(&self, sql: &str) -> Vec<String> {
        let state = self.session().state();
        let dialect = state.config_options().sql_parser.dialect;
        let statement = state.sql_to_statement(sql, &dialect);
        let tables = statement.and_then(|statement| state.resolve_table_references(&statement));
        let names: BTreeSet<String> =
            tables.unwrap_or_default().iter().map(|table| table.table().to_owned()).collect();
        names.into_iter().collect()
    }

    /// Returns those of the tables that a query reads which are lists of the star or of its model.
    pub(crate) fn lists_read(&self, sql: &str) -> Vec<String> {
        let is_list = |table: &String| {
            let mut declared = self.queries().of(Group::List);
            self.record().lists.contains_key(table) || declared.any(|query| query.name == *table)
        };
        self.tables_read(sql).into_iter().filter(is_list).collect()
    }

    /// Returns the reason why a query cannot run on the star, if it reads a list that the star lacks.
    pub(crate) fn missing_list(&self, sql: &str) -> Option<String> {
        let mut lists = self.lists_read(sql).into_iter();
        let missing = lists.find(|list| !self.record().lists.contains_key(list))?;
        let run = &self.record().run_id;
        Some(format!("the star of run {run} has no list {missing}; the next transform adds it"))
    }
}
