//! Parquet files that COPY rejects.

use std::sync::Arc;

use arrow::array::{
    ArrayRef, BinaryArray, Decimal128Array, FixedSizeBinaryArray, Int8Array, Int64Array, ListArray,
    StringArray, TimestampMicrosecondArray, TimestampMillisecondArray, TimestampNanosecondArray,
    TimestampSecondArray, UInt32Array, UInt64Array,
};
use arrow::datatypes::Int32Type;
use parquet::basic::{Compression, Encoding, ZstdLevel};
use parquet::file::properties::{WriterProperties, WriterPropertiesBuilder, WriterVersion};

use super::cluster::{Cluster, ErrorReply};
use super::files::*;

/// Loads one column into a table with one column.
async fn load(kind: &str, values: ArrayRef) -> Result<String, ErrorReply> {
    load_with(kind, values, WriterProperties::builder()).await
}

async fn load_with(
    kind: &str,
    values: ArrayRef,
    properties: WriterPropertiesBuilder,
) -> Result<String, ErrorReply> {
    let cluster = Cluster::start().await;
    let session = cluster.session().await;
    session.run(&format!("CREATE TABLE t (x {kind})")).await;
    let file = parquet_with(&batch(vec![("x", values)]), properties.build());
    cluster.s3.put("t.parquet", file);
    let copy = format!("COPY t {}", cluster.from("t.parquet"));
    match session.client.simple_query(&copy).await {
        Ok(_) => Ok(session.value("SELECT x FROM t").await),
        Err(_) => Err(session.error_of(&copy).await),
    }
}

#[track_caller]
fn incompatible(loaded: Result<String, ErrorReply>, kind: &str, physical: &str) {
    let rejection = loaded.unwrap_err();
    assert_eq!(rejection.message, "Spectrum Scan Error");
    assert!(rejection.detail.contains("code:      15007"), "{rejection:#?}");
    let text = format!(
        "has an incompatible Parquet schema for column 'x'. Column type: {kind}, Parquet schema: \
         optional {physical} x"
    );
    assert!(rejection.detail.contains(&text), "{rejection:#?}");
}

#[track_caller]
fn unknown(loaded: Result<String, ErrorReply>, what: &str) {
    let rejection = loaded.unwrap_err();
    let said = rejection.detail.contains(what) && rejection.detail.contains("there is no evidence");
    assert!(said, "{rejection:#?}");
}

#[tokio::test]
async fn mismatched_types_are_rejected() {
    incompatible(load("BIGINT", texts(&[Some("1")])).await, "BIGINT", "byte_array");
    incompatible(load("INTEGER", big_ints(&[1])).await, "INTEGER", "int64");
    incompatible(load("SMALLINT", ints(&[1])).await, "SMALLINT", "int32");
    incompatible(load("VARCHAR(9)", big_ints(&[1])).await, "VARCHAR(9)", "int64");
    incompatible(load("TIMESTAMP", big_ints(&[1])).await, "TIMESTAMP", "int64");
    incompatible(load("BIGINT", moments(&[1])).await, "BIGINT", "int64");
    incompatible(load("DATE", ints(&[1])).await, "DATE", "int32");
    incompatible(load("REAL", doubles(&[Some(1.0)])).await, "REAL", "double");
}

#[tokio::test]
async fn wider_integer_column_accepts_a_narrower_type() {
    assert_eq!(load("BIGINT", ints(&[-7])).await.unwrap(), "-7");
}

#[tokio::test]
async fn bytes_are_not_text() {
    let bytes = Arc::new(BinaryArray::from(vec![b"abc".as_slice()]));
    incompatible(load("VARCHAR(9)", bytes).await, "VARCHAR(9)", "byte_array");
    let fixed = FixedSizeBinaryArray::try_from_iter([[1u8; 16]].into_iter()).unwrap();
    incompatible(load("BIGINT", Arc::new(fixed)).await, "BIGINT", "fixed_len_byte_array");
}

