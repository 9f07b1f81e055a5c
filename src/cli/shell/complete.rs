//! Completion of keywords and names.

use super::command::{self, NAMES};
use crate::cli::suggest::TABLES_BESIDE;
use crate::model::{Model, quoted};
use crate::star::{Group, Queries};

/// Keywords and functions of queries.
const KEYWORDS: [&str; 48] = [
    "ALL",
    "AND",
    "AS",
    "ASC",
    "AVG",
    "BETWEEN",
    "BY",
    "CASE",
    "CAST",
    "COALESCE",
    "COUNT",
    "CROSS",
    "DATE_TRUNC",
    "DESC",
    "DISTINCT",
    "ELSE",
    "END",
    "EXCEPT",
    "EXISTS",
    "EXTRACT",
    "FROM",
    "FULL",
    "GROUP",
    "HAVING",
    "IN",
    "INNER",
    "INTERSECT",
    "IS",
    "JOIN",
    "LEFT",
    "LIKE",
    "LIMIT",
    "MAX",
    "MIN",
    "NOT",
    "NULL",
    "NULLS",
    "ON",
    "OR",
    "ORDER",
    "OVER",
    "PARTITION",
    "SELECT",
    "SUM",
    "UNION",
    "USING",
    "WHERE",
    "WITH",
];

/// Names that the shell completes.
#[derive(Debug, Default)]
pub struct Names {
    /// Tables, with their columns.
    tables: Vec<(String, Vec<String>)>,
    queries: Vec<String>,
}

impl Names {
    /// Returns the names of a model and of its analytics queries, quoted if SQL requires it. With `beside`, also
    /// those of the tables that a star has beside its model.
    pub fn new(queries: &Queries, beside: bool) -> Names {
        let model: &Model = queries.model();
        let of_model = model.tables.iter().map(|table| {
            let columns = table.columns.iter().map(|column| quoted(&column.name).into_owned());
            (quoted(&table.name).into_owned(), columns.collect())
        });
        let lists = queries.of(Group::List).map(|query| query.name.as_str());
        let others = lists.chain(TABLES_BESIDE).filter(|_| beside);
        let others = others.map(|table| (table.to_owned(), Vec::new()));
        let analytics = queries.of(Group::Analytics).map(|query| query.name.clone());
        Names { tables: of_model.chain(others).collect(), queries: analytics.collect() }
    }

    /// Returns the position at which the word before `cursor` begins, and its completions.
    pub fn complete(&self, text: &str, cursor: usize) -> (usize, Vec<String>) {
        let before = &text[..cursor];
        let line = before.rsplit('\n').next().unwrap_or_default();
        if before.trim_start().starts_with('\\') {
            let start = cursor - line.rsplit(' ').next().unwrap_or_default().len();
            return (start, self.arguments(before, &before[start..]));
        }
        let is_word = |c: char| c.is_alphanumeric() || matches!(c, '_' | '.' | '"');
        let word = before.rsplit(|c| !is_word(c)).next().unwrap_or_default();
        let start = cursor - word.len();
        match word.rsplit_once('.') {
            Some((table, column)) => (cursor - column.len(), self.columns_of(text, table, column)),
            None if word.is_empty() => (start, Vec::new()),
            None if is_table_next(&before[..start]) => (start, self.tables_like(word)),
            None => (start, self.words(text, word)),
        }
    }

    /// Returns the commands, or the arguments of the command that `before` begins with.
    fn arguments(&self, before: &str, word: &str) -> Vec<String> {
        let command = before.trim_start().split(' ').next().unwrap_or_default();
        let known: Vec<String> = match command {
            _ if word.starts_with('\\') => NAMES.map(str::to_owned).to_vec(),
            r"\d" => {
                self.tables.iter().map(|(name, _)| name.trim_matches('"').to_owned()).collect()
            }
            r"\query" => self.queries.clone(),
            r"\format" => command::formats().map(command::format_name).collect(),
            r"\chart" | r"\timing" => vec!["on".to_owned(), "off".to_owned()],
            _ => Vec::new(),
        };
        known.into_iter().filter(|name| begins(name, word)).collect()
    }

    fn tables_like(&self, word: &str) -> Vec<String> {
        let tables = self.tables.iter().map(|(name, _)| name.clone());
        tables.filter(|name| begins(name, word)).collect()
    }

