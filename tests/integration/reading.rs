//! Input files in every format and compression, named by locations on local disk and on web
//! servers.

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::io::Write;
use std::net::TcpListener;
use std::path::Path;
use std::process::Stdio;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use crate::support::{Outcome, Workspace, files};
use bytes::Bytes;
use http_body_util::Full;
use hyper::header::{ACCEPT_RANGES, CONTENT_LENGTH, CONTENT_RANGE, ETAG, IF_MATCH, RANGE};
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::rt::TokioIo;

const TABLES: [&str; 5] = ["songplays", "users", "songs", "artists", "time"];

/// A valid song record.
const SONG: &str = r#"{"song_id":"SO1","title":"One","artist_id":"AR1","artist_name":"Any"}"#;

/// An event that is not a play.
const EVENT: &str = r#"{"ts":1541044398796,"page":"Home","userId":"7","sessionId":1}"#;

/// Generates data in `data`: one file of songs and one of events.
fn sample() -> Workspace {
    let workspace = Workspace::new();
    let generate = "generate --songs 30 --events 300 --users 9 --days 1 --out made";
    workspace.run(generate.split(' ')).exits(0);
    for (dataset, file) in [("song_data", "songs"), ("log_data", "logs")] {
        let made = workspace.join("made").join(dataset);
        let lines = files(&made).into_iter().map(|file| std::fs::read(made.join(file)).unwrap());
        workspace.write(&format!("data/{file}.json"), lines.collect::<Vec<_>>().join(&b'\n'));
    }
    workspace
}

/// Creates a workspace with the smallest data for a star, and song files with these names.
fn with_songs(names: &[&str]) -> Workspace {
    let workspace = Workspace::new();
    workspace.write("logs/day.json", EVENT);
    for name in names {
        workspace.write(&format!("songs/{name}"), SONG);
    }
    workspace
}

fn transform(workspace: &Workspace, songs: &[&str], logs: &str, out: &str) -> Outcome {
    let mut command = workspace.command();
    command.args(["transform", "--songs"]).args(songs).args(["--logs", logs, "--out", out]);
    workspace.outcome(&mut command)
}

/// Returns the Parquet bytes of each table, which must consist of one file.
fn tables(star: &Path) -> BTreeMap<&'static str, Vec<u8>> {
    let bytes = |table: &str| {
        let names = files(&star.join(table));
        assert_eq!(names.len(), 1, "{table} in {}: {names:?}", star.display());
        std::fs::read(star.join(table).join(&names[0])).unwrap()
    };
    TABLES.into_iter().map(|table| (table, bytes(table))).collect()
}

#[track_caller]
fn assert_same_star(workspace: &Workspace, one: &str, other: &str) {
    let (one, other) = (tables(&workspace.join(one)), tables(&workspace.join(other)));
    for table in TABLES {
        assert!(one[table] == other[table], "{table} differs");
    }
}

/// Returns the song objects that a dry run lists for these locations, as paths relative to the
/// workspace.
#[track_caller]
fn listed(workspace: &Workspace, songs: &[&str]) -> Vec<String> {
    let mut command = workspace.command();
    command.args(["transform", "--dry-run", "--out", "star", "--logs", "logs", "--songs"]);
    let outcome = workspace.outcome(command.args(songs));
    outcome.exits(0);
    let lines = outcome.stdout.lines().skip(1).take_while(|line| line.starts_with("  /"));
    let root = workspace.path().to_str().unwrap();
    let name = |line: &str| {
        let url = line.trim_start().rsplit_once(" (").unwrap().0;
        url.strip_prefix(root).unwrap().trim_start_matches('/').to_owned()
    };
    let mut names: Vec<String> = lines.map(name).collect();
    names.sort();
    names
}

fn gzip(plain: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    encoder.write_all(plain).unwrap();
    encoder.finish().unwrap()
}

fn zstd(plain: &[u8]) -> Vec<u8> {
    zstd::encode_all(plain, 1).unwrap()
}

#[test]
fn every_suffix_and_compression_produces_the_same_star() {
    let workspace = sample();
    let data = ["songs", "logs"].map(|name| workspace.read(&format!("data/{name}.json")));
    transform(&workspace, &["data/songs.json"], "data/logs.json", "plain").exits(0);
    for suffix in ["json", "jsonl", "ndjson"] {
        for (ending, stored) in [
            (String::new(), data.clone().map(String::into_bytes)),
            (".gz".to_owned(), data.clone().map(|text| gzip(text.as_bytes()))),
            (".zst".to_owned(), data.clone().map(|text| zstd(text.as_bytes()))),
        ] {
            let folder = format!("{suffix}{ending}");
            workspace.write(&format!("{folder}/songs/it.{folder}"), &stored[0]);
            workspace.write(&format!("{folder}/logs/it.{folder}"), &stored[1]);
            let star = format!("{folder}/star");
            let (songs, logs) = (format!("{folder}/songs"), format!("{folder}/logs"));
            transform(&workspace, &[&songs], &logs, &star).exits(0);
            assert_same_star(&workspace, "plain", &star);
        }
    }
}

