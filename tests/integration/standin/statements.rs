//! Statements that Redshift lacks, invalid names, and grammar settings.

use super::cluster::Cluster;

#[tokio::test]
async fn commands_only_in_postgresql_are_rejected() {
    let cluster = Cluster::start().await;
    let session = cluster.session().await;
    session.run("CREATE TABLE t (a INTEGER, b INTEGER)").await;
    for (statement, code) in [
        ("CREATE INDEX i ON t (a)", "0A000"),
        ("CREATE UNIQUE INDEX i ON t (a)", "0A000"),
        ("CREATE SEQUENCE s", "0A000"),
        ("CREATE TRIGGER x AFTER INSERT ON t EXECUTE FUNCTION f()", "0A000"),
        ("CREATE EXTENSION hstore", "0A000"),
        ("CREATE TYPE mood AS ENUM ('sad')", "0A000"),
        ("SAVEPOINT s", "0A000"),
        ("RELEASE SAVEPOINT s", "0A000"),
        ("ROLLBACK TO SAVEPOINT s", "0A000"),
        ("LISTEN x", "42601"),
        ("DO $$ BEGIN END $$", "42601"),
        ("REINDEX TABLE t", "42601"),
        ("VALUES (1)", "42601"),
        ("TABLE t", "42601"),
        ("NONSENSE", "42601"),
    ] {
        let rejection = session.error_of(statement).await;
        assert_eq!(rejection.code, code, "{statement} {rejection:?}");
    }
}

#[tokio::test]
async fn clauses_only_in_postgresql_are_rejected() {
    let cluster = Cluster::start().await;
    let session = cluster.session().await;
    session.run("CREATE TABLE t (a INTEGER, b INTEGER)").await;
    for (statement, code) in [
        ("INSERT INTO t VALUES (1, 2) RETURNING a", "42601"),
        ("UPDATE t SET a = 1 RETURNING a", "42601"),
        ("DELETE FROM t RETURNING a", "42601"),
        ("INSERT INTO t VALUES (1, 2) ON CONFLICT DO NOTHING", "42601"),
        ("SELECT * FROM t FOR UPDATE", "0A000"),
        ("SELECT DISTINCT ON (a) * FROM t", "0A000"),
        ("SELECT count(*) FILTER (WHERE a > 1) FROM t", "42601"),
        ("SELECT a IS DISTINCT FROM b FROM t", "42601"),
        ("SELECT * FROM (VALUES (1), (2)) AS v", "42601"),
        ("SELECT * FROM generate_series(1, 3)", "0A000"),
        ("SELECT generate_series(1, 3)", "42883"),
        ("SELECT string_agg(a, ',') FROM t", "42883"),
        ("SELECT array_agg(a) FROM t", "42883"),
        ("SELECT gen_random_uuid()", "42883"),
        ("SELECT width_bucket(a, 1, 2, 3) FROM t", "42883"),
        ("SELECT format('%s', 1)", "42883"),
        ("SELECT concat('a', 'b', 'c')", "42883"),
        ("SELECT ARRAY[1, 2]", "0A000"),
        ("SELECT a::text[] FROM t", "0A000"),
        ("SELECT a::json FROM t", "0A000"),
        ("SELECT '1'::uuid", "0A000"),
        ("SELECT $1", "42P02"),
        ("SELECT * FROM t FETCH FIRST 1 ROW ONLY", "42601"),
        ("SELECT sum(a) OVER w FROM t WINDOW w AS (PARTITION BY b)", "42601"),
        ("SELECT * FROM t, LATERAL (SELECT t.a) AS x", "0A000"),
        ("SELECT EXTRACT(isodow FROM DATE '2018-11-01')", "22023"),
    ] {
        let rejection = session.error_of(statement).await;
        assert_eq!(rejection.code, code, "{statement} {rejection:?}");
    }
}

#[tokio::test]
async fn the_null_safe_operators_are_unknown() {
    let cluster = Cluster::start().await;
    let session = cluster.session().await;
    let rejection = session.error_of("SELECT '{}' -> 'a'").await;
    assert!(["42883", "42601", "0A000"].contains(&rejection.code.as_str()), "{rejection:?}");
}

#[tokio::test]
async fn names_are_folded_quoted_or_not() {
    let cluster = Cluster::start().await;
    let session = cluster.session().await;
    session.run("CREATE TABLE \"Mixed\" (\"Id\" INTEGER, NAME VARCHAR)").await;
    session.run("INSERT INTO mixed (ID, \"name\") VALUES (1, 'a')").await;
    assert_eq!(session.rows("SELECT \"ID\", Name FROM \"MIXED\" AS M").await, [["1", "a"]]);
    session.rejects("CREATE TABLE mixed (a INTEGER)", "42P07", "already exists").await;
    let table = cluster.backing("SELECT relname FROM pg_class WHERE relname ILIKE 'mixed'").await;
    assert_eq!(table, "mixed");
}

