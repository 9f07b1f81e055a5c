//! Tests of the contract's public interface: a small star that passes, with one violation at a
//! time.

mod breaches;
mod statements;
mod types;
mod whole;

use std::collections::BTreeMap;
use std::sync::Arc;

use arrow::array::{ArrayRef, Int64Array, RecordBatch, StringArray, TimestampMicrosecondArray};
use bytes::Bytes;
use object_store::local::LocalFileSystem;
use parquet::arrow::ArrowWriter;
use parquet::basic::Compression;
use parquet::file::metadata::{
    ColumnChunkMetaData, ParquetMetaData, ParquetMetaDataOptions, ParquetMetaDataReader,
    ParquetMetaDataWriter,
};
use parquet::file::properties::{WriterProperties, WriterPropertiesBuilder};
use parquet::file::writer::TrackedWrite;
use serde_json::{Value, json};

use super::*;
use crate::star::model::ColumnType;
use crate::star::{FORMAT, FileRecord, RunOptions, RunRecord, TableRecord};
use crate::storage::{Location, Place};

const FILE: &str = "plays/run-00000.parquet";
const URL: &str = "s3://bucket/star/plays/run-00000.parquet";
const MANIFEST: &str = "s3://bucket/star/plays.manifest";

/// A star of one table with one file, and the expectations to check it against.
struct Star {
    folder: tempfile::TempDir,
    manifest: Value,
    record: RunRecord,
    expected: Expected,
}

fn column(name: &str, column_type: ColumnType, nullable: bool) -> ExpectedColumn {
    let max_bytes = (column_type == ColumnType::Text).then_some(20);
    ExpectedColumn { name: name.to_owned(), column_type, nullable, max_bytes }
}

/// A table with an id, an optional text and a timestamp.
fn plays() -> ExpectedTable {
    let columns = vec![
        column("id", ColumnType::BigInt, false),
        column("level", ColumnType::Text, true),
        column("start_time", ColumnType::Timestamp, false),
    ];
    ExpectedTable { name: "plays".to_owned(), columns }
}

fn batch(columns: Vec<(&str, ArrayRef)>) -> RecordBatch {
    RecordBatch::try_from_iter_with_nullable(columns.into_iter().map(|(n, c)| (n, c, true)))
        .unwrap()
}

fn ids(ids: &[Option<i64>]) -> ArrayRef {
    Arc::new(ids.iter().copied().collect::<Int64Array>())
}

fn times(rows: usize) -> ArrayRef {
    Arc::new(TimestampMicrosecondArray::from(vec![1_541_121_934_796_000; rows]))
}

fn texts(texts: &[Option<&str>]) -> ArrayRef {
    Arc::new(texts.iter().copied().collect::<StringArray>())
}

/// Returns a batch with these texts, one per row.
fn rows(levels: &[Option<&str>]) -> RecordBatch {
    let numbers: Vec<_> = (1..=levels.len() as i64).map(Some).collect();
    batch(vec![
        ("id", ids(&numbers)),
        ("level", texts(levels)),
        ("start_time", times(levels.len())),
    ])
}

fn good() -> RecordBatch {
    rows(&[Some("free"), None, Some("paid")])
}

/// Writes a Parquet file, with changes to writer properties that pass the contract.
fn parquet_with(
    batch: &RecordBatch,
    change: impl FnOnce(WriterPropertiesBuilder) -> WriterPropertiesBuilder,
) -> Bytes {
    let properties = WriterProperties::builder().set_compression(Compression::SNAPPY);
    let properties = change(properties).build();
    let mut writer = ArrowWriter::try_new(Vec::new(), batch.schema(), Some(properties)).unwrap();
    writer.write(batch).unwrap();
    writer.into_inner().unwrap().into()
}

fn parquet(batch: &RecordBatch) -> Bytes {
    parquet_with(batch, |properties| properties)
}

/// Appends another footer to a file, with a changed column chunk at `column` of the first row
/// group.
fn with_chunk(
    file: &[u8],
    column: usize,
    change: impl FnOnce(ColumnChunkMetaData) -> ColumnChunkMetaData,
) -> Bytes {
    with_footer(file, |footer| {
        let mut builder = footer.into_builder();
        let mut groups = builder.take_row_groups();
        let mut group = groups[0].clone().into_builder();
        let mut columns = group.take_columns();
        columns[column] = change(columns[column].clone());
        groups[0] = group.set_column_metadata(columns).build().unwrap();
        builder.set_row_groups(groups).build()
    })
}

