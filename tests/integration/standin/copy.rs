//! COPY: its text, its table, its columns and its rows.

use super::cluster::{Cluster, Session};
use super::files::*;
use crate::support::redshift::Config;

const PEOPLE: &str = "CREATE TABLE people (id BIGINT NOT NULL, name VARCHAR(5))";

async fn with_people(rows: &[(i64, Option<&str>)]) -> (Cluster, Session) {
    let cluster = Cluster::start().await;
    let session = cluster.session().await;
    session.run(PEOPLE).await;
    cluster.s3.put("people.parquet", people(rows));
    (cluster, session)
}

#[tokio::test]
async fn star_is_loaded_row_for_row() {
    let cluster = Cluster::start().await;
    let session = cluster.session().await;
    session
        .run(
            "CREATE TABLE \"songplays\" (songplay_id BIGINT NOT NULL, \
             start_time TIMESTAMP NOT NULL, user_id BIGINT NOT NULL DISTKEY, level VARCHAR(8), \
             PRIMARY KEY (songplay_id)) \
             SORTKEY (start_time)",
        )
        .await;
    session
        .run(
            "CREATE TABLE \"songs\" (song_id VARCHAR(32) NOT NULL ENCODE zstd, year INTEGER \
             ENCODE az64, duration DOUBLE PRECISION ENCODE raw) DISTSTYLE ALL",
        )
        .await;
    session.run("CREATE TABLE \"time\" (start_time TIMESTAMP NOT NULL, weekday SMALLINT)").await;
    let plays = batch(vec![
        ("songplay_id", big_ints(&[1, i64::MAX])),
        ("start_time", moments(&[0, 1_541_106_106_796_000])),
        ("user_id", big_ints(&[8, 9])),
        ("level", texts(&[Some("free"), None])),
    ]);
    let songs = batch(vec![
        ("song_id", texts(&[Some("SOÄ'\\\t\n"), Some("")])),
        ("year", ints(&[1999, -1])),
        ("duration", doubles(&[Some(218.93179), None])),
    ]);
    let time = batch(vec![
        ("start_time", moments(&[-1, 946_684_800_000_000])),
        ("weekday", small_ints(&[0, 6])),
    ]);
    for (table, rows) in [("songplays", plays), ("songs", songs), ("time", time)] {
        let key = format!("star/{table}.parquet");
        cluster.s3.put(&key, parquet(&rows));
        session.run(&format!("COPY \"{table}\" {}", cluster.from(&key))).await;
        assert_eq!(session.value("SELECT pg_last_copy_count()").await, "2");
    }
    assert_eq!(
        session.rows("SELECT * FROM songplays ORDER BY songplay_id").await,
        [
            ["1", "1970-01-01 00:00:00", "8", "free"],
            ["9223372036854775807", "2018-11-01 21:01:46.796", "9", "NULL"],
        ]
    );
    assert_eq!(
        session.rows("SELECT * FROM songs ORDER BY song_id").await,
        [["", "-1", "NULL"], ["SOÄ'\\\t\n", "1999", "218.93179"]]
    );
    assert_eq!(
        session.rows("SELECT * FROM \"time\" ORDER BY start_time").await,
        [["1969-12-31 23:59:59.999999", "0"], ["2000-01-01 00:00:00", "6"]]
    );
}

#[tokio::test]
async fn decimals_dates_and_booleans_are_loaded() {
    use arrow::array::{BooleanArray, Date32Array, Decimal128Array, Float32Array};
    use std::sync::Arc;
    let cluster = Cluster::start().await;
    let session = cluster.session().await;
    session
        .run(
            "CREATE TABLE t (a DECIMAL(9,2), b DECIMAL(18,0), c DECIMAL(38,5), d DATE, e BOOL, \
             f REAL)",
        )
        .await;
    let decimals = |values: Vec<i128>, precision, scale| {
        let array = Decimal128Array::from(values);
        Arc::new(array.with_precision_and_scale(precision, scale).unwrap())
    };
    let rows = batch(vec![
        ("a", decimals(vec![1, -123_456_789, 0], 9, 2)),
        ("b", decimals(vec![10_000, 9, -1], 18, 0)),
        ("c", decimals(vec![100_000, 1, -12_345_678_901_234_567_890], 38, 5)),
        ("d", Arc::new(Date32Array::from(vec![0, 10_957, 17_836]))),
        ("e", Arc::new(BooleanArray::from(vec![true, false, true]))),
        ("f", Arc::new(Float32Array::from(vec![0.5, -0.25, 3.0]))),
    ]);
    cluster.s3.put("t.parquet", parquet(&rows));
    session.run(&format!("COPY t {}", cluster.from("t.parquet"))).await;
    assert_eq!(
        session.rows("SELECT * FROM t ORDER BY d").await,
        [
            ["0.01", "10000", "1.00000", "1970-01-01", "t", "0.5"],
            ["-1234567.89", "9", "0.00001", "2000-01-01", "f", "-0.25"],
            ["0.00", "-1", "-123456789012345.67890", "2018-11-01", "t", "3"],
        ]
    );
}

