//! Known names that are similar to an unknown one: "did you mean".

use datafusion::common::SchemaError;
use datafusion::error::DataFusionError;

use crate::cli::error::{Error, Result};
use crate::error::Error as StarError;
use crate::model::Model;
use crate::star::{Group, Queries, Query};
use crate::warehouse::error::{Cause, Error as WarehouseError};

/// Maximum number of suggestions.
const MAX_SUGGESTIONS: usize = 3;

/// Tables of a star that its model does not declare.
pub const TABLES_BESIDE: [&str; 3] = ["inputs", "rejects", "run"];

/// Returns the query called `name` in a group.
///
/// # Errors
///
/// Returns an error with similar names if it does not exist.
pub fn query<'q>(queries: &'q Queries, group: Group, name: &str) -> Result<&'q Query> {
    let known = || queries.of(group).map(|query| query.name.as_str());
    queries.get(group, name).map_err(|error| among(error.into(), name, known()))
}

/// Adds to the error of an unknown name those of the known names that are similar.
pub fn among<'n>(error: Error, name: &str, known: impl IntoIterator<Item = &'n str>) -> Error {
    let similar = similar(name, known);
    if similar.is_empty() {
        return error;
    }
    Error::UnknownName { error: Box::new(error), similar }
}

/// Adds similar names to the error of a query on the tables of `model` if it names an unknown table or
/// column. A table that only a star has is not unknown: the error then states that warehouses lack it.
pub fn in_sql(error: Error, sql: &str, model: &Model) -> Error {
    let Some(unknown) = unknown(&error) else { return error };
    let lists = model.sql_of(Group::List).map(|list| list.name.as_str());
    let beside: Vec<&str> = lists.chain(TABLES_BESIDE).collect();
    let is_in_warehouse = matches!(error, Error::Warehouse(_));
    match unknown {
        Unknown::Table(name) if is_in_warehouse && beside.contains(&&*name) => {
            Error::Usage(format!(
                "the table {name} is not loaded into warehouses; it is beside the files of a star: use --star \
                 instead of --on"
            ))
        }
        Unknown::Table(name) => {
            let tables = model.tables.iter().map(|table| table.name.as_str());
            among(error, &name, tables.chain(beside.into_iter().filter(|_| !is_in_warehouse)))
        }
        Unknown::Column(name, None) => {
            let known = columns_of(sql, model);
            among(error, &name, known)
        }
        Unknown::Column(name, Some(known)) => {
            let known: Vec<&str> = known.iter().map(String::as_str).collect();
            among(error, &name, known)
        }
    }
}

/// Returns the columns of the tables that the query names, or of all tables if it names none.
fn columns_of<'m>(sql: &str, model: &'m Model) -> Vec<&'m str> {
    let sql = sql.to_lowercase();
    let is_named = |table: &str| sql.contains(&table.to_lowercase());
    let any = model.tables.iter().any(|table| is_named(&table.name));
    let tables = model.tables.iter().filter(|table| !any || is_named(&table.name));
    tables.flat_map(|table| &table.columns).map(|column| column.name.as_str()).collect()
}

/// A name in a query that does not exist.
#[derive(Debug, PartialEq, Eq)]
enum Unknown {
    Table(String),
    /// The column, and the columns that exist at its place, if known.
    Column(String, Option<Vec<String>>),
}

/// Returns the name that an error reports as unknown.
fn unknown(error: &Error) -> Option<Unknown> {
    match error {
        Error::Star(StarError::Query { source, .. }) => of_engine(source),
        Error::Warehouse(WarehouseError::Server(error)) => match &error.cause {
            Cause::Server(error) => of_server(&error.message),
            _ => None,
        },
        _ => None,
    }
}

fn of_engine(error: &DataFusionError) -> Option<Unknown> {
    match error.find_root() {
        DataFusionError::SchemaError(error, _) => match error.as_ref() {
            // The message already contains a suggestion.
            found @ SchemaError::FieldNotFound { field, valid_fields } => {
                let known = valid_fields.iter().map(|field| field.name.clone()).collect();
                let is_suggested = found.to_string().contains("Did you mean");
                (!is_suggested).then(|| Unknown::Column(field.name.clone(), Some(known)))
            }
            _ => None,
        },
        DataFusionError::Plan(message) => {
            let name = message.strip_prefix("table '")?.split_once("' not found")?.0;
            Some(Unknown::Table(last_part(name)))
        }
        _ => None,
    }
}

/// Parses the messages of PostgreSQL and Redshift.
fn of_server(message: &str) -> Option<Unknown> {
    let named = |kind: &str| {
        let rest = message.split_once(kind)?.1;
        Some(last_part(rest.split_once(" does not exist")?.0))
    };
    named("relation ")
        .map(Unknown::Table)
        .or_else(|| named("column ").map(|name| Unknown::Column(name, None)))
}

/// Returns the last part of a name such as `"public"."plays"`.
fn last_part(name: &str) -> String {
    name.rsplit('.').next().unwrap_or(name).trim_matches('"').to_owned()
}

/// Returns the known names that are most similar to `name`: those with few different characters, else those that
/// contain it or that it contains.
fn similar<'n>(name: &str, known: impl IntoIterator<Item = &'n str>) -> Vec<String> {
    let name = name.to_lowercase();
    let length = name.chars().count();
    let (mut close, mut related) = (Vec::new(), Vec::new());
    for candidate in known {
        let lower = candidate.to_lowercase();
        let other = lower.chars().count();
        let (shortest, longest) = (length.min(other), length.max(other));
        // Distances of long texts are expensive, and names of very different lengths are not similar.
        if longest < 2 || longest - shortest > longest / 2 {
            continue;
        }
        let distance = strsim::damerau_levenshtein(&name, &lower);
        if distance <= (longest / 3).max(1) {
            close.push((distance, candidate));
        } else if shortest > 3 && (lower.contains(&name) || name.contains(&lower)) {
            related.push((distance, candidate));
        }
    }
    let mut found = if close.is_empty() { related } else { close };
    found.sort_unstable();
    found.dedup();
    let nearest = found.first().map_or(0, |(distance, _)| *distance);
    found.retain(|(distance, _)| *distance <= nearest + 1);
    found.into_iter().take(MAX_SUGGESTIONS).map(|(_, name)| name.to_owned()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn similar_names_are_sorted_by_distance() {
        let tables = ["songplays", "users", "songs", "artists", "time"];
        assert_eq!(similar("plays", tables), ["songplays"]);
        assert_eq!(similar("song", tables), ["songs"]);
        assert_eq!(similar("USER", tables), ["users"]);
        assert_eq!(similar("songsplay", tables), ["songplays"]);
        assert_eq!(similar("weather", tables), Vec::<String>::new());
        assert_eq!(similar("", tables), Vec::<String>::new());
        assert_eq!(similar(&"x".repeat(1_000_000), tables), Vec::<String>::new());
    }

    #[test]
    fn messages_of_servers_name_what_is_missing() {
        let table = |name: &str| Some(Unknown::Table(name.to_owned()));
        let column = |name: &str| Some(Unknown::Column(name.to_owned(), None));
        assert_eq!(of_server("relation \"star.plays\" does not exist"), table("plays"));
        assert_eq!(of_server("column \"titel\" does not exist"), column("titel"));
        assert_eq!(of_server("column u.levl does not exist"), column("levl"));
        assert_eq!(of_server("column \"titel\" does not exist in songs"), column("titel"));
        assert_eq!(of_server("syntax error at or near \"FRM\""), None);
    }
}
