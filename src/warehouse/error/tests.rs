//! Tests of what errors mean and how they are shown.

use super::*;

const DETAIL: &str = "\n  -----------------------------------------------\n  error:  Spectrum \
    Scan Error\n  code:      15007\n  context:   The length of the data column title is longer than\n\
    the length defined in the table. Table: 200, Data: 300\n  query:     1234\n  location:  \
    dory_util.cpp:1495\n  process:   worker_thread [pid=1]\n  -------";

#[test]
fn the_detail_block_is_parsed() {
    assert_eq!(detail_entry(DETAIL, "code").unwrap(), "15007");
    assert_eq!(
        detail_entry(DETAIL, "context").unwrap(),
        "The length of the data column title is longer than the length defined in the table. \
         Table: 200, Data: 300"
    );
    assert_eq!(detail_entry("Key (a)=(1) is duplicated.", "code"), None);
}

#[test]
fn file_column_and_reason_appear_once() {
    let error = ServerError {
        code: "XX000".to_owned(),
        message: "Spectrum Scan Error".to_owned(),
        engine_code: Some(15_007),
        context: detail_entry(DETAIL, "context").unwrap(),
        detail: DETAIL.to_owned(),
        load_error: Some(LoadErrorRow {
            file: "s3://b/x.parquet".to_owned(),
            column: "artist_name".to_owned(),
            column_type: "varchar(200)".to_owned(),
            message: "Table: 200, Data: 300".to_owned(),
        }),
        ..ServerError::default()
    };
    assert_eq!(
        error.to_string(),
        "Spectrum Scan Error (SQLSTATE XX000, code 15007): The length of the data column title is \
         longer than the length defined in the table. Table: 200, Data: 300; file s3://b/x.parquet; \
         column artist_name; type varchar(200)"
    );
}

fn rejected(code: &str, message: &str) -> WarehouseError {
    let error = ServerError {
        code: code.to_owned(),
        message: message.to_owned(),
        ..ServerError::default()
    };
    let cause = Cause::Server(Box::new(error));
    WarehouseError { action: "load".to_owned(), target: "x".to_owned(), cause }
}

#[test]
fn conflicts_and_lost_connections_are_transient_and_rejections_are_not() {
    let lost = Cause::Connection("closed".to_owned());
    let lost = WarehouseError { action: "load".to_owned(), target: "x".to_owned(), cause: lost };
    assert!(lost.is_transient() && lost.is_lost());
    assert!(rejected("57P01", "terminating connection").is_lost());
    for (code, message) in [
        ("XX000", "1023"),
        ("40001", "could not serialize"),
        ("40P01", "deadlock"),
        ("XX000", "1018"),
        ("55P03", "lock timeout"),
        ("XX000", "could not complete because of conflict with concurrent transaction"),
        ("XX000", "could not open relation with OID 100123"),
        ("XX000", "table 100123 dropped by concurrent transaction"),
        ("XX000", "Serializable isolation violation on table - 100123"),
        ("34510", "Concurrent DDL committed to table between Prepare and Execute"),
        ("42P01", "relation with OID 16500 does not exist"),
        ("XX000", "tuple concurrently updated"),
    ] {
        let error = rejected(code, message);
        assert!(error.is_transient() && !error.is_lost(), "{message}");
    }
    for (code, message) in [
        ("42501", "permission denied"),
        ("XX000", "Spectrum Scan Error"),
        ("42P01", "relation \"star.songs\" does not exist"),
        ("XX000", "Relation songs does not exist in the database."),
        ("42601", "syntax error at or near \"concurrently\""),
    ] {
        assert!(!rejected(code, message).is_transient(), "{message}");
    }
}
