//! Lists: the rows with the largest counts of values that the tables of the star do not have, such as titles that no
//! song has. The query of a list reads the staging tables, and its rows are a small file beside the tables.

use std::collections::BTreeMap;
use std::sync::Arc;

use arrow::datatypes::{DataType, Field, Schema, SchemaRef, TimeUnit};
use serde::{Deserialize, Serialize};

use super::model::arrow_type;
use super::queries::Query;
use super::record::FileRecord;
use crate::error::{Error, Result};
use crate::model::ColumnType;

/// Maximum number of rows of a list.
const MAX_LIST_ROWS: usize = 10_000;

/// A list of a star.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ListRecord {
    /// File with the rows: the largest counts first, then in the order of the other columns.
    #[serde(flatten)]
    pub file: FileRecord,
    /// Columns, in their order.
    pub columns: Vec<ListColumn>,
    /// Hash of the bytes of the file: XXH3-128 in hexadecimal.
    pub hash: String,
}

/// A column of a list.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ListColumn {
    /// Name.
    pub name: String,
    /// Type, as `model.toml` spells it.
    #[serde(rename = "type")]
    pub column_type: String,
}

impl ListRecord {
    /// Returns the schema of the file, or the reason why it is not known.
    pub(super) fn schema(&self) -> Result<SchemaRef, String> {
        let fields = self.columns.iter().map(|column| {
            let column_type = ColumnType::named(&column.column_type).ok_or_else(|| {
                format!("its column {} has the unknown type {:?}", column.name, column.column_type)
            })?;
            Ok(Field::new(&column.name, arrow_type(column_type), true))
        });
        Ok(Arc::new(Schema::new(fields.collect::<Result<Vec<_>, String>>()?)))
    }

    /// Returns the columns of `schema`, which [`ListHeader::schema`] has made.
    pub(crate) fn columns_of(schema: &Schema) -> Vec<ListColumn> {
        let fields = schema.fields().iter();
        let columns = fields.map(|field| ListColumn {
            name: field.name().clone(),
            column_type: column_type(field.data_type()).map(|t| t.to_string()).unwrap_or_default(),
        });
        columns.collect()
    }
}

/// The entries in the header of the query of a list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ListHeader {
    /// Names of the columns that are counts, in the order by which rows are compared.
    pub counts: Vec<String>,
    /// Maximum number of rows.
    pub top: usize,
    /// `true` if the counts are the sums of those of the days.
    pub is_additive: bool,
}

impl ListHeader {
    /// Reads the header of a query.
    ///
    /// # Errors
    ///
    /// Returns an error if an entry is missing or has an invalid value.
    pub fn of(query: &Query) -> Result<ListHeader> {
        let entry = |label: &str| query.header_entry(label).unwrap_or_default();
        let names = entry("Counts");
        let names = names.split(',').map(|name| name.trim().to_owned());
        let counts: Vec<String> = names.filter(|name| !name.is_empty()).collect();
        if counts.is_empty() {
            let reason = "its header has no entry \"Counts: COLUMN\", which names the columns by which rows are \
                          compared";
            return Err(reject(query, reason));
        }
        let top = entry("Top");
        let Some(rows) = top.parse().ok().filter(|rows| (1..=MAX_LIST_ROWS).contains(rows)) else {
            let reason = format!(
                "the entry \"Top: {top}\" of its header is not a number of rows from 1 to {MAX_LIST_ROWS}"
            );
            return Err(reject(query, &reason));
        };
        let is_additive = query.header_entry("Additive").is_some();
        Ok(ListHeader { counts, top: rows, is_additive })
    }

    /// Returns the schema of the rows of a query that returns the columns `found`.
    ///
    /// # Errors
    ///
    /// Returns an error if a count is not one of the columns or not an integer, or if a column has a type that tables
    /// of a star do not have.
    pub fn schema(&self, query: &Query, found: &Schema) -> Result<SchemaRef> {
        let mut columns: BTreeMap<String, ColumnType> = BTreeMap::new();
        let mut fields = Vec::new();
        for field in found.fields() {
            let name = field.name();
            let Some(column_type) = column_type(field.data_type()) else {
                let reason = format!(
                    "{name} is {}, a type that columns of a star cannot have",
                    field.data_type()
                );
                return Err(reject(query, &reason));
            };
            let is_count = self.counts.contains(name);
            if is_count && !field.data_type().is_integer() {
                let reason = format!("{name} is {}, not an integer", field.data_type());
                return Err(reject(query, &reason));
            }
            let column_type = if is_count { ColumnType::BigInt } else { column_type };
            if columns.insert(name.clone(), column_type).is_some() {
                return Err(reject(query, &format!("it returns two columns {name}")));
            }
            fields.push(Field::new(name, arrow_type(column_type), !is_count));
        }
        if let Some(missing) = self.counts.iter().find(|name| !columns.contains_key(*name)) {
            let reason = format!("its header names the count {missing}, which it does not return");
            return Err(reject(query, &reason));
        }
        if fields.len() == self.counts.len() {
            let reason = "it returns only counts; it needs a column that says what is counted";
            return Err(reject(query, reason));
        }
        Ok(Arc::new(Schema::new(fields)))
    }
}

