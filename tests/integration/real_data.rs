//! The real data of November 2018, if available: known figures, and files that Redshift's COPY can
//! load.

use std::fs::File;
use std::path::{Path, PathBuf};

use crate::support::{Workspace, files, real_data};
use parquet::basic::{Compression, ConvertedType, Encoding, LogicalType, TimeUnit, Type};
use parquet::column::page::Page;
use parquet::file::metadata::ColumnChunkMetaData;
use parquet::file::reader::{FileReader, SerializedFileReader};
use parquet::schema::types::ColumnDescriptor;
use serde_json::Value;

const TABLES: [(&str, u64); 5] =
    [("songs", 71), ("artists", 69), ("users", 97), ("songplays", 6820), ("time", 6813)];

fn transform(real: &Path, more: &[&str]) -> Workspace {
    let here = Workspace::new();
    let (songs, logs) = (real.join("song_data"), real.join("log_data"));
    let args = ["transform", "--songs", songs.to_str().unwrap(), "--logs", logs.to_str().unwrap()];
    let outcome = here.run(args.iter().chain(&["--out", "star"]).chain(more));
    outcome.exits(0).says("8,056 records read = 8,056 decoded + 0 rejected");
    outcome.says("6,820 read = 1 matched + 6,819 unmatched + 0 duplicates removed");
    here
}

fn record(here: &Workspace) -> Value {
    serde_json::from_str(&here.read("star/_starlift.json")).unwrap()
}

/// Returns the files of a table that the record lists.
fn table_files(here: &Workspace, table: &str) -> Vec<PathBuf> {
    let record = record(here);
    let files = record["tables"][table]["files"].as_array().unwrap();
    files.iter().map(|file| here.join("star").join(file["path"].as_str().unwrap())).collect()
}

#[test]
fn known_figures_match_with_and_without_the_jsonpaths_file() {
    let Some(real) = real_data() else { return };
    let paths = real.join("log_json_path.json");
    let by_key = transform(&real, &[]);
    let by_path = transform(&real, &["--log-jsonpaths", paths.to_str().unwrap()]);
    for here in [&by_key, &by_path] {
        let record = record(here);
        assert_eq!(record["datasets"]["logs"]["records"], 8056);
        assert_eq!(record["datasets"]["songs"]["records"], 71);
        assert_eq!(record["accounting"]["copies"]["plays_read"], 6820);
        assert_eq!(record["accounting"]["plays"]["plays_matched"], 1);
        assert_eq!(record["accounting"]["plays"]["plays_unmatched"], 6819);
        for (table, rows) in TABLES {
            assert_eq!(record["tables"][table]["rows"], rows, "{table}");
        }
    }
    for (table, _) in TABLES {
        let bytes = |here: &Workspace| -> Vec<Vec<u8>> {
            table_files(here, table).iter().map(|file| std::fs::read(file).unwrap()).collect()
        };
        assert!(bytes(&by_key) == bytes(&by_path), "{table}");
    }
}

#[test]
fn the_only_match_is_the_known_one() {
    let Some(real) = real_data() else { return };
    let here = transform(&real, &[]);
    let sql = "SELECT user_id, level, session_id, start_time, song_id, artist_id \
               FROM songplays WHERE song_id IS NOT NULL OR artist_id IS NOT NULL";
    here.run(["query", "--star", "star", "--format", "csv", "--sql", sql])
        .exits(0)
        .says("15,paid,818,2018-11-21T21:56:47.796,SOZCTXZ12AB0182364,AR5KOSW1187FB35FF4\n");
    let outcome = here.run(["query", "--star", "star", "--format", "csv", "most_played_songs"]);
    outcome.exits(0).says("SOZCTXZ12AB0182364,Setanta matins,Elena,1,1\n");
    assert_eq!(outcome.stdout.lines().count(), 2, "{outcome}");
}

