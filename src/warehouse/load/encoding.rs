//! Finds the texts that a PostgreSQL database in an encoding other than UTF-8 cannot store.

use std::collections::BTreeSet;
use std::sync::Arc;

use arrow::array::{AsArray, StringArray};
use arrow::compute::cast;
use arrow::datatypes::DataType;
use datafusion::prelude::SessionContext;
use futures::TryStreamExt;

use crate::escape;
use crate::star::model::{ColumnType, Table};
use crate::warehouse::connection::session::Session;
use crate::warehouse::error::Result;
use crate::warehouse::sql::quote;

/// Number of characters to check per query.
const CHARACTERS_AT_ONCE: usize = 4096;

/// Number of characters of a value to show in a message.
const SHOWN_CHARACTERS: usize = 60;

/// Returns `true` if a database in this encoding stores the bytes of UTF-8 unchanged. SQL_ASCII
/// converts nothing. A server that reports no encoding is assumed to use UTF-8, as Redshift does.
pub fn is_utf8(encoding: Option<&str>) -> bool {
    matches!(encoding, None | Some("UTF8" | "SQL_ASCII"))
}

/// Returns the texts that the database of `session` cannot store: one line per column, with the
/// number of values and the first of them. `others` are texts from outside the tables, as pairs of
/// name and text.
///
/// # Errors
///
/// Returns an error if the files cannot be read or the query to the server fails.
pub async fn unstorable(
    session: &Session,
    files: &SessionContext,
    tables: &[Arc<Table>],
    others: &[(&str, &str)],
) -> Result<Vec<String>> {
    if is_utf8(session.encoding()) {
        return Ok(Vec::new());
    }
    let mut used = Characters::default();
    others.iter().for_each(|(_, text)| used.add(text));
    for table in tables {
        each_text(files, table, |_, text| used.add(text)).await?;
    }
    let missing = missing(session, &used.0).await?;
    if missing.is_empty() {
        return Ok(Vec::new());
    }
    let mut lines = Vec::new();
    for (name, text) in others {
        lines.extend(Tally::of(text, &missing).line(name));
    }
    for table in tables {
        let mut tallies = vec![Tally::default(); texts(table).count()];
        each_text(files, table, |column, text| tallies[column].add(text, &missing)).await?;
        for (column, tally) in texts(table).zip(tallies) {
            lines.extend(tally.line(&format!("{}.{column}", table.name)));
        }
    }
    Ok(lines)
}

/// A set of non-ASCII characters. Every encoding of PostgreSQL contains ASCII.
#[derive(Default)]
struct Characters(BTreeSet<char>);

impl Characters {
    fn add(&mut self, text: &str) {
        if !text.is_ascii() {
            self.0.extend(text.chars().filter(|c| !c.is_ascii()));
        }
    }
}

/// Values of a column that the database cannot store.
#[derive(Debug, Clone, Default)]
struct Tally {
    values: u64,
    first: Option<(String, char)>,
}

impl Tally {
    fn of(text: &str, missing: &BTreeSet<char>) -> Tally {
        let mut tally = Tally::default();
        tally.add(text, missing);
        tally
    }

    fn add(&mut self, text: &str, missing: &BTreeSet<char>) {
        if text.is_ascii() {
            return;
        }
        if let Some(character) = text.chars().find(|c| missing.contains(c)) {
            self.values += 1;
            self.first.get_or_insert_with(|| (text.to_owned(), character));
        }
    }

    fn line(&self, name: &str) -> Option<String> {
        let (text, character) = self.first.as_ref()?;
        let text: String = text.chars().take(SHOWN_CHARACTERS).collect();
        let values = if self.values == 1 { "value" } else { "values" };
        Some(format!(
            "{name}: {} {values}, the first {:?} (U+{:04X})",
            self.values,
            escape::line(&text),
            u32::from(*character)
        ))
    }
}

fn texts(table: &Table) -> impl Iterator<Item = &str> {
    let texts = table.columns.iter().filter(|column| column.column_type == ColumnType::Text);
    texts.map(|column| &*column.name)
}

/// Calls `visit` with the texts of a table and the index of their column among the table's text
/// columns. Skips a batch's column if it is all ASCII.
async fn each_text(
    files: &SessionContext,
    table: &Table,
    mut visit: impl FnMut(usize, &str),
) -> Result<()> {
    let columns: Result<Vec<_>, _> = texts(table).map(quote::name).collect();
    let columns = columns?;
    if columns.is_empty() {
        return Ok(());
    }
    let failed = |e| crate::error::Error::query(&table.name, e);
    let sql = format!("SELECT {} FROM {}", columns.join(", "), quote::name(&table.name)?);
    let rows = files.sql(&sql).await.map_err(failed)?;
    let mut batches = rows.execute_stream().await.map_err(failed)?;
    while let Some(batch) = batches.try_next().await.map_err(failed)? {
        for (i, column) in batch.columns().iter().enumerate() {
            let column = cast(column, &DataType::Utf8)?;
            let values: &StringArray = column.as_string();
            if !values.value_data().is_ascii() {
                values.iter().flatten().for_each(|text| visit(i, text));
            }
        }
    }
    Ok(())
}

/// Returns the characters that the encoding of the database lacks.
async fn missing(session: &Session, characters: &BTreeSet<char>) -> Result<BTreeSet<char>> {
    let characters: Vec<char> = characters.iter().copied().collect();
    let mut missing = BTreeSet::new();
    for chunk in characters.chunks(CHARACTERS_AT_ONCE) {
        let found =
            session.value("check the characters of the database", &conversion_query(chunk)).await?;
        for code in found.unwrap_or_default().split_whitespace() {
            missing.extend(code.parse().ok().and_then(char::from_u32));
        }
    }
    Ok(missing)
}

/// Returns a statement that converts each character separately, followed by a query for the code
/// points that could not be converted.
fn conversion_query(characters: &[char]) -> String {
    let hex = |c: &char| {
        let mut bytes = [0; 4];
        let bytes = c.encode_utf8(&mut bytes).bytes();
        let bytes: String = bytes.map(|byte| format!("{byte:02x}")).collect();
        format!("{}:{bytes}", u32::from(*c))
    };
    let list: Vec<String> = characters.iter().map(hex).collect();
    format!(
        "DO $starlift$\nDECLARE\n    pair text;\n    missing text := '';\nBEGIN\n    \
         FOREACH pair IN ARRAY string_to_array('{}', ',') LOOP\n        BEGIN\n            \
         PERFORM convert_from(decode(split_part(pair, ':', 2), 'hex'), 'UTF8');\n        \
         EXCEPTION WHEN untranslatable_character OR character_not_in_repertoire THEN\n            \
         missing := missing || ' ' || split_part(pair, ':', 1);\n        END;\n    END LOOP;\n    \
         PERFORM set_config('starlift.missing', missing, true);\nEND\n$starlift$;\n\
         SELECT current_setting('starlift.missing')",
        list.join(",")
    )
}