#[test]
fn truncated_compressed_file_fails_the_run_and_is_named() {
    let workspace = sample();
    let logs = workspace.read("data/logs.json");
    for (name, stored) in
        [("cut.json.gz", gzip(logs.as_bytes())), ("cut.json.zst", zstd(logs.as_bytes()))]
    {
        let path = workspace.write(&format!("cut/{name}"), &stored[..stored.len() - 5]);
        let outcome = transform(&workspace, &["data/songs.json"], path.to_str().unwrap(), "star");
        outcome.exits(1).complains("cannot read").complains(path.to_str().unwrap());
        assert!(!workspace.join("star/_starlift.json").exists(), "{outcome}");
    }
}

#[test]
fn first_bytes_and_not_the_name_determine_the_format() {
    let workspace = sample();
    let logs = workspace.read("data/logs.json");
    transform(&workspace, &["data/songs.json"], "data/logs.json", "plain").exits(0);
    let utf16: Vec<u8> = std::iter::once(0xfeff)
        .chain(logs.encode_utf16())
        .flat_map(|unit: u16| unit.to_le_bytes())
        .collect();
    let padded = [&gzip(logs.as_bytes())[..], &[0; 512]].concat();
    for (name, stored) in [
        ("plain.json.gz", logs.clone().into_bytes()),
        ("plain.json.zst", logs.clone().into_bytes()),
        ("gzip.json", gzip(logs.as_bytes())),
        ("gzip.json.zst", gzip(logs.as_bytes())),
        ("zstd.json", zstd(logs.as_bytes())),
        ("padded.json.gz", padded),
        ("utf16.json", utf16.clone()),
        ("utf16.json.gz", gzip(&utf16)),
    ] {
        workspace.write(&format!("logs/{name}"), &stored);
        transform(&workspace, &["data/songs.json"], &format!("logs/{name}"), "star").exits(0);
        assert_same_star(&workspace, "plain", "star");
    }
}

#[test]
fn zstandard_objects_of_any_size_are_read() {
    let workspace = with_songs(&["a.json"]);
    for size in [65_536, 131_072, 1 << 20] {
        let mut logs = format!("{EVENT}\n");
        while logs.len() + 2 * EVENT.len() < size {
            logs += &format!("{EVENT}\n");
        }
        logs += &" ".repeat(size - logs.len());
        workspace.write("logs/day.json.zst", zstd(logs.as_bytes()));
        transform(&workspace, &["songs"], "logs/day.json.zst", "star").exits(0);
    }
}

#[test]
fn empty_objects_with_any_suffix_do_not_fail_a_run() {
    let workspace = with_songs(&["a.json"]);
    for suffix in ["json", "json.gz", "json.zst"] {
        workspace.write(&format!("songs/empty.{suffix}"), "");
    }
    let outcome = transform(&workspace, &["songs"], "logs", "star");
    outcome.exits(0).says("songs     4 objects listed = 4 read").says("1 record read = 1 decoded");
}

#[test]
fn unsupported_formats_are_named() {
    let workspace = with_songs(&["a.json"]);
    for (stored, named) in [
        (b"PK\x03\x04\x14\0\0\0\x08\0".to_vec(), "a zip archive"),
        (b"\xfd7zXZ\0\0\x04".to_vec(), "compressed with xz"),
        (b"BZh91AY&SY\x8c\x01\xff".to_vec(), "compressed with bzip2"),
        (b"PAR1\x15\x04\x15\x10\0".to_vec(), "a Parquet file"),
        (gzip(&gzip(SONG.as_bytes())), "compressed twice"),
    ] {
        let path = workspace.write("songs/other.json", &stored);
        let outcome = transform(&workspace, &["songs"], "logs", "star");
        outcome.exits(1).complains(path.to_str().unwrap()).complains(named);
        assert!(!workspace.join("star/_starlift.json").exists(), "{outcome}");
    }
}