#[tokio::test]
async fn notice_reports_the_number_of_rows() {
    let (cluster, session) = with_people(&[(1, None), (2, Some("b"))]).await;
    session.run(&format!("COPY people {}", cluster.from("people.parquet"))).await;
    assert_eq!(
        session.notices(),
        ["INFO: Load into table 'people' completed, 2 record(s) loaded successfully."]
    );
}

#[tokio::test]
async fn parameters_that_parquet_does_not_allow_are_rejected() {
    let (cluster, session) = with_people(&[]).await;
    for parameter in [
        "REGION 'us-east-1'",
        "REGION AS 'us-east-1'",
        "COMPUPDATE OFF",
        "COMPUPDATE",
        "MAXERROR 3",
        "MAXERROR AS 3",
        "TRUNCATECOLUMNS",
        "TIMEFORMAT 'auto'",
        "NULL AS ''",
        "NOLOAD",
        "GZIP",
        "IGNOREHEADER 1",
        "ACCEPTANYDATE",
    ] {
        let word = parameter.split(' ').next().unwrap();
        let text = format!("{word} argument is not supported for PARQUET based COPY");
        let copy = format!("COPY people {} {parameter}", cluster.from("people.parquet"));
        session.rejects(&copy, "0A000", &text).await;
        // The position does not matter.
        let copy = copy.replace(&format!(" {parameter}"), "");
        let copy = copy.replace("FORMAT", &format!("{parameter} FORMAT"));
        session.rejects(&copy, "0A000", &text).await;
    }
}

#[tokio::test]
async fn unknown_and_repeated_parameters_are_rejected() {
    let (cluster, session) = with_people(&[]).await;
    let copy = format!("COPY people {}", cluster.from("people.parquet"));
    session.rejects(&format!("{copy} SPEEDY"), "42601", "syntax error at or near \"speedy\"").await;
    session.rejects(&format!("{copy} MANIFEST MANIFEST"), "42601", "redundant").await;
    session.rejects(&copy.replace("FORMAT AS PARQUET", ""), "0A000", "PARQUET").await;
    session.rejects(&copy.replace("PARQUET", "ORC"), "0A000", "PARQUET").await;
}

#[tokio::test]
async fn parameters_that_parquet_allows_are_accepted() {
    let (cluster, session) = with_people(&[(1, None)]).await;
    let copy = format!("COPY people {}", cluster.from("people.parquet"));
    for parameter in ["STATUPDATE ON", "STATUPDATE OFF", "FILLRECORD", "ACCEPTINVCHARS AS '?'"] {
        session.run(&format!("{copy} {parameter}")).await;
    }
    let default = copy.replace(&format!("'{}'", cluster.redshift.role()), "default");
    session.run(&default).await;
    assert_eq!(session.value("SELECT count(*) FROM people").await, "5");
}

#[tokio::test]
async fn role_must_be_attached() {
    let (cluster, session) = with_people(&[(1, None)]).await;
    let copy = format!("COPY people {}", cluster.from("people.parquet"));
    let other = copy.replace("starlift-copy", "other");
    let rejection = session.error_of(&other).await;
    assert_eq!(rejection.code, "XX000");
    assert!(rejection.message.contains("is not authorized to assume IAM Role"), "{rejection:?}");
    for line in ["error:  User arn", "code:      8001", "context:   IAM Role=arn", "location:"] {
        assert!(rejection.detail.contains(line), "{rejection:?}");
    }
    let keys = copy.replace("IAM_ROLE", "CREDENTIALS");
    session.rejects(&keys, "XX000", "only accepts IAM_ROLE credentials").await;
    let nothing = copy.replace(&format!("IAM_ROLE '{}'", cluster.redshift.role()), "");
    session.rejects(&nothing, "42601", "authorization").await;
}

