//! Runs that were suspended or presumed dead and then resume: they do not change a star that
//! another run has published.

use super::*;

/// Makes the lease of a held run expire, so that another run can take over its lock.
fn expire(bench: &Bench) {
    bench.server().put("star/_lock", lease(-1));
}

/// Holds a run at the first such request, publishes another run, and resumes the first.
#[track_caller]
fn overtake(bench: &Bench, op: Op, target: &str) -> (Outcome, Value) {
    bench.publish("a");
    let gate = bench.server().pause_first(op, target);
    let run = bench.spawn("b", &[]);
    gate.wait();
    expire(bench);
    bench.publish("a").complains("took over the lock of a run that had died");
    let record = bench.record();
    gate.release();
    (run.finish(), record)
}

#[test]
fn run_overtaken_before_its_record_publishes_nothing() {
    for target in
        ["star/songs/", "star/songs.manifest", "star/users.manifest", "star/_starlift.json"]
    {
        let bench = Bench::s3();
        let (ended, record) = overtake(&bench, Op::Put, target);
        ended.exits(1);
        assert!(!ended.stderr.contains("panicked"), "{ended}");
        assert_eq!(bench.record(), record, "held at {target}");
        bench.answer();
        bench.assert_manifests_agree();
        bench.publish("b");
        bench.assert_nothing_is_left_over();
    }
}

#[test]
fn record_changed_during_the_run_is_named() {
    let bench = Bench::s3();
    let (ended, record) = overtake(&bench, Op::Put, "star/_starlift.json");
    ended
        .fails_with("overtaken")
        .naming(&["s3://sparkify/star/_starlift.json", record["run_id"].as_str().unwrap()]);
}

#[test]
fn run_overtaken_after_its_record_removes_nothing_of_the_other() {
    for (op, target) in [
        (Op::List, "star/songs/"),
        (Op::List, "star/_rejects/"),
        (Op::List, "star/_lists/"),
        (Op::DeleteMany, "star/songs/"),
        (Op::DeleteMany, "star/_lock"),
    ] {
        let bench = Bench::s3();
        let (_, record) = overtake(&bench, op, target);
        assert_eq!(bench.record(), record, "held at {op:?} {target}");
        bench.answer();
        bench.assert_manifests_agree();
        bench.publish("b");
        bench.assert_nothing_is_left_over();
    }
}

#[test]
fn late_manifests_do_not_replace_newer_ones() {
    let bench = Bench::s3();
    bench.publish("a");
    let record = bench.server().pause_first(Op::Put, "star/_starlift.json");
    let run = bench.spawn("b", &[]);
    record.wait();
    // This put is the copy that is written after the record.
    let copy = bench.server().pause_first(Op::Put, "star/users.manifest");
    record.release();
    copy.wait();
    expire(&bench);
    bench.publish("a");
    copy.release();
    run.finish();
    bench.answer();
    bench.assert_manifests_agree();
}

#[test]
fn lease_that_was_taken_over_is_not_removed() {
    let bench = Bench::s3();
    bench.publish("a");
    let gate = bench.server().pause_first(Op::DeleteMany, "star/songs/");
    let run = bench.spawn("b", &[]);
    gate.wait();
    let taken = lease(60);
    bench.server().put("star/_lock", &taken);
    gate.release();
    run.finish().exits(0);
    assert_eq!(bench.server().get("star/_lock"), Some(taken));
}

/// Returns the lease of a killed run of this host.
fn lease_of_a_killed_run(bench: &Bench) -> Value {
    bench.kill_at("b", Op::Put, "star/songs/");
    serde_json::from_slice(&bench.server().get("star/_lock").unwrap()).unwrap()
}

