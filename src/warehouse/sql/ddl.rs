//! The design of the star's tables in a warehouse: text lengths, distribution, sort keys, and the
//! DDL.
//!
//! Names, types, keys and descriptions come from the model, as do those of the Parquet files and of
//! the column list of COPY.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::Deserialize;

use crate::model::{Distribution, Model};
use crate::star::model::{ColumnType, Table};
use crate::star::{Partitioning, RunRecord};
use crate::warehouse::Dialect;
use crate::warehouse::error::{Error, Result};
use crate::warehouse::sql::limits::{BARE_VARCHAR, MAX_VARCHAR};
use crate::warehouse::sql::quote::{self, literal, qualified};

/// Minimum length in bytes of a text column. The values of one run say little about those of the
/// next.
const LEAST_VARCHAR: u64 = 64;

/// Distribution style and sort key of a table in Redshift.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TableSettings {
    /// `auto`, `even`, `all`, or the name of the column whose hash distributes the rows.
    pub distribution: Option<String>,
    /// Columns of the sort key; an empty list leaves the choice to Redshift. The default is that
    /// of the model.
    pub sort_key: Option<Vec<String>>,
}

/// Design of a star table in a warehouse.
#[derive(Debug, Clone)]
pub struct TableDesign {
    /// The table in the star's model.
    pub table: Arc<Table>,
    /// The tables that it references, in the order of its references.
    pub referenced: Vec<Arc<Table>>,
    /// Length in bytes of each text column.
    pub lengths: BTreeMap<String, u32>,
    /// Distribution style. Redshift only.
    pub distribution: Distribution,
    /// Columns of the sort key; an empty list leaves the choice to Redshift. Redshift only.
    pub sort_key: Vec<String>,
}

/// Returns the designs of a model's tables, each table after those it references. Text lengths fit
/// the values in `record`; `settings` override the default distribution and sort keys.
///
/// # Errors
///
/// Returns an error if the settings name an unknown table or column.
pub fn designs(
    model: &Model,
    record: Option<&RunRecord>,
    settings: &BTreeMap<String, TableSettings>,
) -> Result<Vec<TableDesign>> {
    if let Some(unknown) = settings.keys().find(|name| model.table(name).is_none()) {
        let names: Vec<&str> = model.tables.iter().map(|table| &*table.name).collect();
        return Err(Error::Usage(format!(
            "the star has no table {unknown:?}; its tables are {}",
            names.join(", ")
        )));
    }
    let none = TableSettings::default();
    let design = |table: Arc<Table>| {
        let settings = settings.get(&table.name).unwrap_or(&none);
        design(model, table, record, settings)
    };
    model.load_order().into_iter().map(design).collect()
}

fn design(
    model: &Model,
    table: Arc<Table>,
    record: Option<&RunRecord>,
    settings: &TableSettings,
) -> Result<TableDesign> {
    let seen = record.and_then(|record| record.tables.get(&table.name));
    let texts = table.columns.iter().filter(|column| column.column_type == ColumnType::Text);
    // Without a run record to size columns by, they have Redshift's default length.
    let lengths: BTreeMap<String, u32> = texts
        .map(|column| {
            let longest =
                seen.map(|seen| seen.max_text_bytes.get(&column.name).copied().unwrap_or(0));
            (column.name.clone(), longest.map_or(BARE_VARCHAR, varchar_length))
        })
        .collect();
    let referenced =
        table.references.iter().filter_map(|r| model.table(&r.table).cloned()).collect();
    let distribution = match settings.distribution.as_deref() {
        None => table.redshift.distribution.clone(),
        Some(text) => match Distribution::parse(text) {
            Distribution::Key(column) => Distribution::Key(known(&table, &column, "distribution")?),
            other => other,
        },
    };
    let sort_key = match &settings.sort_key {
        None => table.redshift.sort_key.clone(),
        Some(columns) => {
            columns.iter().map(|column| known(&table, column, "sort_key")).collect::<Result<_>>()?
        }
    };
    Ok(TableDesign { table, referenced, lengths, distribution, sort_key })
}

/// Returns the length for a text column: twice the longest value, rounded up to a power of two, so
/// that next month's star fits as well. It is no longer than that because Redshift reserves memory
/// for the declared length, not for the length of the values.
fn varchar_length(longest: u64) -> u32 {
    let length = longest.saturating_mul(2).max(LEAST_VARCHAR);
    let length = length.checked_next_power_of_two().and_then(|length| u32::try_from(length).ok());
    length.unwrap_or(MAX_VARCHAR).min(MAX_VARCHAR)
}

fn known(table: &Table, column: &str, setting: &str) -> Result<String> {
    if table.columns.iter().any(|c| c.name == column) {
        return Ok(column.to_owned());
    }
    let names: Vec<&str> = table.columns.iter().map(|c| &*c.name).collect();
    Err(Error::Usage(format!(
        "{setting} of {}: unknown column {column:?}; the columns are {}",
        table.name,
        names.join(", ")
    )))
}