#[tokio::test]
async fn bucket_must_be_in_the_region_of_the_warehouse() {
    let config = Config { region: Some("eu-west-1".into()), ..Config::default() };
    let cluster = Cluster::start_with(config).await;
    let session = cluster.session().await;
    session.run(PEOPLE).await;
    let copy = format!("COPY people {}", cluster.from("people.parquet"));
    session.rejects(&copy, "XX000", "different region").await;
}

#[tokio::test]
async fn table_must_exist_and_be_writable() {
    let (cluster, session) = with_people(&[(1, None)]).await;
    let copy = |table: &str| format!("COPY {table} {}", cluster.from("people.parquet"));
    let missing = "Relation missing does not exist in the database.";
    session.rejects(&copy("missing"), "XX000", missing).await;
    session.run("CREATE USER reader PASSWORD 'Abcdefg1'").await;
    session.run("GRANT SELECT ON people TO reader").await;
    let mut config = cluster.config();
    let reader = cluster.session_as(config.user("reader").password("Abcdefg1")).await;
    reader.rejects(&copy("people"), "42501", "permission denied for relation people").await;
    session.run("GRANT INSERT ON people TO reader").await;
    reader.run(&copy("people")).await;
    let statistics = format!("{} STATUPDATE ON", copy("people"));
    reader.rejects(&statistics, "42501", "permission denied").await;
}

#[tokio::test]
async fn columns_are_bound_by_position() {
    let (cluster, session) = with_people(&[]).await;
    session.run("CREATE TABLE pairs (a BIGINT, b BIGINT)").await;
    let swapped = batch(vec![("b", big_ints(&[1])), ("a", big_ints(&[2]))]);
    cluster.s3.put("pairs.parquet", parquet(&swapped));
    session.run(&format!("COPY pairs {}", cluster.from("pairs.parquet"))).await;
    assert_eq!(session.rows("SELECT a, b FROM pairs").await, [["1", "2"]]);
    session.run(&format!("COPY pairs (b, a) {}", cluster.from("pairs.parquet"))).await;
    assert_eq!(session.rows("SELECT a, b FROM pairs ORDER BY a").await[1], ["2", "1"]);
}

#[tokio::test]
async fn number_of_columns_must_match() {
    let (cluster, session) = with_people(&[(1, None)]).await;
    session.run("CREATE TABLE wide (id BIGINT, name VARCHAR(5), more INTEGER)").await;
    let from = cluster.from("people.parquet");
    let text = "Unmatched number of columns between table and file. Table columns: 3, Data \
                columns: 2";
    let rejection = session.error_of(&format!("COPY wide {from}")).await;
    assert_eq!(
        (rejection.code.as_str(), rejection.message.as_str()),
        ("XX000", "Spectrum Scan Error")
    );
    assert!(rejection.detail.contains(text) && rejection.detail.contains("code:      15007"));
    session.rejects(&format!("COPY people (id) {from}"), "XX000", "Table columns: 1").await;
    // FILLRECORD fills columns that are missing at the end of the file, but not columns that are
    // missing in the table.
    session.run(&format!("COPY wide {from} FILLRECORD")).await;
    assert_eq!(session.rows("SELECT * FROM wide").await, [["1", "NULL", "NULL"]]);
    session.rejects(&format!("COPY people (id) {from} FILLRECORD"), "XX000", "Unmatched").await;
}

#[tokio::test]
async fn column_list_is_supported() {
    let (cluster, session) = with_people(&[(1, Some("a"))]).await;
    let from = cluster.from("people.parquet");
    session.rejects(&format!("COPY people (id, nome) {from}"), "42703", "nome").await;
    session
        .rejects(
            &format!("COPY people (name) {from}"),
            "42601",
            "NOT NULL column without DEFAULT must be included in column list",
        )
        .await;
    session
        .run("CREATE TABLE defaults (id BIGINT, name VARCHAR(5), kind INT NOT NULL DEFAULT 7)")
        .await;
    session.run(&format!("COPY defaults (id, name) {from}")).await;
    assert_eq!(session.rows("SELECT * FROM defaults").await, [["1", "a", "7"]]);
}

#[tokio::test]
async fn texts_are_measured_in_bytes() {
    let (cluster, session) = with_people(&[(1, Some("ääb")), (2, Some("äää"))]).await;
    let copy = format!("COPY people {}", cluster.from("people.parquet"));
    let text = "The length of the data column name is longer than the length defined in the \
                table. Table: 5, Data: 6";
    let rejection = session.error_of(&copy).await;
    assert_eq!(rejection.code, "XX000");
    assert!(rejection.detail.contains(text) && rejection.detail.contains("15007"), "{rejection:?}");
    assert_eq!(session.value("SELECT count(*) FROM people").await, "0");
}

