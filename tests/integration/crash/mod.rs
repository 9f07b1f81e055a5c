//! Atomicity: at whichever point a run ends, a complete star remains, either the old or the new one. The next
//! run succeeds and removes the files of the interrupted one.

#![cfg(unix)]

mod campaign;
mod fences;
mod outage;
mod places;

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::process::{Child, Command, Output, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant, SystemTime};

use crate::support::s3::{Op, Rule, S3Server};
use crate::support::{Outcome, Workspace, files};
use serde_json::{Value, json};

const TABLES: [&str; 5] = ["songplays", "users", "songs", "artists", "time"];

/// A query that distinguishes the two stars and reads a column of every table.
const SQL: &str = "\
    SELECT 'songplays' AS t, COUNT(*) AS n, CAST(SUM(songplay_id % 99991) AS VARCHAR) AS v FROM songplays \
    UNION ALL SELECT 'users', COUNT(*), MAX(last_name) FROM users \
    UNION ALL SELECT 'songs', COUNT(*), MAX(title) FROM songs \
    UNION ALL SELECT 'artists', COUNT(*), MAX(name) FROM artists \
    UNION ALL SELECT 'time', COUNT(*), CAST(MAX(start_time) AS VARCHAR) FROM \"time\" ORDER BY t";

/// Two sets of generated data, `a` and `b`, and the location of a star on disk or in a bucket.
struct Bench {
    workspace: Workspace,
    server: Option<S3Server>,
}

impl Bench {
    fn local() -> Bench {
        let workspace = Workspace::new();
        for (name, seed) in [("a", "1"), ("b", "2")] {
            let generate = "generate --songs 25 --events 200 --users 8 --days 1 --seed";
            let args = generate.split(' ').chain([seed, "--out", name]);
            workspace.run(args).exits(0);
        }
        std::fs::create_dir(workspace.join("tmp")).unwrap();
        Bench { workspace, server: None }
    }

    fn s3() -> Bench {
        let server = S3Server::start();
        let bench = Bench::local();
        for name in ["a", "b"] {
            server.put_tree(&bench.workspace.join(name), name);
        }
        Bench { server: Some(server), ..bench }
    }

    fn server(&self) -> &S3Server {
        self.server.as_ref().unwrap()
    }

    fn url(&self, relative: &str) -> String {
        match &self.server {
            Some(server) => server.url(relative),
            None => self.workspace.join(relative).to_str().unwrap().to_owned(),
        }
    }

    fn command(&self, args: &[&str]) -> Command {
        let mut command = self.workspace.command();
        if let Some(server) = &self.server {
            server.apply(&mut command);
        }
        command.env("TMPDIR", self.workspace.join("tmp")).args(args);
        command
    }

    fn run(&self, args: &[&str]) -> Outcome {
        self.workspace.outcome(&mut self.command(args))
    }

    /// Returns the command that builds a star from the data set `data`.
    fn transform(&self, data: &str, more: &[&str]) -> Command {
        let data = self.url(data);
        let (songs, logs) = (format!("{data}/song_data"), format!("{data}/log_data"));
        let mut command = self.command(&["transform", "--songs", &songs, "--logs", &logs]);
        command.args(["--out", &self.url("star")]).args(more);
        command
    }

    fn publish(&self, data: &str) -> Outcome {
        let outcome = self.workspace.outcome(&mut self.transform(data, &[]));
        outcome.exits(0);
        outcome
    }

    fn spawn(&self, data: &str, more: &[&str]) -> Run {
        let mut command = self.transform(data, more);
        Run(Some(command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()))
    }

    /// Returns the result of the query on the star, which must pass its checks too.
    #[track_caller]
    fn answer(&self) -> String {
        let star = self.url("star");
        self.run(&["check", "--quiet", "--star", &star]).exits(0);
        let outcome = self.run(&["query", "--star", &star, "--format", "csv", "--sql", SQL]);
        outcome.exits(0);
        outcome.stdout
    }

