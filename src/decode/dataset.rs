//! The columns of a staging table, compiled from the declaration of a dataset.

use std::sync::Arc;

use arrow::datatypes::{DataType, Field, Schema, SchemaRef, TimeUnit};

use crate::model::{self, ColumnType, Dataset, TimestampForm};

/// Name of the column that contains the number of each row's object. No column of a dataset has this name,
/// because it contains a blank.
pub const OBJECT_NUMBER: &str = "object number";

/// The type of the values of a staging column.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ColumnKind {
    /// Text of any cardinality.
    Text,
    /// Text with few distinct values; dictionary-encoded by the decoder.
    RepetitiveText,
    /// `true` or `false`.
    Boolean,
    /// A 16-bit integer.
    Int16,
    /// A 32-bit integer.
    Int32,
    /// A 64-bit integer.
    Int64,
    /// A double.
    Float64,
    /// A decimal number of at most `precision` digits, `scale` of them after the point.
    Decimal {
        /// Number of digits.
        precision: u8,
        /// Number of digits after the decimal point.
        scale: u8,
    },
    /// A date within the years 1 to 9999.
    Date,
    /// A time within the years 1 to 9999, in microseconds. The form is that of the records.
    Timestamp(TimestampForm),
}

/// A staging column that is filled from the record.
#[derive(Debug, Clone)]
pub struct StagingColumn {
    /// SQL name.
    pub name: Arc<str>,
    /// Type of the column's values.
    pub kind: ColumnKind,
    /// `true` if empty text means null.
    pub empty_is_null: bool,
    /// Other texts that mean null.
    pub nulls: Vec<Box<str>>,
}

impl StagingColumn {
    fn new(column: &model::Column) -> StagingColumn {
        let other = column.null_if.iter().filter(|text| !text.is_empty());
        StagingColumn {
            name: column.name.as_str().into(),
            kind: ColumnKind::of(column),
            empty_is_null: column.null_if.iter().any(String::is_empty),
            nulls: other.map(|text| text.as_str().into()).collect(),
        }
    }

    /// Returns `true` if `text` means null.
    #[inline]
    pub(super) fn is_null(&self, text: &str) -> bool {
        if text.is_empty() {
            return self.empty_is_null;
        }
        !self.nulls.is_empty() && self.nulls.iter().any(|null| **null == *text)
    }
}

/// Returns the Arrow schema of the staging table of a dataset: the columns read from the record,
/// then the derived ones.
pub fn staging_schema(dataset: &Dataset) -> SchemaRef {
    let read = dataset.columns.iter().map(|column| {
        Field::new(&column.name, ColumnKind::of(column).data_type(), column.is_nullable())
    });
    let derived = dataset
        .derived
        .iter()
        .map(|derived| Field::new(&derived.name, DataType::Int64, derived.is_nullable()));
    Arc::new(Schema::new(read.chain(derived).collect::<Vec<_>>()))
}

/// The columns kept of a dataset's staging table. The values of the other columns are checked and
/// then dropped, because a record that breaks the rules in any column is rejected.
#[derive(Debug, Clone)]
pub struct StagedColumns {
    dataset: Arc<Dataset>,
    columns: Arc<[StagingColumn]>,
    schema: SchemaRef,
    repairs_encoding: bool,
}

impl StagedColumns {
    /// Selects all columns.
    pub fn all(dataset: &Arc<Dataset>) -> StagedColumns {
        StagedColumns::of(dataset, |_| true)
    }

    /// Selects the columns for whose name `is_selected` returns `true`.
    pub fn of(dataset: &Arc<Dataset>, is_selected: impl Fn(&str) -> bool) -> StagedColumns {
        let schema = staging_schema(dataset);
        let selected = schema.fields().iter().filter(|field| is_selected(field.name()));
        StagedColumns {
            columns: dataset.columns.iter().map(StagingColumn::new).collect(),
            schema: Arc::new(Schema::new(selected.cloned().collect::<Vec<_>>())),
            dataset: dataset.clone(),
            repairs_encoding: false,
        }
    }

