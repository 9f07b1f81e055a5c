//! Atomicity: at whichever point a run ends, a complete star remains, either the old or the new one. The next
//! run succeeds and removes the files of the interrupted one.

#![cfg(unix)]

mod campaign;
mod fences;
mod interrupts;
mod kills;
mod locks;
mod outage;
mod places;
mod responses;

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{Read, Write};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant, SystemTime};

use serde_json::{Value, json};

use crate::support::s3::{Op, Rule, S3Server};
use crate::support::{Outcome, Workspace, files};

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
        Run::start(command.stdout(Stdio::piped()).stderr(Stdio::piped()))
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
        wanted.extend(record["lists"].as_object().unwrap().values().map(path));
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
struct Run {
    child: Option<Child>,
    command: String,
    folder: PathBuf,
}

impl Run {
    fn start(command: &mut Command) -> Run {
        let folder = command.get_current_dir().unwrap().to_owned();
        Run { child: Some(command.spawn().unwrap()), command: format!("{command:?}"), folder }
    }

    fn child(&mut self) -> &mut Child {
        self.child.as_mut().unwrap()
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

    /// Waits until the process has ended.
    fn finish(mut self) -> Outcome {
        let output = self.child.take().unwrap().wait_with_output().unwrap();
        Outcome::new(std::mem::take(&mut self.command), output, &self.folder)
    }
}

impl Drop for Run {
    fn drop(&mut self) {
        if let Some(mut child) = self.child.take() {
            child.kill().unwrap();
            child.wait().unwrap();
        }
    }
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

/// Fails the test unless the run reports that it was interrupted and leaves nothing behind.
#[track_caller]
fn assert_interrupted(bench: &Bench, mut run: Run, before: &BTreeMap<String, Vec<u8>>) {
    let begun = Instant::now();
    run.terminate();
    let ended = run.finish();
    ended.fails_with("interrupted");
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
        outcome
            .fails_with("checks-failed")
            .naming(&["songs_primary_key"])
            .says("FAIL  songs_primary_key");
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
            .fails_with("too-many-rejects")
            .naming(&["2 of ", &format!("{}/_rejects/", bench.url("star"))]);
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