    /// Returns tables, columns and keywords. Columns of tables that the statement names are preferred.
    fn words(&self, text: &str, word: &str) -> Vec<String> {
        let tables = self.tables.iter().map(|(name, _)| name.clone());
        let named: Vec<_> = self.tables.iter().filter(|(name, _)| names(text, name)).collect();
        let all: Vec<_> = self.tables.iter().collect();
        let columns = if named.is_empty() { all } else { named };
        let columns = columns.into_iter().flat_map(|(_, columns)| columns.clone());
        let is_lower = word.chars().all(|c| !c.is_uppercase());
        let keywords = KEYWORDS.iter().map(|keyword| match is_lower {
            true => keyword.to_lowercase(),
            false => (*keyword).to_owned(),
        });
        let mut found: Vec<String> =
            tables.chain(columns).chain(keywords).filter(|name| begins(name, word)).collect();
        found.sort();
        found.dedup();
        found
    }

    /// Returns the columns of a table, or of the table that has this alias in the statement.
    fn columns_of(&self, text: &str, table: &str, column: &str) -> Vec<String> {
        let is_called = |name: &str| unquoted(name) == unquoted(table);
        let direct = self.tables.iter().find(|(name, _)| is_called(name));
        let found =
            direct.or_else(|| self.tables.iter().find(|(name, _)| aliases(text, name, table)));
        let columns = found.map(|(_, columns)| columns.clone()).unwrap_or_default();
        columns.into_iter().filter(|name| begins(name, column)).collect()
    }
}

/// Returns `true` if a table follows the text.
fn is_table_next(before: &str) -> bool {
    let last = before.split_whitespace().next_back().unwrap_or_default();
    ["from", "join"].iter().any(|word| word.eq_ignore_ascii_case(last))
}

/// Returns `true` if a name begins with a word, in any case and without regard to quotes.
fn begins(name: &str, word: &str) -> bool {
    unquoted(name).starts_with(&unquoted(word))
}

fn unquoted(name: &str) -> String {
    name.trim_matches('"').to_lowercase()
}

/// Returns the words of a statement.
fn words_of(text: &str) -> Vec<String> {
    let words = text.split(|c: char| !c.is_alphanumeric() && c != '_');
    words.filter(|word| !word.is_empty()).map(str::to_lowercase).collect()
}

/// Returns `true` if the statement contains a table's name.
fn names(text: &str, table: &str) -> bool {
    words_of(text).contains(&unquoted(table))
}

/// Returns `true` if the statement contains `TABLE ALIAS` or `TABLE AS ALIAS`.
fn aliases(text: &str, table: &str, alias: &str) -> bool {
    let (words, table, alias) = (words_of(text), unquoted(table), unquoted(alias));
    words.iter().enumerate().any(|(at, word)| {
        let next = |n: usize| words.get(at + n).map(String::as_str);
        *word == table
            && (next(1) == Some(&alias) || (next(1) == Some("as") && next(2) == Some(&alias)))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn complete(text: &str) -> Vec<String> {
        Names::new(&Queries::built_in(), true).complete(text, text.len()).1
    }

    #[test]
    fn words_are_completed_by_their_place() {
        assert_eq!(complete("sel"), ["select"]);
        assert_eq!(complete("SEL"), ["SELECT"]);
        assert_eq!(complete("select * from songp"), ["songplays"]);
        assert_eq!(complete("select * from users where fir"), ["first_name"]);
        assert_eq!(complete("select users.fir"), ["first_name"]);
        assert_eq!(complete("select * from users as u where u.la"), ["last_name"]);
        assert_eq!(complete("select * from tim"), ["\"time\""]);
        assert_eq!(complete("select * from rej"), ["rejects"]);
        assert_eq!(complete("select "), Vec::<String>::new());
    }

    #[test]
    fn commands_and_their_arguments_are_completed() {
        assert_eq!(complete(r"\qu"), [r"\query"]);
        assert_eq!(complete(r"\query most"), ["most_played_songs"]);
        assert_eq!(complete(r"\d ti"), ["time"]);
        assert_eq!(complete(r"\format mark"), ["markdown"]);
        assert_eq!(complete(r"\chart o"), ["on", "off"]);
    }
}
