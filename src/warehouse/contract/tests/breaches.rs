//! One violation per rule, and more for rules that can be broken in several ways.

use std::io::{Seek, SeekFrom, Write};

use parquet::basic::Encoding;
use parquet::file::properties::{EnabledStatistics, WriterVersion};

use super::*;

/// A way to break a rule.
pub struct Breach {
    pub rule: Rule,
    /// Text that the finding's place must contain.
    place: &'static str,
    /// Text that the finding's problem must contain.
    problem: &'static str,
    breaks: fn(&mut Star),
    /// Rules that are unavoidably broken as well.
    also: &'static [Rule],
}

const fn breach(
    rule: Rule,
    place: &'static str,
    problem: &'static str,
    breaks: fn(&mut Star),
) -> Breach {
    Breach { rule, place, problem, breaks, also: &[] }
}

impl Breach {
    const fn also(self, also: &'static [Rule]) -> Breach {
        Breach { also, ..self }
    }
}

#[test]
fn each_breach_is_found_and_nothing_else() {
    for Breach { rule, place, problem, breaks, also } in BREACHES {
        let mut star = Star::good();
        breaks(&mut star);
        let contract = star.check();
        let rules = contract.by_rule();
        let found = rules.get(rule).map(Vec::as_slice).unwrap_or_default();
        let is_found = |f: &&&Finding| f.place.contains(place) && f.problem.contains(problem);
        assert!(found.iter().any(|f| is_found(&f)), "{rule}, {problem}:\n{contract}");
        let others = rules.keys().filter(|other| *other != rule && !also.contains(other));
        assert_eq!(others.count(), 0, "{rule}, {problem}:\n{contract}");
        let shown = contract.to_string();
        assert!(shown.contains(rule.id()) && shown.contains(place), "{shown}");
    }
}

#[test]
fn the_good_star_keeps_the_contract() {
    for reading in [Reading::Footers, Reading::Texts] {
        let mut star = Star::good();
        star.expected.reading = reading;
        let contract = star.check();
        assert!(contract.passes(), "{contract}");
        let rules = contract.checked.rules;
        assert_eq!(contract.checked, Checked { rules, manifests: 1, files: 1, columns: 3 });
    }
}

/// Replaces the rows of the star.
fn put(star: &mut Star, columns: Vec<(&str, ArrayRef)>) {
    star.put_rows(&batch(columns));
}

/// Writes a file whose footer misdescribes its first column chunk.
fn rechunk(star: &mut Star, change: fn(ColumnChunkMetaData) -> ColumnChunkMetaData) {
    star.put(&good(), with_chunk(&parquet(&good()), 0, change));
}

/// Extends the star's file beyond 1 GB with a hole.
fn inflate(star: &mut Star) {
    let file = parquet(&good());
    let footer = with_footer(&file, |footer| footer)[file.len()..].to_vec();
    star.put(&good(), file);
    let path = star.path(FILE);
    let mut file = std::fs::OpenOptions::new().write(true).open(path).unwrap();
    file.seek(SeekFrom::Start(1 << 30)).unwrap();
    file.write_all(&footer).unwrap();
    let bytes = file.metadata().unwrap().len();
    star.entry()["meta"]["content_length"] = bytes.into();
    star.table().bytes = bytes;
    star.table().files[0].bytes = bytes;
}

/// Writes a null id in a file without statistics.
fn uncounted_null(star: &mut Star) {
    let rows = batch(vec![
        ("id", ids(&[Some(1), None])),
        ("level", texts(&[None, None])),
        ("start_time", times(2)),
    ]);
    let none = EnabledStatistics::None;
    let file = parquet_with(&rows, |properties| properties.set_statistics_enabled(none));
    star.put(&rows, file);
}

/// Writes a file without statistics, so that it must be read, whose footer names the wrong codec.
fn unreadable_column(star: &mut Star) {
    let file = parquet_with(&good(), |properties| {
        properties
            .set_statistics_enabled(EnabledStatistics::None)
            .set_compression(Compression::UNCOMPRESSED)
    });
    let snappy = |chunk: ColumnChunkMetaData| {
        chunk.into_builder().set_compression(Compression::SNAPPY).build().unwrap()
    };
    star.put(&good(), with_chunk(&file, 0, snappy));
}

/// Writes a file without statistics, so that it must be read, whose footer misplaces the first
/// column.
fn misplaced_column(star: &mut Star, offset: fn(ColumnChunkMetaData) -> ColumnChunkMetaData) {
    let none = EnabledStatistics::None;
    let file = parquet_with(&good(), |properties| properties.set_statistics_enabled(none));
    star.put(&good(), with_chunk(&file, 0, offset));
}