    /// Returns all files below the output except the lock.
    fn star(&self) -> BTreeMap<String, Vec<u8>> {
        let mut star: BTreeMap<String, Vec<u8>> = match &self.server {
            None => {
                let folder = self.workspace.join("star");
                let read = |path: String| (path.clone(), std::fs::read(folder.join(path)).unwrap());
                files(&folder).into_iter().map(read).collect()
            }
            Some(server) => {
                let read =
                    |key: String| (key["star/".len()..].to_owned(), server.get(&key).unwrap());
                server.keys("star/").into_iter().map(read).collect()
            }
        };
        star.remove("_lock");
        star
    }

    fn record(&self) -> Value {
        serde_json::from_slice(&self.star()["_starlift.json"]).unwrap()
    }

    /// Returns the paths of all files of the star, in order.
    fn files_of_the_star(&self) -> Vec<String> {
        let record = self.record();
        let path = |file: &Value| file["path"].as_str().unwrap().to_owned();
        let mut wanted =
            vec!["_starlift.json".to_owned(), path(&record["inputs"]), path(&record["rejects"])];
        for table in TABLES {
            wanted.push(format!("{table}.manifest"));
            wanted.push(record["tables"][table]["manifest"].as_str().unwrap().to_owned());
            wanted.extend(record["tables"][table]["files"].as_array().unwrap().iter().map(path));
        }
        wanted.sort();
        wanted
    }

    /// Fails the test if the output has files that the record does not name.
    #[track_caller]
    fn assert_nothing_is_left_over(&self) {
        let found: Vec<String> = self.star().into_keys().collect();
        assert_eq!(found, self.files_of_the_star());
        if let Some(server) = &self.server {
            assert_eq!(server.keys("star/_lock"), [""; 0], "the lock was given back");
            assert_eq!(server.pending_uploads(), 0);
        }
    }

    /// Fails the test unless every file in a manifest exists with its size.
    #[track_caller]
    fn assert_manifests_are_whole(&self) {
        let star = self.star();
        for table in TABLES {
            let manifest: Value =
                serde_json::from_slice(&star[&format!("{table}.manifest")]).unwrap();
            for entry in manifest["entries"].as_array().unwrap() {
                let url = entry["url"].as_str().unwrap();
                let path = url.split_once("/star/").unwrap().1;
                let size = star.get(path).map(Vec::len);
                assert_eq!(json!(size), entry["meta"]["content_length"], "{url}");
            }
        }
    }

    /// Fails the test unless each manifest lists the files of the star.
    #[track_caller]
    fn assert_manifests_agree(&self) {
        let (star, record) = (self.star(), self.record());
        for table in TABLES {
            let manifest: Value =
                serde_json::from_slice(&star[&format!("{table}.manifest")]).unwrap();
            let own = record["tables"][table]["manifest"].as_str().unwrap();
            assert_eq!(serde_json::from_slice::<Value>(&star[own]).unwrap(), manifest, "{table}");
            let files = record["tables"][table]["files"].as_array().unwrap();
            let entries = manifest["entries"].as_array().unwrap();
            assert_eq!(entries.len(), files.len(), "{table}");
            for (entry, file) in entries.iter().zip(files) {
                let url = entry["url"].as_str().unwrap();
                assert!(url.ends_with(file["path"].as_str().unwrap()), "{table}: {url}");
            }
        }
        self.assert_manifests_are_whole();
    }

    /// Starts a run and kills it when a request reaches the gate.
    fn kill_at(&self, data: &str, op: Op, target: &str) {
        let gate = self.server().pause(op, target);
        let run = self.spawn(data, &[]);
        gate.wait();
        run.kill();
        gate.wait_deserted();
    }
}

/// A running process, killed at the end of its test.
struct Run(Option<Child>);

impl Run {
    fn child(&mut self) -> &mut Child {
        self.0.as_mut().unwrap()
    }

    fn id(&mut self) -> u32 {
        self.child().id()
    }

    /// Sends SIGKILL and waits until the process has ended.
    fn kill(mut self) {
        self.child().kill().unwrap();
        self.child().wait().unwrap();
    }

