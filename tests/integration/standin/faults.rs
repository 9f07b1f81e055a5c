//! Faults: the error that the client sees, and the effect of the statement nevertheless.

use super::cluster::{Cluster, Session};
use super::files::people;
use crate::support::redshift::{Fault, Gate, On, What, When};

async fn cluster() -> (Cluster, Session) {
    let cluster = Cluster::start().await;
    let session = cluster.session().await;
    session.run("CREATE TABLE people (id BIGINT, name VARCHAR(5))").await;
    cluster.s3.put("people.parquet", people(&[(1, None), (2, None), (3, None)]));
    (cluster, session)
}

fn copy(cluster: &Cluster) -> String {
    format!("COPY people {}", cluster.from("people.parquet"))
}

fn cut(on: On, when: When) -> Fault {
    Fault { on, skip: 0, when, what: What::Cut }
}

const COUNT: &str = "SELECT count(*) FROM people";

#[tokio::test]
async fn copy_is_cut_before_within_and_after() {
    // Outside of a transaction, a COPY has committed by the time its response is lost.
    for (when, rows) in [(When::Before, "0"), (When::Within, "0"), (When::After, "3")] {
        let (cluster, session) = cluster().await;
        cluster.redshift.inject(cut(On::Copy, when));
        session.is_cut_by(&copy(&cluster)).await;
        assert_eq!(cluster.backing(COUNT).await, rows);
        assert_eq!(cluster.session().await.value(COUNT).await, rows);
    }
}

#[tokio::test]
async fn copy_in_a_transaction_is_cut() {
    for when in [When::Before, When::Within, When::After] {
        let (cluster, session) = cluster().await;
        session.run("BEGIN").await;
        cluster.redshift.inject(cut(On::Copy, when));
        session.is_cut_by(&copy(&cluster)).await;
        assert_eq!(cluster.backing(COUNT).await, "0");
        // The locks of the session are released.
        let other = cluster.session().await;
        other.run("BEGIN").await;
        other.run("LOCK people").await;
        other.run("COMMIT").await;
    }
}

#[tokio::test]
async fn commit_is_cut_before_and_after() {
    for (when, rows) in [(When::Before, "0"), (When::After, "3")] {
        let (cluster, session) = cluster().await;
        cluster.redshift.inject(cut(On::Commit, when));
        session.run("BEGIN").await;
        session.run(&copy(&cluster)).await;
        session.is_cut_by("COMMIT").await;
        assert_eq!(cluster.backing(COUNT).await, rows);
    }
}

#[tokio::test]
async fn an_error_fails_the_transaction() {
    let (cluster, session) = cluster().await;
    let what = What::Error {
        code: "XX000".into(),
        message: "1023".into(),
        detail: Some("Serializable isolation violation on table - 100000".into()),
    };
    cluster.redshift.inject(Fault { on: On::Copy, skip: 0, when: When::Within, what });
    session.run("BEGIN").await;
    session.rejects(&copy(&cluster), "XX000", "Serializable isolation violation").await;
    session.rejects(COUNT, "25P02", "aborted").await;
    session.run("ROLLBACK").await;
    session.run(&copy(&cluster)).await;
    assert_eq!(session.value(COUNT).await, "3");
}

#[tokio::test]
async fn error_after_commit_does_not_undo_it() {
    let (cluster, session) = cluster().await;
    let what = What::Error { code: "57014".into(), message: "went wrong".into(), detail: None };
    cluster.redshift.inject(Fault { on: On::Commit, skip: 0, when: When::After, what });
    session.run("BEGIN").await;
    session.run(&copy(&cluster)).await;
    session.rejects("COMMIT", "57014", "went wrong").await;
    assert_eq!(session.value(COUNT).await, "3");
}

#[tokio::test]
async fn fault_applies_once_to_its_statement() {
    let (cluster, session) = cluster().await;
    let what = What::Error { code: "XX000".into(), message: "third".into(), detail: None };
    let on = On::Containing("count".into());
    cluster.redshift.inject(Fault { on, skip: 2, when: When::Before, what });
    session.run(COUNT).await;
    session.run("SELECT 1").await;
    session.run(COUNT).await;
    session.rejects(COUNT, "XX000", "third").await;
    session.run(COUNT).await;
}

#[tokio::test]
async fn faults_match_kinds_of_statements() {
    let (cluster, session) = cluster().await;
    for (on, statement) in [
        (On::Begin, "begin"),
        (On::Commit, "END"),
        (On::Rename, "ALTER TABLE people RENAME TO persons"),
        (On::Insert, "insert into people values (1, 'a')"),
        (On::Any, "SELECT 1"),
    ] {
        let what = What::Error { code: "XX000".into(), message: "hit".into(), detail: None };
        cluster.redshift.inject(Fault { on, skip: 0, when: When::Before, what });
        session.rejects(statement, "XX000", "hit").await;
    }
}

#[tokio::test]
async fn copy_is_held_halfway() {
    let (cluster, session) = cluster().await;
    let gate = Gate::new();
    let what = What::Hold(gate.clone());
    cluster.redshift.inject(Fault { on: On::Copy, skip: 0, when: When::Within, what });
    let other = cluster.session().await;
    let look = async {
        gate.reached().await;
        assert_eq!(other.value(COUNT).await, "0");
        gate.open();
    };
    let copy = copy(&cluster);
    tokio::join!(session.run(&copy), look);
    assert_eq!(other.value(COUNT).await, "3");
}

#[tokio::test]
async fn copy_is_cancelled_halfway() {
    let (cluster, session) = cluster().await;
    let what = What::Hold(Gate::new());
    cluster.redshift.inject(Fault { on: On::Copy, skip: 0, when: When::Within, what });
    session.run("SET statement_timeout TO 100").await;
    session.rejects(&copy(&cluster), "57014", "cancelled").await;
    assert_eq!(session.value(COUNT).await, "0");
}