    /// Adds the column [`OBJECT_NUMBER`].
    pub fn with_object_numbers(self) -> StagedColumns {
        let number = Arc::new(Field::new(OBJECT_NUMBER, DataType::Int32, false));
        let fields = self.schema.fields().iter().cloned().chain([number]);
        StagedColumns { schema: Arc::new(Schema::new(fields.collect::<Vec<_>>())), ..self }
    }

    /// Sets whether texts that were encoded twice are repaired.
    pub fn with_repaired_encoding(self, repairs_encoding: bool) -> StagedColumns {
        StagedColumns { repairs_encoding, ..self }
    }

    /// Returns the dataset that the columns belong to.
    pub fn dataset(&self) -> &Arc<Dataset> {
        &self.dataset
    }

    /// Returns the schema of the selected columns.
    pub fn schema(&self) -> &SchemaRef {
        &self.schema
    }

    /// Returns all columns that are filled from the record, including those that are not selected.
    pub(super) fn columns(&self) -> &Arc<[StagingColumn]> {
        &self.columns
    }

    /// Returns `true` if texts that were encoded twice are repaired.
    pub fn repairs_encoding(&self) -> bool {
        self.repairs_encoding
    }

    pub(super) fn has(&self, name: &str) -> bool {
        self.schema.field_with_name(name).is_ok()
    }
}

impl ColumnKind {
    fn of(column: &model::Column) -> ColumnKind {
        match column.column_type {
            ColumnType::Text if column.repetitive => ColumnKind::RepetitiveText,
            ColumnType::Text => ColumnKind::Text,
            ColumnType::Boolean => ColumnKind::Boolean,
            ColumnType::SmallInt => ColumnKind::Int16,
            ColumnType::Integer => ColumnKind::Int32,
            ColumnType::BigInt => ColumnKind::Int64,
            ColumnType::Double => ColumnKind::Float64,
            ColumnType::Decimal { precision, scale } => ColumnKind::Decimal { precision, scale },
            ColumnType::Date => ColumnKind::Date,
            // Each timestamp of a valid model has a form.
            ColumnType::Timestamp => {
                ColumnKind::Timestamp(column.form.unwrap_or(TimestampForm::Rfc3339))
            }
        }
    }

    /// Returns the Arrow type of a column of this kind.
    pub fn data_type(self) -> DataType {
        match self {
            ColumnKind::Text => DataType::Utf8,
            ColumnKind::RepetitiveText => {
                DataType::Dictionary(Box::new(DataType::Int32), Box::new(DataType::Utf8))
            }
            ColumnKind::Boolean => DataType::Boolean,
            ColumnKind::Int16 => DataType::Int16,
            ColumnKind::Int32 => DataType::Int32,
            ColumnKind::Int64 => DataType::Int64,
            ColumnKind::Float64 => DataType::Float64,
            ColumnKind::Decimal { precision, scale } => {
                DataType::Decimal128(precision, scale as i8)
            }
            ColumnKind::Date => DataType::Date32,
            ColumnKind::Timestamp(_) => DataType::Timestamp(TimeUnit::Microsecond, None),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Model;

    #[test]
    fn the_schema_has_the_declared_columns_and_types() {
        let model = Model::built_in();
        let songs = staging_schema(model.dataset("songs").unwrap());
        assert_eq!(songs.fields().len(), 10);
        let events = staging_schema(model.dataset("logs").unwrap());
        assert_eq!(events.fields().len(), 19);
        let ts = events.field_with_name("ts").unwrap();
        assert_eq!(ts.data_type(), &DataType::Timestamp(TimeUnit::Microsecond, None));
        assert!(!ts.is_nullable() && events.field(18).is_nullable());
    }
}
