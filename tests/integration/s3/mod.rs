//! Stars in S3: identical to those on disk, for all kinds of buckets and regions and despite
//! network failures.

mod access;
mod failures;
mod sizes;

use std::collections::BTreeMap;
use std::path::Path;
use std::process::Command;

use serde_json::Value;

use crate::support::s3::{Faults, S3Server, Synthetic};
use crate::support::{Outcome, Workspace, files};

const TABLES: [&str; 5] = ["songplays", "users", "songs", "artists", "time"];

/// The same generated data on disk in `data` and in the bucket under `data`.
struct Bench {
    workspace: Workspace,
    server: S3Server,
}

impl Bench {
    fn new(faults: Faults) -> Bench {
        let bench = Bench { workspace: Workspace::new(), server: S3Server::start_with(faults) };
        let generate = "generate --songs 30 --events 300 --users 9 --days 2 --out data";
        bench.workspace.run(generate.split(' ')).exits(0);
        bench.server.put_tree(&bench.workspace.join("data"), "data");
        bench
    }

    /// Returns a command that runs the program against the server.
    fn command(&self, args: &[&str]) -> Command {
        let mut command = self.workspace.command();
        self.server.apply(&mut command).args(args);
        command
    }

    fn run(&self, args: &[&str]) -> Outcome {
        self.workspace.outcome(&mut self.command(args))
    }

    /// Returns the command that builds the star at `star` in the bucket.
    fn transform(&self, more: &[&str]) -> Command {
        self.transform_songs("data/song_data", more)
    }

    /// Returns the same command with other songs.
    fn transform_songs(&self, songs: &str, more: &[&str]) -> Command {
        let mut command = self.command(&["transform", "--songs", &self.server.url(songs)]);
        command.args(["--logs", "s3://sparkify/data/log_data", "--out", "s3://sparkify/star"]);
        command.args(more);
        command
    }

    fn outcome(&self, mut command: Command) -> Outcome {
        self.workspace.outcome(&mut command)
    }

    /// Builds the same star on disk, in `out`.
    fn transform_on_disk(&self, out: &str, more: &[&str]) {
        self.workspace.outcome(&mut self.workspace.transform(out, more)).exits(0);
    }

    fn disk_star(&self, out: &str) -> Star {
        let out = self.workspace.join(out);
        let keys = files(&out);
        Star(
            keys.into_iter()
                .map(|key| (key.clone(), std::fs::read(out.join(key)).unwrap()))
                .collect(),
        )
    }

    fn s3_star(&self) -> Star {
        let keys = self.server.keys("star/");
        let object =
            |key: String| (key["star/".len()..].to_owned(), self.server.get(&key).unwrap());
        Star(keys.into_iter().map(object).collect())
    }

    /// Builds the star on disk too, and compares the two.
    #[track_caller]
    fn assert_star_is_as_on_disk(&self) {
        self.transform_on_disk("on-disk", &[]);
        assert_eq!(self.s3_star().tables(), self.disk_star("on-disk").tables());
    }
}

/// All files below an output, by relative path.
#[derive(PartialEq)]
struct Star(BTreeMap<String, Vec<u8>>);

impl Star {
    /// Returns the hashes of each table's files, in order.
    fn tables(&self) -> Vec<(&'static str, Vec<u64>)> {
        let prints = |table: &str| {
            let of_table = |path: &str| Path::new(path).parent() == Some(Path::new(table));
            let found = self.0.iter().filter(|(path, _)| of_table(path));
            found.map(|(_, bytes)| xxhash_rust::xxh3::xxh3_64(bytes)).collect::<Vec<_>>()
        };
        let tables: Vec<_> = TABLES.into_iter().map(|table| (table, prints(table))).collect();
        assert!(tables.iter().all(|(_, files)| !files.is_empty()), "{tables:?}");
        tables
    }

    /// Returns all files except the rejects, which failed runs keep.
    fn published(self) -> Star {
        Star(self.0.into_iter().filter(|(path, _)| !path.starts_with("_rejects/")).collect())
    }

    fn paths(&self) -> Vec<&str> {
        self.0.keys().map(String::as_str).collect()
    }

    fn json(&self, path: &str) -> Value {
        serde_json::from_slice(&self.0[path]).unwrap()
    }
}

