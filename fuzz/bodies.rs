//! The functions that the fuzz targets run on an input. `tests/integration/fuzz_corpora.rs` runs them on
//! the corpora.

#![allow(dead_code, reason = "each target uses one of them")]
#![allow(clippy::unwrap_used, clippy::panic, reason = "a target fails by panicking")]

use std::fmt::Write;
use std::sync::Arc;

use arrow::array::RecordBatch;
use arrow::util::display::array_value_to_string;
use serde_json::{Map, Value};
use starlift::decode::{
    Decoder, FieldPaths, ObjectCounts, ObjectState, StagedColumns, parse_jsonpaths,
};
use starlift::model::{Dataset, Model};
use starlift::star::RunRecord;
use starlift::storage::{Compression, Decompressor, Location};
use starlift::warehouse::Dialect;
use starlift::warehouse::contract::check_manifest;
use starlift::warehouse::sql::quote::{iam_role, literal, name, s3_url};

/// Checks that the decoder returns the same records however the bytes are split, and every object that
/// serde_json reads.
pub fn decoder(data: &[u8]) {
    let Some((&control, input)) = data.split_first() else { return };
    let model = Model::built_in();
    let dataset = &model.datasets[usize::from(control & 1)];
    let paths = || FieldPaths::of(dataset);
    let (counts, whole) = decode(dataset, paths(), [input]);
    let pieces = input.chunks(1 + usize::from(control >> 1));
    assert_eq!(decode(dataset, paths(), pieces).1, whole, "cut every {} bytes", 1 + (control >> 1));
    assert_eq!(counts.bytes, input.len() as u64);
    if let Some(objects) = objects(input) {
        assert_eq!(counts.decoded + counts.rejected, objects, "{whole}");
    }
}

