//! The star schema: the single definition of its tables, columns, types, keys and meanings.
//!
//! The Parquet files, the checks, the diagram in docs/tables.md and the output of `starlift schema` are all
//! derived from it.

use std::sync::{Arc, LazyLock};

use arrow::datatypes::{DataType, Field, Schema, SchemaRef, TimeUnit};
use serde::Serialize;

/// The type of a star column.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ColumnType {
    /// Signed 16-bit integer.
    SmallInt,
    /// Signed 32-bit integer.
    Integer,
    /// Signed 64-bit integer.
    BigInt,
    /// 64-bit floating-point number.
    Double,
    /// UTF-8 text.
    Text,
    /// Microseconds since 1970-01-01 without a time zone. All times are UTC.
    Timestamp,
}

/// The role of a column in keys.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Key {
    /// Not part of a key.
    None,
    /// The primary key of its table.
    Primary,
    /// A foreign key: it references the primary key of the named table.
    Foreign(&'static str),
}

/// A column of a star table.
#[derive(Debug, Clone, Copy)]
pub struct Column {
    /// Name of the column, unique within its table.
    pub name: &'static str,
    /// Type of its values in Parquet and in the warehouse.
    pub column_type: ColumnType,
    /// `true` if the column can contain nulls.
    pub nullable: bool,
    /// Role of the column in keys.
    pub key: Key,
    /// Description for people, such as `length in seconds`.
    pub meaning: &'static str,
}

/// A table of the star.
#[derive(Debug, Clone, Copy)]
pub struct Table {
    /// Name of the table, such as `songplays`.
    pub name: &'static str,
    /// Description of what one row represents.
    pub grain: &'static str,
    /// Columns, in the order of the Parquet files and the warehouse tables.
    pub columns: &'static [Column],
    /// Columns that the rows are sorted by, ascending.
    pub sorted_by: &'static [&'static str],
}

/// Name of the fact table: plays of songs.
pub const SONGPLAYS: &str = "songplays";
/// Name of the dimension of listeners.
pub const USERS: &str = "users";
/// Name of the dimension of songs.
pub const SONGS: &str = "songs";
/// Name of the dimension of artists.
pub const ARTISTS: &str = "artists";
/// Name of the dimension of start times.
pub const TIME: &str = "time";

use ColumnType::{BigInt, Double, Integer, SmallInt, Text, Timestamp};

const fn key(name: &'static str, column_type: ColumnType, meaning: &'static str) -> Column {
    Column { name, column_type, nullable: false, key: Key::Primary, meaning }
}

const fn required(name: &'static str, column_type: ColumnType, meaning: &'static str) -> Column {
    Column { name, column_type, nullable: false, key: Key::None, meaning }
}

const fn optional(name: &'static str, column_type: ColumnType, meaning: &'static str) -> Column {
    Column { name, column_type, nullable: true, key: Key::None, meaning }
}

const fn references(column: Column, table: &'static str) -> Column {
    Column { key: Key::Foreign(table), ..column }
}

const SONGPLAYS_COLUMNS: &[Column] = &[
    key(
        "songplay_id",
        BigInt,
        "63-bit fingerprint of ts, userId, sessionId and itemInSession: the same in every run",
    ),
    references(
        required("start_time", Timestamp, "when the play began, UTC, to the millisecond"),
        TIME,
    ),
    references(required("user_id", BigInt, "who listened"), USERS),
    optional("level", Text, "the listener's plan at that moment: free or paid"),
    references(
        optional("song_id", Text, "the matched song; null when the catalogue has no match"),
        SONGS,
    ),
    references(
        optional("artist_id", Text, "the matched song's artist; null without a match"),
        ARTISTS,
    ),
    required("session_id", BigInt, "the listener's session"),
    optional("location", Text, "where the listener was"),
    optional("user_agent", Text, "the listener's browser"),
];

const USERS_COLUMNS: &[Column] = &[
    key("user_id", BigInt, "the listener"),
    optional("first_name", Text, "as of the listener's latest event"),
    optional("last_name", Text, "as of the listener's latest event"),
    optional("gender", Text, "as of the listener's latest event"),
    optional("level", Text, "plan as of the listener's latest event: free or paid"),
];

const SONGS_COLUMNS: &[Column] = &[
    key("song_id", Text, "the song"),
    required("title", Text, "its title"),
    references(required("artist_id", Text, "who performs it"), ARTISTS),
    optional("year", Integer, "year of release; null when unknown"),
    optional("duration", Double, "length in seconds"),
];

const ARTISTS_COLUMNS: &[Column] = &[
    key("artist_id", Text, "the artist"),
    required("name", Text, "the artist's name"),
    optional("location", Text, "where the artist is from"),
    optional("latitude", Double, "degrees north"),
    optional("longitude", Double, "degrees east"),
];

const TIME_COLUMNS: &[Column] = &[
    key("start_time", Timestamp, "a moment at which some play began, UTC"),
    required("hour", SmallInt, "0 to 23"),
    required("day", SmallInt, "day of the month, 1 to 31"),
    required("week", SmallInt, "ISO 8601 week, 1 to 53"),
    required("month", SmallInt, "1 to 12"),
    required("year", SmallInt, "calendar year"),
    required("weekday", SmallInt, "0 = Sunday to 6 = Saturday"),
];