#[test]
fn globs_objects_and_prefixes_select_the_right_files() {
    let names = ["a1.json", "a2.json", "b1.json", "sub/c1.json", "sub/deep/c2.json"];
    let workspace = with_songs(&names);
    for (typed, wanted) in [
        ("songs/*", "a1.json a2.json b1.json sub/c1.json sub/deep/c2.json"),
        ("songs/*.json", "a1.json a2.json b1.json"),
        ("songs/**/*.json", "a1.json a2.json b1.json sub/c1.json sub/deep/c2.json"),
        ("songs/**/c?.json", "sub/c1.json sub/deep/c2.json"),
        ("songs/a?.json", "a1.json a2.json"),
        ("songs/[!a]1.json", "b1.json"),
        ("songs/[a-b]1.json", "a1.json b1.json"),
        ("songs/{a2,b1}.json", "a2.json b1.json"),
        ("songs/s*", "sub/c1.json sub/deep/c2.json"),
        ("songs/*/c1.json", "sub/c1.json"),
        ("songs/a1.json", "a1.json"),
        ("songs/sub", "sub/c1.json sub/deep/c2.json"),
        ("songs/sub/", "sub/c1.json sub/deep/c2.json"),
        ("./logs/../songs/sub/deep", "sub/deep/c2.json"),
    ] {
        let wanted: Vec<String> = wanted.split(' ').map(|name| format!("songs/{name}")).collect();
        assert_eq!(listed(&workspace, &[typed]), wanted, "{typed}");
    }
}

#[test]
fn a_glob_reads_only_what_it_matches() {
    let workspace = with_songs(&["a1.json", "a2.json", "b1.json"]);
    workspace.write("songs/b2.json", "this would be rejected");
    let outcome = transform(&workspace, &["songs/a*.json"], "logs/*", "star");
    outcome.exits(0).says("songs     2 objects listed = 2 read");
}

#[test]
fn overlapping_locations_are_read_once() {
    let workspace = with_songs(&["a1.json", "a2.json", "sub/c1.json"]);
    let overlapping = ["songs", "songs/a1.json", "songs/*.json", "logs/../songs/sub/"];
    let all = ["songs/a1.json", "songs/a2.json", "songs/sub/c1.json"];
    assert_eq!(listed(&workspace, &overlapping), all);
    let outcome = transform(&workspace, &overlapping, "logs", "star");
    outcome.exits(0).says("songs     3 objects listed = 3 read").says("3 records read = 3 decoded");
}

#[test]
fn each_of_several_locations_must_match_an_object() {
    let here = with_songs(&["a.json"]);
    here.write("more/b.json", SONG.replace("SO1", "SO2"));
    transform(&here, &["songs", "more"], "logs", "star").exits(0);
    std::fs::remove_file(here.join("more/b.json")).unwrap();
    let before = here.read("star/_starlift.json");
    for missing in ["more", "nowhere", "more/*.json"] {
        let outcome = transform(&here, &["songs", missing], "logs", "star");
        outcome.exits(1).complains(&format!("{missing} names no object to read"));
    }
    assert_eq!(here.read("star/_starlift.json"), before);
    let mut command = here.command();
    command.args(["transform", "--songs", "songs", "more", "--logs", "logs", "--out", "star"]);
    here.outcome(command.arg("--allow-empty")).exits(0);
}

#[test]
fn other_suffixes_are_skipped_and_counted() {
    let workspace =
        with_songs(&["a.json", "b.csv", "c.csv", "d.csv.gz", "_SUCCESS", "SUCCESS", "e.parquet"]);
    let outcome = transform(&workspace, &["songs"], "logs", "star");
    outcome
        .exits(0)
        .says("songs     1 object listed = 1 read")
        .says("skipped: .csv (2), (none) (1), .csv.gz (1), .parquet (1), hidden (1)\n")
        .says("warning: skipped 6 of 7 objects");
    let record: serde_json::Value =
        serde_json::from_str(&workspace.read("star/_starlift.json")).unwrap();
    let skipped =
        serde_json::json!({"(none)": 1, ".csv": 2, ".csv.gz": 1, ".parquet": 1, "hidden": 1});
    assert_eq!(record["datasets"]["songs"]["skipped"], skipped);
}

