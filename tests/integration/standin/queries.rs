//! Queries whose results or grammar differ from PostgreSQL's.

use super::cluster::{Cluster, Session};

async fn session(tables: &[&str]) -> (Cluster, Session) {
    let cluster = Cluster::start().await;
    let session = cluster.session().await;
    for statement in tables {
        session.run(statement).await;
    }
    (cluster, session)
}

#[tokio::test]
async fn comparisons_ignore_trailing_blanks() {
    let (_cluster, session) = session(&[
        "CREATE TABLE a (x VARCHAR(9))",
        "CREATE TABLE b (x VARCHAR(9))",
        "INSERT INTO a VALUES ('a'), ('b  ')",
        "INSERT INTO b VALUES ('a  '), (' b')",
    ])
    .await;
    assert_eq!(session.value("SELECT 'a' = 'a  '").await, "t");
    assert_eq!(session.value("SELECT count(*) FROM a WHERE x = 'b'").await, "1");
    assert_eq!(session.value("SELECT count(*) FROM a WHERE x <> 'b'").await, "1");
    assert_eq!(session.value("SELECT count(*) FROM a WHERE x IN ('b', 'c')").await, "1");
    assert_eq!(session.value("SELECT count(*) FROM a JOIN b ON a.x = b.x").await, "1");
    assert_eq!(session.value("SELECT length(x) FROM a ORDER BY 1 DESC LIMIT 1").await, "3");
    let plan = session.rows("EXPLAIN SELECT count(*) FROM a JOIN b ON a.x = b.x").await.concat();
    let hashed = plan.iter().any(|line| line.contains("Hash") || line.contains("Merge"));
    assert!(hashed, "{plan:#?}");
}

#[tokio::test]
async fn groups_ignore_trailing_blanks() {
    let (_cluster, session) = session(&[
        "CREATE TABLE t (a VARCHAR(9), b INTEGER)",
        "INSERT INTO t VALUES ('x', 1), ('x ', 1), ('y', 2)",
    ])
    .await;
    let grouped = [["x", "2"], ["y", "1"]];
    for query in [
        "SELECT a, count(*) FROM t GROUP BY a ORDER BY a",
        "SELECT u.a, count(*) FROM t AS u GROUP BY u.a ORDER BY u.a",
        "SELECT a, count(*) AS n FROM t AS u GROUP BY u.a HAVING u.a <> '' ORDER BY n DESC",
        "SELECT a, count(*) FROM t GROUP BY a, b ORDER BY b",
        "SELECT lower(upper(a)), count(*) FROM t GROUP BY lower(upper(a)) ORDER BY 1",
    ] {
        assert_eq!(session.rows(query).await, grouped, "{query}");
    }
    assert_eq!(session.value("SELECT count(DISTINCT a) FROM t").await, "2");
    assert_eq!(session.rows("SELECT DISTINCT b, a FROM t ORDER BY a").await.len(), 2);
    assert_eq!(session.rows("SELECT a FROM t UNION SELECT a FROM t").await.len(), 2);
    assert_eq!(session.rows("SELECT a FROM t UNION ALL SELECT a FROM t").await.len(), 6);
    let ranked = "SELECT row_number() OVER (PARTITION BY a ORDER BY b) AS n FROM t ORDER BY n DESC";
    assert_eq!(session.value(ranked).await, "2");
}

#[tokio::test]
async fn groups_of_all_kinds() {
    let (_cluster, session) = session(&[
        "CREATE TABLE t (a VARCHAR(9), b INTEGER, c TIMESTAMP)",
        "INSERT INTO t VALUES ('x', 1, '2018-11-04 10:00:00'), ('y', 2, NULL)",
    ])
    .await;
    for query in [
        "SELECT a AS b, count(*) FROM t GROUP BY 1 ORDER BY 1",
        "SELECT upper(a) AS big, count(*) FROM t GROUP BY big",
        "SELECT EXTRACT(hour FROM c), b + 1, count(*) FROM t GROUP BY EXTRACT(hour FROM c), b + 1",
        "SELECT b, c, max(a) FROM t GROUP BY b, c ORDER BY b DESC, max(a)",
        "SELECT upper(a) FROM t GROUP BY a, upper(a)",
        "SELECT CASE WHEN a = 'x' THEN b END FROM t GROUP BY a, b",
        "SELECT g.a, n FROM (SELECT a, count(*) AS n FROM t GROUP BY a) AS g ORDER BY g.a",
        "SELECT a, rank() OVER (PARTITION BY a ORDER BY count(*)) FROM t GROUP BY a",
        "SELECT b FROM t WHERE a IN (SELECT DISTINCT a FROM t) GROUP BY b HAVING count(*) > 0",
        "SELECT NULL, 'x', a FROM t UNION SELECT NULL, 'y', a FROM t",
    ] {
        session.run(query).await;
    }
    assert_eq!(
        session
            .rows("SELECT date_part('hour', c) AS hour, sum(b) FROM t GROUP BY hour ORDER BY hour")
            .await,
        [["10", "1"], ["NULL", "2"]]
    );
}

