//! Readers and other loaders that are active while a star is loaded.

use std::io::{BufRead as _, BufReader};
use std::process::Stdio;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use super::*;

/// Creates two stars of different sizes, so that a reader can detect a partial one.
fn two_stars() -> Workspace {
    let here = with_star();
    transform(&here, "other", &["--unmatched", "drop"]).exits(0);
    here
}

/// Row counts that are consistent within a star.
const SEEN: &str = "SELECT (SELECT COUNT(*) FROM star.songplays), (SELECT COUNT(*) FROM star.time), \
    (SELECT COUNT(*) FROM star.users), (SELECT COUNT(*) FROM star.songs), \
    (SELECT COUNT(*) FROM star.songplays p JOIN star.time t USING (start_time) JOIN star.users u USING (user_id))";

#[tokio::test(flavor = "multi_thread")]
async fn readers_see_complete_stars_during_ten_loads() {
    let (here, database) = (two_stars(), database());
    load(&here, &database.url(), &[]).exits(0);
    let client = database.client().await;
    let mut whole = vec![value(&client, SEEN).await];
    here.run(["load", "--star", "other", "--to", &database.url()]).exits(0);
    whole.push(value(&client, SEEN).await);
    assert_ne!(whole[0], whole[1]);
    let stop = Arc::new(AtomicBool::new(false));
    let looks = Arc::new(AtomicU64::new(0));
    let mut readers = Vec::new();
    for isolation in ["READ COMMITTED", "REPEATABLE READ", "SERIALIZABLE"] {
        let client = database.client().await;
        let (whole, stop, looks) = (whole.clone(), stop.clone(), looks.clone());
        readers.push(tokio::spawn(async move {
            while !stop.load(Ordering::Relaxed) {
                client.batch_execute(&format!("BEGIN ISOLATION LEVEL {isolation}")).await.unwrap();
                // Take the snapshot before reading the tables, while loads continue.
                client.batch_execute("SELECT pg_sleep(0.02)").await.unwrap();
                let seen = value(&client, SEEN).await;
                assert!(whole.contains(&seen), "{isolation}: {seen}, not one of {whole:?}");
                let again = value(&client, SEEN).await;
                assert_eq!(seen, again, "{isolation}: the star changed within a transaction");
                client.batch_execute("COMMIT").await.unwrap();
                looks.fetch_add(1, Ordering::Relaxed);
            }
        }));
    }
    for turn in 0..10 {
        let star = ["star", "other"][turn % 2];
        here.run(["load", "--star", star, "--to", &database.url()]).exits(0);
    }
    stop.store(true, Ordering::Relaxed);
    for reader in readers {
        reader.await.unwrap();
    }
    assert!(looks.load(Ordering::Relaxed) > 30, "the readers hardly looked");
}

/// Returns the results of all analytics queries, in order.
async fn answers(client: &Client) -> Vec<Vec<String>> {
    let mut answers = Vec::new();
    for query in starlift::star::Queries::built_in().of(starlift::star::Group::Analytics) {
        answers.push(rows(client, &query.sql).await);
    }
    answers
}

#[tokio::test(flavor = "multi_thread")]
async fn analytics_results_always_belong_to_a_single_star() {
    let (here, database) = (two_stars(), database());
    let client = database.client().await;
    let mut whole = Vec::new();
    for star in ["star", "other"] {
        here.run(["load", "--star", star, "--to", &database.url()]).exits(0);
        client.batch_execute("SET search_path TO star").await.unwrap();
        whole.push(answers(&client).await);
    }
    assert_ne!(whole[0], whole[1]);
    let stop = Arc::new(AtomicBool::new(false));
    let reader = tokio::spawn({
        let stop = stop.clone();
        async move {
            let mut looks = 0;
            while !stop.load(Ordering::Relaxed) {
                for (i, answer) in answers(&client).await.iter().enumerate() {
                    assert!(
                        whole.iter().any(|star| star[i] == *answer),
                        "question {i}: {answer:?}"
                    );
                }
                looks += 1;
            }
            looks
        }
    });
    for turn in 0..10 {
        let star = ["star", "other"][turn % 2];
        here.run(["load", "--star", star, "--to", &database.url()]).exits(0);
    }
    stop.store(true, Ordering::Relaxed);
    assert!(reader.await.unwrap() > 10, "the reader hardly looked");
}