#[test]
fn error_for_no_input_names_the_pattern_and_the_location() {
    let workspace = with_songs(&["a.csv"]);
    std::fs::create_dir(workspace.join("empty")).unwrap();
    let looked_for = "looked for .json, .jsonl and .ndjson objects, also with .gz or .zst";
    let nothing = "there are no objects of any kind";
    for (songs, logs, complaints) in [
        ("nowhere/at/all", "logs", ["no songs found at nowhere/at/all", looked_for, nothing]),
        ("empty", "logs", ["no songs found at empty", looked_for, nothing]),
        ("songs", "logs", ["no songs found at songs", looked_for, "skipped: 1 .csv"]),
        ("logs", "logs/*.jsonl", ["no logs found at logs/*.jsonl", looked_for, nothing]),
        ("logs", "log", ["no logs found at log:", looked_for, nothing]),
    ] {
        for dry_run in [false, true] {
            let mut command = workspace.command();
            command.args(["transform", "--songs", songs, "--logs", logs, "--out", "star"]);
            command.args(dry_run.then_some("--dry-run"));
            let outcome = workspace.outcome(&mut command);
            outcome.exits(1);
            complaints.iter().for_each(|complaint| {
                outcome.complains(complaint);
            });
        }
    }
    assert!(!workspace.join("star/_starlift.json").exists());
}

#[test]
fn odd_names_are_read_and_written_unchanged() {
    let workspace = sample();
    transform(&workspace, &["data/songs.json"], "data/logs.json", "plain").exits(0);
    for odd in
        ["a b", "100%", "a%41b", "é", "x#y", "#1", "a+b", "k=v", "a&b;c", "%2F", "日本", "~'\""]
    {
        let (songs, logs) = (format!("in {odd}/{odd}.json"), format!("in {odd}/l/{odd}.json"));
        workspace.write(&songs, workspace.read("data/songs.json"));
        workspace.write(&logs, workspace.read("data/logs.json"));
        let (folder, star) = (format!("in {odd}/l"), format!("star {odd}/{odd}"));
        transform(&workspace, &[&songs], &folder, &star).exits(0);
        assert_same_star(&workspace, "plain", &star);
        workspace.run(["check", "--star", &star]).exits(0);
        let inputs =
            ["query", "--star", &star, "--format", "ndjson", "--sql", "SELECT url FROM inputs"];
        let outcome = workspace.run(inputs);
        let urls: Vec<serde_json::Value> = outcome
            .exits(0)
            .stdout
            .lines()
            .map(|line| serde_json::from_str(line).unwrap())
            .collect();
        let wanted = [&logs, &songs].map(|file| workspace.join(file).to_str().unwrap().to_owned());
        assert_eq!(urls.len(), 2, "{outcome}");
        assert!(wanted.iter().all(|w| urls.iter().any(|url| url["url"] == **w)), "{outcome}");
    }
}

#[test]
fn manifest_of_a_local_star_has_urls_for_odd_names() {
    let workspace = with_songs(&["a.json"]);
    transform(&workspace, &["songs"], "logs", "st%41r é#1").exits(0);
    let manifest = workspace.read("st%41r é#1/songs.manifest");
    let manifest: serde_json::Value = serde_json::from_str(&manifest).unwrap();
    let url = url::Url::parse(manifest["entries"][0]["url"].as_str().unwrap()).unwrap();
    assert_eq!(url.scheme(), "file");
    let length = url.to_file_path().unwrap().metadata().unwrap().len();
    assert_eq!(manifest["entries"][0]["meta"]["content_length"], length);
}

#[cfg(target_os = "linux")]
#[test]
fn unreadable_file_fails_the_run_and_is_named() {
    let workspace = with_songs(&["a.json"]);
    // Permissions do not stop a test that runs as root, but no process can read address 0.
    let unreadable = workspace.join("songs/unreadable.json");
    std::os::unix::fs::symlink("/proc/self/mem", &unreadable).unwrap();
    let outcome = transform(&workspace, &["songs"], "logs", "star");
    outcome.exits(1).complains("cannot read").complains(unreadable.to_str().unwrap());
    assert!(!workspace.join("star/_starlift.json").exists(), "{outcome}");
}

#[cfg(unix)]
#[test]
fn dangling_link_fails_the_run_and_is_named() {
    let workspace = with_songs(&["a.json"]);
    let dangling = workspace.join("songs/dangling.json");
    std::os::unix::fs::symlink(workspace.join("nowhere.json"), &dangling).unwrap();
    for songs in ["songs", "songs/*.json"] {
        let outcome = transform(&workspace, &[songs], "logs", "star");
        outcome.exits(1).complains("cannot read").complains(dangling.to_str().unwrap());
    }
}

#[cfg(unix)]
#[test]
fn links_are_followed() {
    let workspace = with_songs(&["a.json"]);
    workspace.write("elsewhere/b.json", SONG);
    for (name, target) in [("b.json", "elsewhere/b.json"), ("folder", "elsewhere")] {
        let link = workspace.join("songs").join(name);
        std::os::unix::fs::symlink(workspace.join(target), link).unwrap();
    }
    assert_eq!(
        listed(&workspace, &["songs"]),
        ["songs/a.json", "songs/b.json", "songs/folder/b.json"]
    );
}