fn with_footer(file: &[u8], change: impl FnOnce(ParquetMetaData) -> ParquetMetaData) -> Bytes {
    let options = ParquetMetaDataOptions::new().with_encoding_stats_as_mask(false);
    let footer = ParquetMetaDataReader::new().with_metadata_options(Some(options));
    let footer = footer.parse_and_finish(&Bytes::copy_from_slice(file)).unwrap();
    let mut out = TrackedWrite::new(Vec::new());
    std::io::Write::write_all(&mut out, file).unwrap();
    let mut bytes = Vec::new();
    ParquetMetaDataWriter::new(&mut bytes, &change(footer)).finish().unwrap();
    [file, &bytes].concat().into()
}

impl Star {
    /// A star that passes the contract.
    fn good() -> Star {
        let mut star = Star {
            folder: tempfile::tempdir().unwrap(),
            manifest: json!({"entries": [{"url": URL, "mandatory": true, "meta": {}}]}),
            record: record(),
            expected: Expected { tables: vec![plays()], ..Expected::default() },
        };
        star.put(&good(), parquet(&good()));
        star
    }

    /// Replaces the star's file, and updates the manifest and the record.
    fn put(&mut self, batch: &RecordBatch, file: Bytes) {
        let (rows, bytes) = (batch.num_rows() as u64, file.len() as u64);
        let longest = batch.column_by_name("level").and_then(|c| {
            let texts = c.as_any().downcast_ref::<StringArray>()?;
            texts.iter().flatten().map(str::len).max()
        });
        let longest = BTreeMap::from([("level".to_owned(), longest.unwrap_or(0) as u64)]);
        let files = vec![FileRecord { path: FILE.to_owned(), rows, bytes }];
        let manifest = "plays.manifest".to_owned();
        let table = TableRecord {
            rows,
            bytes,
            manifest,
            files,
            max_text_bytes: longest,
            ..TableRecord::default()
        };
        self.record.tables.insert("plays".to_owned(), table);
        self.manifest["entries"][0]["meta"]["content_length"] = bytes.into();
        self.write(FILE, &file);
    }

    fn put_rows(&mut self, batch: &RecordBatch) {
        self.put(batch, parquet(batch));
    }

    fn write(&self, path: &str, content: &[u8]) {
        let path = self.path(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, content).unwrap();
    }

    fn path(&self, path: &str) -> std::path::PathBuf {
        self.folder.path().join("star").join(path)
    }

    fn table(&mut self) -> &mut TableRecord {
        self.record.tables.get_mut("plays").unwrap()
    }

    fn entry(&mut self) -> &mut Value {
        &mut self.manifest["entries"][0]
    }

    fn columns(&mut self) -> &mut Vec<ExpectedColumn> {
        &mut self.expected.tables[0].columns
    }

    fn place(&self) -> Place {
        let store = LocalFileSystem::new_with_prefix(self.folder.path()).unwrap();
        Place::new(Location::parse_single("s3://bucket/star").unwrap(), Arc::new(store))
    }

    fn check(&self) -> Contract {
        // A JSON string is written as the manifest verbatim; null means that there is no manifest.
        match &self.manifest {
            Value::Null => {}
            Value::String(text) => self.write("plays.manifest", text.as_bytes()),
            manifest => self.write("plays.manifest", manifest.to_string().as_bytes()),
        }
        block_on(check_star(&self.place(), &self.record, &self.expected)).unwrap()
    }
}

fn block_on<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(future)
}

fn record() -> RunRecord {
    RunRecord {
        format: FORMAT,
        run_id: "run".to_owned(),
        version: "0".to_owned(),
        options: RunOptions {
            repair_encoding: "off".to_owned(),
            inputs: BTreeMap::new(),
            include_hidden: false,
            suffix: "json".to_owned(),
            jsonpaths: BTreeMap::new(),
            queries: None,
            match_rule: "title-artist".to_owned(),
            unmatched: "keep".to_owned(),
            max_rejects: "0".to_owned(),
            file_size: 0,
            partition: "none".to_owned(),
        },
        ..RunRecord::default()
    }
}

#[test]
fn every_rule_has_a_failing_case_and_a_source() {
    let mut ids = std::collections::HashSet::new();
    for rule in Rule::ALL {
        let has_case = match rule.is_of_statement() {
            true => statements::BREACHES.iter().any(|(of, ..)| of == rule),
            false => breaches::BREACHES.iter().any(|breach| breach.rule == *rule),
        };
        assert!(has_case, "{rule}");
        assert!(ids.insert(rule.id()), "{rule}");
        assert!(rule.requirement().ends_with('.') && !rule.advice().ends_with('.'), "{rule}");
        assert!(!rule.source().is_empty(), "{rule}");
    }
}
