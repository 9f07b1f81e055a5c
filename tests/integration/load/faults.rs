//! Faults during loads into Redshift: after each, either the old or the new star is complete.

use super::redshift::Cloud;
use super::*;
use crate::support::redshift::{Fault, Gate, On, What, When};

/// Row counts that are consistent within a star.
const SEEN: &str = "SELECT (SELECT COUNT(*) FROM star.songplays), (SELECT COUNT(*) FROM star.time), \
    (SELECT COUNT(*) FROM star.songs), (SELECT COUNT(*) FROM star.artists), \
    (SELECT COUNT(*) FROM star.songplays p JOIN star.time t USING (start_time) JOIN star.users u USING (user_id))";

/// Creates a cloud whose warehouse contains the star at `star`; another star is at `other`.
async fn loaded() -> (Cloud, Client, [String; 2]) {
    let cloud = Cloud::new().await;
    cloud.transform("other", &["--unmatched", "drop"]);
    cloud.load("other", &[]).exits(0);
    let client = cloud.redshift.database().client().await;
    let new = value(&client, SEEN).await;
    cloud.load("star", &[]).exits(0);
    let old = value(&client, SEEN).await;
    assert_ne!(old, new);
    (cloud, client, [old, new])
}

/// Fails the test if there are tables other than those of the star and the bookkeeping.
async fn nothing_is_left(client: &Client) {
    let tables = "SELECT COUNT(*) FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace \
                  WHERE n.nspname = 'star' AND c.relkind = 'r'";
    assert_eq!(value(client, tables).await, "8");
}