/// Returns the quoted names, separated by commas.
fn quoted<'a>(names: impl IntoIterator<Item = &'a String>) -> Result<String> {
    let names: Result<Vec<_>, _> = names.into_iter().map(|name| quote::name(name)).collect();
    Ok(names?.join(", "))
}

impl TableDesign {
    /// Returns the statement that creates the table. `named` maps the name of a star table, this
    /// one or one that it references, to its name in the warehouse. `collation` is the quoted
    /// collation of text columns. For PostgreSQL the statement has no keys, because adding them
    /// after the rows are loaded is cheaper.
    ///
    /// # Errors
    ///
    /// Returns an error if the schema or a name is not valid.
    pub fn create(
        &self,
        dialect: Dialect,
        schema: &str,
        named: impl Fn(&str) -> String,
        collation: Option<&str>,
    ) -> Result<String> {
        let mut lines = Vec::new();
        for column in &self.table.columns {
            let sql_type = match self.lengths.get(&*column.name) {
                // A length has no benefit in PostgreSQL, and views that use the column would block
                // changing it.
                Some(length) if dialect == Dialect::Redshift => format!("VARCHAR({length})"),
                _ => column.column_type.sql().into_owned(),
            };
            let collation = match column.column_type {
                ColumnType::Text => collation.map(|name| format!(" COLLATE {name}")),
                _ => None,
            };
            let collation = collation.unwrap_or_default();
            let null = if column.nullable { "" } else { " NOT NULL" };
            lines.push(format!("{} {sql_type}{collation}{null}", quote::name(&column.name)?));
        }
        if dialect == Dialect::Redshift {
            lines.extend(self.keys(schema, &named)?);
        }
        let attributes = match dialect {
            Dialect::Redshift => self.attributes()?,
            Dialect::Postgres => String::new(),
        };
        let table = qualified(schema, &named(&self.table.name))?;
        Ok(format!("CREATE TABLE {table} (\n    {}\n){attributes}", lines.join(",\n    ")))
    }

    /// Returns the statements that add the keys and the index to a table created by [`TableDesign::create`] in
    /// PostgreSQL. `names` are the names of the keys, then that of the index; the server chooses missing ones.
    ///
    /// # Errors
    ///
    /// As for [`TableDesign::create`].
    pub fn add_keys(
        &self,
        schema: &str,
        named: impl Fn(&str) -> String,
        names: &[String],
    ) -> Result<Vec<String>> {
        let table = qualified(schema, &named(&self.table.name))?;
        let keys = self.keys(schema, &named)?.into_iter().enumerate();
        let statement = |(i, key): (usize, String)| {
            let constraint = match names.get(i) {
                Some(name) => format!("CONSTRAINT {} ", quote::name(name)?),
                None => String::new(),
            };
            Ok(format!("ALTER TABLE {table} ADD {constraint}{key}"))
        };
        let mut statements: Vec<String> = keys.map(statement).collect::<Result<_>>()?;
        if let Some(column) = time_index(&self.table) {
            let index = match names.get(1 + self.table.references.len()) {
                Some(index) => format!("{} ", quote::name(index)?),
                None => String::new(),
            };
            let column = quote::name(column)?;
            statements.push(format!("CREATE INDEX {index}ON {table} ({column})"));
        }
        Ok(statements)
    }

    fn keys(&self, schema: &str, named: &impl Fn(&str) -> String) -> Result<Vec<String>> {
        let mut keys = vec![format!("PRIMARY KEY ({})", quoted(&self.table.primary_key)?)];
        for (reference, target) in self.table.references.iter().zip(&self.referenced) {
            keys.push(format!(
                "FOREIGN KEY ({}) REFERENCES {} ({})",
                quoted(&reference.columns)?,
                qualified(schema, &named(&reference.table))?,
                quoted(&target.primary_key)?
            ));
        }
        Ok(keys)
    }

    /// Column encodings are left to Redshift: an explicit encoding on any column turns off its
    /// automatic choice for the whole table, and COPY chooses none for Parquet.
    fn attributes(&self) -> Result<String> {
        let mut text = match &self.distribution {
            Distribution::Auto => "\nDISTSTYLE AUTO".to_owned(),
            Distribution::Even => "\nDISTSTYLE EVEN".to_owned(),
            Distribution::All => "\nDISTSTYLE ALL".to_owned(),
            Distribution::Key(column) => {
                format!("\nDISTSTYLE KEY\nDISTKEY ({})", quote::name(column)?)
            }
        };
        if !self.sort_key.is_empty() {
            text += &format!("\nSORTKEY ({})", quoted(&self.sort_key)?);
        }
        Ok(text)
    }

    /// Returns the COMMENT statements that describe the table and its columns.
    ///
    /// # Errors
    ///
    /// As for [`TableDesign::create`].
    pub fn comments(&self, dialect: Dialect, schema: &str, name: &str) -> Result<Vec<String>> {
        let table = qualified(schema, name)?;
        let grain = literal(&self.table.grain, dialect)?;
        let mut statements = vec![format!("COMMENT ON TABLE {table} IS {grain}")];
        for column in &self.table.columns {
            let meaning = literal(&column.meaning, dialect)?;
            let column = quote::name(&column.name)?;
            statements.push(format!("COMMENT ON COLUMN {table}.{column} IS {meaning}"));
        }
        Ok(statements)
    }