#[test]
fn processes_of_another_namespace_are_not_presumed_dead() {
    let bench = Bench::s3();
    bench.publish("a");
    let mut holder = lease_of_a_killed_run(&bench);
    holder["namespace"] = json!("pid:[1]");
    bench.server().put("star/_lock", holder.to_string());
    let outcome = bench.workspace.outcome(&mut bench.transform("b", &[]));
    outcome.fails_with("output-locked").naming(&["s3://sparkify/star"]);
    let held = bench.server().get("star/_lock").unwrap();
    assert_eq!(String::from_utf8(held).unwrap(), holder.to_string());
}

#[cfg(target_os = "linux")]
#[test]
fn run_in_another_namespace_does_not_presume_a_live_one_dead() {
    const APART: [&str; 3] = ["--pid", "--fork", "--mount-proc"];
    let can = Command::new("unshare").args(APART).arg("true").output();
    if !can.is_ok_and(|output| output.status.success()) {
        eprintln!("skipped: unshare cannot make a PID namespace here");
        return;
    }
    let bench = Bench::s3();
    bench.publish("a");
    let gate = bench.server().pause_first(Op::Put, "star/users/");
    let first = bench.spawn("b", &[]);
    gate.wait();
    let second = bench.transform("a", &[]);
    let mut apart = Command::new("unshare");
    apart.args(APART).arg(second.get_program()).args(second.get_args());
    apart.current_dir(bench.workspace.path());
    for (name, value) in second.get_envs() {
        match value {
            Some(value) => apart.env(name, value),
            None => apart.env_remove(name),
        };
    }
    let outcome = bench.workspace.outcome(&mut apart);
    outcome.fails_with("output-locked").naming(&["s3://sparkify/star"]);
    gate.release();
    first.finish().exits(0);
    bench.assert_nothing_is_left_over();
}

#[cfg(target_os = "linux")]
#[test]
fn reused_process_id_does_not_hold_a_lease() {
    let bench = Bench::s3();
    bench.publish("a");
    let mut holder = lease_of_a_killed_run(&bench);
    holder["process"] = json!(std::process::id());
    bench.server().put("star/_lock", holder.to_string());
    bench.publish("b").complains("took over the lock of a run that had died");
    bench.assert_nothing_is_left_over();
}

/// Returns a lease of another host that has expired by this host's clock.
fn expired_here() -> String {
    let mut holder: Value = serde_json::from_slice(&lease(-10)).unwrap();
    holder["lease_ms"] = json!(120_000);
    holder.to_string()
}

#[test]
fn clock_of_the_store_decides_whether_a_lease_has_expired() {
    let bench = Bench::s3();
    bench.publish("a");
    let before = bench.star();
    let held = expired_here();
    bench.server().put("star/_lock", &held);
    let outcome = bench.workspace.outcome(&mut bench.transform("b", &[]));
    outcome.fails_with("output-locked").naming(&["s3://sparkify/star"]);
    assert!(bench.star() == before, "{outcome}");
    assert_eq!(bench.server().get("star/_lock"), Some(held.into()));
    bench.server().age("star/_lock", Duration::from_secs(121));
    bench.publish("b").complains("took over the lock of a run that had died");
    bench.assert_nothing_is_left_over();
}

#[test]
fn record_that_cannot_be_replaced_is_detected_before_any_work() {
    for bench in [Bench::local(), Bench::s3()] {
        for content in ["{\"format\": 2}", "", "no JSON", "[]", "{\"format\": 1}"] {
            match &bench.server {
                Some(server) => server.put("star/_starlift.json", content),
                None => drop(bench.workspace.write("star/_starlift.json", content)),
            }
            let before = bench.star();
            let outcome = bench.workspace.outcome(&mut bench.transform("a", &[]));
            outcome.fails_with("unreadable-record").naming(&["_starlift.json"]);
            outcome.complains("write to another location");
            assert!(bench.star() == before, "{outcome}");
            if let Some(server) = &bench.server {
                assert_eq!(server.count(Op::Get, "a/log_data"), 0, "{outcome}");
                assert_eq!(server.keys("star/_lock"), [""; 0]);
            }
        }
    }
}

