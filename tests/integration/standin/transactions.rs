//! Transactions and locks.

use std::time::Duration;

use super::cluster::{Cluster, Session};

async fn table() -> (Cluster, Session) {
    let cluster = Cluster::start().await;
    let session = cluster.session().await;
    session.run("CREATE TABLE t (a INTEGER)").await;
    (cluster, session)
}

const COUNT: &str = "SELECT count(*) FROM t";

#[tokio::test]
async fn definitions_and_rows_roll_back() {
    let (_cluster, session) = table().await;
    session.run("BEGIN").await;
    session.run("INSERT INTO t VALUES (1)").await;
    session.run("ALTER TABLE t RENAME TO u").await;
    session.run("CREATE TABLE w (a INTEGER PRIMARY KEY)").await;
    session.run("DROP TABLE u").await;
    session.run("ROLLBACK").await;
    assert_eq!(session.value(COUNT).await, "0");
    session.rejects("SELECT * FROM w", "XX000", "Relation w").await;
}

#[tokio::test]
async fn a_swap_is_one_transaction() {
    let (cluster, session) = table().await;
    let reader = cluster.session().await;
    session.run("CREATE TABLE t_new (LIKE t)").await;
    session.run("INSERT INTO t_new VALUES (1), (2)").await;
    session.run("BEGIN").await;
    session.run("ALTER TABLE t RENAME TO t_old").await;
    session.run("ALTER TABLE t_new RENAME TO t").await;
    session.run("DROP TABLE t_old").await;
    session.run("COMMIT").await;
    assert_eq!(reader.value(COUNT).await, "2");
}

#[tokio::test]
async fn a_begin_within_a_transaction_joins_it() {
    let (_cluster, session) = table().await;
    session.run("BEGIN").await;
    session.run("INSERT INTO t VALUES (1)").await;
    session.run("BEGIN").await;
    session.run("COMMIT").await;
    session.run("ROLLBACK").await;
    session.run("COMMIT").await;
    assert_eq!(session.value(COUNT).await, "1");
    assert!(session.notices().is_empty());
}

#[tokio::test]
async fn isolation_levels_are_accepted_and_ignored() {
    let (cluster, session) = table().await;
    session.run("BEGIN ISOLATION LEVEL READ COMMITTED").await;
    assert_eq!(session.value(COUNT).await, "0");
    cluster.session().await.run("INSERT INTO t VALUES (1)").await;
    assert_eq!(session.value(COUNT).await, "0");
    session.run("COMMIT").await;
    assert_eq!(session.value(COUNT).await, "1");
}

#[tokio::test]
async fn first_query_takes_the_snapshot() {
    let (cluster, session) = table().await;
    session.run("BEGIN").await;
    session.run("LOCK t").await;
    session.run("ROLLBACK").await;
    session.run("BEGIN").await;
    cluster.session().await.run("INSERT INTO t VALUES (1)").await;
    assert_eq!(session.value(COUNT).await, "1");
}

#[tokio::test]
async fn table_newer_than_the_snapshot_does_not_exist() {
    let (cluster, session) = table().await;
    session.run("CREATE TABLE u (a INTEGER)").await;
    let reader = cluster.session().await;
    reader.run("BEGIN").await;
    reader.run("SELECT * FROM u").await;
    session.run("CREATE TABLE t_new (LIKE t)").await;
    session.run("BEGIN").await;
    session.run("DROP TABLE t").await;
    session.run("ALTER TABLE t_new RENAME TO t").await;
    session.run("COMMIT").await;
    reader.rejects(COUNT, "XX000", "1018").await;
    reader.run("ROLLBACK").await;
    assert_eq!(reader.value(COUNT).await, "0");
}

#[tokio::test]
async fn writers_of_one_row_conflict() {
    let (cluster, session) = table().await;
    session.run("INSERT INTO t VALUES (1)").await;
    let other = cluster.session().await;
    for one in [&session, &other] {
        one.run("BEGIN").await;
        one.run(COUNT).await;
    }
    session.run("DELETE FROM t").await;
    session.run("COMMIT").await;
    let rejection = other.error_of("DELETE FROM t").await;
    assert_eq!((rejection.code.as_str(), rejection.message.as_str()), ("XX000", "1023"));
    assert!(rejection.detail.starts_with("Serializable isolation violation on table"));
}