#[tokio::test(flavor = "multi_thread")]
async fn load_succeeds_after_one_cut_at_any_point() {
    let (cloud, client, [_, new]) = loaded().await;
    for (on, skip, when) in [
        (On::Begin, 0, When::After),
        (On::Begin, 1, When::Before),
        (On::Copy, 0, When::Before),
        (On::Copy, 4, When::Within),
        (On::Copy, 4, When::After),
        (On::Commit, 0, When::Before),
        (On::Commit, 0, When::After),
        (On::Rename, 3, When::After),
        (On::Insert, 0, When::After),
        (On::Commit, 1, When::Before),
        (On::Commit, 1, When::After),
    ] {
        cloud.load("star", &["--force"]).exits(0);
        let loads = value(&client, "SELECT MAX(load_number) FROM star.starlift_loads").await;
        cloud.redshift.inject(Fault { on, skip, when, what: What::Cut });
        let outcome = cloud.load("other", &[]);
        outcome.exits(0);
        assert_eq!(cloud.redshift.faults_left(), 0, "nothing was cut");
        assert_eq!(value(&client, SEEN).await, new, "{outcome}");
        let now = value(&client, "SELECT MAX(load_number) FROM star.starlift_loads").await;
        let entered = now.parse::<u64>().unwrap() - loads.parse::<u64>().unwrap();
        assert_eq!(entered, 1, "the load is in the ledger {entered} times\n{outcome}");
        assert_eq!(loaded_run(&client).await, cloud.run_id("other"));
    }
    cloud.load("star", &["--force"]).exits(0);
    nothing_is_left(&client).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn repeated_cuts_leave_the_old_star() {
    let (cloud, client, [old, _]) = loaded().await;
    for on in [On::Copy, On::Commit, On::Rename] {
        for _ in 0..4 {
            cloud.redshift.inject(Fault {
                on: on.clone(),
                skip: 0,
                when: When::Before,
                what: What::Cut,
            });
        }
        cloud.load("other", &[]).fails_with("connection-failed");
        assert_eq!(cloud.redshift.faults_left(), 0, "nothing was cut");
        assert_eq!(value(&client, SEEN).await, old);
        assert_eq!(loaded_run(&client).await, cloud.run_id("star"));
    }
    cloud.load("other", &[]).exits(0);
    nothing_is_left(&client).await;
}

fn conflict() -> What {
    What::Error {
        code: "XX000".to_owned(),
        message: "1023".to_owned(),
        detail: Some("Serializable isolation violation on table - 100123, transactions forming the cycle are: 1, 2 (pid:3)".to_owned()),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn conflicts_retry_the_whole_transaction_a_limited_number_of_times() {
    let (cloud, client, [old, new]) = loaded().await;
    for on in [On::Copy, On::Rename, On::Commit] {
        cloud.redshift.inject(Fault {
            on: on.clone(),
            skip: 0,
            when: When::Before,
            what: conflict(),
        });
        cloud.load("other", &[]).exits(0);
        assert_eq!(cloud.redshift.faults_left(), 0, "there was no conflict");
        assert_eq!(value(&client, SEEN).await, new);
        cloud.load("star", &[]).exits(0);
    }
    for _ in 0..4 {
        cloud.redshift.inject(Fault {
            on: On::Rename,
            skip: 0,
            when: When::Before,
            what: conflict(),
        });
    }
    cloud
        .load("other", &[])
        .fails_with("statement-rejected")
        .naming(&["1023", "Serializable isolation violation"]);
    assert_eq!(value(&client, SEEN).await, old);
    nothing_is_left(&client).await;
}

/// Distance between the statements that fail, unless `STARLIFT_ALL_STATEMENTS` is set.
const STRIDE: usize = 9;

/// Fails every n-th statement of a load, counted over all sessions, with each kind of error in
/// turn. With `STARLIFT_ALL_STATEMENTS`, fails each statement with each kind.
#[tokio::test(flavor = "multi_thread")]
async fn any_statement_can_fail_with_any_transient_error() {
    let (cloud, client, [_, new]) = loaded().await;
    let before = cloud.redshift.statements().len();
    cloud.load("star", &["--force"]).exits(0);
    let statements = cloud.redshift.statements().len() - before;
    let errors = What::passing_errors();
    let all = std::env::var_os("STARLIFT_ALL_STATEMENTS").is_some();
    let cases: Vec<(usize, usize)> = if all {
        (0..statements).flat_map(|at| (0..errors.len()).map(move |kind| (at, kind))).collect()
    } else {
        (0..statements).step_by(STRIDE).enumerate().map(|(i, at)| (at, i % errors.len())).collect()
    };
    for &(skip, kind) in &cases {
        let what = errors[kind].clone();
        cloud.redshift.inject(Fault { on: On::Any, skip, when: When::Before, what });
        let from = cloud.redshift.statements().len();
        let outcome = cloud.load("other", &["--force"]);
        let at = cloud.redshift.statements()[from + skip].clone();
        assert_eq!(outcome.code, Some(0), "error {kind} for statement {skip}, {at}\n{outcome}");
        assert_eq!(cloud.redshift.faults_left(), 0, "statement {skip} was not reached");
        assert_eq!(value(&client, SEEN).await, new, "error {kind} for statement {skip}, {at}");
        assert_eq!(loaded_run(&client).await, cloud.run_id("other"));
        nothing_is_left(&client).await;
    }
    println!("{} of {statements} statements and errors", cases.len());
}

#[tokio::test(flavor = "multi_thread")]
async fn load_does_not_wait_for_its_own_lock_after_a_failed_keep_alive() {
    let (cloud, client, [_, new]) = loaded().await;
    for what in What::passing_errors() {
        let on = On::Containing("SELECT 1".to_owned());
        cloud.redshift.inject(Fault { on, skip: 0, when: When::Before, what });
        let outcome = cloud.load("other", &["--force", "--lock-timeout", "20"]);
        outcome.exits(0).complains("the load lock was lost");
        assert_eq!(cloud.redshift.faults_left(), 0);
        assert_eq!(value(&client, SEEN).await, new);
        nothing_is_left(&client).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn load_killed_between_commit_and_drop_is_finished_by_the_next() {
    let (cloud, client, [old, new]) = loaded().await;
    let gate = Gate::new();
    let on = On::Containing("DROP TABLE IF EXISTS".to_owned());
    let what = What::Hold(gate.clone());
    cloud.redshift.inject(Fault { on, skip: 0, when: When::Before, what });
    let mut command = cloud.command();
    command.args(["load", "--star", &cloud.s3.url("other"), "--to", &cloud.target()]);
    let mut child = command.stderr(std::process::Stdio::null()).spawn().unwrap();
    gate.wait();
    child.kill().unwrap();
    child.wait().unwrap();
    gate.open();
    assert_eq!(value(&client, SEEN).await, new);
    let replaced =
        "SELECT COUNT(*) FROM pg_class WHERE relkind = 'r' AND relname LIKE 'starlift_old_%'";
    assert_ne!(value(&client, replaced).await, "0");
    // A load that has nothing else to do also drops them.
    cloud.load("other", &[]).exits(0).says("already");
    nothing_is_left(&client).await;
    cloud.load("star", &[]).exits(0);
    assert_eq!(value(&client, SEEN).await, old);
}

#[tokio::test(flavor = "multi_thread")]
async fn reader_that_waits_for_the_swap_continues() {
    use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
    let (cloud, _client, _) = loaded().await;
    let reader = cloud.session().await;
    let stop = AtomicBool::new(false);
    let looks = tokio::task::block_in_place(|| {
        std::thread::scope(|scope| {
            let looks = scope.spawn(|| {
                let mut looks = 0;
                while !stop.load(Relaxed) {
                    let count = "SELECT COUNT(*) FROM star.songplays";
                    let rows = futures::executor::block_on(reader.rows("read", count));
                    assert_eq!(rows.unwrap_or_else(|e| panic!("{}: {:?}", e, e.cause)).len(), 1);
                    looks += 1;
                }
                looks
            });
            for turn in 0..4 {
                // The reader queries the tables in the middle of the swap.
                let gate = Gate::new();
                let what = What::Hold(gate.clone());
                cloud.redshift.inject(Fault { on: On::Rename, skip: 6, when: When::After, what });
                let open = scope.spawn(move || {
                    gate.wait();
                    std::thread::sleep(std::time::Duration::from_millis(100));
                    gate.open();
                });
                cloud.load(["other", "star"][turn % 2], &[]).exits(0);
                open.join().unwrap();
            }
            stop.store(true, Relaxed);
            looks.join().unwrap()
        })
    });
    assert!(looks > 10, "the reader hardly looked");
}

#[tokio::test(flavor = "multi_thread")]
async fn lost_response_of_the_last_attempt_is_resolved_through_the_ledger() {
    let (cloud, client, [_, new]) = loaded().await;
    for _ in 0..3 {
        cloud.redshift.inject(Fault {
            on: On::Rename,
            skip: 0,
            when: When::Before,
            what: conflict(),
        });
    }
    cloud.redshift.inject(Fault { on: On::Commit, skip: 1, when: When::After, what: What::Cut });
    cloud.load("other", &[]).exits(0).says("load 3)");
    assert_eq!(cloud.redshift.faults_left(), 0);
    assert_eq!(value(&client, SEEN).await, new);
    nothing_is_left(&client).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn file_changed_between_check_and_copy_is_named_and_nothing_is_replaced() {
    let (cloud, client, [old, _]) = loaded().await;
    for (change, says) in [(true, "InvalidRange"), (false, "File not found")] {
        cloud.transform("other", &["--unmatched", "drop"]);
        let songs = cloud.s3.keys("other/songs/");
        let gate = Gate::new();
        let what = What::Hold(gate.clone());
        cloud.redshift.inject(Fault { on: On::Copy, skip: 0, when: When::Before, what });
        let (star, target) = (cloud.s3.url("other"), cloud.target());
        let mut command = cloud.command();
        command.args(["load", "--star", &star, "--to", &target]);
        let outcome = std::thread::scope(|scope| {
            let running = scope.spawn(|| cloud.here.outcome(&mut command));
            gate.wait();
            for key in &songs {
                if change {
                    let mut bytes = cloud.s3.get(key).unwrap();
                    bytes.extend_from_slice(b"more");
                    cloud.s3.put(key, bytes);
                } else {
                    std::fs::remove_file(
                        cloud.s3.root().join(crate::support::s3::BUCKET).join(key),
                    )
                    .unwrap();
                }
            }
            gate.open();
            running.join().unwrap()
        });
        outcome.fails_with("statement-rejected").naming(&[says, &songs[0]]);
        assert_eq!(value(&client, SEEN).await, old);
        nothing_is_left(&client).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn broken_star_is_detected_before_the_load() {
    let (cloud, client, [old, _]) = loaded().await;
    let before = cloud.redshift.statements().len();
    let manifest = String::from_utf8(cloud.s3.get("other/songs.manifest").unwrap()).unwrap();
    cloud.s3.put(
        "other/songs.manifest",
        manifest.replace("\"content_length\": ", "\"content_length\": 1"),
    );
    cloud.load("other", &[]).fails_with("copy-contract").says("manifest-content-length");
    cloud.s3.put(
        "other/songs.manifest",
        manifest.replace("\"mandatory\": true", "\"mandatory\": false"),
    );
    cloud.load("other", &[]).fails_with("copy-contract").says("manifest-mandatory");
    assert_eq!(cloud.redshift.statements().len(), before);
    assert_eq!(value(&client, SEEN).await, old);
}

/// Returns the result of an analytics query in the warehouse.
fn answer(cloud: &Cloud, target: &str, question: &str) -> String {
    let outcome = cloud.run(["query", question, "--on", target, "--format", "csv"]);
    outcome.exits(0);
    outcome.stdout
}

#[tokio::test(flavor = "multi_thread")]
async fn analytics_results_belong_to_a_single_star_during_ten_loads() {
    use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};
    let (cloud, _client, _) = loaded().await;
    let target = cloud.target();
    let queries = starlift::star::Queries::built_in();
    let names: Vec<_> =
        queries.of(starlift::star::Group::Analytics).map(|query| query.name.to_string()).collect();
    let all = || names.iter().map(|name| answer(&cloud, &target, name)).collect::<Vec<_>>();
    let star = all();
    cloud.load("other", &[]).exits(0);
    let other = all();
    assert_ne!(star, other);
    let (stop, looks) = (AtomicBool::new(false), AtomicU64::new(0));
    std::thread::scope(|scope| {
        scope.spawn(|| {
            for i in (0..names.len()).cycle() {
                if stop.load(Relaxed) {
                    break;
                }
                let seen = answer(&cloud, &target, &names[i]);
                assert!(seen == star[i] || seen == other[i], "{}: {seen}", names[i]);
                looks.fetch_add(1, Relaxed);
            }
        });
        for turn in 0..10 {
            cloud.load(["star", "other"][turn % 2], &[]).exits(0);
        }
        stop.store(true, Relaxed);
    });
    assert!(looks.load(Relaxed) > names.len() as u64, "the reader hardly looked");
}

#[tokio::test(flavor = "multi_thread")]
async fn second_loader_waits() {
    let (cloud, client, _) = loaded().await;
    let (star, other, target) = (cloud.s3.url("star"), cloud.s3.url("other"), cloud.target());
    std::thread::scope(|scope| {
        for place in [&star, &other, &star] {
            let (cloud, target) = (&cloud, &target);
            scope.spawn(move || {
                cloud.run(["load", "--force", "--star", place, "--to", target]).exits(0);
            });
        }
    });
    let numbers = "SELECT COUNT(DISTINCT load_number), MAX(load_number) FROM star.starlift_loads";
    assert_eq!(value(&client, numbers).await, "5|5");
    nothing_is_left(&client).await;
}