#[test]
fn folder_named_like_a_file_is_a_folder() {
    let workspace = with_songs(&["a.json", "folder.json/b.json"]);
    let all = ["songs/a.json", "songs/folder.json/b.json"];
    assert_eq!(listed(&workspace, &["songs"]), all);
    assert_eq!(listed(&workspace, &["songs/folder.json"]), [all[1]]);
}

#[test]
fn file_urls_are_local_paths() {
    let workspace = with_songs(&["a 1.json", "a%2.json", "é/c.json"]);
    let url = |name: &str| format!("file://{}/songs/{name}", workspace.path().display());
    for (typed, wanted) in [
        ("a%201.json", vec!["a 1.json"]),
        ("a%252.json", vec!["a%2.json"]),
        ("%C3%A9", vec!["é/c.json"]),
        ("*.json", vec!["a 1.json", "a%2.json"]),
        ("{a%201,x}.json", vec!["a 1.json"]),
        ("a%20?.json", vec!["a 1.json"]),
        ("", vec!["a 1.json", "a%2.json", "é/c.json"]),
    ] {
        let wanted: Vec<String> = wanted.iter().map(|name| format!("songs/{name}")).collect();
        assert_eq!(listed(&workspace, &[&url(typed)]), wanted, "{typed}");
    }
    let star = format!("file://{}/st%20ar", workspace.path().display());
    transform(&workspace, &[&url("")], "logs", &star).exits(0);
    assert!(workspace.join("st ar/_starlift.json").exists());
    workspace.run(["check", "--star", &star]).exits(0);
}

#[test]
fn dry_run_reports_everything_and_changes_nothing() {
    let workspace = with_songs(&["a.json", "b.json.gz", "c.csv"]);
    let before = snapshot(&workspace);
    let dry_run = ["transform", "--songs", "songs", "--logs", "logs", "--out", "star", "--dry-run"];
    let outcome = workspace.run(dry_run);
    outcome
        .exits(0)
        .says(&format!("would read 2 objects for songs, {} B:\n", 2 * SONG.len()))
        .says(&format!("{}/songs/a.json ({} B)\n", workspace.path().display(), SONG.len()))
        .says("songs/b.json.gz")
        .says("skipped: 1 .csv")
        .says(&format!("would read 1 object for logs, {} B:\n", EVENT.len()))
        .says(&format!("would write to {}/star:\n", workspace.path().display()))
        .says("there is no star yet");
    for table in TABLES {
        outcome.says(&format!("{table}/<run-id>-NNNNN.parquet and {table}.manifest"));
    }
    assert_eq!(snapshot(&workspace), before);
    assert!(!workspace.join("star").exists(), "{outcome}");
}

#[test]
fn dry_run_over_a_star_leaves_it_unchanged() {
    let workspace = with_songs(&["a.json"]);
    transform(&workspace, &["songs"], "logs", "star").exits(0);
    let record: serde_json::Value =
        serde_json::from_str(&workspace.read("star/_starlift.json")).unwrap();
    let before = snapshot(&workspace);
    workspace
        .run(["transform", "--songs", "songs", "--logs", "logs", "--out", "star", "--dry-run"])
        .exits(0)
        .says(&format!("would replace the star of run {}", record["run_id"].as_str().unwrap()));
    assert_eq!(snapshot(&workspace), before);
}

/// Returns every file with its content and modification time.
fn snapshot(workspace: &Workspace) -> BTreeMap<String, (Vec<u8>, std::time::SystemTime)> {
    let file = |name: String| {
        let path = workspace.join(&name);
        let modified = path.metadata().unwrap().modified().unwrap();
        (name, (std::fs::read(path).unwrap(), modified))
    };
    files(workspace.path()).into_iter().map(file).collect()
}

#[cfg(target_os = "linux")]
#[test]
fn a_large_file_is_read_within_bounded_memory() {
    const FILE_BYTES: usize = 100_000_000;
    let workspace = sample();
    let block = workspace.read("data/logs.json") + "\n";
    let logs = workspace.join("large.jsonl");
    let mut file = std::io::BufWriter::new(std::fs::File::create(&logs).unwrap());
    let blocks = FILE_BYTES.div_ceil(block.len());
    (0..blocks).for_each(|_| file.write_all(block.as_bytes()).unwrap());
    file.into_inner().unwrap();

    let mut command = workspace.command();
    command.args(["transform", "--songs", "data/songs.json", "--logs", "large.jsonl"]);
    command.args(["--out", "star", "--memory-limit", "256MiB", "--quiet"]);
    let mut child = command.stderr(Stdio::inherit()).spawn().unwrap();
    let (mut peak, status) = (0, format!("/proc/{}/status", child.id()));
    let ended = loop {
        peak = peak.max(high_water_mark(&status).unwrap_or(0));
        match child.try_wait().unwrap() {
            Some(ended) => break ended,
            None => std::thread::sleep(Duration::from_millis(5)),
        }
    };
    assert!(ended.success());
    assert!((10_000_000..600_000_000).contains(&peak), "{peak} bytes");
    let record: serde_json::Value =
        serde_json::from_str(&workspace.read("star/_starlift.json")).unwrap();
    assert_eq!(record["datasets"]["logs"]["bytes"], blocks * block.len());
}