#[tokio::test]
async fn null_in_a_not_null_column_fails_the_copy() {
    let cluster = Cluster::start().await;
    let session = cluster.session().await;
    session.run("CREATE TABLE people (id BIGINT, name VARCHAR(5) NOT NULL)").await;
    cluster.s3.put("people.parquet", people(&[(1, Some("a")), (2, None)]));
    let rejection =
        session.error_of(&format!("COPY people {}", cluster.from("people.parquet"))).await;
    assert_eq!(rejection.message, "Cannot insert a NULL value into column name");
    assert!(rejection.code == "XX000" && rejection.detail.contains("code:      8007"));
    assert_eq!(session.value("SELECT count(*) FROM people").await, "0");
}

#[tokio::test]
async fn a_failed_copy_fails_its_transaction() {
    let (cluster, session) = with_people(&[(1, Some("too long"))]).await;
    session.run("BEGIN").await;
    session.run("INSERT INTO people VALUES (9, 'i')").await;
    let copy = format!("COPY people {}", cluster.from("people.parquet"));
    session.rejects(&copy, "XX000", "Spectrum Scan Error").await;
    session.rejects("SELECT 1", "25P02", "current transaction is aborted").await;
    session.run("COMMIT").await;
    assert_eq!(session.value("SELECT count(*) FROM people").await, "0");
}

#[tokio::test]
async fn last_copy_count_is_that_of_the_latest_copy() {
    let (cluster, session) = with_people(&[(1, None), (2, None)]).await;
    let count = "SELECT pg_last_copy_count()";
    assert_eq!(session.value(count).await, "0");
    let copy = format!("COPY people {}", cluster.from("people.parquet"));
    session.run(&copy).await;
    let id = session.value("SELECT pg_last_copy_id()").await;
    assert_eq!(session.value(count).await, "2");
    // A COPY that never began does not count.
    session.error_of(&format!("{copy} REGION 'us-east-1'")).await;
    session.error_of(&copy.replace("people", "missing")).await;
    assert_eq!(session.value(count).await, "2");
    cluster.s3.put("bad.parquet", people(&[(1, Some("too long"))]));
    session.error_of(&format!("COPY people {}", cluster.from("bad.parquet"))).await;
    assert_eq!(session.value(count).await, "0");
    assert_ne!(session.value("SELECT pg_last_copy_id()").await, id);
    // The count belongs to the session.
    assert_eq!(cluster.session().await.value(count).await, "0");
}

#[tokio::test]
async fn load_errors_are_recorded() {
    let (cluster, session) = with_people(&[(1, Some("too long"))]).await;
    session.run("BEGIN").await;
    session.error_of(&format!("COPY people {}", cluster.from("people.parquet"))).await;
    session.run("ROLLBACK").await;
    let kept = session
        .rows(
            "SELECT file_name, column_name, column_type, error_message FROM sys_load_error_detail",
        )
        .await;
    let [file, column, kind, message] = &kept[0][..] else { panic!("{kept:?}") };
    assert!(file.ends_with("/sparkify/people.parquet"), "{file}");
    assert_eq!((column.as_str(), kind.as_str()), ("name", "VARCHAR(5)"));
    assert!(message.starts_with("The length of the data column name"), "{message}");
    assert_eq!(session.value("SELECT count(*) FROM stl_load_errors").await, "1");
    let history =
        session.rows("SELECT table_name, loaded_rows, status FROM sys_load_history").await;
    assert_eq!(history, [["people", "0", "aborted"]]);
}

#[tokio::test]
async fn serverless_denies_its_system_tables() {
    let cluster = Cluster::start_with(Config { serverless: true, ..Config::default() }).await;
    let session = cluster.session().await;
    session.rejects("SELECT * FROM stl_load_errors", "42501", "permission denied").await;
    session.run("SELECT * FROM sys_load_error_detail").await;
}

#[tokio::test]
async fn million_rows_load_in_seconds() {
    let (cluster, session) = with_people(&[]).await;
    let ids: Vec<i64> = (0..1_000_000).collect();
    let names = vec![Some("abc"); ids.len()];
    let rows = batch(vec![("id", big_ints(&ids)), ("name", texts(&names))]);
    cluster.s3.put("million.parquet", parquet(&rows));
    let started = std::time::Instant::now();
    session.run(&format!("COPY people {}", cluster.from("million.parquet"))).await;
    assert!(started.elapsed().as_secs() < 30);
    assert_eq!(session.value("SELECT count(DISTINCT id) FROM people").await, "1000000");
}
