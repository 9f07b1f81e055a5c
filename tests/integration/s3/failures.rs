//! Requests that fail: retries, and the star after a failure that persists.

use std::time::{Duration, Instant};

use crate::support::s3::{Op, Rule};

use super::*;

#[test]
fn server_errors_are_retried() {
    let bench = Bench::new(Faults::default());
    let operations = [Op::List, Op::Get, Op::Put, Op::DeleteMany, Op::Head];
    // The second run has files of the first to delete.
    for _ in 0..2 {
        for (op, status) in operations.iter().flat_map(|op| [(*op, 500), (*op, 503)]) {
            bench.server.inject(Rule::status(status, op, "").times(2));
        }
        bench.outcome(bench.transform(&[])).exits(0);
    }
    for op in operations {
        let failed = |request: &&crate::support::s3::Request| {
            request.op == op && request.status >= Some(500)
        };
        let failures = bench.server.requests().iter().filter(failed).count();
        assert!(failures >= 4, "{op:?}: {failures}");
    }
    assert_eq!(bench.server.keys("star/_lock"), [""; 0]);
    bench.assert_star_is_as_on_disk();
}

#[test]
fn dropped_connections_are_reopened() {
    let bench = Bench::new(Faults::default());
    let log = bench.server.keys("data/log_data").pop().unwrap();
    bench.server.inject(Rule::cut(&log).times(3));
    for (op, target) in [(Op::Get, "song_data"), (Op::List, ""), (Op::Put, "songs/")] {
        bench.server.inject(Rule::hang_up(op, target).times(2));
    }
    bench.outcome(bench.transform(&[])).exits(0);
    let requests = bench.server.requests();
    let of_log = requests.iter().filter(|request| request.op == Op::Get && request.target == log);
    let resumed = of_log.filter(|request| request.range.is_some()).count();
    assert_eq!(resumed, 3, "each cut is resumed where it was");
    bench.assert_star_is_as_on_disk();
}

#[test]
fn an_object_that_always_fails_is_named_in_bounded_time() {
    for rule in [Rule::status(500, Op::Get, "11-01"), Rule::hang_up(Op::Get, "11-01")] {
        let bench = Bench::new(Faults::default());
        bench.server.inject(rule);
        let begun = Instant::now();
        let outcome = bench.outcome(bench.transform(&["--retries", "4"]));
        outcome
            .fails_with("store-failed")
            .naming(&["s3://sparkify/data/log_data/2018/11/2018-11-01-"]);
        assert!(begun.elapsed() < Duration::from_secs(60), "{outcome}");
        assert_eq!(bench.server.count(Op::Get, "11-01"), 5, "{outcome}");
        assert!(bench.server.get("star/_starlift.json").is_none(), "{outcome}");
    }
}

#[test]
fn an_object_whose_connection_always_drops_is_named() {
    let bench = Bench::new(Faults::default());
    let log = bench.server.keys("data/log_data").pop().unwrap();
    bench.server.inject(Rule::cut(&log));
    let outcome = bench.outcome(bench.transform(&["--retries", "4"]));
    outcome.fails_with("store-failed").naming(&[&format!("s3://sparkify/{log}")]);
    assert_eq!(bench.server.count(Op::Get, &log), 5, "{outcome}");
    assert!(bench.server.get("star/_starlift.json").is_none(), "{outcome}");
}

#[test]
fn object_changed_while_it_is_read_fails_the_run() {
    let bench = Bench::new(Faults::default());
    let log = bench.server.keys("data/log_data").pop().unwrap();
    let gate = bench.server.pause(Op::Get, &log);
    let mut command = bench.transform(&[]);
    let outcome = std::thread::scope(|scope| {
        let run = scope.spawn(|| bench.workspace.outcome(&mut command));
        gate.wait();
        let changed = bench.server.get(&log).unwrap().repeat(2);
        bench.server.put(&log, changed);
        gate.release();
        run.join().unwrap()
    });
    outcome.fails_with("object-changed").naming(&[&format!("s3://sparkify/{log}")]);
    assert!(bench.server.get("star/_starlift.json").is_none(), "{outcome}");
}

/// Builds a star, then fails to build another because of `rule`; the first must remain unchanged.
#[track_caller]
fn assert_old_star_stays(bench: &Bench, rule: Rule, more: &[&str], named: &str) {
    let before = bench.s3_star().published();
    bench.server.inject(rule);
    let outcome = bench.outcome(bench.transform(more));
    outcome.exits(1).complains(named);
    let after = bench.s3_star().published();
    assert_eq!(after.paths(), before.paths(), "{named}\n{outcome}");
    assert!(after == before, "a file of the old star was changed: {named}\n{outcome}");
    assert_eq!(bench.server.pending_uploads(), 0, "{named}\n{outcome}");
    bench.run(&["check", "--star", "s3://sparkify/star"]).exits(0);
}

#[test]
fn failed_put_leaves_the_old_star() {
    let bench = Bench::new(Faults::default());
    bench.outcome(bench.transform(&[])).exits(0);
    let tables = ["songs/", "artists/", "users/", "songplays/", "time/"];
    for key in tables.iter().chain(&["_rejects/", "_inputs/", "_lists/"]) {
        let rule = Rule::status(403, Op::Put, &format!("star/{key}")).times(1);
        assert_old_star_stays(&bench, rule, &[], &format!("s3://sparkify/star/{key}"));
    }
}

#[test]
fn a_manifest_that_cannot_be_put_leaves_the_old_star() {
    let bench = Bench::new(Faults::default());
    bench.outcome(bench.transform(&[])).exits(0);
    for key in ["artists.manifest", "songs.manifest", "users.manifest"] {
        let rule = Rule::status(403, Op::Put, &format!("star/{key}")).times(1);
        assert_old_star_stays(&bench, rule, &[], &format!("s3://sparkify/star/{key}"));
    }
}

#[test]
fn a_record_that_cannot_be_put_leaves_the_old_star() {
    let bench = Bench::new(Faults::default());
    bench.outcome(bench.transform(&[])).exits(0);
    let rule = Rule::status(403, Op::Put, "star/_starlift.json").times(1);
    assert_old_star_stays(&bench, rule, &[], "s3://sparkify/star/_starlift.json");
}

#[test]
fn failed_upload_leaves_the_old_star_and_no_parts() {
    let bench = Bench::new(Faults::default());
    bench.outcome(bench.transform(&[])).exits(0);
    bench.workspace.write("queries/songs.sql", large_songs(2));
    for rule in [
        Rule::status(403, Op::CreateUpload, "star/songs/"),
        Rule::status(403, Op::UploadPart, "star/songs/"),
        Rule::status(403, Op::UploadPart, "star/songs/").after(1),
        Rule::status(403, Op::CompleteUpload, "star/songs/"),
    ] {
        let complaint = "s3://sparkify/star/songs/";
        assert_old_star_stays(&bench, rule.times(1), &["--queries", "queries"], complaint);
    }
}

#[test]
fn failed_part_leaves_no_parts_while_others_are_queued() {
    let bench = Bench::new(Faults::default());
    bench.outcome(bench.transform(&[])).exits(0);
    // The file is smaller than a row group, so all parts are sent when it is closed, and there are
    // more of them than may be in flight.
    bench.workspace.write("queries/songs.sql", large_songs(6));
    let rule = Rule::status(403, Op::UploadPart, "star/songs/").times(1);
    let complaint = "s3://sparkify/star/songs/";
    assert_old_star_stays(&bench, rule, &["--queries", "queries"], complaint);
}
