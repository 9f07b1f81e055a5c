//! Runs that are interrupted by a signal.

use super::*;

#[test]
fn interrupt_on_disk_while_writing_removes_written_files() {
    let bench = Bench::local();
    bench.publish("a");
    let before = bench.star();
    let run = bench.spawn("b", &["--queries", &endless(&bench, "users", &USERS)]);
    wait_for_two_runs(&bench);
    assert_interrupted(&bench, run, &before);
    bench.publish("b");
    bench.assert_nothing_is_left_over();
}

#[test]
fn interrupt_on_disk_while_reading_ends_at_once() {
    let bench = Bench::local();
    bench.publish("a");
    let (before, lock) = (bench.star(), bench.workspace.read("star/_lock"));
    let endless = bench.workspace.write("b/log_data/endless.json", "");
    File::options().write(true).open(endless).unwrap().set_len(1 << 36).unwrap();
    let run = bench.spawn("b", &[]);
    // Wait until the run has the lock and is reading.
    let started = Instant::now();
    while bench.workspace.read("star/_lock") == lock && started.elapsed() < PATIENCE {
        std::thread::sleep(Duration::from_millis(5));
    }
    std::thread::sleep(Duration::from_millis(200));
    assert_interrupted(&bench, run, &before);
}

#[test]
fn interrupt_on_s3_removes_written_files() {
    let bench = Bench::s3();
    bench.publish("a");
    let before = bench.star();
    for (op, target) in
        [(Op::Get, "b/log_data/"), (Op::Put, "star/songs/"), (Op::Put, "star/time/")]
    {
        let gate = bench.server().pause(op, target);
        let run = bench.spawn("b", &[]);
        gate.wait();
        assert_interrupted(&bench, run, &before);
    }
    bench.publish("b");
    bench.assert_nothing_is_left_over();
}

#[test]
fn interrupt_while_uploading_leaves_no_parts() {
    let bench = Bench::s3();
    bench.publish("a");
    let before = bench.star();
    let large = "SELECT CONCAT('SO', CAST(value AS VARCHAR)) AS song_id, \
         CONCAT(uuid(), uuid(), uuid(), uuid()) AS title, 'AR1' AS artist_id, NULL AS year, \
         NULL AS duration FROM generate_series(1, 150000)";
    bench.workspace.write("large/songs.sql", large);
    let gate = bench.server().pause(Op::UploadPart, "star/songs/");
    let run = bench.spawn("b", &["--queries", bench.workspace.join("large").to_str().unwrap()]);
    gate.wait();
    assert_interrupted(&bench, run, &before);
    assert_eq!(bench.server().count(Op::AbortUpload, "star/songs/"), 1);
}

#[test]
fn publishing_cannot_be_interrupted() {
    let bench = Bench::s3();
    bench.publish("b");
    let of_b = bench.answer();
    for target in ["star/artists.manifest", "star/time.manifest", "star/_starlift.json"] {
        bench.publish("a");
        let gate = bench.server().pause(Op::Put, target);
        let mut run = bench.spawn("b", &[]);
        gate.wait();
        run.terminate();
        std::thread::sleep(Duration::from_millis(100));
        gate.release();
        run.finish().exits(0);
        assert_eq!(bench.answer(), of_b, "{target}");
        bench.assert_nothing_is_left_over();
    }
}
