//! Runs that are killed: the star is either the previous one or the new one.

use super::*;

/// Kills a run at each of these requests, which precede its publication; the old star must remain.
#[track_caller]
fn assert_old_star_survives_a_kill(stages: &[(Op, &str)]) {
    let bench = Bench::s3();
    bench.publish("a");
    let mut old = bench.answer();
    for ((op, target), data) in stages.iter().zip(["b", "a"].into_iter().cycle()) {
        bench.kill_at(data, *op, target);
        assert_eq!(bench.answer(), old, "killed at {op:?} {target}");
        bench.assert_manifests_are_whole();
        let outcome = bench.publish(data);
        outcome.complains("took over the lock of a run that had died");
        bench.assert_nothing_is_left_over();
        bench.assert_manifests_are_whole();
        let new = bench.answer();
        assert_ne!(new, old, "killed at {op:?} {target}");
        old = new;
    }
}

#[test]
fn kill_while_reading_leaves_the_old_star() {
    assert_old_star_survives_a_kill(&[
        (Op::Get, "/song_data/"),
        (Op::Get, "/log_data/"),
        (Op::Put, "star/_rejects/"),
    ]);
}

#[test]
fn kill_while_writing_leaves_the_old_star() {
    assert_old_star_survives_a_kill(&[
        (Op::Put, "star/songs/"),
        (Op::Put, "star/artists/"),
        (Op::Put, "star/users/"),
        (Op::Put, "star/songplays/"),
        (Op::Put, "star/time/"),
        (Op::Put, "star/_inputs/"),
        (Op::Put, "star/_lists/"),
    ]);
}

#[test]
fn kill_while_publishing_leaves_the_old_star() {
    assert_old_star_survives_a_kill(&[
        (Op::Put, "star/artists.manifest"),
        (Op::Put, "star/songplays.manifest"),
        (Op::Put, "star/users.manifest"),
        (Op::Put, "star/_starlift.json"),
    ]);
}

#[test]
fn kill_before_locking_leaves_the_old_star() {
    let bench = Bench::s3();
    bench.publish("a");
    let old = bench.answer();
    bench.kill_at("b", Op::Put, "star/_lock");
    assert_eq!(bench.answer(), old);
    bench.publish("b");
    assert_ne!(bench.answer(), old);
    bench.assert_nothing_is_left_over();
}

#[test]
fn kill_after_the_record_is_put_leaves_the_new_star() {
    let bench = Bench::s3();
    bench.publish("b");
    let of_b = bench.answer();
    for target in ["star/songs/", "star/_rejects/", "star/_lock"] {
        bench.publish("a");
        assert_ne!(bench.answer(), of_b);
        bench.kill_at("b", Op::DeleteMany, target);
        assert_eq!(bench.answer(), of_b, "{target}");
        bench.assert_manifests_are_whole();
        bench.publish("a").complains("took over the lock of a run that had died");
        bench.assert_nothing_is_left_over();
    }
}

#[test]
fn killed_first_run_leaves_no_star() {
    let bench = Bench::s3();
    bench.kill_at("a", Op::Put, "star/_starlift.json");
    let outcome = bench.run(&["query", "--star", &bench.url("star"), "--sql", "SELECT 1"]);
    outcome.fails_with("nothing-found").naming(&["s3://sparkify/star"]);
    bench.publish("a");
    bench.assert_nothing_is_left_over();
}

#[test]
fn kill_on_disk_at_any_moment_leaves_a_complete_star() {
    let bench = Bench::local();
    bench.publish("b");
    let of_b = bench.answer();
    bench.publish("a");
    let of_a = bench.answer();
    assert_ne!(of_a, of_b);
    let begun = Instant::now();
    bench.publish("a");
    let whole = begun.elapsed();
    let mut old_stars = 0;
    for i in 1..=12 {
        let before = bench.record();
        let old = bench.answer();
        let (data, new) = if old == of_a { ("b", &of_b) } else { ("a", &of_a) };
        let run = bench.spawn(data, &[]);
        std::thread::sleep(whole * i / 12);
        run.kill();
        let is_old = bench.record() == before;
        old_stars += usize::from(is_old);
        let wanted = if is_old { &old } else { new };
        assert_eq!(bench.answer(), *wanted, "killed after {:?}", whole * i / 12);
    }
    assert!(old_stars >= 3, "most runs were over before they were killed");
    bench.publish("a");
    assert_eq!(bench.answer(), of_a);
    bench.assert_nothing_is_left_over();
}

#[test]
fn kill_on_disk_while_writing_leaves_the_old_star() {
    let bench = Bench::local();
    bench.publish("a");
    let old = bench.answer();
    let run = bench.spawn("b", &["--queries", &endless(&bench, "users", &USERS)]);
    wait_for_two_runs(&bench);
    run.kill();
    assert_eq!(bench.answer(), old);
    bench.publish("b");
    assert_ne!(bench.answer(), old);
    bench.assert_nothing_is_left_over();
}

#[test]
fn files_of_killed_writes_on_disk_are_removed_by_the_next_run() {
    let bench = Bench::local();
    bench.publish("a");
    // The names that the store uses for incomplete files.
    for left in [
        "songs/20181112T030405Z-0a1b2c3d-00000.parquet#1",
        "_inputs/20181112T030405Z-0a1b2c3d.parquet#12",
        "_lists/20181112T030405Z-0a1b2c3d-unmatched_titles.parquet",
        "_lists/20181112T030405Z-0a1b2c3d-unmatched_titles.parquet#1",
        "_starlift.json#1",
        "songplays.manifest#2",
    ] {
        bench.workspace.write(&format!("star/{left}"), "half");
    }
    bench.publish("b");
    bench.assert_nothing_is_left_over();
}

#[test]
fn files_not_created_by_a_run_are_left_alone() {
    let bench = Bench::local();
    for other in
        ["star/notes.txt", "star/songs/mine.parquet", "star/songs/mine.parquet#1", "star/#1"]
    {
        bench.workspace.write(other, "mine");
    }
    bench.publish("a");
    bench.publish("b");
    for other in
        ["star/notes.txt", "star/songs/mine.parquet", "star/songs/mine.parquet#1", "star/#1"]
    {
        assert_eq!(bench.workspace.read(other), "mine", "{other}");
    }
}