#[tokio::test(flavor = "multi_thread")]
async fn load_waits_for_a_long_reader_and_then_gives_up() {
    let (here, database) = (two_stars(), database());
    load(&here, &database.url(), &[]).exits(0);
    let mut reader = database.client().await;
    let held = reader.transaction().await.unwrap();
    held.query("SELECT * FROM star.users", &[]).await.unwrap();
    let to = ["load", "--star", "other", "--to", &database.url(), "--lock-timeout", "2"];
    here.run(to).fails_with("statement-rejected").naming(&["55P03", "--lock-timeout"]);
    let client = database.client().await;
    assert_eq!(loaded_run(&client).await, run_id(&here, "star"));
    let leftovers = "SELECT COUNT(*) FROM pg_class WHERE relname LIKE 'starlift_new%'";
    assert_eq!(value(&client, leftovers).await, "0");
    drop(held);
    here.run(to).exits(0);
    assert_eq!(loaded_run(&client).await, run_id(&here, "other"));
}

#[tokio::test(flavor = "multi_thread")]
async fn second_loader_waits_or_fails_cleanly() {
    let (here, database) = (two_stars(), database());
    load(&here, &database.url(), &[]).exits(0);
    let client = database.client().await;
    client.batch_execute("BEGIN; LOCK TABLE star.starlift_lock IN EXCLUSIVE MODE").await.unwrap();
    let to = ["load", "--star", "other", "--to", &database.url(), "--lock-timeout", "1"];
    here.run(to).fails_with("load-locked").naming(&["schema star"]);
    client.batch_execute("ROLLBACK").await.unwrap();
    let mut children: Vec<_> = ["star", "other", "star", "other"]
        .map(|star| {
            let mut command = here.command();
            command.args(["load", "--force", "--star", star, "--to", &database.url()]);
            command.stdout(Stdio::null()).spawn().unwrap()
        })
        .into();
    for child in &mut children {
        assert!(child.wait().unwrap().success());
    }
    let numbers =
        "SELECT COUNT(*), COUNT(DISTINCT load_number), MAX(load_number) FROM star.starlift_loads";
    assert_eq!(value(&client, numbers).await, "25|5|5");
}

#[tokio::test(flavor = "multi_thread")]
async fn concurrent_first_loads_create_the_ledger_once() {
    let (here, database) = (two_stars(), database());
    let mut children: Vec<_> = ["star", "other", "star"]
        .map(|star| {
            let mut command = here.command();
            command.args(["load", "--star", star, "--to", &database.url()]);
            command.stdout(Stdio::null()).spawn().unwrap()
        })
        .into();
    for child in &mut children {
        assert!(child.wait().unwrap().success());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn ledger_that_another_session_is_creating_is_retried() {
    let (here, database) = (with_star(), database());
    let client = database.client().await;
    // A table that another session is still creating: its row type is visible, but the table is
    // not.
    client
        .batch_execute("CREATE SCHEMA star; CREATE TYPE star.starlift_loads AS ENUM ('half')")
        .await
        .unwrap();
    let mut command = here.command();
    command.args(["load", "--star", "star", "--to", &database.url()]);
    command.stdout(Stdio::null()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    let lines = BufReader::new(child.stderr.take().unwrap()).lines();
    let mut lines = lines.map(Result::unwrap);
    assert!(lines.any(|line| line.contains("retrying to create the ledger of loads")));
    client.batch_execute("DROP TYPE star.starlift_loads").await.unwrap();
    let rest: Vec<_> = lines.collect();
    assert!(child.wait().unwrap().success(), "{rest:#?}");
}