#[test]
fn manifests_agree_with_the_files() {
    let Some(real) = real_data() else { return };
    let here = transform(&real, &["--file-size", "1KiB"]);
    for (table, _) in TABLES {
        let manifest: Value =
            serde_json::from_str(&here.read(&format!("star/{table}.manifest"))).unwrap();
        let entries = manifest["entries"].as_array().unwrap();
        let mut listed: Vec<PathBuf> = Vec::new();
        for entry in entries {
            let url = url::Url::parse(entry["url"].as_str().unwrap()).unwrap();
            let path = url.to_file_path().unwrap();
            let length = entry["meta"]["content_length"].as_u64().unwrap();
            assert_eq!(length, path.metadata().unwrap().len(), "{url}");
            assert_eq!(entry["mandatory"], true, "{url}");
            listed.push(path);
        }
        assert_eq!(listed, table_files(&here, table), "{table}");
        let folder = here.join("star").join(table);
        let found: Vec<PathBuf> = files(&folder).iter().map(|file| folder.join(file)).collect();
        listed.sort();
        assert_eq!(listed, found, "{table}");
    }
}

#[test]
fn parquet_files_follow_the_redshift_documentation() {
    let Some(real) = real_data() else { return };
    let here = transform(&real, &[]);
    for (table, rows) in TABLES {
        let mut counted = 0;
        for file in table_files(&here, table) {
            let reader = SerializedFileReader::new(File::open(&file).unwrap()).unwrap();
            counted += reader.metadata().file_metadata().num_rows() as u64;
            assert_eq!(reader.metadata().file_metadata().version(), 1, "{table}");
            check_columns(table, &reader);
            check_pages(table, &reader);
        }
        assert_eq!(counted, rows, "{table}");
    }
}

fn check_columns(table: &str, reader: &SerializedFileReader<File>) {
    let metadata = reader.metadata();
    for column in metadata.file_metadata().schema_descr().columns() {
        check_type(table, column);
    }
    for group in metadata.row_groups() {
        for chunk in group.columns() {
            check_chunk(table, chunk);
        }
    }
}

/// Checks the physical and logical types that Redshift's COPY maps, by column name.
fn check_type(table: &str, column: &ColumnDescriptor) {
    let name = column.name();
    let whole = |bits| Some(LogicalType::integer(bits, true));
    let (physical, logical) = match name {
        "start_time" => (Type::INT64, Some(LogicalType::timestamp(false, TimeUnit::MICROS))),
        "songplay_id" | "user_id" | "session_id" => (Type::INT64, None),
        "year" if table == "songs" => (Type::INT32, None),
        "hour" | "day" | "week" | "month" | "year" | "weekday" => (Type::INT32, whole(16)),
        "duration" | "latitude" | "longitude" => (Type::DOUBLE, None),
        _ => (Type::BYTE_ARRAY, Some(LogicalType::String)),
    };
    assert_eq!(column.physical_type(), physical, "{table}.{name}");
    assert_eq!(column.logical_type_ref().cloned(), logical, "{table}.{name}");
    let unsigned = [
        ConvertedType::UINT_8,
        ConvertedType::UINT_16,
        ConvertedType::UINT_32,
        ConvertedType::UINT_64,
    ];
    assert!(!unsigned.contains(&column.converted_type()), "{table}.{name}");
}

fn check_chunk(table: &str, chunk: &ColumnChunkMetaData) {
    let name = chunk.column_descr().name();
    assert!(matches!(chunk.compression(), Compression::ZSTD(_)), "{table}.{name}");
    let known = [Encoding::PLAIN, Encoding::RLE, Encoding::RLE_DICTIONARY];
    for encoding in chunk.encodings() {
        assert!(known.contains(&encoding), "{table}.{name}: {encoding}");
    }
    assert_eq!(chunk.bloom_filter_offset(), None, "{table}.{name}");
}

/// Checks that every data page has version 1.
fn check_pages(table: &str, reader: &SerializedFileReader<File>) {
    for group in 0..reader.num_row_groups() {
        let group = reader.get_row_group(group).unwrap();
        for column in 0..group.num_columns() {
            let mut pages = group.get_column_page_reader(column).unwrap();
            let mut data_pages = 0;
            while let Some(page) = pages.get_next_page().unwrap() {
                match page {
                    Page::DataPage { .. } => data_pages += 1,
                    Page::DictionaryPage { encoding, .. } => {
                        assert_eq!(encoding, Encoding::PLAIN, "{table}");
                    }
                    Page::DataPageV2 { .. } => panic!("{table}: a data page of version 2"),
                }
            }
            assert!(data_pages > 0, "{table}");
        }
    }
}
