//! Datasets: the JSON records that are read, and the columns of their staging tables.

use std::fmt;

use super::column_type::{ColumnType, TimestampForm};
use super::path::{Origin, Path, RowsPath, Step};

/// A kind of JSON record and the staging table that its records are decoded into.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Dataset {
    /// Name of the dataset, as in `--input NAME=URL`.
    pub name: String,
    /// Name of the staging table, which the queries read.
    pub table: String,
    /// Arrangement of the records in an object.
    pub records: Records,
    /// The array whose elements become the rows. `None` if each record is one row.
    pub rows: Option<RowsPath>,
    /// Condition that divides the rows into two kinds of batches: a query with this condition in
    /// its `WHERE` clause reads whole batches instead of copying rows.
    pub partition: Option<Condition>,
    /// Columns read from the record, in the order of the staging table and of JSONPaths files.
    pub columns: Vec<Column>,
    /// Columns computed from others, which follow `columns` in the staging table.
    pub derived: Vec<Derived>,
}

/// The arrangement of the records in an object.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
pub enum Records {
    /// JSON values one after another, usually one per line.
    Lines,
    /// One JSON array, whose elements are the records.
    Array,
    /// Any mixture of the two.
    #[default]
    Auto,
}

/// A staging column read from the record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Column {
    /// Name in SQL.
    pub name: String,
    /// Place of the value.
    pub path: Path,
    /// Type of the values.
    pub column_type: ColumnType,
    /// Form of the times. `Some` exactly for [`ColumnType::Timestamp`].
    pub form: Option<TimestampForm>,
    /// Records that are rejected without a value.
    pub required: Required,
    /// Texts that mean null.
    pub null_if: Vec<String>,
    /// `true` if the texts have few distinct values, so that they are dictionary-encoded.
    pub repetitive: bool,
}

/// The rows for which a column is required.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Required {
    /// The column is optional.
    Never,
    /// Each row needs a value.
    Always,
    /// A row that satisfies the condition needs a value.
    When(Condition),
}

/// A comparison of a column of the same row with a constant. Null does not satisfy it.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Condition {
    /// Name of the column.
    pub column: String,
    /// The value that satisfies the condition.
    pub equals: Literal,
}

/// A constant.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Literal {
    /// For text columns.
    Text(String),
    /// For integer columns.
    Integer(i64),
    /// For boolean columns.
    Boolean(bool),
}

/// A staging column computed by the decoder.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Derived {
    /// Name in SQL.
    pub name: String,
    /// Rule that computes the values.
    pub rule: DerivedRule,
    /// Rows for which the column has a value; it is null for others. `None` for all rows.
    pub when: Option<Condition>,
}

/// The rule of a derived column.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum DerivedRule {
    /// A non-negative 63-bit hash of the named columns, as BIGINT. [`Dataset::fingerprint_parts`]
    /// defines the bytes that are hashed.
    Fingerprint(Vec<String>),
}

/// A column of a fingerprint.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FingerprintPart {
    /// Index of the column in [`Dataset::columns`].
    pub column: usize,
    /// `true` if the column can be null for rows that have the fingerprint.
    pub nullable: bool,
}

impl Dataset {
    /// Returns the column called `name` and its index in [`Dataset::columns`].
    pub fn column(&self, name: &str) -> Option<(usize, &Column)> {
        self.columns.iter().enumerate().find(|(_, column)| column.name == name)
    }

    /// Returns the names of the columns of the staging table: those read from the record, then the
    /// derived ones.
    pub fn column_names(&self) -> impl Iterator<Item = &str> {
        let read = self.columns.iter().map(|column| column.name.as_str());
        read.chain(self.derived.iter().map(|column| column.name.as_str()))
    }

    /// Returns the keys of the record that lead to a value; a key can occur several times.
    pub fn top_level_keys(&self) -> impl Iterator<Item = &str> {
        let columns = self.columns.iter().filter(|column| column.path.origin == Origin::Record);
        let columns = columns.map(|column| &column.path.steps);
        let steps = columns.chain(self.rows.iter().map(|rows| &rows.steps));
        steps.filter_map(|steps| match steps.first() {
            Some(Step::Key(key)) => Some(key.as_str()),
            Some(Step::Index(_)) | None => None,
        })
    }

    /// Returns the parts of a fingerprint in their order; empty if `derived` is not one.
    ///
    /// The fingerprint is XXH3-64 with seed 0 over the parts, shifted right by one bit. A nullable
    /// part begins with a byte that is 1 for a value and 0 for null. Then follows the value, or a
    /// zero of the same size for null, in little-endian order:
    ///
    /// - integers in 8 bytes, and also times, in the unit of their form (microseconds for RFC 3339)
    ///   and dates, in days since 1970-01-01;
    /// - booleans in 1 byte;
    /// - decimals in 16 bytes, multiplied by ten to the power of their scale;
    /// - texts as their length in 8 bytes, then their UTF-8 bytes.
    ///
    /// This layout is part of the results: a change to it changes the ids of all rows.
    pub fn fingerprint_parts(&self, derived: &Derived) -> Vec<FingerprintPart> {
        let DerivedRule::Fingerprint(names) = &derived.rule;
        let found = names.iter().filter_map(|name| self.column(name));
        let part = |(index, column): (usize, &Column)| FingerprintPart {
            column: index,
            nullable: match &column.required {
                Required::Always => false,
                Required::Never => true,
                // The condition of the fingerprint must imply the condition of the column.
                Required::When(condition) => Some(condition) != derived.when.as_ref(),
            },
        };
        found.map(part).collect()
    }
}

impl Column {
    /// Returns `true` if the staging column can contain nulls.
    pub fn is_nullable(&self) -> bool {
        self.required != Required::Always
    }
}

impl Derived {
    /// Returns the type of the values.
    pub fn column_type(&self) -> ColumnType {
        match self.rule {
            DerivedRule::Fingerprint(_) => ColumnType::BigInt,
        }
    }

    /// Returns `true` if the column can contain nulls.
    pub fn is_nullable(&self) -> bool {
        self.when.is_some()
    }
}

impl Records {
    /// All arrangements.
    pub const ALL: [Records; 3] = [Records::Lines, Records::Array, Records::Auto];

    /// Returns the name of the arrangement in `model.toml`.
    pub fn name(self) -> &'static str {
        match self {
            Records::Lines => "lines",
            Records::Array => "array",
            Records::Auto => "auto",
        }
    }

    pub(super) fn named(name: &str) -> Option<Records> {
        Records::ALL.into_iter().find(|records| records.name() == name)
    }
}

impl fmt::Display for Literal {
    /// Writes the constant as TOML spells it, except for escapes.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Literal::Text(text) => write!(f, "{text:?}"),
            Literal::Integer(integer) => write!(f, "{integer}"),
            Literal::Boolean(boolean) => write!(f, "{boolean}"),
        }
    }
}