#[tokio::test]
async fn averages_of_integers_are_truncated() {
    let (_cluster, session) = session(&[
        "CREATE TABLE t (s SMALLINT, i INTEGER, b BIGINT, d DOUBLE PRECISION)",
        "INSERT INTO t VALUES (1, -1, 1, 1), (2, -2, 2, 2), (NULL, NULL, NULL, NULL)",
    ])
    .await;
    assert_eq!(
        session.rows("SELECT avg(s), AVG(i), avg(b), avg(d), sum(s) FROM t").await,
        [["1", "-1", "1", "1.5", "3"]]
    );
    assert_eq!(session.rows("SELECT avg(i) FROM t WHERE i > 0").await, [["NULL"]]);
    assert_eq!(session.value("SELECT 7 / 2").await, "3");
}

#[tokio::test]
async fn extract_is_an_integer() {
    let (_cluster, session) = session(&[]).await;
    let part = async |part: &str| {
        session
            .value(&format!("SELECT EXTRACT({part} FROM TIMESTAMP '2018-11-04 21:01:46.796')"))
            .await
    };
    assert_eq!(part("second").await, "46");
    assert_eq!(part("dow").await, "0");
    assert_eq!(part("weekday").await, "0");
    assert_eq!(part("week").await, "44");
    assert_eq!(part("epoch").await, "1541365306");
    assert_eq!(session.value("SELECT DATE_PART('dow', DATE '2018-11-10')").await, "6");
    assert_eq!(session.value("SELECT DATE_PART(dow, DATE '2018-11-10')").await, "6");
}

#[tokio::test]
async fn differences_of_dates_count_boundaries() {
    let (_cluster, session) = session(&[]).await;
    let times = "TIMESTAMP '2018-11-01 23:59:59', TIMESTAMP '2018-12-01 00:00:00'";
    for (part, difference) in [("year", "0"), ("month", "1"), ("day", "30"), ("second", "2505601")]
    {
        let query = format!("SELECT DATEDIFF({part}, {times})");
        assert_eq!(session.value(&query).await, difference, "{part}");
    }
    let later = "SELECT DATEADD(month, 1, TIMESTAMP '2018-01-31 12:00:00')";
    assert_eq!(session.value(later).await, "2018-02-28 12:00:00");
}

#[tokio::test]
async fn window_aggregates_need_a_frame() {
    let (_cluster, session) =
        session(&["CREATE TABLE t (a INTEGER)", "INSERT INTO t VALUES (1), (2), (3)"]).await;
    let text = "Aggregate window functions with an ORDER BY clause require a frame clause";
    session.rejects("SELECT sum(a) OVER (ORDER BY a) FROM t", "42601", text).await;
    session.rejects("SELECT first_value(a) OVER (ORDER BY a) FROM t", "42601", text).await;
    for frame in ["RANGE UNBOUNDED PRECEDING", "GROUPS UNBOUNDED PRECEDING"] {
        let query = format!("SELECT sum(a) OVER (ORDER BY a {frame}) FROM t");
        session.rejects(&query, "0A000", "ROWS").await;
    }
    let ranked = "SELECT rank() OVER (ORDER BY a ROWS UNBOUNDED PRECEDING) FROM t";
    session.rejects(ranked, "42601", "no frame").await;
    assert_eq!(
        session
            .rows(
                "SELECT sum(a) OVER (ORDER BY a ROWS UNBOUNDED PRECEDING), \
                 row_number() OVER (ORDER BY a), sum(a) OVER () FROM t ORDER BY a"
            )
            .await,
        [["1", "1", "6"], ["3", "2", "6"], ["6", "3", "6"]]
    );
}

#[tokio::test]
async fn leader_node_functions_reject_user_tables() {
    let (_cluster, session) =
        session(&["CREATE TABLE t (a INTEGER)", "INSERT INTO t VALUES (1)"]).await;
    for function in ["now()", "CURRENT_TIMESTAMP", "current_schema()", "version()"] {
        session.run(&format!("SELECT {function}")).await;
        let query = format!("SELECT a, {function} FROM t");
        session.rejects(&query, "0A000", "not supported on Redshift tables").await;
    }
    let mixed = "SELECT * FROM t JOIN pg_class ON true";
    session.rejects(mixed, "0A000", "not supported on Redshift tables").await;
    session.run("SELECT a, getdate(), SYSDATE FROM t").await;
}

#[tokio::test]
async fn order_is_binary_with_nulls_last() {
    let (_cluster, session) = session(&[
        "CREATE TABLE t (a VARCHAR(9))",
        "INSERT INTO t VALUES ('b'), ('B'), ('ä'), (NULL), ('a')",
    ])
    .await;
    let sorted = session.rows("SELECT a FROM t ORDER BY a").await.concat();
    assert_eq!(sorted, ["B", "a", "b", "ä", "NULL"]);
    let reversed = session.rows("SELECT a FROM t ORDER BY a DESC").await.concat();
    assert_eq!(reversed[0], "NULL");
}

