//! Stars in S3: identical to those on disk, for all kinds of buckets and regions and despite
//! network failures.

use std::collections::{BTreeMap, HashMap};
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use crate::support::s3::{Faults, Op, Rule, S3Server, Synthetic};
use crate::support::{Outcome, Workspace, files};
use serde_json::Value;

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

#[test]
fn a_public_bucket_is_read_without_a_signature() {
    let bench = Bench::new(Faults { anonymous: true, ..Faults::default() });
    bench.outcome(bench.transform(&["--no-sign-request"])).exits(0);
    let requests = bench.server.requests();
    assert!(!requests.is_empty() && requests.iter().all(|request| !request.signed));
    bench.run(&["check", "--star", "s3://sparkify/star", "--no-sign-request"]).exits(0);
    bench.assert_star_is_as_on_disk();
}

#[test]
fn error_for_missing_credentials_says_how_to_provide_them() {
    let bench = Bench::new(Faults::default());
    let mut command = bench.transform(&[]);
    command.env_remove("AWS_ACCESS_KEY_ID").env_remove("AWS_SECRET_ACCESS_KEY");
    let outcome = bench.outcome(command);
    outcome.exits(1).complains("s3://sparkify/").complains("aws sso login");
    outcome.complains("--no-sign-request");
}

#[test]
fn error_for_wrong_credentials_names_the_bucket_and_leaks_nothing() {
    const WRONG: &str = "wrongwrongwrongwrongwrongwrongwrongwrong";
    const TOKEN: &str = "tokentokentokentoken";
    let bench = Bench::new(Faults::default());
    for more in [&[][..], &["-vv"], &["-vv", "--log-format", "json"]] {
        let mut command = bench.transform(more);
        command.env("AWS_SECRET_ACCESS_KEY", WRONG).env("AWS_SESSION_TOKEN", TOKEN);
        let outcome = bench.outcome(command);
        outcome.exits(1).complains("s3://sparkify/").complains("s3:GetObject");
        for secret in [WRONG, TOKEN, bench.server.credentials().1] {
            assert!(
                !outcome.stderr.contains(secret) && !outcome.stdout.contains(secret),
                "{outcome}"
            );
        }
    }
    assert!(bench.server.keys("star/").is_empty());
}

#[test]
fn denied_object_is_named_with_the_missing_permission() {
    let bench = Bench::new(Faults::default());
    let key = bench.server.keys("data/log_data").pop().unwrap();
    bench.server.inject(Rule::status(403, Op::Get, &key));
    let outcome = bench.outcome(bench.transform(&[]));
    outcome
        .exits(1)
        .complains(&format!("cannot read s3://sparkify/{key}"))
        .complains("s3:GetObject");
}

#[test]
fn missing_bucket_is_named() {
    let bench = Bench::new(Faults::default());
    let args = ["--songs", "s3://nowhere/songs", "--logs", "data/log_data", "--out", "star"];
    let outcome = bench.run(&[&["transform"], &args[..]].concat());
    outcome.exits(1).complains("s3://nowhere/songs").complains("NoSuchBucket");
}

fn abroad() -> Faults {
    Faults { region: "eu-north-1".into(), strict_region: true, ..Faults::default() }
}

/// Returns the regions for which requests were signed.
fn signed_regions(server: &S3Server) -> Vec<String> {
    let region = |authorization: &str| authorization.split('/').nth(2).unwrap().to_owned();
    let requests = server.requests();
    let signed = requests.iter().filter_map(|request| request.header("authorization"));
    let mut regions: Vec<String> = signed.map(region).collect();
    regions.sort();
    regions.dedup();
    regions
}

#[test]
fn region_of_a_bucket_is_detected() {
    let bench = Bench::new(abroad());
    for configured in [None, Some("us-west-2")] {
        let mut command = bench.transform(&[]);
        command.env_remove("AWS_REGION");
        command.envs(configured.map(|region| ("AWS_REGION", region)));
        bench.outcome(command).exits(0);
        assert_eq!(signed_regions(&bench.server), ["eu-north-1"]);
    }
}

#[test]
fn region_of_a_bucket_is_detected_when_the_first_attempt_fails() {
    let bench = Bench::new(abroad());
    for rule in [Rule::status(503, Op::HeadBucket, ""), Rule::hang_up(Op::HeadBucket, "")] {
        bench.server.inject(rule.times(1));
        let mut command = bench.transform(&[]);
        command.env_remove("AWS_REGION");
        bench.outcome(command).exits(0);
        assert_eq!(signed_regions(&bench.server), ["eu-north-1"]);
    }
}