    /// Sends SIGTERM.
    fn terminate(&mut self) {
        self.signal("TERM");
    }

    fn signal(&mut self, name: &str) {
        let (signal, id) = (format!("-{name}"), self.id().to_string());
        // `kill` fails if the run has ended; a test that depends on the signal notices that itself.
        let _ = Command::new("kill").args([signal, id]).stderr(Stdio::null()).status().unwrap();
    }

    fn finish(mut self) -> Ended {
        Ended(self.0.take().unwrap().wait_with_output().unwrap())
    }
}

impl Drop for Run {
    fn drop(&mut self) {
        if let Some(mut child) = self.0.take() {
            child.kill().unwrap();
            child.wait().unwrap();
        }
    }
}

/// Output and exit code of a run.
struct Ended(Output);

impl Ended {
    #[track_caller]
    fn exits(&self, code: i32) -> &Ended {
        assert_eq!(self.0.status.code(), Some(code), "{}", self.stderr());
        self
    }

    #[track_caller]
    fn complains(&self, text: &str) -> &Ended {
        assert!(self.stderr().contains(text), "wanted: {text:?}\n{}", self.stderr());
        self
    }

    fn stderr(&self) -> String {
        String::from_utf8_lossy(&self.0.stderr).into_owned()
    }
}

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
    outcome.exits(1).complains("there is no star at s3://sparkify/star");
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

/// Returns an SQL folder whose query for `table` never ends.
fn endless(bench: &Bench, table: &str, columns: &[&str]) -> String {
    let (key, others) = columns.split_first().unwrap();
    let others: String = others.iter().map(|c| format!(", CAST(NULL AS VARCHAR) AS {c}")).collect();
    let sql =
        format!("SELECT MAX(value) AS {key}{others} FROM generate_series(1, 9000000000000000)");
    let file = bench.workspace.write(&format!("endless/{table}.sql"), sql);
    file.parent().unwrap().to_str().unwrap().to_owned()
}

/// Time that a run has to make progress before the test fails.
const PATIENCE: Duration = Duration::from_secs(30);

const USERS: [&str; 5] = ["user_id", "first_name", "last_name", "gender", "level"];