#[test]
fn folder_in_the_way_on_disk_is_detected_before_the_star_is_replaced() {
    let bench = Bench::local();
    std::fs::create_dir_all(bench.workspace.join("star/_starlift.json")).unwrap();
    let outcome = bench.workspace.outcome(&mut bench.transform("a", &[]));
    outcome.fails_with("unreadable-record").naming(&["_starlift.json", "a folder"]);
    assert!(!bench.workspace.join("star/songs").exists(), "{outcome}");
    std::fs::remove_dir(bench.workspace.join("star/_starlift.json")).unwrap();
    std::fs::create_dir(bench.workspace.join("star/users.manifest")).unwrap();
    let outcome = bench.workspace.outcome(&mut bench.transform("a", &[]));
    outcome.fails_with("file-failed").naming(&["star/users.manifest"]);
    assert!(!bench.workspace.join("star/_starlift.json").exists(), "{outcome}");
}

#[test]
fn server_without_conditional_puts_gets_plain_ones() {
    let bench = Bench::s3();
    bench.publish("a");
    // The server rejects only requests with condition headers; these are the conditional puts of
    // one run.
    for target in ["star/_lock", "star/users.manifest", "star/_starlift.json"] {
        bench.server().inject(Rule::status(501, Op::Put, target).times(2));
    }
    let mut command = bench.transform("b", &["--retries", "1"]);
    let outcome = bench.workspace.outcome(&mut command);
    outcome.exits(0).complains("this store has no conditional put");
    bench.answer();
    bench.assert_manifests_agree();
    bench.assert_nothing_is_left_over();
}

#[test]
fn record_replaced_on_disk_during_the_run_is_left_alone() {
    let bench = Bench::local();
    bench.publish("b");
    let other = bench.workspace.read("star/_starlift.json");
    bench.publish("a");
    let run = bench.spawn("b", &["--queries", &slow(&bench)]);
    wait_for_two_runs(&bench);
    // Another program copies a different star to this location.
    bench.workspace.write("star/_starlift.json", &other);
    run.finish().fails_with("overtaken").naming(&["_starlift.json"]);
    assert_eq!(bench.workspace.read("star/_starlift.json"), other);
}

#[test]
fn lock_replaced_on_disk_during_the_run_is_lost() {
    let bench = Bench::local();
    bench.publish("a");
    let old = bench.answer();
    let run = bench.spawn("b", &["--queries", &slow(&bench)]);
    wait_for_two_runs(&bench);
    std::fs::remove_file(bench.workspace.join("star/_lock")).unwrap();
    run.finish().fails_with("output-locked").naming(&["lock file"]);
    assert_eq!(bench.answer(), old);
}

/// Returns an SQL folder whose query for `users` takes at least a second.
fn slow(bench: &Bench) -> String {
    let users = include_str!("../../../queries/star/users.sql");
    let sql = format!(
        "SELECT u.* FROM (\n{users}\n) AS u \
         CROSS JOIN (SELECT MAX(value) AS m FROM generate_series(1, 400000000)) AS wait WHERE m > 0"
    );
    let file = bench.workspace.write("slow/users.sql", sql);
    file.parent().unwrap().to_str().unwrap().to_owned()
}

#[test]
fn run_killed_between_record_and_manifests_is_repaired_by_the_next() {
    let bench = Bench::s3();
    bench.publish("b");
    let of_b = bench.answer();
    bench.publish("a");
    let record = bench.server().pause_first(Op::Put, "star/_starlift.json");
    let run = bench.spawn("b", &[]);
    record.wait();
    let copy = bench.server().pause(Op::Put, "star/songs.manifest");
    record.release();
    copy.wait();
    run.kill();
    copy.wait_deserted();
    drop(copy);
    assert_eq!(bench.answer(), of_b, "the record was put");
    // Old or new, each manifest names existing files.
    bench.assert_manifests_are_whole();
    bench.publish("a");
    bench.assert_manifests_agree();
    bench.assert_nothing_is_left_over();
}