#[tokio::test]
async fn decimal_must_have_the_scale_of_the_column() {
    let decimal = || {
        let array = Decimal128Array::from(vec![100]);
        Arc::new(array.with_precision_and_scale(20, 2).unwrap())
    };
    assert_eq!(load("DECIMAL(20,2)", decimal()).await.unwrap(), "1.00");
    let physical = "fixed_len_byte_array";
    incompatible(load("DECIMAL(20,0)", decimal()).await, "DECIMAL(20, 0)", physical);
    incompatible(load("BIGINT", decimal()).await, "BIGINT", physical);
}

#[tokio::test]
async fn timestamps_of_other_units_are_rejected() {
    let nanos = Arc::new(TimestampNanosecondArray::from(vec![1]));
    unknown(load("TIMESTAMP", nanos).await, "TIMESTAMP(NANOS)");
    let millis = Arc::new(TimestampMillisecondArray::from(vec![1]));
    unknown(load("TIMESTAMP", millis).await, "TIMESTAMP(MILLIS)");
    let utc = TimestampMicrosecondArray::from(vec![1]).with_timezone("UTC");
    unknown(load("TIMESTAMP", Arc::new(utc)).await, "UTC");
    let seconds = Arc::new(TimestampSecondArray::from(vec![1]));
    incompatible(load("TIMESTAMP", seconds).await, "TIMESTAMP", "int64");
}

#[tokio::test]
async fn unsigned_and_small_integers_are_rejected() {
    unknown(load("BIGINT", Arc::new(UInt64Array::from(vec![1]))).await, "an unsigned integer");
    unknown(load("BIGINT", Arc::new(UInt32Array::from(vec![1]))).await, "an unsigned integer");
    unknown(load("SMALLINT", Arc::new(Int8Array::from(vec![1]))).await, "8-bit");
}

#[tokio::test]
async fn nested_columns_are_rejected() {
    let list = ListArray::from_iter_primitive::<Int32Type, _, _>(vec![Some(vec![Some(1)])]);
    let rejection = load("BIGINT", Arc::new(list)).await.unwrap_err();
    assert!(rejection.message.contains("Unreachable - Invalid type: 4000"), "{rejection:?}");
}

#[tokio::test]
async fn known_codecs_are_accepted() {
    let zstd = Compression::ZSTD(ZstdLevel::default());
    for codec in [Compression::UNCOMPRESSED, Compression::SNAPPY, zstd] {
        let properties = WriterProperties::builder().set_compression(codec);
        assert_eq!(load_with("BIGINT", big_ints(&[7]), properties).await.unwrap(), "7");
    }
}

#[tokio::test]
async fn unknown_codecs_are_rejected() {
    use parquet::basic::BrotliLevel;
    let cluster = Cluster::start().await;
    let session = cluster.session().await;
    session.run("CREATE TABLE t (x BIGINT)").await;
    let file = parquet(&batch(vec![("x", big_ints(&[7]))]));
    for codec in [
        Compression::LZ4,
        Compression::LZ4_RAW,
        Compression::LZO,
        Compression::BROTLI(BrotliLevel::default()),
    ] {
        cluster.s3.put("t.parquet", claiming(&file, codec));
        let copy = format!("COPY t {}", cluster.from("t.parquet"));
        unknown(Err(session.error_of(&copy).await), "codec");
    }
}

/// Changes the footer of a file so that its columns claim this codec.
fn claiming(file: &[u8], codec: Compression) -> Vec<u8> {
    use parquet::file::metadata::{ParquetMetaDataReader, ParquetMetaDataWriter};
    let footer = u32::from_le_bytes(file[file.len() - 8..file.len() - 4].try_into().unwrap());
    let mut changed = file[..file.len() - 8 - footer as usize].to_vec();
    let bytes = bytes::Bytes::copy_from_slice(file);
    let metadata = ParquetMetaDataReader::new().parse_and_finish(&bytes).unwrap();
    let mut builder = metadata.into_builder();
    let groups = builder.take_row_groups().into_iter().map(|group| {
        let columns = group.columns().iter().cloned();
        let columns = columns.map(|c| c.into_builder().set_compression(codec).build().unwrap());
        let columns = columns.collect();
        group.into_builder().set_column_metadata(columns).build().unwrap()
    });
    let groups = groups.collect();
    let metadata = builder.set_row_groups(groups).build();
    ParquetMetaDataWriter::new(&mut changed, &metadata).finish().unwrap();
    changed
}