fn song(i: usize) -> Vec<u8> {
    format!(r#"{{"song_id":"SO{i}","title":"T{i}","artist_id":"AR1","artist_name":"Any"}}"#).into()
}

#[test]
fn star_on_s3_equals_the_star_on_disk() {
    let bench = Bench::new(Faults::default());
    bench.transform_on_disk("on-disk", &[]);
    bench.outcome(bench.transform(&[])).exits(0).says("star      s3://sparkify/star (run ");
    assert_eq!(bench.s3_star().tables(), bench.disk_star("on-disk").tables());
    for table in TABLES {
        let sql = format!("SELECT * FROM \"{table}\" ORDER BY 1");
        let query = |star| bench.run(&["query", "--star", star, "--format", "csv", "--sql", &sql]);
        let (s3, disk) = (query("s3://sparkify/star"), query("on-disk"));
        assert_eq!(s3.exits(0).stdout, disk.exits(0).stdout, "{table}");
        assert!(s3.stdout.lines().count() > 5, "{s3}");
    }
    let question = |star| bench.run(&["query", "most_played_songs", "--star", star]);
    let (s3, disk) = (question("s3://sparkify/star"), question("on-disk"));
    assert_eq!(s3.exits(0).stdout, disk.exits(0).stdout);
    bench.run(&["check", "--star", "s3://sparkify/star"]).exits(0).says("ok    songplays_rows");
}

#[test]
fn manifests_name_every_file_by_its_url_and_exact_size() {
    let bench = Bench::new(Faults::default());
    bench.outcome(bench.transform(&["--file-size", "2kB"])).exits(0);
    let star = bench.s3_star();
    for table in TABLES {
        let manifest = star.json(&format!("{table}.manifest"));
        let entries: Vec<Value> = star
            .0
            .iter()
            .filter(|(path, _)| path.starts_with(&format!("{table}/")))
            .map(|(path, bytes)| {
                let url = format!("s3://sparkify/star/{path}");
                let meta = serde_json::json!({"content_length": bytes.len()});
                serde_json::json!({"url": url, "mandatory": true, "meta": meta})
            })
            .collect();
        assert_eq!(manifest, serde_json::json!({ "entries": entries }), "{table}");
    }
}

#[test]
fn inputs_and_outputs_can_be_on_disk_or_s3() {
    let bench = Bench::new(Faults::default());
    let mut to_disk = bench.command(&["transform", "--songs", "s3://sparkify/data/song_data/*/*"]);
    to_disk.args([
        "--logs",
        "s3://sparkify/data/log_data/**/2018-11-0[12]-*.json",
        "--out",
        "down",
    ]);
    bench.outcome(to_disk).exits(0);
    let to_s3 = ["transform", "--songs", "data/song_data", "--logs", "data/log_data", "--out"];
    bench.run(&[&to_s3[..], &["s3://sparkify/star"]].concat()).exits(0);
    assert_eq!(bench.disk_star("down").tables(), bench.s3_star().tables());
    bench.assert_star_is_as_on_disk();
}

#[test]
fn odd_keys_are_read_and_written_unchanged() {
    let bench = Bench::new(Faults::default());
    for odd in ["a b", "100%", "a%41b", "é", "x#y", "a+b", "k=v", "a&b;c", "%2F", "日本", "~'"] {
        bench.server.put(&format!("odd {odd}/s {odd}.json"), song(1));
        let (day, logs) = (r#"{"ts":1,"page":"Home"}"#, format!("odd {odd}/l {odd}.json"));
        bench.server.put(&logs, day);
        let star = bench.server.url(&format!("star {odd}/{odd}"));
        let (songs, logs) = (bench.server.url(&format!("odd {odd}/s*")), bench.server.url(&logs));
        bench.run(&["transform", "--songs", &songs, "--logs", &logs, "--out", &star]).exits(0);
        bench.run(&["check", "--star", &star]).exits(0);
        let manifest = bench.server.get(&format!("star {odd}/{odd}/songs.manifest")).unwrap();
        let manifest: Value = serde_json::from_slice(&manifest).unwrap();
        let url = manifest["entries"][0]["url"].as_str().unwrap();
        let key = url.strip_prefix("s3://sparkify/").unwrap();
        assert!(bench.server.get(key).is_some(), "{url}");
    }
}

#[test]
fn folder_markers_are_skipped() {
    let marker =
        |key: &'static str| Synthetic::new("", 1, |_| Vec::new()).named(move |_| key.into());
    let synthetic =
        vec![marker("data/log_data/"), marker("data/song_data/"), marker("data/song_data/Z/")];
    let bench = Bench::new(Faults { synthetic, ..Faults::default() });
    bench.outcome(bench.transform(&[])).exits(0);
    bench.assert_star_is_as_on_disk();
}

/// Approximate size of a row of [`large_songs`] in Parquet, in bytes.
const SONG_BYTES: usize = 50;

/// Returns a query that replaces `songs.sql` and adds enough songs to fill `parts` parts of an
/// upload.
fn large_songs(parts: usize) -> String {
    let rows = parts * 8 * 1024 * 1024 / SONG_BYTES;
    let number = |i: u64| {
        let (factor, modulus) = (2_654_435_761 + 98_765_432 * i, 99_999_999_977 - 2 * i);
        format!("CAST(n.value * {factor} % {modulus} AS VARCHAR)")
    };
    let noise: Vec<String> = (0..10).map(number).collect();
    let noise = noise.join(", ");
    format!(
        "{} UNION ALL SELECT CONCAT('SO', CAST(n.value AS VARCHAR)) AS song_id, CONCAT({noise}) AS title, \
         a.artist_id, CAST(NULL AS INT) AS year, CAST(NULL AS DOUBLE) AS duration \
         FROM generate_series(1, {rows}) AS n \
         CROSS JOIN (SELECT MIN(artist_id) AS artist_id FROM staging_songs) AS a",
        include_str!("../../../queries/star/songs.sql")
    )
}