/// Waits until two runs have written files of a table that is written before `users`.
fn wait_for_two_runs(bench: &Bench) {
    let begun = Instant::now();
    while files(&bench.workspace.join("star/artists")).len() < 2 {
        assert!(begun.elapsed() < PATIENCE, "no second file of artists");
        std::thread::sleep(Duration::from_millis(5));
    }
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

/// Fails the test unless the run reports that it was interrupted and leaves nothing behind.
#[track_caller]
fn assert_interrupted(bench: &Bench, mut run: Run, before: &BTreeMap<String, Vec<u8>>) {
    let begun = Instant::now();
    run.terminate();
    let ended = run.finish();
    ended.exits(1).complains("interrupted; nothing was published");
    assert!(begun.elapsed() < Duration::from_secs(10), "it took {:?}", begun.elapsed());
    let mut after = bench.star();
    after.retain(|path, _| !path.starts_with("_rejects/") || before.contains_key(path));
    let paths = |star: &BTreeMap<String, Vec<u8>>| star.keys().cloned().collect::<Vec<_>>();
    assert_eq!(paths(&after), paths(before));
    assert!(after == *before, "a file of the old star was changed");
    assert_eq!(files(&bench.workspace.join("tmp")), [""; 0], "temporary files are left");
    if let Some(server) = &bench.server {
        assert_eq!(server.keys("star/_lock"), [""; 0], "the lock was not given back");
        assert_eq!(server.pending_uploads(), 0);
    }
}

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

#[test]
fn second_run_on_disk_is_rejected_and_names_the_first() {
    let bench = Bench::local();
    bench.publish("a");
    let (before, old) = (bench.star(), bench.answer());
    let mut first = bench.spawn("b", &["--queries", &endless(&bench, "users", &USERS)]);
    wait_for_two_runs(&bench);
    let second = bench.workspace.outcome(&mut bench.transform("a", &[]));
    let out = bench.url("star");
    second.exits(1).complains(&format!("another run is writing to {out}: run "));
    second.complains(&format!("in process {}", first.id()));
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
    second.exits(1).complains("another run is writing to s3://sparkify/star: run ");
    second.complains(&format!("in process {}", first.id()));
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
            if ended.0.status.success() {
                published += 1;
            } else {
                ended.exits(1).complains("another run is writing to");
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
fn failed_checks_publish_nothing() {
    for bench in [Bench::local(), Bench::s3()] {
        bench.publish("a");
        let (before, old) = (bench.star(), bench.answer());
        let songs = include_str!("../../../queries/star/songs.sql");
        let twice = format!(
            "WITH all_songs AS (\n{songs}\n) SELECT * FROM all_songs UNION ALL SELECT * FROM (SELECT * FROM all_songs ORDER BY song_id LIMIT 1)"
        );
        bench.workspace.write("twice/songs.sql", twice);
        let folder = bench.workspace.join("twice");
        let mut command = bench.transform("b", &["--queries", folder.to_str().unwrap()]);
        let outcome = bench.workspace.outcome(&mut command);
        outcome.exits(4).says("FAIL  songs_primary_key").complains("songs_primary_key");
        assert_eq!(bench.answer(), old);
        let mut after = bench.star();
        after.retain(|path, _| !path.starts_with("_rejects/") || before.contains_key(path));
        assert!(after == before, "{outcome}");
        bench.publish("b");
        bench.assert_nothing_is_left_over();
    }
}

#[test]
fn too_many_rejects_publish_nothing_but_are_kept() {
    for bench in [Bench::local(), Bench::s3()] {
        bench.publish("a");
        let (before, old) = (bench.star(), bench.answer());
        let (bad, line) = ("b/log_data/bad.json", "{\"page\":\"Home\"}\nnot json\n");
        bench.workspace.write(bad, line);
        if let Some(server) = &bench.server {
            server.put(bad, line);
        }
        let outcome = bench.workspace.outcome(&mut bench.transform("b", &["--max-rejects", "1"]));
        outcome
            .exits(3)
            .complains("2 of ")
            .complains(&format!("see {}/_rejects/", bench.url("star")));
        outcome.says("b/log_data/bad.json:2 (byte 16)");
        assert_eq!(bench.answer(), old);
        let mut after = bench.star();
        let kept: Vec<String> =
            after.keys().filter(|path| !before.contains_key(*path)).cloned().collect();
        assert_eq!(kept.len(), 1, "{outcome}");
        assert!(kept[0].starts_with("_rejects/") && outcome.stderr.contains(&kept[0]), "{outcome}");
        assert!(after.remove(&kept[0]).unwrap().ends_with(b"PAR1"));
        assert!(after == before, "{outcome}");
        bench.workspace.outcome(&mut bench.transform("b", &["--max-rejects", "2"])).exits(0);
        bench.assert_nothing_is_left_over();
    }
}

/// Returns a lease of another run that expires in `seconds` seconds.
fn lease(seconds: i64) -> Vec<u8> {
    let now = SystemTime::UNIX_EPOCH.elapsed().unwrap().as_millis() as i64;
    let lease = json!({
        "run_id": "20181112T030405Z-0a1b2c3d",
        "host": "elsewhere",
        "process": 1,
        "expires_at_ms": now + seconds * 1000,
    });
    lease.to_string().into()
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
    outcome.exits(1).complains("another run is writing to s3://sparkify/star");
    outcome.complains("run 20181112T030405Z-0a1b2c3d in process 1 on elsewhere");
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
    run.finish().exits(1).complains("it considered this run dead and took over the lease");
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

/// A proxy that loses the responses to the first `left` requests that begin with `request`.
struct Lossy {
    address: SocketAddr,
    request: String,
    left: AtomicUsize,
}

impl Lossy {
    /// Starts a proxy in front of `server` and returns its endpoint.
    fn start(server: &S3Server, request: &str, left: usize) -> (String, Arc<Lossy>) {
        let address = server.endpoint()["http://".len()..].parse().unwrap();
        let lossy = Lossy { address, request: request.to_owned(), left: AtomicUsize::new(left) };
        let lossy = Arc::new(lossy);
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let endpoint = format!("http://{}", listener.local_addr().unwrap());
        let accepting = lossy.clone();
        std::thread::spawn(move || {
            for client in listener.incoming() {
                let lossy = accepting.clone();
                std::thread::spawn(move || lossy.serve(client.unwrap()));
            }
        });
        (endpoint, lossy)
    }

    fn serve(&self, mut client: TcpStream) -> std::io::Result<()> {
        let mut server = TcpStream::connect(self.address)?;
        let loses = Arc::new(AtomicBool::new(false));
        let (mut answers, mut receiver, lost) =
            (server.try_clone()?, client.try_clone()?, loses.clone());
        std::thread::spawn(move || -> std::io::Result<()> {
            let mut buffer = [0; 65536];
            loop {
                let length = answers.read(&mut buffer)?;
                if length == 0 || lost.load(Ordering::SeqCst) {
                    return receiver.shutdown(Shutdown::Both);
                }
                receiver.write_all(&buffer[..length])?;
            }
        });
        let mut buffer = [0; 65536];
        loop {
            let length = client.read(&mut buffer)?;
            if length == 0 {
                return server.shutdown(Shutdown::Both);
            }
            if buffer[..length].starts_with(self.request.as_bytes()) {
                let take = |left: usize| left.checked_sub(1);
                let taken = self.left.fetch_update(Ordering::SeqCst, Ordering::SeqCst, take);
                loses.fetch_or(taken.is_ok(), Ordering::SeqCst);
            }
            server.write_all(&buffer[..length])?;
        }
    }
}

/// Publishes through a proxy that loses the first `answers` responses to such requests.
fn publish_through(bench: &Bench, request: &str, answers: usize) -> Outcome {
    let (endpoint, lossy) = Lossy::start(bench.server(), request, answers);
    let mut command = bench.transform("b", &["--retries", "2"]);
    let outcome = bench.workspace.outcome(command.env("AWS_ENDPOINT_URL", endpoint));
    assert_eq!(lossy.left.load(Ordering::SeqCst), 0, "too few answers to lose\n{outcome}");
    outcome
}

#[test]
fn lost_response_to_the_put_of_the_record_still_publishes() {
    for lost in [1, 3] {
        let bench = Bench::s3();
        bench.publish("a");
        let old = bench.answer();
        publish_through(&bench, "PUT /sparkify/star/_starlift.json", lost).exits(0);
        assert_ne!(bench.answer(), old);
        bench.assert_nothing_is_left_over();
    }
}

#[test]
fn lost_response_to_the_put_of_the_lock_still_holds_it() {
    let bench = Bench::s3();
    bench.publish("a");
    publish_through(&bench, "PUT /sparkify/star/_lock", 1).exits(0);
    bench.assert_nothing_is_left_over();
    // The run takes over the lock of a dead run; only the response to that put is lost.
    bench.kill_at("a", Op::Put, "star/songs/");
    publish_through(&bench, "PUT /sparkify/star/_lock", 2).exits(0);
    bench.assert_nothing_is_left_over();
}

#[test]
fn lost_response_to_a_renewal_still_holds_the_lease() {
    let bench = Bench::s3();
    bench.publish("a");
    let old = bench.answer();
    let gate = bench.server().pause(Op::Put, "star/_inputs/");
    let (endpoint, lossy) = Lossy::start(bench.server(), "PUT /sparkify/star/_lock", 0);
    let mut command = bench.transform("b", &[]);
    let run = Run(Some(command.env("AWS_ENDPOINT_URL", endpoint).spawn().unwrap()));
    gate.wait();
    // The next such request is the renewal immediately before publishing.
    lossy.left.store(1, Ordering::SeqCst);
    gate.release();
    run.finish().exits(0);
    assert_eq!(lossy.left.load(Ordering::SeqCst), 0);
    assert_ne!(bench.answer(), old);
    bench.assert_nothing_is_left_over();
}