#[cfg(target_os = "linux")]
fn high_water_mark(status: &str) -> Option<usize> {
    let status = std::fs::read_to_string(status).ok()?;
    let kib = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    kib.trim().strip_suffix(" kB")?.parse::<usize>().ok().map(|kib| kib * 1024)
}

/// A minimal HTTP server for these files.
#[derive(Default)]
struct Web {
    files: BTreeMap<String, Vec<u8>>,
    /// Serves byte ranges.
    ranges: bool,
    /// Value of every `ETag` header.
    etag: Option<&'static str>,
    /// Required value of the `Authorization` header.
    authorization: Option<&'static str>,
    /// Rejects HEAD, as a URL that is signed for GET does.
    only_get: bool,
    /// Status and `Range` header of every GET.
    gets: Mutex<Vec<(u16, Option<String>)>>,
}

impl Web {
    fn file(mut self, path: &str, content: impl AsRef<[u8]>) -> Web {
        self.files.insert(path.to_owned(), content.as_ref().to_vec());
        self
    }

    /// Serves until the test process ends, and returns the base URL.
    fn start(self) -> (String, Arc<Web>) {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let web = Arc::new(self);
        std::thread::spawn({
            let web = web.clone();
            move || {
                let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
                runtime.unwrap().block_on(web.accept(listener));
            }
        });
        (url, web)
    }

    async fn accept(self: Arc<Self>, listener: TcpListener) {
        listener.set_nonblocking(true).unwrap();
        let listener = tokio::net::TcpListener::from_std(listener).unwrap();
        loop {
            let (socket, _) = listener.accept().await.unwrap();
            let web = self.clone();
            let service = hyper::service::service_fn(move |request| {
                let response = web.answer(&request);
                async { Ok::<_, Infallible>(response) }
            });
            let http = hyper::server::conn::http1::Builder::new();
            tokio::spawn(http.serve_connection(TokioIo::new(socket), service));
        }
    }

    fn answer<B>(&self, request: &Request<B>) -> Response<Full<Bytes>> {
        let header = |name| request.headers().get(name).and_then(|value| value.to_str().ok());
        if header("authorization") != self.authorization {
            return Response::builder().status(401).body(Full::default()).unwrap();
        }
        if self.only_get && request.method() != Method::GET {
            return Response::builder().status(403).body(Full::default()).unwrap();
        }
        let target = request.uri().path_and_query().unwrap().as_str();
        let response = self.response(target, header(RANGE.as_str()), header(IF_MATCH.as_str()));
        if request.method() == Method::GET {
            let asked = header(RANGE.as_str()).map(str::to_owned);
            self.gets.lock().unwrap().push((response.status().as_u16(), asked));
            return response;
        }
        let (mut parts, body) = response.into_parts();
        let length = http_body_util::combinators::UnsyncBoxBody::new(body);
        let length = hyper::body::Body::size_hint(&length).exact().unwrap();
        parts.headers.insert(CONTENT_LENGTH, length.into());
        Response::from_parts(parts, Full::default())
    }

    fn response(
        &self,
        path: &str,
        range: Option<&str>,
        if_match: Option<&str>,
    ) -> Response<Full<Bytes>> {
        let status = |status| Response::builder().status(status);
        let Some(file) = self.files.get(path) else {
            return status(StatusCode::NOT_FOUND).body(Full::default()).unwrap();
        };
        // RFC 9110, 13.1.1: If-Match uses strong comparison, which a weak tag never satisfies.
        let matches = |tag| tag == "*" || self.etag == Some(tag) && !tag.starts_with("W/");
        if if_match.is_some_and(|tag| !matches(tag)) {
            return status(StatusCode::PRECONDITION_FAILED).body(Full::default()).unwrap();
        }
        let mut builder = status(StatusCode::OK);
        if let Some(etag) = self.etag {
            builder = builder.header(ETAG, etag);
        }
        let Some((start, end)) = range.filter(|_| self.ranges).and_then(parse_range) else {
            return builder.body(Full::from(file.clone())).unwrap();
        };
        let end = end.min(file.len() - 1);
        builder
            .status(StatusCode::PARTIAL_CONTENT)
            .header(ACCEPT_RANGES, "bytes")
            .header(CONTENT_RANGE, format!("bytes {start}-{end}/{}", file.len()))
            .body(Full::from(file[start..=end].to_vec()))
            .unwrap()
    }
}