/// Starts a statement that must wait for a transaction that locks, renames and, if `drops`, drops
/// `t`.
async fn wait_for_a_swap(statement: &'static str, drops: bool) -> Result<(), String> {
    let (cluster, session) = table().await;
    session.run("CREATE TABLE t_new (LIKE t)").await;
    session.run("BEGIN").await;
    session.run("LOCK t").await;
    let other = cluster.session().await;
    if statement.starts_with("LOCK") {
        other.run("BEGIN").await;
    }
    let waiting = tokio::spawn(async move {
        let done = other.client.simple_query(statement).await;
        done.map(|_| ()).map_err(|error| error.as_db_error().unwrap().message().to_owned())
    });
    // Wait until a lock request is queued.
    let waits = "SELECT count(*) FROM pg_locks WHERE NOT granted \
                 AND database = (SELECT oid FROM pg_database WHERE datname = current_database())";
    while cluster.backing(waits).await == "0" {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    session.run("ALTER TABLE t RENAME TO t_old").await;
    session.run("ALTER TABLE t_new RENAME TO t").await;
    if drops {
        session.run("DROP TABLE t_old").await;
    }
    session.run("COMMIT").await;
    if !drops {
        session.run("DROP TABLE t_old").await;
    }
    waiting.await.unwrap()
}

#[tokio::test]
async fn statement_waiting_for_a_dropped_table_fails() {
    for (statement, says) in [
        (COUNT, "could not open relation with OID"),
        ("DELETE FROM t", "dropped by concurrent transaction"),
        ("LOCK t", "conflict with concurrent transaction"),
    ] {
        let message = wait_for_a_swap(statement, true).await.expect_err(statement);
        assert!(message.contains(says), "{statement}: {message}");
    }
}

#[tokio::test]
async fn statement_waiting_for_a_renamed_table_succeeds() {
    for statement in [COUNT, "DELETE FROM t"] {
        wait_for_a_swap(statement, false).await.unwrap();
    }
}

#[tokio::test]
async fn truncate_commits() {
    let (_cluster, session) = table().await;
    session.run("INSERT INTO t VALUES (1)").await;
    session.run("CREATE TABLE u (a INTEGER)").await;
    session.run("BEGIN").await;
    session.run("INSERT INTO u VALUES (1)").await;
    session.run("TRUNCATE TABLE t").await;
    session.run("ROLLBACK").await;
    assert_eq!(session.value(COUNT).await, "0");
    assert_eq!(session.value("SELECT count(*) FROM u").await, "1");
}

#[tokio::test]
async fn statements_rejected_in_a_transaction() {
    let (_cluster, session) = table().await;
    session.run("ALTER TABLE t ADD COLUMN b VARCHAR(3)").await;
    session.run("CREATE TABLE s (LIKE t)").await;
    for statement in [
        "VACUUM",
        "VACUUM FULL t TO 75 PERCENT",
        "ALTER TABLE t APPEND FROM s",
        "ALTER TABLE t ALTER COLUMN b TYPE VARCHAR(9)",
    ] {
        session.run("BEGIN").await;
        session.rejects(statement, "25001", "cannot run inside a transaction block").await;
        session.rejects("SELECT 1", "25P02", "aborted").await;
        session.run("ROLLBACK").await;
        session.run(statement).await;
    }
    session.run("ANALYZE t").await;
}

#[tokio::test]
async fn failed_transaction_accepts_only_its_end() {
    let (_cluster, session) = table().await;
    session.run("BEGIN").await;
    session.run("INSERT INTO t VALUES (1)").await;
    session.rejects("SELEC", "42601", "").await;
    session.rejects("INSERT INTO t VALUES (2)", "25P02", "aborted").await;
    session.run("COMMIT").await;
    assert_eq!(session.value(COUNT).await, "0");
}

#[tokio::test]
async fn a_lock_is_held_to_the_end() {
    let (cluster, session) = table().await;
    session.rejects("LOCK t", "25P01", "transaction").await;
    session.run("CREATE TABLE u (a INTEGER)").await;
    session.run("BEGIN").await;
    session.run("LOCK t, u").await;
    let other = cluster.session().await;
    let waiting = tokio::time::timeout(Duration::from_millis(200), other.value(COUNT));
    assert!(waiting.await.is_err());
    session.run("INSERT INTO t VALUES (1)").await;
    session.run("COMMIT").await;
    assert_eq!(cluster.session().await.value(COUNT).await, "1");
}

#[tokio::test]
async fn a_session_that_ends_rolls_back() {
    let (cluster, session) = table().await;
    session.run("BEGIN").await;
    session.run("INSERT INTO t VALUES (1)").await;
    session.run("LOCK t").await;
    drop(session);
    assert_eq!(cluster.session().await.value(COUNT).await, "0");
}