#[test]
fn configured_region_is_not_requested() {
    let bench = Bench::new(abroad());
    bench.outcome(bench.transform(&["--region", "eu-north-1"])).exits(0);
    assert_eq!(bench.server.count(Op::HeadBucket, ""), 0);
}

#[test]
fn a_wrong_region_is_an_error_that_names_both() {
    let bench = Bench::new(abroad());
    let outcome = bench.outcome(bench.transform(&["--region", "us-west-2"]));
    outcome.exits(1).complains("s3://sparkify/").complains("us-west-2").complains("eu-north-1");
    assert!(bench.server.keys("star/").is_empty());
}

#[test]
fn the_endpoint_comes_from_the_flag_or_the_environment_or_the_file() {
    let bench = Bench::new(Faults::default());
    let endpoint = bench.server.endpoint();
    let nowhere = "http://127.0.0.1:9";
    let list = || {
        let mut command = bench.transform(&["--dry-run"]);
        command.env_remove("AWS_ENDPOINT_URL");
        command
    };
    let mut flag = list();
    flag.args(["--endpoint-url", &endpoint]).env("STARLIFT_ENDPOINT_URL", nowhere);
    bench.outcome(flag).exits(0);
    for variable in ["STARLIFT_ENDPOINT_URL", "AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_S3"] {
        let mut command = list();
        command.env(variable, &endpoint);
        bench.outcome(command).exits(0);
    }
    bench.workspace.write("starlift.toml", format!("endpoint_url = \"{endpoint}\"\n"));
    bench.outcome(list()).exits(0);
    let mut file_over_aws = list();
    file_over_aws.env("AWS_ENDPOINT_URL", nowhere);
    bench.outcome(file_over_aws).exits(0);
}

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
        outcome.exits(1).complains("cannot read s3://sparkify/data/log_data/2018/11/2018-11-01-");
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
    outcome.exits(1).complains(&format!("cannot read s3://sparkify/{log}"));
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
    outcome.exits(1).complains(&format!("cannot read s3://sparkify/{log}"));
    outcome.complains("the object changed while it was read");
    assert!(bench.server.get("star/_starlift.json").is_none(), "{outcome}");
}

#[test]
fn hundred_thousand_keys_are_listed_in_parallel() {
    let latency = Duration::from_millis(5);
    let synthetic = vec![Synthetic::new("many/", 100_000, song)];
    let bench = Bench::new(Faults { synthetic, latency, ..Faults::default() });
    let begun = Instant::now();
    let outcome = bench.outcome(bench.transform_songs("many", &["--dry-run"]));
    outcome.exits(0).says("would read 100,000 objects for songs");
    assert!(begun.elapsed() < Duration::from_secs(30), "{:?}", begun.elapsed());
    // One page per folder of a thousand objects, and a few pages to find the folders.
    assert!((100..130).contains(&bench.server.count(Op::List, "many/")), "{outcome}");
    assert!((2..=16).contains(&bench.server.peak()), "{}", bench.server.peak());
}

#[test]
fn keys_of_one_flat_prefix_are_listed_page_by_page() {
    let synthetic =
        vec![Synthetic::new("flat/", 2_500, song).named(|i| format!("flat/{i:09}.json"))];
    let bench = Bench::new(Faults { synthetic, page_size: 100, ..Faults::default() });
    let outcome = bench.outcome(bench.transform_songs("flat/", &["--dry-run"]));
    outcome.exits(0).says("would read 2,500 objects for songs");
    assert_eq!(bench.server.count(Op::List, "flat/"), 25);
}

#[test]
fn many_objects_are_read_once_and_in_parallel() {
    const OBJECTS: usize = 3_000;
    let latency = Duration::from_millis(5);
    let synthetic = vec![Synthetic::new("many/", OBJECTS, song)];
    let bench = Bench::new(Faults { synthetic, latency, ..Faults::default() });
    let outcome = bench.outcome(bench.transform_songs("many", &[]));
    outcome.exits(0).says("songs     3,000 objects listed = 3,000 read");
    let requests = bench.server.requests();
    let mut reads: HashMap<&str, usize> = HashMap::new();
    for request in requests.iter().filter(|request| request.op == Op::Get) {
        *reads.entry(&request.target).or_default() += usize::from(request.target.contains("many/"));
    }
    reads.retain(|_, times| *times > 0);
    assert_eq!(reads.len(), OBJECTS);
    assert!(reads.values().all(|times| *times == 1));
    assert!(bench.server.peak() > 16, "{}", bench.server.peak());
    let count = ["query", "--star", "s3://sparkify/star", "--format", "csv", "--sql"];
    let sql = "SELECT COUNT(*), COUNT(DISTINCT title) FROM songs";
    bench.run(&[&count[..], &[sql]].concat()).exits(0).says("\n3000,3000\n");
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
        include_str!("../../queries/star/songs.sql")
    )
}