#[tokio::test]
async fn reserved_words_must_be_quoted() {
    let cluster = Cluster::start().await;
    let session = cluster.session().await;
    for word in ["user", "timestamp", "tag", "open", "new", "old", "partition", "interval"] {
        session.rejects(&format!("CREATE TABLE {word} (a INTEGER)"), "42601", word).await;
        session.rejects(&format!("CREATE TABLE t ({word} INTEGER)"), "42601", word).await;
        session.run(&format!("CREATE TABLE \"{word}\" (\"{word}\" INTEGER)")).await;
    }
    for word in ["percent", "top", "snapshot", "backup", "minus", "explicit", "identity"] {
        session.rejects(&format!("CREATE TABLE {word} (a INTEGER)"), "42601", word).await;
    }
    session.rejects("SELECT tag FROM \"tag\"", "42601", "tag").await;
    session.rejects("SELECT 1 AS tag", "42601", "tag").await;
    session.rejects("SELECT t.\"tag\" FROM tag AS t", "42601", "tag").await;
    session.run("SELECT \"tag\" AS \"tag\" FROM \"tag\"").await;
}

#[tokio::test]
async fn unreserved_words_are_valid_names() {
    let cluster = Cluster::start().await;
    let session = cluster.session().await;
    for word in [
        "time", "users", "level", "location", "year", "month", "day", "hour", "week", "weekday",
        "date", "name", "session", "duration", "artists", "songs",
    ] {
        session.run(&format!("CREATE TABLE {word} ({word} INTEGER)")).await;
        session.run(&format!("SELECT \"{word}\" FROM \"{word}\"")).await;
    }
}

#[tokio::test]
async fn name_length_is_limited() {
    let cluster = Cluster::start().await;
    let session = cluster.session().await;
    let long = "x".repeat(128);
    session.rejects(&format!("CREATE TABLE {long} (a INTEGER)"), "42622", "127 bytes").await;
    session.rejects(&format!("SELECT 1 AS \"{long}\""), "42622", "127 bytes").await;
}

#[tokio::test]
async fn names_of_system_columns_are_rejected() {
    let cluster = Cluster::start().await;
    let session = cluster.session().await;
    for column in ["\"oid\"", "tableoid", "xmin", "ctid"] {
        let statement = format!("CREATE TABLE t ({column} INTEGER)");
        session.rejects(&statement, "42701", "system column").await;
    }
}

#[tokio::test]
async fn backslash_is_an_escape_character() {
    let cluster = Cluster::start().await;
    let session = cluster.session().await;
    assert_eq!(session.value(r"SELECT 'a\'b'").await, "a'b");
    assert_eq!(session.value(r"SELECT 'a\\b'").await, r"a\b");
    assert_eq!(session.value(r"SELECT 'a\nb'").await, "a\nb");
    assert_eq!(session.value("SELECT 'a''b'").await, "a'b");
    assert_eq!(session.value("SELECT 'a''''b'").await, "a''b");
    assert_eq!(session.value(r"SELECT 'it''s \\ $q0$ \''").await, r"it's \ $q0$ '");
    // The backslash escapes the closing quote, so the literal does not end.
    session.rejects(r"SELECT 'a\'", "42601", "").await;
}

#[tokio::test]
async fn users_have_privileges() {
    let cluster = Cluster::start().await;
    let session = cluster.session().await;
    session.run("CREATE GROUP readers").await;
    session.run("CREATE USER anna PASSWORD 'Abcdefg1' IN GROUP readers").await;
    session.rejects("CREATE USER anna PASSWORD 'Abcdefg1'", "42710", "already exists").await;
    session.rejects("CREATE USER otto PASSWORD 'weak'", "22023", "Password").await;
    session.run("CREATE TABLE t (a INTEGER)").await;
    session.rejects("GRANT SELECT ON t TO missing", "42704", "missing").await;
    session.run("GRANT SELECT ON TABLE t TO GROUP readers").await;
    session.run("GRANT INSERT, SELECT ON t TO anna WITH GRANT OPTION").await;
    session.run("GRANT SELECT ON t TO PUBLIC").await;
    session.run("REVOKE INSERT ON t FROM anna").await;
    assert_eq!(
        session
            .rows(
                "SELECT namespace_name, privilege_type, identity_name, identity_type, admin_option \
                 FROM svv_relation_privileges WHERE relation_name = 't' \
                 AND identity_name <> 'loader' ORDER BY 3"
            )
            .await,
        [
            ["public", "SELECT", "anna", "user", "t"],
            ["public", "SELECT", "public", "public", "f"],
            ["public", "SELECT", "readers", "group", "f"],
        ]
    );
    let mut config = cluster.config();
    let anna = cluster.session_as(config.user("anna").password("Abcdefg1")).await;
    anna.run("SELECT * FROM t").await;
    anna.rejects("INSERT INTO t VALUES (1)", "42501", "permission denied").await;
    anna.rejects("DROP TABLE t", "42501", "must be owner").await;
    anna.rejects("CREATE USER eve PASSWORD 'Abcdefg1'", "42501", "superuser").await;
    anna.run("CREATE TABLE own (a VARCHAR(3) PRIMARY KEY SORTKEY)").await;
    anna.run("INSERT INTO own VALUES ('a')").await;
    assert_eq!(anna.value("SELECT current_user").await, "anna");
    assert_eq!(
        session.rows("SELECT usename FROM pg_user ORDER BY 1").await,
        [["anna"], ["loader"]]
    );
}

#[tokio::test]
async fn users_of_two_servers_are_separate() {
    let (one, other) = (Cluster::start().await, Cluster::start().await);
    for cluster in [one, other] {
        cluster.session().await.run("CREATE USER anna PASSWORD 'Abcdefg1'").await;
    }
}
