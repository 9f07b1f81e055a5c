//! The two datasets and the staging columns they are decoded into, as the built-in model declares them.

use std::sync::{Arc, LazyLock};

use arrow::datatypes::{DataType, Field, Schema, SchemaRef};

use crate::model::{self, ColumnType, Model};

/// One of the two kinds of JSON record that starlift reads.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Dataset {
    /// Song metadata: one object per song.
    Songs,
    /// Application activity: one object per event.
    Events,
}

/// The type of the values of a staging column.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ColumnKind {
    /// Text of any cardinality.
    Text,
    /// Text with few distinct values; dictionary-encoded by the decoder.
    RepetitiveText,
    /// A 32-bit integer.
    Int32,
    /// A 64-bit integer.
    Int64,
    /// A double.
    Float64,
    /// Milliseconds since 1970-01-01 UTC, within the years 1 to 9999.
    EpochMillis,
}

/// The records for which a column is required.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Required {
    /// The column is optional.
    Never,
    /// A record without the column is rejected.
    Always,
    /// An event whose page is `NextSong` is rejected without the column.
    ForPlays,
}

/// A staging column, filled by default from the top-level key of the same name.
#[derive(Debug, Clone, Copy)]
pub struct StagingColumn {
    /// JSON key and SQL name, with the same spelling.
    pub name: &'static str,
    /// Type of the column's values.
    pub kind: ColumnKind,
    /// Records for which the column is required.
    pub required: Required,
}

impl StagingColumn {
    fn new(column: &'static model::Column) -> StagingColumn {
        let required = match column.required {
            model::Required::Never => Required::Never,
            model::Required::Always => Required::Always,
            model::Required::When(_) => Required::ForPlays,
        };
        StagingColumn { name: &column.name, kind: ColumnKind::of(column), required }
    }
}

/// Positions among the columns of events of those with special rules.
pub(super) mod event {
    pub const ITEM_IN_SESSION: usize = 4;
    pub const PAGE: usize = 10;
    pub const SESSION_ID: usize = 12;
    pub const TS: usize = 15;
    pub const USER_ID: usize = 17;
}

/// Value of `page` of the events that are plays.
pub const PLAY_PAGE: &str = "NextSong";

/// Staging column derived by the decoder: the fingerprint of a play, null for other events.
pub const PLAY_FINGERPRINT: &str = "play_fingerprint";

impl Dataset {
    fn name(self) -> &'static str {
        match self {
            Dataset::Songs => "songs",
            Dataset::Events => "events",
        }
    }

    /// Returns the declaration of the dataset in the model.
    fn declaration(self) -> &'static model::Dataset {
        static EMPTY: LazyLock<model::Dataset> = LazyLock::new(model::Dataset::default);
        static MODEL: LazyLock<Arc<Model>> = LazyLock::new(Model::built_in);
        // A test checks that the model declares both datasets.
        MODEL.dataset(self.name()).map_or(&EMPTY, |dataset| dataset)
    }

    /// Returns the SQL name of the staging table.
    pub fn table(self) -> &'static str {
        &self.declaration().table
    }

    /// Returns the name shown to users.
    pub fn label(self) -> &'static str {
        &self.declaration().label
    }

    /// Returns the staging columns, in the order in which a JSONPaths file lists them.
    pub fn columns(self) -> &'static [StagingColumn] {
        static SONGS: LazyLock<Vec<StagingColumn>> = LazyLock::new(|| columns(Dataset::Songs));
        static EVENTS: LazyLock<Vec<StagingColumn>> = LazyLock::new(|| columns(Dataset::Events));
        match self {
            Dataset::Songs => &SONGS,
            Dataset::Events => &EVENTS,
        }
    }

    /// Returns the Arrow schema of the staging table: [`Self::columns`], followed for events by
    /// [`PLAY_FINGERPRINT`].
    pub fn schema(self) -> SchemaRef {
        static SONGS: LazyLock<SchemaRef> = LazyLock::new(|| staging_schema(Dataset::Songs));
        static EVENTS: LazyLock<SchemaRef> = LazyLock::new(|| staging_schema(Dataset::Events));
        match self {
            Dataset::Songs => SONGS.clone(),
            Dataset::Events => EVENTS.clone(),
        }
    }
}