fn parse_range(range: &str) -> Option<(usize, usize)> {
    let (start, end) = range.strip_prefix("bytes=")?.split_once('-')?;
    Some((start.parse().ok()?, end.parse().ok()?))
}

/// Repeats `block` until it exceeds the size of one range request.
fn larger_than_a_range(block: &str) -> String {
    (block.to_owned() + "\n").repeat(10 * 1024 * 1024 / block.len())
}

#[test]
fn single_objects_are_read_from_a_web_server() {
    let workspace = sample();
    transform(&workspace, &["data/songs.json"], "data/logs.json", "plain").exits(0);
    let (songs, logs) = (workspace.read("data/songs.json"), workspace.read("data/logs.json"));
    let web = Web::default()
        .file("/a/songs%20%C3%A9.json", &songs)
        .file("/logs.json.gz", gzip(logs.as_bytes()));
    let (url, web) = web.start();
    let songs = format!("{url}/a/songs%20%C3%A9.json");
    transform(&workspace, &[&songs], &format!("{url}/logs.json.gz"), "star").exits(0);
    assert_same_star(&workspace, "plain", "star");
    assert_eq!(*web.gets.lock().unwrap(), [(200, None), (200, None)]);
}

#[test]
fn a_large_object_of_a_web_server_is_read_with_and_without_ranges() {
    let workspace = sample();
    let large = larger_than_a_range(&workspace.read("data/logs.json"));
    workspace.write("large.json", &large);
    transform(&workspace, &["data/songs.json"], "large.json", "plain").exits(0);
    for ranges in [false, true] {
        let web = Web { ranges, etag: ranges.then_some("\"1\""), ..Web::default() };
        let (url, _) = web.file("/large.json", &large).start();
        transform(&workspace, &["data/songs.json"], &format!("{url}/large.json"), "star").exits(0);
        assert_same_star(&workspace, "plain", "star");
    }
}

#[test]
fn object_with_a_weak_etag_is_read() {
    let workspace = with_songs(&["a.json"]);
    let web = Web { etag: Some("W/\"1\""), ..Web::default() };
    let (url, _) = web.file("/day.json", EVENT).start();
    transform(&workspace, &["songs"], &format!("{url}/day.json"), "star").exits(0);
}

#[test]
fn object_missing_on_a_web_server_is_named() {
    let workspace = with_songs(&["a.json"]);
    let (url, _) = Web::default().file("/day.json", EVENT).start();
    let missing = format!("{url}/night.json");
    let outcome = transform(&workspace, &["songs"], &missing, "star");
    outcome.exits(1).complains(&missing);
    assert!(!workspace.join("star/_starlift.json").exists(), "{outcome}");
}

/// Fails the test if a secret is in the output or the files of a run.
#[track_caller]
fn assert_no_secret(workspace: &Workspace, outcome: &Outcome) {
    for secret in ["s3cret", "sIgnAture", "czNjcmV0"] {
        let printed = format!("{}{}", outcome.stdout, outcome.stderr);
        assert!(!printed.contains(secret), "{secret} was printed\n{outcome}");
        for file in files(&workspace.join("star")) {
            let bytes = std::fs::read(workspace.join("star").join(&file)).unwrap();
            let kept = bytes.windows(secret.len()).any(|window| window == secret.as_bytes());
            assert!(!kept, "{secret} is in {file}");
        }
    }
}

/// Returns a server that requires the credentials `me:s3cret`.
fn locked() -> Web {
    // Base64 of `me:s3cret`.
    Web { authorization: Some("Basic bWU6czNjcmV0"), ..Web::default() }
}

const QUERY: &str = "?X-Sig=sIgnAture%2F1&n=1";