#[tokio::test]
async fn data_pages_of_version_2_are_rejected() {
    let properties = WriterProperties::builder().set_writer_version(WriterVersion::PARQUET_2_0);
    unknown(load_with("BIGINT", big_ints(&[7]), properties).await, "data page version 2");
}

#[tokio::test]
async fn unknown_encodings_are_rejected() {
    let encoded =
        |encoding| WriterProperties::builder().set_dictionary_enabled(false).set_encoding(encoding);
    let delta = encoded(Encoding::DELTA_BINARY_PACKED);
    unknown(load_with("BIGINT", big_ints(&[7]), delta).await, "DELTA_BINARY_PACKED");
    let delta = encoded(Encoding::DELTA_BYTE_ARRAY);
    unknown(load_with("VARCHAR(9)", texts(&[Some("a")]), delta).await, "DELTA_BYTE_ARRAY");
    let split = encoded(Encoding::BYTE_STREAM_SPLIT);
    unknown(load_with("FLOAT8", doubles(&[Some(1.0)]), split).await, "BYTE_STREAM_SPLIT");
    let plain = encoded(Encoding::PLAIN);
    assert_eq!(load_with("BIGINT", big_ints(&[7]), plain).await.unwrap(), "7");
}

#[tokio::test]
async fn bloom_filters_are_rejected() {
    let properties = WriterProperties::builder().set_bloom_filter_enabled(true);
    unknown(load_with("BIGINT", big_ints(&[7]), properties).await, "a Bloom filter");
}

#[tokio::test]
async fn embedded_arrow_schema_is_ignored() {
    use arrow::array::{DictionaryArray, LargeStringArray};
    let large = Arc::new(LargeStringArray::from(vec!["a"]));
    assert_eq!(load("VARCHAR(9)", large).await.unwrap(), "a");
    let dictionary: DictionaryArray<Int32Type> = vec!["a"].into_iter().collect();
    assert_eq!(load("VARCHAR(9)", Arc::new(dictionary)).await.unwrap(), "a");
}

#[tokio::test]
async fn required_columns_load() {
    let cluster = Cluster::start().await;
    let session = cluster.session().await;
    session.run("CREATE TABLE t (x BIGINT NOT NULL)").await;
    let values: ArrayRef = Arc::new(Int64Array::from(vec![7]));
    let required =
        arrow::array::RecordBatch::try_from_iter_with_nullable([("x", values, false)]).unwrap();
    cluster.s3.put("t.parquet", parquet(&required));
    session.run(&format!("COPY t {}", cluster.from("t.parquet"))).await;
    assert_eq!(session.value("SELECT x FROM t").await, "7");
}

#[tokio::test]
async fn suffixes_that_mean_compression_are_rejected() {
    let cluster = Cluster::start().await;
    let session = cluster.session().await;
    session.run("CREATE TABLE t (id BIGINT, name VARCHAR(5))").await;
    for (key, loads) in
        [("a.snappy", false), ("a.parquet.gz", false), ("a.snappy.parquet", true), ("a", true)]
    {
        let key = format!("{}/{key}", key.len());
        cluster.s3.put(&key, people(&[(1, None)]));
        let copied = session.client.simple_query(&format!("COPY t {}", cluster.from(&key))).await;
        assert_eq!(copied.is_ok(), loads, "{key}");
    }
}

#[tokio::test]
async fn file_without_rows_loads() {
    let values: ArrayRef = Arc::new(StringArray::from(Vec::<&str>::new()));
    let cluster = Cluster::start().await;
    let session = cluster.session().await;
    session.run("CREATE TABLE t (x VARCHAR)").await;
    cluster.s3.put("t.parquet", parquet(&batch(vec![("x", values)])));
    session.run(&format!("COPY t {}", cluster.from("t.parquet"))).await;
    assert_eq!(session.value("SELECT pg_last_copy_count()").await, "0");
}