fn columns(dataset: Dataset) -> Vec<StagingColumn> {
    dataset.declaration().columns.iter().map(StagingColumn::new).collect()
}

fn staging_schema(dataset: Dataset) -> SchemaRef {
    let mut fields: Vec<Field> = dataset
        .columns()
        .iter()
        .map(|c| Field::new(c.name, c.kind.data_type(), c.required != Required::Always))
        .collect();
    if dataset == Dataset::Events {
        fields.push(Field::new(PLAY_FINGERPRINT, DataType::Int64, true));
    }
    Arc::new(Schema::new(fields))
}

/// The columns kept of a dataset's staging table. The values of the other columns are checked and
/// then dropped, because a record that breaks the rules in any column is rejected.
#[derive(Debug, Clone)]
pub struct StagedColumns {
    dataset: Dataset,
    schema: SchemaRef,
    repairs_encoding: bool,
}

impl StagedColumns {
    /// Selects the columns for whose name `is_selected` returns `true`.
    pub fn of(dataset: Dataset, is_selected: impl Fn(&str) -> bool) -> StagedColumns {
        let schema = dataset.schema();
        let selected = schema.fields().iter().filter(|field| is_selected(field.name()));
        let schema = Arc::new(Schema::new(selected.cloned().collect::<Vec<_>>()));
        StagedColumns { dataset, schema, repairs_encoding: false }
    }

    /// Sets whether texts that were encoded twice are repaired.
    pub fn with_repaired_encoding(self, repairs_encoding: bool) -> StagedColumns {
        StagedColumns { repairs_encoding, ..self }
    }

    /// Returns the dataset that the columns belong to.
    pub fn dataset(&self) -> Dataset {
        self.dataset
    }

    /// Returns the schema of the selected columns.
    pub fn schema(&self) -> &SchemaRef {
        &self.schema
    }

    pub(super) fn repairs_encoding(&self) -> bool {
        self.repairs_encoding
    }

    pub(super) fn has(&self, name: &str) -> bool {
        self.schema.field_with_name(name).is_ok()
    }
}

impl From<Dataset> for StagedColumns {
    /// Selects all columns.
    fn from(dataset: Dataset) -> StagedColumns {
        StagedColumns { dataset, schema: dataset.schema(), repairs_encoding: false }
    }
}

impl ColumnKind {
    /// Returns the kind of a declared column. The built-in model has columns of these types only.
    fn of(column: &model::Column) -> ColumnKind {
        match column.column_type {
            ColumnType::Text if column.repetitive => ColumnKind::RepetitiveText,
            ColumnType::SmallInt | ColumnType::Integer => ColumnKind::Int32,
            ColumnType::BigInt => ColumnKind::Int64,
            ColumnType::Double | ColumnType::Decimal { .. } => ColumnKind::Float64,
            ColumnType::Timestamp | ColumnType::Date => ColumnKind::EpochMillis,
            ColumnType::Text | ColumnType::Boolean => ColumnKind::Text,
        }
    }

    /// Returns the Arrow type of a column of this kind.
    pub fn data_type(self) -> DataType {
        match self {
            ColumnKind::Text => DataType::Utf8,
            ColumnKind::RepetitiveText => {
                DataType::Dictionary(Box::new(DataType::Int32), Box::new(DataType::Utf8))
            }
            ColumnKind::Int32 => DataType::Int32,
            ColumnKind::Int64 | ColumnKind::EpochMillis => DataType::Int64,
            ColumnKind::Float64 => DataType::Float64,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_model_declares_both_datasets() {
        assert_eq!((Dataset::Songs.columns().len(), Dataset::Events.columns().len()), (10, 18));
        assert_eq!(Dataset::Events.table(), "staging_events");
    }

    #[test]
    fn positions_of_special_columns_match_their_names() {
        let at = |i: usize| Dataset::Events.columns()[i].name;
        assert_eq!(at(event::ITEM_IN_SESSION), "itemInSession");
        assert_eq!(at(event::PAGE), "page");
        assert_eq!(at(event::SESSION_ID), "sessionId");
        assert_eq!(at(event::TS), "ts");
        assert_eq!(at(event::USER_ID), "userId");
    }
}