/// The five tables, in the order in which they are built. `time` comes after `songplays`, which its query
/// reads.
pub const TABLES: [Table; 5] = [
    Table {
        name: SONGS,
        grain: "one row per song_id",
        columns: SONGS_COLUMNS,
        sorted_by: &["song_id"],
    },
    Table {
        name: ARTISTS,
        grain: "one row per artist_id",
        columns: ARTISTS_COLUMNS,
        sorted_by: &["artist_id"],
    },
    Table {
        name: USERS,
        grain: "one row per user_id",
        columns: USERS_COLUMNS,
        sorted_by: &["user_id"],
    },
    Table {
        name: SONGPLAYS,
        grain: "one row per play: an event whose page is NextSong",
        columns: SONGPLAYS_COLUMNS,
        sorted_by: &["start_time", "songplay_id"],
    },
    Table {
        name: TIME,
        grain: "one row per distinct start_time of songplays",
        columns: TIME_COLUMNS,
        sorted_by: &["start_time"],
    },
];

impl Table {
    /// Returns the table called `name`, or `None` if there is none.
    pub fn named(name: &str) -> Option<&'static Table> {
        static ALL: [Table; 5] = TABLES;
        ALL.iter().find(|table| table.name == name)
    }

    /// Returns the name of the primary key column.
    pub fn primary_key(&self) -> Option<&'static str> {
        self.columns.iter().find(|column| column.key == Key::Primary).map(|column| column.name)
    }

    /// Returns the Arrow schema: names, types and nullability, without metadata.
    pub fn schema(&self) -> SchemaRef {
        static SCHEMAS: LazyLock<Vec<(&str, SchemaRef)>> =
            LazyLock::new(|| TABLES.iter().map(|t| (t.name, arrow_schema(t.columns))).collect());
        SCHEMAS
            .iter()
            .find(|(name, _)| *name == self.name)
            .map_or_else(|| arrow_schema(self.columns), |(_, schema)| schema.clone())
    }
}

fn arrow_schema(columns: &[Column]) -> SchemaRef {
    let fields = columns.iter().map(|c| Field::new(c.name, c.column_type.arrow(), c.nullable));
    Arc::new(Schema::new(fields.collect::<Vec<_>>()))
}

impl ColumnType {
    /// Returns the Arrow type.
    pub fn arrow(self) -> DataType {
        match self {
            SmallInt => DataType::Int16,
            Integer => DataType::Int32,
            BigInt => DataType::Int64,
            Double => DataType::Float64,
            Text => DataType::Utf8,
            Timestamp => DataType::Timestamp(TimeUnit::Microsecond, None),
        }
    }

    /// Returns the SQL type in the spelling that PostgreSQL and Redshift share.
    pub fn sql(self) -> &'static str {
        match self {
            SmallInt => "SMALLINT",
            Integer => "INTEGER",
            BigInt => "BIGINT",
            Double => "DOUBLE PRECISION",
            Text => "VARCHAR",
            Timestamp => "TIMESTAMP",
        }
    }
}

/// Returns the star schema as a Mermaid entity-relationship diagram.
pub fn mermaid() -> String {
    let mut out = String::from("erDiagram\n");
    for table in &TABLES {
        for column in table.columns {
            if let Key::Foreign(target) = column.key {
                let many = if column.nullable { "|o" } else { "||" };
                out += &format!("    {target} {many}--o{{ {} : {}\n", table.name, column.name);
            }
        }
    }
    for table in &TABLES {
        out += &format!("    {} {{\n", table.name);
        for column in table.columns {
            out += &mermaid_column(column);
        }
        out += "    }\n";
    }
    out
}

fn mermaid_column(column: &Column) -> String {
    let key = match column.key {
        Key::Primary => " PK",
        Key::Foreign(_) => " FK",
        Key::None => "",
    };
    let sql_type = column.column_type.sql().replace(' ', "_");
    let null = if column.nullable { "" } else { "not null, " };
    // Some Mermaid parsers treat a semicolon as the end of a statement, even within quotes.
    let meaning = column.meaning.replace(';', ",");
    format!("        {sql_type} {}{key} \"{null}{meaning}\"\n", column.name)
}

#[derive(Serialize)]
struct TableDocument {
    name: &'static str,
    grain: &'static str,
    primary_key: Vec<&'static str>,
    sorted_by: &'static [&'static str],
    columns: Vec<ColumnDocument>,
}

#[derive(Serialize)]
struct ColumnDocument {
    name: &'static str,
    #[serde(rename = "type")]
    sql_type: &'static str,
    arrow_type: String,
    nullable: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    references: Option<&'static str>,
    meaning: &'static str,
}

/// Returns the star schema as a JSON document.
pub fn json() -> serde_json::Value {
    let tables: Vec<TableDocument> = TABLES.iter().map(table_document).collect();
    serde_json::json!({ "tables": tables })
}

fn table_document(table: &Table) -> TableDocument {
    let primary = table.columns.iter().filter(|c| c.key == Key::Primary);
    TableDocument {
        name: table.name,
        grain: table.grain,
        primary_key: primary.map(|c| c.name).collect(),
        sorted_by: table.sorted_by,
        columns: table
            .columns
            .iter()
            .map(|c| ColumnDocument {
                name: c.name,
                sql_type: c.column_type.sql(),
                arrow_type: c.column_type.arrow().to_string(),
                nullable: c.nullable,
                references: if let Key::Foreign(target) = c.key { Some(target) } else { None },
                meaning: c.meaning,
            })
            .collect(),
    }
}