    /// Returns the quoted column names in order, separated by commas.
    ///
    /// # Errors
    ///
    /// Returns an error if a column name is not valid.
    pub fn column_list(&self) -> Result<String> {
        quoted(self.table.columns.iter().map(|column| &column.name))
    }
}

/// Returns the column that PostgreSQL indexes: the time that partitions are made of, unless the primary key begins with
/// it. Without the index, an update would read the whole table to delete the rows of a day, and once more for each row
/// that it deletes from a table that is referenced by the column.
pub fn time_index(table: &Table) -> Option<&str> {
    let column = &table.columns[Partitioning::Day.column(table)?].name;
    (table.primary_key.first() != Some(column)).then_some(column)
}

/// Returns the complete DDL as shown by `starlift schema`.
///
/// # Errors
///
/// As for [`TableDesign::create`].
pub fn ddl(designs: &[TableDesign], dialect: Dialect, schema: &str) -> Result<String> {
    let mut statements =
        vec![format!("CREATE SCHEMA IF NOT EXISTS {}", quote::schema(schema, dialect)?)];
    for design in designs {
        statements.push(design.create(dialect, schema, str::to_owned, None)?);
    }
    for design in designs {
        if dialect == Dialect::Postgres {
            statements.extend(design.add_keys(schema, str::to_owned, &[])?);
        }
        statements.extend(design.comments(dialect, schema, &design.table.name)?);
    }
    Ok(statements.iter().map(|statement| format!("{statement};\n")).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_leave_room_and_stay_within_redshift() {
        for (longest, length) in [
            (0, 64),
            (32, 64),
            (33, 128),
            (200, 512),
            (40_000, 65_535),
            (65_535, 65_535),
            (u64::MAX, 65_535),
        ] {
            assert_eq!(varchar_length(longest), length, "{longest}");
        }
    }

    #[test]
    fn the_ddl_of_redshift() {
        let designs = designs(&Model::built_in(), None, &BTreeMap::new()).unwrap();
        let ddl = ddl(&designs, Dialect::Redshift, "star").unwrap();
        let songs = "CREATE TABLE \"star\".\"songs\" (\n    \"song_id\" VARCHAR(256) NOT NULL,\n    \
             \"title\" VARCHAR(256) NOT NULL,\n    \"artist_id\" VARCHAR(256) NOT NULL,\n    \
             \"year\" INTEGER,\n    \"duration\" DOUBLE PRECISION,\n    PRIMARY KEY (\"song_id\"),\n    \
             FOREIGN KEY (\"artist_id\") REFERENCES \"star\".\"artists\" (\"artist_id\")\n)\n\
             DISTSTYLE ALL\nSORTKEY (\"song_id\");\n";
        assert!(ddl.contains(songs), "{ddl}");
        assert!(
            ddl.contains("\nDISTSTYLE KEY\nDISTKEY (\"start_time\")\nSORTKEY (\"start_time\");")
        );
        assert!(ddl.contains("COMMENT ON COLUMN \"star\".\"time\".\"hour\" IS '0 to 23';"));
    }

    #[test]
    fn the_ddl_of_postgresql_adds_keys_last() {
        let designs = designs(&Model::built_in(), None, &BTreeMap::new()).unwrap();
        let ddl = ddl(&designs, Dialect::Postgres, "star").unwrap();
        assert!(!ddl.contains("DIST") && !ddl.contains("SORTKEY") && !ddl.contains("VARCHAR("));
        let key = "ALTER TABLE \"star\".\"songplays\" ADD FOREIGN KEY (\"user_id\") REFERENCES \
                   \"star\".\"users\" (\"user_id\");";
        assert!(ddl.contains(key), "{ddl}");
    }

    #[test]
    fn an_analyst_changes_keys_without_compiling() {
        let settings: BTreeMap<String, TableSettings> = toml::from_str(
            "songplays = { distribution = \"user_id\", sort_key = [\"user_id\", \"start_time\"] }\n\
             users = { distribution = \"even\", sort_key = [] }",
        )
        .unwrap();
        let made = designs(&Model::built_in(), None, &settings).unwrap();
        let of = |name| made.iter().find(|d| d.table.name == name).unwrap().attributes().unwrap();
        assert_eq!(
            of("songplays"),
            "\nDISTSTYLE KEY\nDISTKEY (\"user_id\")\nSORTKEY (\"user_id\", \"start_time\")"
        );
        assert_eq!(of("users"), "\nDISTSTYLE EVEN");
        for (wrong, says) in [
            ("usres = {}", "usres"),
            ("users = { distribution = \"song_id\" }", "song_id"),
            ("users = { sort_key = [\"x\"] }", "user_id"),
        ] {
            let error = designs(&Model::built_in(), None, &toml::from_str(wrong).unwrap())
                .unwrap_err()
                .to_string();
            assert!(error.contains(says), "{error}");
        }
    }
}
