//! Names of datasets, tables and columns.

use std::collections::BTreeMap;

use super::super::Model;
use super::super::problem::Fault;
use super::super::report::{Report, join};
use super::super::words::{Kind, MAX_NAME_BYTES, MAX_TABLE_BYTES, OWN_PREFIX, is_in, is_plain};

/// A use of a name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Use {
    /// The name of a dataset, which is not part of SQL.
    Dataset,
    /// A staging table.
    StagingTable,
    /// A column of a staging table.
    StagingColumn,
    /// A table of the star.
    Table,
    /// A column of a table of the star.
    Column,
}

impl Use {
    fn is_in_warehouse(self) -> bool {
        matches!(self, Use::Table | Use::Column)
    }

    fn is_table(self) -> bool {
        matches!(self, Use::Table | Use::StagingTable)
    }
}

/// Reports a name that cannot be used.
pub(super) fn check(report: &mut Report, at: &str, name: &str, used: Use) {
    if let Some(fault) = fault(name, used) {
        report.add_fault(at, fault);
    }
}

/// Returns `true` if a model accepts the name for this use.
pub fn is_allowed(name: &str, used: Use) -> bool {
    fault(name, used).is_none()
}

/// Returns the reason why a name cannot be used, and the remedy.
pub(in crate::model) fn fault(name: &str, used: Use) -> Option<Fault> {
    let fault = |reason: String, remedy: String| Some(Fault { reason, remedy });
    if !is_plain(name) {
        let reason = format!("the name {name:?} has characters that SQL accepts only in quotes");
        let mut remedy = "use letters, digits and underscores, and begin with a letter".to_owned();
        if used == Use::StagingColumn {
            remedy += &format!("; keep the key with path = \"$['{name}']\"");
        }
        return fault(reason, remedy);
    }
    let allowed = if used == Use::Table { MAX_TABLE_BYTES } else { MAX_NAME_BYTES };
    if name.len() > allowed {
        let reason = format!("the name has {} bytes, {allowed} are allowed", name.len());
        return fault(reason, "choose a shorter name".to_owned());
    }
    if used == Use::Table && name.starts_with('_') {
        // Programs that read all files of a folder skip such folders, and starlift writes some.
        let reason = format!("the name {name:?} begins with an underscore, as hidden folders do");
        return fault(reason, "begin with a letter".to_owned());
    }
    if used.is_in_warehouse() && name.contains(|c: char| c.is_ascii_uppercase()) {
        let reason = format!("the name {name:?} has capital letters, which Redshift folds");
        return fault(reason, format!("write {:?}", snake_case(name)));
    }
    if let Some(owner) = reserved_by(name, used) {
        return fault(format!("{name:?} is a reserved word of {owner}"), rename(name, used));
    }
    if used.is_table() && is_own(name) {
        let reason = format!("{name:?} is the name of a table of starlift itself");
        return fault(reason, format!("rename it, for example to \"{name}_table\""));
    }
    None
}

fn reserved_by(name: &str, used: Use) -> Option<&'static str> {
    let warehouse = used.is_in_warehouse();
    if used == Use::Dataset {
        None
    } else if is_in(Kind::PostgreSql, name) {
        Some("PostgreSQL")
    } else if warehouse && is_in(Kind::Redshift, name) {
        Some("Redshift")
    } else if used == Use::Column && is_in(Kind::System, name) {
        Some("PostgreSQL (a system column)")
    } else {
        None
    }
}

fn rename(name: &str, used: Use) -> String {
    match used {
        Use::StagingColumn => {
            format!("rename it, for example to \"{name}_\", and add path = \"$.{name}\"")
        }
        Use::Column => format!("rename it, for example to \"{name}_value\""),
        _ => format!("rename it, for example to \"{name}s\""),
    }
}

fn is_own(name: &str) -> bool {
    is_in(Kind::Starlift, name) || name.to_ascii_lowercase().starts_with(OWN_PREFIX)
}

/// Returns a name such as `userId` or `UserID` in the form `user_id`.
pub fn snake_case(name: &str) -> String {
    let mut snake = String::new();
    let mut was_upper = true;
    for c in name.chars() {
        if c.is_ascii_uppercase() && !was_upper && !snake.ends_with('_') {
            snake.push('_');
        }
        was_upper = c.is_ascii_uppercase();
        snake.push(c.to_ascii_lowercase());
    }
    snake
}

/// Reports names of columns that are equal when case is folded.
pub(super) fn unique_columns<'a>(
    report: &mut Report,
    columns: impl Iterator<Item = (String, &'a str)>,
) {
    let mut seen: BTreeMap<String, String> = BTreeMap::new();
    for (at, name) in columns {
        match seen.get(&name.to_lowercase()) {
            Some(first) => {
                let reason = format!("the columns {first:?} and {name:?} differ only in case");
                let reason = if first == name {
                    format!("two columns have the name {name:?}")
                } else {
                    reason
                };
                report.add(&at, reason, "rename one of the two");
            }
            None => {
                seen.insert(name.to_lowercase(), name.to_owned());
            }
        }
    }
}

/// Reports names that are used twice for datasets, or for staging tables and tables of the star, which queries read side by side.
pub(super) fn unique_tables(report: &mut Report, model: &Model) {
    let mut datasets: BTreeMap<String, &str> = BTreeMap::new();
    let mut tables: BTreeMap<String, String> = BTreeMap::new();
    for dataset in &model.datasets {
        let at = join("datasets", &dataset.name);
        if let Some(first) = datasets.insert(dataset.name.to_lowercase(), &dataset.name) {
            let reason =
                format!("the datasets {first:?} and {:?} differ only in case", dataset.name);
            report.add(&at, reason, "rename one of the two");
        }
        let what = format!("the staging table of the dataset {:?}", dataset.name);
        claim(report, &mut tables, &join(&at, "table"), &dataset.table, what);
    }
    for table in &model.tables {
        let what = format!("the table {:?}", table.name);
        claim(report, &mut tables, &join("tables", &table.name), &table.name, what);
    }
}

fn claim(
    report: &mut Report,
    tables: &mut BTreeMap<String, String>,
    at: &str,
    name: &str,
    what: String,
) {
    match tables.get(&name.to_lowercase()) {
        Some(first) => {
            let reason =
                format!("{first} has the name {name:?} as well, or one that differs in case");
            report.add(at, reason, "rename one of the two");
        }
        None => {
            tables.insert(name.to_lowercase(), what);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_in_snake_case() {
        for (name, snake) in
            [("userId", "user_id"), ("UserID", "user_id"), ("A_B", "a_b"), ("plain", "plain")]
        {
            assert_eq!(snake_case(name), snake);
        }
    }
}