#[test]
fn secrets_in_a_url_are_sent_but_neither_shown_nor_stored() {
    let workspace = with_songs(&["a.json"]);
    let bad = format!("{EVENT}\nnot JSON\n");
    let (url, _) = locked().file(&format!("/a/day.json{QUERY}"), bad).start();
    let typed = format!("{}/a/day.json{QUERY}#part", url.replace("//", "//me:s3cret@"));
    let shown = format!("{url}/a/day.json");
    for more in [&["-vv"][..], &["-vv", "--log-format", "json"], &["--dry-run"]] {
        let mut command = workspace.command();
        command.args(["transform", "--songs", "songs", "--logs", &typed, "--out", "star"]);
        let outcome = workspace.outcome(command.args(["--max-rejects", "1"]).args(more));
        outcome.exits(0).says(&shown);
        assert_no_secret(&workspace, &outcome);
    }
    let inputs = ["query", "--star", "star", "--format", "csv", "--sql"];
    let query = |sql| workspace.run(inputs.into_iter().chain([sql]));
    query("SELECT url FROM inputs WHERE dataset = 'logs'").exits(0).says(&shown);
    assert_no_secret(&workspace, &query("SELECT url FROM inputs"));
    query("SELECT object FROM rejects").exits(0).says(&shown);
    assert_no_secret(&workspace, &query("SELECT object FROM rejects"));
    let record: serde_json::Value =
        serde_json::from_str(&workspace.read("star/_starlift.json")).unwrap();
    assert_eq!(record["options"]["inputs"]["logs"], serde_json::json!([shown]));
}

#[test]
fn errors_of_a_web_server_contain_no_secrets() {
    let workspace = with_songs(&["a.json"]);
    let (url, _) = locked().file(&format!("/day.json{QUERY}"), "\x1f\u{8b}").start();
    let closed = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let secret = url.replace("//", "//me:s3cret@");
    for typed in [
        format!("{secret}/night.json{QUERY}"),
        format!("{}/day.json{QUERY}", url.replace("//", "//me:s3cret2@")),
        format!("http://me:s3cret@{closed}/day.json{QUERY}"),
        format!("http://me:s3cret@host:port/day.json{QUERY}"),
        format!("http://me:s3cret@no-such-host.invalid/day.json{QUERY}"),
        format!("ftp://me:s3cret@host/day.json{QUERY}"),
    ] {
        let mut command = workspace.command();
        command.args(["transform", "--songs", "songs", "--logs", &typed, "--out", "star", "-vv"]);
        let outcome = workspace.outcome(command.args(["--retries", "1"]));
        assert!(outcome.code != Some(0), "{outcome}");
        assert_no_secret(&workspace, &outcome);
    }
    let out = format!("{secret}/star{QUERY}");
    let outcome = transform(&workspace, &["songs"], "logs", &out);
    outcome.exits(2).complains("can only be read");
    assert_no_secret(&workspace, &outcome);
    let mut command = workspace.command();
    let doctor =
        workspace.outcome(command.args(["doctor", "--logs", &format!("{secret}/x{QUERY}")]));
    assert_no_secret(&workspace, &doctor);
}

#[test]
fn url_signed_only_for_get_is_read() {
    let workspace = with_songs(&["a.json"]);
    for ranges in [false, true] {
        let web = Web { only_get: true, ranges, ..Web::default() };
        let (url, _) = web.file(&format!("/day.json{QUERY}"), EVENT).start();
        let outcome = transform(&workspace, &["songs"], &format!("{url}/day.json{QUERY}"), "star");
        outcome.exits(0).says(&format!("logs      1 object listed = 1 read, {} B", EVENT.len()));
    }
}

#[test]
fn objects_that_differ_only_in_their_query_are_both_read() {
    let workspace = with_songs(&[]);
    let second = SONG.replace("SO1", "SO2");
    let (url, _) = Web::default().file("/song?id=1", SONG).file("/song?id=2", second).start();
    let songs = [1, 2].map(|id| format!("{url}/song?id={id}"));
    let outcome = transform(&workspace, &[&songs[0], &songs[1], &songs[0]], "logs", "star");
    outcome.exits(0).says("songs     2 objects listed = 2 read").says("2 records read = 2 decoded");
}

#[test]
fn jsonpaths_file_can_have_a_signed_url() {
    let workspace = with_songs(&[]);
    let paths = r#"{"jsonpaths":["$.n","$.a","$.b","$.c","$.d","$.e","$.i","$.t","$.l","$.y"]}"#;
    let (url, _) = locked().file(&format!("/paths.json{QUERY}"), paths).start();
    let typed = format!("{}/paths.json{QUERY}", url.replace("//", "//me:s3cret@"));
    workspace.write("songs/a.json", r#"{"a":"AR1","e":"Any","i":"SO1","t":"One"}"#);
    let mut command = workspace.command();
    command.args(["transform", "--songs", "songs", "--logs", "logs", "--out", "star"]);
    let outcome = workspace.outcome(command.args(["--song-jsonpaths", &typed]));
    assert_no_secret(&workspace, &outcome);
    outcome.exits(0).says("1 record read = 1 decoded");
}