const LONG: &str = "2018-11-02T01:25:34.796Z, a user agent";

pub const BREACHES: &[Breach] = &[
    breach(Rule::TableColumns, "plays", "1601 columns", |star| {
        let more = (3..1601).map(|n| column(&format!("c{n}"), ColumnType::BigInt, true));
        star.columns().extend(more);
    })
    .also(&[Rule::ColumnCount]),
    breach(Rule::IdentifierLength, "plays.", "128 bytes", |star| {
        star.columns()[0].name = "é".repeat(64);
    })
    .also(&[Rule::ColumnOrder]),
    breach(Rule::IdentifierUnique, "plays.level", "in lowercase", |star| {
        star.columns()[0].name = "LEVEL".to_owned();
    })
    .also(&[Rule::ColumnOrder]),
    breach(Rule::SystemColumn, "plays.OID", "OID is a system column", |star| {
        star.columns()[0].name = "OID".to_owned();
    })
    .also(&[Rule::ColumnOrder]),
    breach(Rule::VarcharLength, "plays.level", "VARCHAR(65536) is not valid", |star| {
        star.columns()[1].max_bytes = Some(65_536);
    }),
    breach(Rule::BucketRegion, "s3://bucket/star", "bucket is in eu-west-1", |star| {
        star.expected.bucket_region = Some("eu-west-1".to_owned());
        star.expected.warehouse_region = Some("us-west-2".to_owned());
    }),
    breach(Rule::RecordTables, "plays", "the record does not contain it", |star| {
        star.record.tables.clear();
    }),
    breach(Rule::RecordRows, URL, "its footer has 3 rows; the record has 4", |star| {
        star.table().files[0].rows = 4;
        star.table().rows = 4;
    }),
    breach(Rule::RecordRows, "plays", "5 rows for the table, and 3 for its files", |star| {
        star.table().rows = 5;
    }),
    breach(Rule::ManifestPresent, MANIFEST, "does not exist", |star| {
        star.manifest = Value::Null;
    }),
    breach(Rule::ManifestForm, MANIFEST, "not JSON", |star| {
        star.manifest = "{".into();
    }),
    breach(Rule::ManifestForm, MANIFEST, "byte order mark", |star| {
        star.manifest = format!("\u{feff}{}", star.manifest).into();
    }),
    breach(Rule::ManifestForm, MANIFEST, "array named entries", |star| {
        star.manifest = json!([star.manifest]);
    }),
    breach(Rule::ManifestForm, "plays.manifest, entry 1", "unknown keys: size", |star| {
        star.entry()["size"] = 1.into();
    }),
    breach(Rule::ManifestLocation, "s3://bucket/star", "gs://b/f.parquet", |star| {
        star.entry()["url"] = "gs://b/f.parquet".into();
    })
    .also(&[Rule::ManifestFiles]),
    breach(Rule::ManifestKey, "s3://bucket/star//f.parquet", "an empty part", |star| {
        star.entry()["url"] = "s3://bucket/star//f.parquet".into();
    })
    .also(&[Rule::ManifestFiles]),
    breach(Rule::ManifestKey, "f.parquet", "it contains '\\\\'", |star| {
        star.entry()["url"] = "s3://bucket/a\\f.parquet".into();
    })
    .also(&[Rule::ManifestFiles]),
    breach(Rule::ManifestKey, "f.parquet", "it contains '\\''", |star| {
        star.entry()["url"] = "s3://bucket/a'f.parquet".into();
    })
    .also(&[Rule::ManifestFiles]),
    breach(Rule::ManifestKey, "s3:///f.parquet", "not the name of a bucket", |star| {
        star.entry()["url"] = "s3:///f.parquet".into();
    })
    .also(&[Rule::ManifestFiles]),
    breach(Rule::ManifestKey, "s3://bucket/star/", "it does not name an object", |star| {
        star.entry()["url"] = "s3://bucket/star/".into();
    })
    .also(&[Rule::ManifestFiles, Rule::FileName]),
    breach(Rule::ManifestDuplicate, MANIFEST, URL, |star| {
        let again = star.entry().clone();
        star.manifest["entries"].as_array_mut().unwrap().push(again);
    }),
    breach(Rule::ManifestMandatory, "plays.manifest, entry 1", URL, |star| {
        star.entry()["mandatory"] = false.into();
    }),
    breach(Rule::ManifestMandatory, "plays.manifest, entry 1", "has no key mandatory", |star| {
        star.entry().as_object_mut().unwrap().remove("mandatory");
    }),
    breach(Rule::ManifestFiles, MANIFEST, "s3://bucket/star/x.parquet is not a file", |star| {
        star.entry()["url"] = "s3://bucket/star/x.parquet".into();
    }),
    breach(Rule::ManifestFiles, MANIFEST, "its rows would be lost", |star| {
        star.manifest["entries"] = json!([]);
    }),
    breach(Rule::ManifestContentLength, URL, "content_length says 7", |star| {
        star.entry()["meta"]["content_length"] = 7.into();
    }),
    breach(Rule::ManifestContentLength, "entry 1", "meta.content_length", |star| {
        star.entry()["meta"] = json!({});
    }),
    breach(Rule::ManifestContentLength, "entry 1", "is missing", |star| {
        star.entry().as_object_mut().unwrap().remove("meta");
    }),
    breach(Rule::ManifestContentLength, URL, "the record says 7", |star| {
        star.table().files[0].bytes = 7;
        star.table().bytes = 7;
    }),
    breach(Rule::FilePresent, URL, "does not exist", |star| {
        std::fs::remove_file(star.path(FILE)).unwrap();
    }),
    breach(Rule::FileName, "run.parquet.gz", "it ends with .gz", |star| {
        star.entry()["url"] = "s3://bucket/star/plays/run.parquet.gz".into();
    })
    .also(&[Rule::ManifestFiles]),
    breach(Rule::FileSize, URL, "limit is 1073741824", inflate),
    breach(Rule::RowGroupSize, "run-00000.parquet, row group 0", "limit is 134217728", |star| {
        rechunk(star, |chunk| {
            chunk.into_builder().set_total_compressed_size(1 << 28).build().unwrap()
        });
    }),
    breach(Rule::ParquetReadable, URL, "does not end like a Parquet file", |star| {
        star.put(&good(), Bytes::from_static(b"id,level,start_time\n"));
    }),
    breach(Rule::ParquetReadable, URL, "too few", |star| {
        star.put(&good(), Bytes::from_static(b"PAR1"));
    }),
    breach(Rule::ParquetReadable, URL, "truncated", |star| {
        let file = parquet(&good());
        star.put(&good(), file.slice(file.len() - 60..));
    }),
    breach(Rule::ParquetReadable, URL, "cannot be read", |star| {
        star.put(&good(), Bytes::from_static(b"PAR1junkjunk\x08\0\0\0PAR1"));
    }),
    breach(Rule::ParquetEncryption, URL, "encrypted", |star| {
        let mut file = parquet(&good()).to_vec();
        let magic = file.len() - 4;
        file[magic..].copy_from_slice(b"PARE");
        star.put(&good(), file.into());
    }),
    breach(Rule::ParquetCodec, "column id, row group 0", "LZ4", |star| {
        const CODEC: Compression = Compression::LZ4_RAW;
        rechunk(star, |chunk| chunk.into_builder().set_compression(CODEC).build().unwrap());
    }),
    breach(Rule::ParquetPageVersion, "column id, row group 0", "version 2", |star| {
        let file = parquet_with(&good(), |properties| {
            properties.set_writer_version(WriterVersion::PARQUET_2_0)
        });
        star.put(&good(), file);
    }),
    breach(Rule::ParquetPageVersion, "column id, row group 0", "version 2", |star| {
        let file = parquet_with(&good(), |properties| {
            properties.set_writer_version(WriterVersion::PARQUET_2_0)
        });
        // The pages of the other columns are still counted.
        let uncounted = |chunk: ColumnChunkMetaData| {
            chunk.into_builder().clear_page_encoding_stats().build().unwrap()
        };
        star.put(&good(), with_chunk(&file, 0, uncounted));
    }),
    breach(Rule::ParquetPageVersion, "column id, row group 0", "damaged", |star| {
        rechunk(star, |chunk| {
            let chunk = chunk.into_builder().clear_page_encoding_stats();
            chunk.set_data_page_offset(0).build().unwrap()
        });
    }),
    breach(Rule::ParquetEncoding, "column id, row group 0", "DELTA_BINARY_PACKED", |star| {
        let file = parquet_with(&good(), |properties| {
            properties
                .set_dictionary_enabled(false)
                .set_column_encoding("id".into(), Encoding::DELTA_BINARY_PACKED)
        });
        star.put(&good(), file);
    }),
    breach(Rule::ParquetBloomFilter, "column id, row group 0", "Bloom filter", |star| {
        let file = parquet_with(&good(), |properties| properties.set_bloom_filter_enabled(true));
        star.put(&good(), file);
    }),
    breach(Rule::ColumnCount, URL, "2 columns; plays has 3; missing: start_time", |star| {
        put(star, vec![("id", ids(&[Some(1)])), ("level", texts(&[None]))]);
    }),
    breach(Rule::ColumnOrder, URL, "start_time would be loaded into level", |star| {
        let level = star.columns()[1].clone();
        star.columns()[1] = column("level", ColumnType::Timestamp, true);
        star.columns()[2] = ExpectedColumn { name: "start_time".to_owned(), ..level };
        put(
            star,
            vec![("id", ids(&[Some(1)])), ("start_time", times(1)), ("level", texts(&[None]))],
        );
    }),
    breach(Rule::ColumnNested, "column id", "nested", |star| {
        let inner = batch(vec![("a", ids(&[Some(1)])), ("b", ids(&[Some(1)]))]);
        let nested = arrow::array::StructArray::from(inner);
        put(
            star,
            vec![("id", Arc::new(nested)), ("level", texts(&[None])), ("start_time", times(1))],
        );
    }),
    breach(Rule::ColumnType, "column id", "BYTE_ARRAY STRING; plays.id is BIGINT", |star| {
        let rows =
            vec![("id", texts(&[Some("1")])), ("level", texts(&[None])), ("start_time", times(1))];
        put(star, rows);
    }),
    breach(Rule::ColumnUnsigned, "column id", "INT64 UINT(64)", |star| {
        let id = Arc::new(arrow::array::UInt64Array::from(vec![1]));
        put(star, vec![("id", id), ("level", texts(&[None])), ("start_time", times(1))]);
    }),
    breach(Rule::ColumnTimestamp, "column start_time", "INT64 TIMESTAMP(NANOS)", |star| {
        let time = Arc::new(arrow::array::TimestampNanosecondArray::from(vec![1]));
        put(star, vec![("id", ids(&[Some(1)])), ("level", texts(&[None])), ("start_time", time)]);
    }),
    breach(Rule::ColumnNull, "column id, row group 0", "nulls: 1; plays.id is NOT NULL", |star| {
        let id = ids(&[Some(1), None]);
        put(star, vec![("id", id), ("level", texts(&[None, None])), ("start_time", times(2))]);
    }),
    breach(Rule::ColumnNull, "column id", "nulls: 1, the first in row 2", uncounted_null),
    breach(Rule::ColumnReadable, "column id", "snappy", unreadable_column),
    breach(Rule::ColumnReadable, "column id", "its footer says more", |star| {
        misplaced_column(star, |chunk| {
            chunk.into_builder().set_dictionary_page_offset(Some(1 << 40)).build().unwrap()
        });
    }),
    breach(Rule::ColumnReadable, "column id", "negative offset", |star| {
        misplaced_column(star, |chunk| {
            chunk.into_builder().set_dictionary_page_offset(Some(-9)).build().unwrap()
        });
    }),
    breach(
        Rule::TextLength,
        "column level",
        "1 value, the first in row 2 with 38 bytes: \"2018",
        |star| {
            star.put_rows(&rows(&[None, Some(LONG)]));
        },
    ),
    breach(Rule::TextLength, "column level", "first in row 2 with 38 bytes", |star| {
        star.put_rows(&rows(&[None, Some(LONG)]));
        star.table().max_text_bytes.clear();
    }),
    breach(Rule::TextLength, "column level", "more than any VARCHAR can hold", |star| {
        star.columns()[1].max_bytes = Some(65_535);
        star.put_rows(&rows(&[Some(&"x".repeat(65_536))]));
    }),
    breach(Rule::TextLength, "plays.level", "no such value was found", |star| {
        star.table().max_text_bytes.insert("level".to_owned(), 21);
    }),
    breach(Rule::TextLength, "column level", "plays.level is VARCHAR(256)", |star| {
        star.columns()[1].max_bytes = None;
        star.expected.reading = Reading::Texts;
        star.put_rows(&rows(&[Some(&"é".repeat(129))]));
        star.table().max_text_bytes.insert("level".to_owned(), 1);
    }),
    breach(Rule::TextNul, "column level", "minimum or maximum", |star| {
        star.put_rows(&rows(&[Some("a"), Some("z\0")]));
    }),
    breach(Rule::TextNul, "column level", "first in row 2 with 3 bytes: \"b\\u{0}c\"", |star| {
        star.expected.reading = Reading::Texts;
        star.put_rows(&rows(&[Some("a"), Some("b\0c"), Some("d")]));
    }),
];