#[tokio::test]
async fn floats_have_fifteen_digits() {
    let (_cluster, session) = session(&[]).await;
    let third = "SELECT 1.0::float8 / 3";
    assert_eq!(session.value(third).await, "0.333333333333333");
    session.run("SET extra_float_digits TO 2").await;
    assert_ne!(session.value(third).await, "0.333333333333333");
}

#[tokio::test]
async fn queries_that_postgresql_accepts_too() {
    let (_cluster, session) = session(&[
        "CREATE TABLE t (a INTEGER, b VARCHAR(9))",
        "INSERT INTO t SELECT 1, 'x' UNION ALL SELECT 2, 'y'",
        "INSERT INTO t (b) VALUES ('z')",
        "UPDATE t SET a = 3 WHERE b = 'z'",
        "DELETE FROM t USING t AS u WHERE t.a = u.a AND u.b = 'y'",
    ])
    .await;
    assert_eq!(
        session
            .rows(
                "WITH w AS (SELECT a, upper(b) AS b FROM t) \
                 SELECT a, b, CASE WHEN a > 1 THEN 'many' ELSE 'one' END FROM w \
                 WHERE a BETWEEN 1 AND 9 AND EXISTS (SELECT 1 FROM t) ORDER BY a NULLS FIRST"
            )
            .await,
        [["1", "X", "one"], ["3", "Z", "many"]]
    );
    assert_eq!(
        session.value("SELECT LISTAGG(b, '; ') WITHIN GROUP (ORDER BY a DESC) FROM t").await,
        "z; x"
    );
    assert_eq!(session.value("SELECT NVL(NULL, 7)").await, "7");
    assert_eq!(session.value("SELECT ROUND(1.256::float8, 2)").await, "1.26");
    assert_eq!(session.value("SELECT 'a' || 'b' LIKE 'a%'").await, "t");
    let epoch = "SELECT TIMESTAMP 'epoch' + 1541106106 * INTERVAL '1 second'";
    assert_eq!(session.value(epoch).await, "2018-11-01 21:01:46");
}

#[tokio::test]
async fn merge_needs_both_clauses() {
    let (_cluster, session) = session(&[
        "CREATE TABLE t (a INTEGER, b INTEGER)",
        "CREATE TABLE s (a INTEGER, b INTEGER)",
        "INSERT INTO t VALUES (1, 1)",
        "INSERT INTO s VALUES (1, 2), (2, 2)",
    ])
    .await;
    let merge = "MERGE INTO t USING s ON t.a = s.a WHEN MATCHED THEN UPDATE SET b = s.b";
    session.rejects(merge, "42601", "MERGE").await;
    let merge = format!("{merge} WHEN NOT MATCHED THEN INSERT (a, b) VALUES (s.a, s.b)");
    session.run(&merge).await;
    assert_eq!(session.rows("SELECT * FROM t ORDER BY a").await, [["1", "2"], ["2", "2"]]);
    session.run("INSERT INTO s VALUES (1, 3)").await;
    let twice = "Found multiple matches to update the same tuple.";
    session.rejects(&merge, "XX000", twice).await;
}

#[tokio::test]
async fn the_project_s_own_queries_run() {
    let (_cluster, session) = session(&[
        "CREATE TABLE songs (song_id VARCHAR, title VARCHAR, artist_id VARCHAR, year INT, \
         duration FLOAT8)",
        "CREATE TABLE artists (artist_id VARCHAR, name VARCHAR, location VARCHAR, \
         latitude FLOAT8, longitude FLOAT8)",
        "CREATE TABLE users (user_id BIGINT, first_name VARCHAR, last_name VARCHAR, \
         gender VARCHAR, level VARCHAR)",
        "CREATE TABLE songplays (songplay_id BIGINT, start_time TIMESTAMP, user_id BIGINT, \
         level VARCHAR, song_id VARCHAR, artist_id VARCHAR, session_id BIGINT, \
         location VARCHAR, user_agent VARCHAR)",
        "CREATE TABLE \"time\" (start_time TIMESTAMP, hour SMALLINT, day SMALLINT, week SMALLINT, \
         month SMALLINT, year SMALLINT, weekday SMALLINT)",
    ])
    .await;
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("queries");
    // The queries of the other folders read tables that are not in the warehouse.
    let files = crate::support::files(&folder);
    let read = |file: &&String| file.starts_with("analytics") || file.contains("primary_key");
    for file in files.iter().filter(read) {
        let query = std::fs::read_to_string(folder.join(file)).unwrap();
        if let Err(error) = session.client.simple_query(&query).await {
            panic!("{file}: {error:?}");
        }
    }
}