/// Checks that no JSONPaths file causes a panic, and that the decoder runs with each one that is accepted.
pub fn jsonpaths(data: &[u8]) {
    for dataset in &Model::built_in().datasets {
        let Ok(paths) = parse_jsonpaths(dataset, data) else { continue };
        let (counts, _) =
            decode(dataset, paths.clone(), [&br#"{"a":{"b":[1,{"c":"d"}]},"ts":1}"#[..]]);
        assert_eq!(counts.decoded + counts.rejected, 1);
        decode(dataset, paths, [data]);
    }
}

/// Checks that no location or glob causes a panic, that no secret is displayed, and that a glob is not
/// accepted as the location of a single object.
pub fn location(data: &[u8]) {
    let Ok(typed) = str::from_utf8(data) else { return };
    if let Ok(location) = Location::parse(typed) {
        let shown = location.to_string();
        if let Some((user, _)) = typed.split_once("://").and_then(|(_, rest)| rest.split_once('@'))
            && typed.starts_with("http")
            && user.len() > 8
            && !user.contains('/')
        {
            assert!(!shown.contains(user), "{shown}");
        }
        if let Some(glob) = &location.glob {
            glob.is_match("2018/11/2018-11-12-events.json");
            assert!(Location::parse_single(typed).is_err(), "{typed}");
        }
        let child = location.child("songs/part-0.parquet");
        assert_ne!(child.to_string(), shown);
    }
}

/// Checks that a compressed or UTF-16 object decodes to the same text, or fails, regardless of how its bytes
/// are split.
pub fn compression(data: &[u8]) {
    let Some((&control, stored)) = data.split_first() else { return };
    let compression = match control % 3 {
        0 => Compression::None,
        1 => Compression::Gzip,
        _ => Compression::Zstd,
    };
    let whole = decompress(compression, stored, stored.len().max(1));
    let pieces = decompress(compression, stored, 1 + usize::from(control / 3));
    match (whole, pieces) {
        (Ok(whole), Ok(pieces)) => assert!(whole == pieces),
        (Err(_), Err(_)) => {}
        (whole, pieces) => panic!("{:?} as a whole, {:?} in pieces", whole.err(), pieces.err()),
    }
}

/// Checks that no record or manifest causes a panic, and that a record is the same after writing and reading.
pub fn record(data: &[u8]) {
    check_manifest("s3://bucket/songs.manifest", data);
    if let Ok(record) = serde_json::from_slice::<RunRecord>(data) {
        let json = record.to_json().unwrap();
        let again: RunRecord = serde_json::from_slice(&json).unwrap();
        assert_eq!(again.to_json().unwrap(), json);
    }
}

/// Checks that the conversion of a Python project's configuration file results in TOML without secrets.
pub fn config(data: &[u8]) {
    let Ok(text) = str::from_utf8(data) else { return };
    let Ok(converted) = starlift::cli::configuration_of(text) else { return };
    let _: toml::Table = toml::from_str(&converted).unwrap();
    let secrets = text.lines().filter_map(|line| {
        let (key, value) = line.split_once(['=', ':'])?;
        let key = key.trim().to_uppercase();
        (key.ends_with("PASSWORD") || key == "SECRET").then(|| value.trim())
    });
    for secret in
        secrets.filter(|secret| secret.len() > 12 && !text.replacen(secret, "", 1).contains(secret))
    {
        assert!(!converted.contains(secret), "{secret:?} is in\n{converted}");
    }
}

/// Checks that a quoted SQL literal or name reads back as the original text, with nothing after it.
pub fn quote(data: &[u8]) {
    let Ok(text) = str::from_utf8(data) else { return };
    for dialect in [Dialect::Redshift, Dialect::Postgres] {
        if let Ok(quoted) = literal(text, dialect) {
            let escapes = dialect == Dialect::Redshift || quoted.starts_with('E');
            let body = quoted.strip_prefix('E').unwrap_or(&quoted);
            assert_eq!(unquoted(body, '\'', escapes).as_deref(), Some(text), "{quoted}");
        }
    }
    if let Ok(quoted) = name(text) {
        assert_eq!(unquoted(&quoted, '"', false).as_deref(), Some(text), "{quoted}");
    }
    for quoted in [s3_url(text), iam_role(text)].into_iter().flatten() {
        assert!(!quoted.contains(['\\', ';', '\n']) || quoted.contains('\''), "{quoted}");
    }
}

/// Decodes the chunks. Returns the counts, and a line for each row and each reject.
fn decode<'a>(
    dataset: &Arc<Dataset>,
    paths: FieldPaths,
    chunks: impl IntoIterator<Item = &'a [u8]>,
) -> (ObjectCounts, String) {
    let mut decoder = Decoder::new(StagedColumns::all(dataset), paths);
    let mut object = ObjectState::new("object".into());
    for chunk in chunks {
        decoder.feed(&mut object, chunk).unwrap();
    }
    let counts = decoder.finish(object).unwrap();
    decoder.flush().unwrap();
    let mut lines = String::new();
    for batch in decoder.take_rows().iter().chain(&decoder.take_rejects()) {
        print(batch, &mut lines);
    }
    (counts, lines)
}

fn print(batch: &RecordBatch, lines: &mut String) {
    for row in 0..batch.num_rows() {
        for column in batch.columns() {
            write!(lines, "{:?} ", array_value_to_string(column, row).unwrap()).unwrap();
        }
        lines.push('\n');
    }
}

/// Returns the number of objects in `input`, or `None` if serde_json cannot read all of it as objects.
fn objects(input: &[u8]) -> Option<u64> {
    let objects = serde_json::Deserializer::from_slice(input).into_iter::<Map<String, Value>>();
    objects.collect::<Result<Vec<_>, _>>().ok().map(|objects| objects.len() as u64)
}

fn decompress(compression: Compression, stored: &[u8], chunk: usize) -> std::io::Result<Vec<u8>> {
    let mut text = Vec::new();
    let mut take = |plain: &[u8]| {
        text.extend_from_slice(plain);
        // A few bytes can decompress to gigabytes.
        if text.len() < 1 << 24 { Ok(()) } else { Err(std::io::Error::other("too long")) }
    };
    let mut decompressor = Decompressor::new(compression);
    for piece in stored.chunks(chunk) {
        decompressor.feed(piece, &mut take)?;
    }
    decompressor.finish(&mut take)?;
    Ok(text)
}

/// Returns the text between two quotes, or `None` if there is anything before or after them.
fn unquoted(quoted: &str, quote: char, escapes: bool) -> Option<String> {
    let mut characters = quoted.strip_prefix(quote)?.chars().peekable();
    let mut text = String::new();
    loop {
        match characters.next()? {
            '\\' if escapes => text.push(characters.next()?),
            character if character == quote => match characters.next() {
                Some(next) if next == quote => text.push(quote),
                Some(_) => return None,
                None => return Some(text),
            },
            character => text.push(character),
        }
    }
}