#[test]
fn kill_before_the_record_leaves_all_manifests_unchanged() {
    let bench = Bench::s3();
    bench.publish("a");
    for target in ["star/artists.manifest", "star/songs.manifest", "star/users.manifest"] {
        bench.kill_at("b", Op::Put, target);
        bench.assert_manifests_agree();
    }
    bench.kill_at("b", Op::Put, "star/_starlift.json");
    bench.assert_manifests_agree();
}

#[test]
fn failed_put_of_the_record_leaves_all_manifests_unchanged() {
    let bench = Bench::s3();
    bench.publish("a");
    let old = bench.answer();
    for status in [500, 403] {
        bench.server().inject(Rule::status(status, Op::Put, "star/_starlift.json").times(3));
        let mut command = bench.transform("b", &["--retries", "0"]);
        bench.workspace.outcome(&mut command).exits(1).complains("star/_starlift.json");
        assert_eq!(bench.answer(), old);
        bench.assert_manifests_agree();
    }
}

#[test]
fn manifests_that_cannot_be_updated_keep_their_files() {
    let bench = Bench::s3();
    bench.publish("b");
    let of_b = bench.answer();
    bench.publish("a");
    // The first put of this manifest is before the record.
    bench.server().inject(Rule::status(403, Op::Put, "star/songs.manifest").after(1).times(1));
    let outcome = bench.workspace.outcome(&mut bench.transform("b", &[]));
    outcome
        .fails_with("access-denied")
        .naming(&["s3://sparkify/star/songs.manifest"])
        .complains("is published");
    assert_eq!(bench.answer(), of_b);
    bench.assert_manifests_are_whole();
    bench.publish("a");
    bench.assert_manifests_agree();
    bench.assert_nothing_is_left_over();
}

#[test]
fn star_replaced_during_a_query_is_an_error() {
    for target in ["star/songplays/", "star/time/"] {
        let bench = Bench::s3();
        bench.publish("a");
        let star = bench.url("star");
        let gate = bench.server().pause(Op::Get, target);
        let sql =
            "SELECT COUNT(*) AS n, MAX(start_time) FROM songplays JOIN \"time\" USING (start_time)";
        let mut query = bench.command(&["query", "--star", &star, "--sql", sql]);
        let query = Run::start(query.stdout(Stdio::piped()).stderr(Stdio::piped()));
        gate.wait();
        for key in bench.server().keys(target) {
            std::fs::remove_file(bench.server().root().join("sparkify").join(key)).unwrap();
        }
        gate.release();
        let ended = query.finish();
        ended.fails_with("query-failed").naming(&[target, "run the command again"]);
    }
}

#[test]
fn file_not_found_by_a_second_request_is_not_an_empty_table() {
    let bench = Bench::s3();
    bench.publish("a");
    let star = bench.url("star");
    let count =
        ["query", "--star", &star, "--format", "csv", "--sql", "SELECT COUNT(*) FROM songs"];
    let whole = bench.run(&count);
    whole.exits(0);
    bench.server().inject(Rule::status(404, Op::Head, "star/songs/").after(1));
    assert_eq!(bench.run(&count).exits(0).stdout, whole.stdout);
}

#[test]
fn star_is_synced_before_publication_and_before_the_old_one_is_removed() {
    let bench = Bench::local();
    bench.publish("a");
    let outcome = bench.workspace.outcome(&mut bench.transform("b", &["-v"]));
    outcome.exits(0);
    let at = |text: &str| outcome.stderr.find(text).unwrap_or_else(|| panic!("{text}\n{outcome}"));
    assert!(
        at("synced the star") < at("put the record")
            && at("put the record") < at("removed superseded files")
    );
    // Five tables, a list, inputs, rejects and five manifests, in nine folders.
    outcome.complains("synced the star files=13 folders=9");
}