/// Returns the type of a column of a list, or `None` if tables of a star have no such type.
fn column_type(data_type: &DataType) -> Option<ColumnType> {
    Some(match data_type {
        DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View => ColumnType::Text,
        DataType::Dictionary(_, values) => return column_type(values),
        DataType::Boolean => ColumnType::Boolean,
        DataType::Int8 | DataType::Int16 | DataType::UInt8 => ColumnType::SmallInt,
        DataType::Int32 | DataType::UInt16 => ColumnType::Integer,
        DataType::Int64 | DataType::UInt32 | DataType::UInt64 => ColumnType::BigInt,
        DataType::Float32 | DataType::Float64 => ColumnType::Double,
        DataType::Decimal128(precision, scale) if *scale >= 0 => {
            ColumnType::Decimal { precision: *precision, scale: *scale as u8 }
        }
        DataType::Date32 => ColumnType::Date,
        DataType::Timestamp(TimeUnit::Nanosecond, _) => return None,
        DataType::Timestamp(_, None) => ColumnType::Timestamp,
        _ => return None,
    })
}

fn reject(query: &Query, reason: &str) -> Error {
    Error::WrongColumns { name: query.file(), reason: reason.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::star::{Group, Queries};

    fn query(header: &str) -> Query {
        let sql = format!("{header}\nSELECT 1 AS a");
        Query { name: "l".to_owned(), group: Group::List, sql }
    }

    #[test]
    fn a_header_names_counts_and_a_number_of_rows() {
        let header = ListHeader::of(&query("-- Counts: a, b\n-- Top: 10")).unwrap();
        assert_eq!((header.counts.len(), header.top, header.is_additive), (2, 10, false));
        let queries = Queries::built_in();
        for list in queries.of(Group::List) {
            assert!(ListHeader::of(list).unwrap().is_additive, "{}", list.file());
        }
        for (header, reason) in [
            ("-- Top: 10", "has no entry \"Counts: COLUMN\""),
            ("-- Counts: a", "\"Top: \" of its header is not a number of rows"),
            ("-- Counts: a\n-- Top: many", "\"Top: many\""),
            ("-- Counts: a\n-- Top: 0", "\"Top: 0\""),
            ("-- Counts: a\n-- Top: 10001", "from 1 to 10000"),
        ] {
            let error = ListHeader::of(&query(header)).unwrap_err().to_string();
            assert!(error.contains("lists/l.sql") && error.contains(reason), "{error}");
        }
    }

    #[test]
    fn columns_have_the_types_of_tables() {
        let header = ListHeader { counts: vec!["n".to_owned()], top: 1, is_additive: false };
        let schema = |columns: &[(&str, DataType)]| {
            let fields =
                columns.iter().map(|(name, data_type)| Field::new(*name, data_type.clone(), true));
            header.schema(&query(""), &Schema::new(fields.collect::<Vec<_>>()))
        };
        let found = schema(&[("t", DataType::Utf8View), ("n", DataType::Int32)]).unwrap();
        let columns = ListRecord::columns_of(&found);
        let types: Vec<&str> = columns.iter().map(|column| column.column_type.as_str()).collect();
        assert_eq!(types, ["text", "bigint"]);
        let record = ListRecord { columns, ..ListRecord::default() };
        let read = record.schema().unwrap();
        assert!(
            read.fields().iter().zip(found.fields()).all(|(a, b)| a.data_type() == b.data_type())
        );
        for (columns, reason) in [
            (&[("t", DataType::Utf8)][..], "names the count n, which it does not return"),
            (&[("n", DataType::Float64)], "n is Float64, not an integer"),
            (&[("n", DataType::Int64), ("b", DataType::Binary)], "b is Binary, a type that"),
            (&[("n", DataType::Int64), ("n", DataType::Int64)], "two columns n"),
            (&[("n", DataType::Int64)], "returns only counts"),
        ] {
            let error = schema(columns).unwrap_err().to_string();
            assert!(error.contains(reason), "{error}");
        }
    }
}