#[test]
fn a_large_file_is_uploaded_in_parts() {
    let bench = Bench::new(Faults::default());
    bench.workspace.write("queries/songs.sql", large_songs(2));
    bench.transform_on_disk("on-disk", &["--queries", "queries"]);
    bench.outcome(bench.transform(&["--queries", "queries"])).exits(0);
    assert_eq!(bench.s3_star().tables(), bench.disk_star("on-disk").tables());
    let large = bench.s3_star().0.into_iter().find(|(path, _)| path.starts_with("songs/")).unwrap();
    let parts = large.1.len().div_ceil(8 * 1024 * 1024);
    assert!(parts >= 2, "{} bytes", large.1.len());
    assert_eq!(bench.server.count(Op::UploadPart, "star/songs/"), parts);
    assert_eq!(bench.server.count(Op::CompleteUpload, "star/songs/"), 1);
    assert_eq!(bench.server.pending_uploads(), 0);
}

#[test]
fn files_are_closed_at_the_requested_size() {
    let bench = Bench::new(Faults::default());
    bench.workspace.write("queries/songs.sql", large_songs(1));
    let options = ["--queries", "queries", "--file-size", "2MB"];
    bench.transform_on_disk("on-disk", &options);
    bench.outcome(bench.transform(&options)).exits(0);
    assert_eq!(bench.s3_star().tables(), bench.disk_star("on-disk").tables());
    let star = bench.s3_star();
    let sizes: Vec<usize> = star
        .0
        .iter()
        .filter(|(path, _)| path.starts_with("songs/"))
        .map(|(_, bytes)| bytes.len())
        .collect();
    let (_, all_but_last) = sizes.split_last().unwrap();
    assert!(all_but_last.len() >= 3, "{sizes:?}");
    assert!(all_but_last.iter().all(|size| (1_000_000..4_000_000).contains(size)), "{sizes:?}");
    let count = ["query", "--star", "s3://sparkify/star", "--format", "csv", "--sql"];
    let rows = 30 + 8 * 1024 * 1024 / SONG_BYTES;
    let answer = bench.run(&[&count[..], &["SELECT COUNT(DISTINCT song_id) FROM songs"]].concat());
    answer.exits(0).says(&format!("\n{rows}\n"));
}

/// Builds a star, then fails to build another because of `rule`; the first must remain unchanged.
#[track_caller]
fn assert_old_star_stays(bench: &Bench, rule: Rule, more: &[&str], complaint: &str) {
    let before = bench.s3_star().published();
    bench.server.inject(rule);
    let outcome = bench.outcome(bench.transform(more));
    outcome.exits(1).complains(complaint);
    let after = bench.s3_star().published();
    assert_eq!(after.paths(), before.paths(), "{complaint}\n{outcome}");
    assert!(after == before, "a file of the old star was changed: {complaint}\n{outcome}");
    assert_eq!(bench.server.pending_uploads(), 0, "{complaint}\n{outcome}");
    bench.run(&["check", "--star", "s3://sparkify/star"]).exits(0);
}

#[test]
fn failed_put_leaves_the_old_star() {
    let bench = Bench::new(Faults::default());
    bench.outcome(bench.transform(&[])).exits(0);
    for key in ["_rejects/", "songs/", "artists/", "users/", "songplays/", "time/", "_inputs/"] {
        let rule = Rule::status(403, Op::Put, &format!("star/{key}")).times(1);
        assert_old_star_stays(&bench, rule, &[], &format!("cannot write s3://sparkify/star/{key}"));
    }
}

#[test]
fn a_manifest_that_cannot_be_put_leaves_the_old_star() {
    let bench = Bench::new(Faults::default());
    bench.outcome(bench.transform(&[])).exits(0);
    for key in ["artists.manifest", "songs.manifest", "users.manifest"] {
        let rule = Rule::status(403, Op::Put, &format!("star/{key}")).times(1);
        assert_old_star_stays(&bench, rule, &[], &format!("cannot write s3://sparkify/star/{key}"));
    }
}

#[test]
fn a_record_that_cannot_be_put_leaves_the_old_star() {
    let bench = Bench::new(Faults::default());
    bench.outcome(bench.transform(&[])).exits(0);
    let rule = Rule::status(403, Op::Put, "star/_starlift.json").times(1);
    assert_old_star_stays(&bench, rule, &[], "cannot write s3://sparkify/star/_starlift.json");
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
        let complaint = "cannot write s3://sparkify/star/songs/";
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
    let complaint = "cannot write s3://sparkify/star/songs/";
    assert_old_star_stays(&bench, rule, &["--queries", "queries"], complaint);
}
