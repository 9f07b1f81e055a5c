//! Parquet types against table columns, one pair at a time.

use arrow::datatypes::{DataType, Field, Schema, TimeUnit};
use parquet::arrow::ArrowSchemaConverter;
use parquet::schema::parser::parse_message_type;
use parquet::schema::types::Type;

use super::super::columns;
use super::*;
use ColumnType::{BigInt, Boolean, Date, Decimal, Double, Integer, SmallInt, Text, Timestamp};

fn broken(schema: &Type, target: ColumnType) -> Option<(Rule, String)> {
    let table = ExpectedTable { name: "t".to_owned(), columns: vec![column("c", target, true)] };
    let findings = columns::check("s3://b/f.parquet", schema, &table);
    assert!(findings.len() <= 1, "{findings:?}");
    findings.into_iter().next().map(|finding| (finding.rule, finding.to_string()))
}

fn of_arrow(data_type: DataType, target: ColumnType) -> Option<(Rule, String)> {
    let schema = Schema::new(vec![Field::new("c", data_type, true)]);
    let schema = ArrowSchemaConverter::new().convert(&schema).unwrap();
    broken(schema.root_schema(), target)
}

#[test]
fn proven_pairs_pass() {
    for (data_type, target) in [
        (DataType::Int16, SmallInt),
        (DataType::Int32, Integer),
        (DataType::Int32, BigInt),
        (DataType::Int64, BigInt),
        (DataType::Float64, Double),
        (DataType::Utf8, Text),
        (DataType::LargeUtf8, Text),
        (DataType::Utf8View, Text),
        (DataType::Dictionary(Box::new(DataType::Int32), Box::new(DataType::Utf8)), Text),
        (DataType::Timestamp(TimeUnit::Microsecond, None), Timestamp),
        (DataType::Boolean, Boolean),
        (DataType::Date32, Date),
        (DataType::Decimal128(9, 2), Decimal { precision: 9, scale: 2 }),
        (DataType::Decimal128(18, 0), Decimal { precision: 18, scale: 0 }),
        (DataType::Decimal128(38, 37), Decimal { precision: 38, scale: 37 }),
    ] {
        assert_eq!(of_arrow(data_type.clone(), target), None, "{data_type} {target:?}");
    }
}

/// Fails the test unless a column of this type breaks `rule`, and the message contains `named` and the type of
/// the table.
#[track_caller]
fn assert_breaks(data_type: &DataType, target: ColumnType, rule: Rule, named: &str) {
    let (found, text) = of_arrow(data_type.clone(), target).unwrap();
    assert_eq!(found, rule, "{data_type} {target:?}: {text}");
    assert!(text.starts_with("s3://b/f.parquet, column c: "), "{text}");
    assert!(text.contains(named) && text.contains(&*target.sql()), "{text}");
}

#[test]
fn other_pairs_are_rejected() {
    let decimal = |precision, scale| Decimal { precision, scale };
    for (data_type, target, rule, named) in [
        (DataType::Int32, SmallInt, Rule::ColumnType, "INT32 with no logical type"),
        (DataType::Int64, Integer, Rule::ColumnType, "INT64"),
        (DataType::UInt8, SmallInt, Rule::ColumnUnsigned, "UINT(8)"),
        (DataType::UInt16, Integer, Rule::ColumnUnsigned, "UINT(16)"),
        (DataType::UInt32, BigInt, Rule::ColumnUnsigned, "UINT(32)"),
        (DataType::Float32, Double, Rule::ColumnType, "FLOAT"),
        (DataType::Binary, Text, Rule::ColumnType, "BYTE_ARRAY with no logical type"),
        (DataType::FixedSizeBinary(4), Text, Rule::ColumnType, "FIXED_LEN_BYTE_ARRAY"),
        (DataType::Decimal128(20, 0), BigInt, Rule::ColumnType, "DECIMAL(20,0)"),
        (DataType::Decimal128(18, 2), BigInt, Rule::ColumnType, "INT64 DECIMAL(18,2)"),
        (DataType::Date32, Timestamp, Rule::ColumnType, "INT32 DATE"),
        (DataType::Boolean, Integer, Rule::ColumnType, "BOOLEAN"),
        (DataType::Int32, Boolean, Rule::ColumnType, "INT32"),
        (DataType::Date64, Date, Rule::ColumnType, "INT64"),
        (DataType::Int32, Date, Rule::ColumnType, "INT32"),
        (DataType::Decimal128(10, 2), decimal(10, 3), Rule::ColumnType, "DECIMAL(10,2)"),
        (DataType::Decimal128(10, 2), decimal(12, 2), Rule::ColumnType, "DECIMAL(10,2)"),
        (
            DataType::List(Arc::new(Field::new_list_field(DataType::Int64, true))),
            BigInt,
            Rule::ColumnNested,
            "nested",
        ),
    ] {
        assert_breaks(&data_type, target, rule, named);
    }
}

#[test]
fn times_in_other_units_or_with_a_zone_are_rejected() {
    let time = |unit, zone: Option<&str>| DataType::Timestamp(unit, zone.map(Into::into));
    for (data_type, target, rule, named) in [
        (time(TimeUnit::Second, None), Timestamp, Rule::ColumnType, "INT64 with no"),
        (time(TimeUnit::Millisecond, None), Timestamp, Rule::ColumnTimestamp, "MILLIS"),
        (time(TimeUnit::Nanosecond, None), Timestamp, Rule::ColumnTimestamp, "NANOS"),
        (
            time(TimeUnit::Microsecond, Some("UTC")),
            Timestamp,
            Rule::ColumnTimestamp,
            "MICROS, adjusted to UTC",
        ),
        (time(TimeUnit::Microsecond, None), BigInt, Rule::ColumnType, "TIMESTAMP(MICROS)"),
    ] {
        assert_breaks(&data_type, target, rule, named);
    }
}

#[test]
fn types_of_older_files_are_understood() {
    let parse = |column: &str| parse_message_type(&format!("message m {{ {column}; }}")).unwrap();
    for (column, target, rule) in [
        ("optional binary c (UTF8)", Text, None),
        ("required int32 c (INT_16)", SmallInt, None),
        ("optional int64 c (INT_64)", BigInt, None),
        ("optional int32 c (UINT_32)", BigInt, Some(Rule::ColumnUnsigned)),
        ("optional int96 c", Timestamp, Some(Rule::ColumnTimestamp)),
        ("optional int64 c (TIMESTAMP_MICROS)", Timestamp, Some(Rule::ColumnTimestamp)),
        ("optional binary c (JSON)", Text, Some(Rule::ColumnType)),
        ("repeated int64 c", BigInt, Some(Rule::ColumnNested)),
    ] {
        assert_eq!(broken(&parse(column), target).map(|(rule, _)| rule), rule, "{column}");
    }
}
