//! Locks of outputs: one run writes at a time.

use super::*;

#[test]
fn second_run_on_disk_is_rejected_and_names_the_first() {
    let bench = Bench::local();
    bench.publish("a");
    let (before, old) = (bench.star(), bench.answer());
    let mut first = bench.spawn("b", &["--queries", &endless(&bench, "users", &USERS)]);
    wait_for_two_runs(&bench);
    let second = bench.workspace.outcome(&mut bench.transform("a", &[]));
    let out = bench.url("star");
    second.fails_with("output-locked").naming(&[&out, &format!("process {}", first.id())]);
    assert_eq!(bench.answer(), old);
    assert_interrupted(&bench, first, &before);
    bench.publish("b");
    assert_ne!(bench.answer(), old);
}

#[test]
fn second_run_on_s3_is_rejected_and_names_the_first() {
    let bench = Bench::s3();
    bench.publish("a");
    let old = bench.answer();
    let gate = bench.server().pause(Op::Put, "star/users/");
    let mut first = bench.spawn("b", &[]);
    gate.wait();
    let second = bench.workspace.outcome(&mut bench.transform("a", &[]));
    second
        .fails_with("output-locked")
        .naming(&["s3://sparkify/star", &format!("process {}", first.id())]);
    assert_eq!(bench.answer(), old);
    gate.release();
    first.finish().exits(0);
    assert_ne!(bench.answer(), old);
    bench.assert_nothing_is_left_over();
}

/// Starts several runs with the same output at once, several times. Each run must either publish or
/// report that another run is writing.
#[track_caller]
fn assert_one_at_a_time(bench: &Bench) {
    bench.publish("a");
    let (mut published, mut rejected) = (0, 0);
    for _ in 0..3 {
        let runs: Vec<Run> = ["a", "b", "a", "b"].map(|data| bench.spawn(data, &[])).into();
        for run in runs {
            let ended = run.finish();
            if ended.code == Some(0) {
                published += 1;
            } else {
                ended.fails_with("output-locked");
                rejected += 1;
            }
        }
        bench.answer();
        bench.assert_nothing_is_left_over();
        bench.assert_manifests_are_whole();
    }
    assert!(published >= 3, "{published} published");
    assert!(rejected >= 1, "{rejected} rejected");
}

#[test]
fn concurrent_runs_on_disk_write_one_at_a_time() {
    assert_one_at_a_time(&Bench::local());
}

#[test]
fn concurrent_runs_on_s3_write_one_at_a_time() {
    assert_one_at_a_time(&Bench::s3());
}

#[test]
fn expired_lease_of_another_host_is_taken_over() {
    let bench = Bench::s3();
    bench.server().put("star/_lock", lease(-1));
    bench.publish("a").complains("took over the lock of a run that had died");
    bench.assert_nothing_is_left_over();
}

#[test]
fn live_lease_of_another_host_is_respected() {
    let bench = Bench::s3();
    bench.publish("a");
    let (before, held) = (bench.star(), lease(60));
    bench.server().put("star/_lock", &held);
    let outcome = bench.workspace.outcome(&mut bench.transform("b", &[]));
    outcome.fails_with("output-locked").naming(&[
        "s3://sparkify/star",
        "20181112T030405Z-0a1b2c3d",
        "process 1",
        "elsewhere",
    ]);
    assert!(bench.star() == before, "{outcome}");
    assert_eq!(bench.server().get("star/_lock"), Some(held), "{outcome}");
}

#[test]
fn a_run_that_lost_its_lease_publishes_nothing() {
    let bench = Bench::s3();
    bench.publish("a");
    let (before, old) = (bench.star(), bench.answer());
    let gate = bench.server().pause(Op::Put, "star/_inputs/");
    let run = bench.spawn("b", &[]);
    gate.wait();
    let taken = lease(60);
    bench.server().put("star/_lock", &taken);
    gate.release();
    run.finish().fails_with("output-locked");
    assert_eq!(bench.answer(), old);
    let mut after = bench.star();
    after.retain(|path, _| !path.starts_with("_rejects/") || before.contains_key(path));
    assert!(after == before);
    assert_eq!(bench.server().get("star/_lock"), Some(taken), "the other run's lease is its own");
}

#[test]
fn transient_errors_while_renewing_the_lease_do_not_end_the_run() {
    for rule in [Rule::hang_up(Op::Put, "star/_lock"), Rule::status(503, Op::Put, "star/_lock")] {
        let bench = Bench::s3();
        bench.server().inject(rule.after(1).times(2));
        bench.publish("a");
        bench.assert_nothing_is_left_over();
    }
}

#[test]
fn transient_errors_while_locking_do_not_end_the_run() {
    for rule in [Rule::hang_up(Op::Put, "star/_lock"), Rule::status(503, Op::Put, "star/_lock")] {
        let bench = Bench::s3();
        bench.server().inject(rule.times(2));
        bench.publish("a");
        bench.assert_nothing_is_left_over();
    }
}
