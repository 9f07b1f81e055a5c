//! Selection of input objects: the objects that a location names, files that are not data, and
//! empty datasets.

use std::process::Command;

use crate::support::s3::{Faults, Op, Rule, S3Server, Synthetic};
use crate::support::{Outcome, Workspace};
use serde_json::{Value, json};

const EVENT: &str = r#"{"ts":1541044398796,"page":"Home","userId":"7","sessionId":1}"#;

/// Returns a song whose ID names the object that contains it.
fn song(id: &str) -> String {
    json!({"song_id": id, "title": "T", "artist_id": "A", "artist_name": "N"}).to_string() + "\n"
}

/// Creates a folder with one log file and these song files, each with a song named after it.
fn with_songs(names: &[&str]) -> Workspace {
    let workspace = Workspace::new();
    workspace.write("logs/day.json", EVENT);
    for name in names {
        workspace.write(&format!("songs/{name}"), song(name));
    }
    workspace
}

fn transform(workspace: &Workspace, songs: &str, more: &[&str]) -> Outcome {
    let mut command = workspace.command();
    command.args(["transform", "--songs", songs, "--logs", "logs", "--out", "star"]).args(more);
    workspace.outcome(&mut command)
}

fn record(workspace: &Workspace) -> Value {
    serde_json::from_str(&workspace.read("star/_starlift.json")).unwrap()
}

/// Returns the results of a query on the star, one value per line.
#[track_caller]
fn answer(workspace: &Workspace, command: &mut Command, sql: &str) -> Vec<String> {
    command.args(["query", "--star", "star", "--format", "ndjson", "--sql", sql]);
    let outcome = workspace.outcome(command);
    let value = |line: &str| {
        let row: Value = serde_json::from_str(line).unwrap();
        row.as_object().unwrap().values().next().unwrap().as_str().unwrap().to_owned()
    };
    outcome.exits(0).stdout.lines().map(value).collect()
}

/// Returns the sorted names of the objects whose songs are in the star.
#[track_caller]
fn songs_read(workspace: &Workspace) -> Vec<String> {
    let sql = "SELECT song_id FROM songs ORDER BY 1";
    answer(workspace, &mut workspace.command(), sql)
}

#[track_caller]
fn assert_reads(workspace: &Workspace, songs: &str, more: &[&str], wanted: &[&str]) {
    transform(workspace, songs, more).exits(0);
    let mut wanted = wanted.to_vec();
    wanted.sort_unstable();
    assert_eq!(songs_read(workspace), wanted, "{songs} {more:?}");
}

/// A bucket for songs, and a folder for the log and the star.
struct Bucket {
    workspace: Workspace,
    server: S3Server,
}

impl Bucket {
    fn new(faults: Faults) -> Bucket {
        Bucket { workspace: with_songs(&[]), server: S3Server::start_with(faults) }
    }

    /// Creates a bucket with objects under arbitrary keys, each with a song named after its key.
    fn with_keys(keys: &[&str]) -> Bucket {
        let mut keys: Vec<String> = keys.iter().map(|key| (*key).to_owned()).collect();
        keys.sort();
        let count = keys.len();
        let contents = keys.clone();
        let content = move |i: usize| match contents[i].ends_with('/') {
            true => Vec::new(),
            false => song(&contents[i]).into_bytes(),
        };
        let synthetic = Synthetic::new("", count, content).named(move |i| keys[i].clone());
        Bucket::new(Faults { synthetic: vec![synthetic], ..Faults::default() })
    }

    fn transform(&self, songs: &str, more: &[&str]) -> Outcome {
        let mut command = self.workspace.command();
        let songs = format!("s3://sparkify/{songs}");
        self.server.apply(&mut command).args(["transform", "--logs", "logs", "--out", "star"]);
        self.workspace.outcome(command.args(["--songs", &songs]).args(more))
    }

    #[track_caller]
    fn assert_reads(&self, songs: &str, more: &[&str], wanted: &[&str]) {
        let outcome = self.transform(songs, more);
        outcome.exits(0);
        let mut wanted = wanted.to_vec();
        wanted.sort_unstable();
        assert_eq!(songs_read(&self.workspace), wanted, "{songs}\n{outcome}");
    }
}

#[test]
fn marker_with_the_name_of_a_prefix_hides_nothing() {
    let bucket = Bucket::new(Faults {
        synthetic: vec![
            Synthetic::new("", 1, |_| Vec::new()).named(|_| "song_data".into()),
            Synthetic::new("", 1, |_| Vec::new()).named(|_| "song_data/".into()),
            Synthetic::new("", 1, |_| Vec::new()).named(|_| "song_data/A/".into()),
        ],
        ..Faults::default()
    });
    bucket.server.put("song_data/A/one.json", song("one"));
    for songs in ["song_data", "song_data/", "song_data/*", "song_*"] {
        let outcome = bucket.transform(songs, &[]);
        outcome.exits(0).says("1 record read = 1 decoded");
        if songs.starts_with("song_data") {
            outcome.says("songs     1 object listed = 1 read");
        }
    }
}

#[test]
fn object_named_like_a_prefix_is_read_with_the_objects_below_it() {
    let bucket = Bucket::with_keys(&["data", "data/a.json", "data/b.json", "data2/c.json"]);
    bucket.assert_reads("data", &[], &["data", "data/a.json", "data/b.json"]);
    bucket.assert_reads("data/", &[], &["data/a.json", "data/b.json"]);
    bucket.assert_reads("data/a.json", &[], &["data/a.json"]);
}

#[test]
fn single_object_is_read_without_permission_to_list() {
    let bucket = Bucket::with_keys(&["data/a.json"]);
    bucket.server.inject(Rule::status(403, Op::List, ""));
    bucket.assert_reads("data/a.json", &[], &["data/a.json"]);
    bucket.transform("data", &[]).exits(1).complains("s3:ListBucket");
}

#[test]
fn keys_that_are_not_paths_are_read_unchanged() {
    let keys = [
        "data/plain.json",
        "data//double.json",
        "data/a//b///c.json",
        "data/./dot.json",
        "data/../up.json",
        "data/x/../up.json",
        "data/ blank .json",
        "data/plus+and%2Bhalf.json",
        "data/control\u{1}\u{1f}.json",
        "data/line\nend.json",
        "data/é?*[x]{y}#1.json",
    ];
    let bucket = Bucket::with_keys(&keys);
    bucket.assert_reads("data", &[], &keys);
    bucket.assert_reads("data/", &[], &keys);
    bucket.assert_reads("data/**/*.json", &[], &keys);
    for key in &keys[1..8] {
        bucket.assert_reads(key, &[], &[key]);
    }
    let urls = "SELECT url FROM inputs WHERE dataset = 'songs' ORDER BY 1";
    bucket.transform("data", &[]).exits(0);
    let mut wanted = keys.map(|key| format!("s3://sparkify/{key}"));
    wanted.sort();
    assert_eq!(answer(&bucket.workspace, &mut bucket.workspace.command(), urls), wanted);
}

#[test]
fn a_leading_slash_is_part_of_a_key() {
    let keys = ["/k.json", "k.json", "//k.json", "/a/k.json"];
    let bucket = Bucket::with_keys(&keys);
    bucket.assert_reads("", &[], &keys);
    bucket.assert_reads("/k.json", &[], &["/k.json"]);
    bucket.assert_reads("/a/", &[], &["/a/k.json"]);
}

#[test]
fn keys_that_are_not_paths_are_retried_and_read_in_ranges() {
    let large = song("large").repeat(1 + 9 * 1024 * 1024 / song("large").len());
    let content = move |_| large.clone().into_bytes();
    let synthetic = Synthetic::new("", 1, content).named(|_| "data//large.json".into());
    let bucket = Bucket::new(Faults { synthetic: vec![synthetic], ..Faults::default() });
    bucket.server.inject(Rule::status(503, Op::Get, "large").times(2));
    bucket.server.inject(Rule::hang_up(Op::Get, "large").times(1));
    bucket.server.inject(Rule::status(500, Op::List, "").times(2));
    bucket.transform("data", &[]).exits(0);
    assert_eq!(bucket.server.count(Op::Get, "large"), 2 + 3);
    let gone = Rule::status(403, Op::Get, "large");
    bucket.server.inject(gone);
    let outcome = bucket.transform("data", &[]);
    outcome.exits(1).complains("cannot read s3://sparkify/data//large.json");
    outcome.complains("s3:GetObject");
}

#[test]
fn many_objects_with_large_zstandard_windows_are_read() {
    let object = |i: usize| {
        let mut encoder = zstd::Encoder::new(Vec::new(), 1).unwrap();
        encoder.window_log(if i.is_multiple_of(2) { 27 } else { 24 }).unwrap();
        let songs = song(&format!("S{i}")).repeat(if i == 0 { 1_000_000 } else { 1 });
        std::io::Write::write_all(&mut encoder, songs.as_bytes()).unwrap();
        encoder.finish().unwrap()
    };
    let bucket = Bucket::new(Faults::default());
    for i in 0..12 {
        bucket.server.put(&format!("songs/{i}.json.zst"), object(i));
    }
    let outcome = bucket.transform("songs", &[]);
    outcome.exits(0).says("songs     12 objects listed = 12 read");
    outcome.says("1,000,011 records read = 1,000,011 decoded");
}

#[test]
fn existing_key_with_glob_characters_is_not_a_pattern() {
    let keys = ["run[1]/x.json", "run1/x.json", "what?.json", "whats.json", "a{b,c}/x.json", "b/x"];
    let bucket = Bucket::with_keys(&keys);
    for (typed, wanted) in [
        ("run[1]", &keys[..1]),
        ("run[1]/", &keys[..1]),
        ("run[1]/*.json", &keys[..1]),
        ("run[12]/*.json", &keys[1..2]),
        ("what?.json", &keys[2..3]),
        ("wh?t?.json", &keys[2..4]),
        ("a{b,c}", &keys[4..5]),
    ] {
        bucket.assert_reads(typed, &[], wanted);
    }
}

#[cfg(unix)]
#[test]
fn existing_name_with_glob_characters_is_not_a_pattern() {
    let names =
        ["run[1]/x.json", "run1/x.json", "a,b-1.json", "b-2.json", "what?.json", "#12.json"];
    let workspace = with_songs(&names);
    for (typed, wanted) in [
        ("songs/run[1]", &names[..1]),
        ("songs/run[1]/*.json", &names[..1]),
        ("songs/run[0-9]/*.json", &names[1..2]),
        ("songs/a,b-*.json", &names[2..3]),
        ("songs/{a,b}-*.json", &names[3..4]),
        ("songs/what?.json", &names[4..5]),
        ("songs/?12.json", &names[5..6]),
    ] {
        assert_reads(&workspace, typed, &[], wanted);
    }
}

#[test]
fn names_that_end_in_a_number_sign_and_digits_are_read() {
    let workspace = with_songs(&["a.json", "b.json#12"]);
    assert_reads(&workspace, "songs/b.json#12", &[], &["b.json#12"]);
    assert_reads(&workspace, "songs", &["--suffix", "any"], &["a.json", "b.json#12"]);
    workspace.write("songs/x#12/c.json", song("c"));
    assert_reads(&workspace, "songs", &[], &["a.json", "c"]);
}

#[cfg(unix)]
#[test]
fn parent_folders_behind_links_follow_the_file_system() {
    let workspace = with_songs(&["a.json"]);
    workspace.write("real/songs/b.json", song("b"));
    std::fs::create_dir(workspace.join("real/inner")).unwrap();
    std::os::unix::fs::symlink(workspace.join("real/inner"), workspace.join("link")).unwrap();
    assert_reads(&workspace, "link/../songs", &[], &["b"]);
    let mut command = workspace.command();
    command.args(["transform", "--songs", "songs", "--logs", "logs", "--out", "link/../out"]);
    workspace.outcome(&mut command).exits(0);
    assert!(workspace.join("real/out/_starlift.json").exists());
    assert!(!workspace.join("out").exists());
}

#[test]
fn empty_argument_is_a_usage_error() {
    let workspace = with_songs(&["a.json"]);
    for empty in ["", "  "] {
        for (flag, others) in [
            ("--songs", ["--logs", "logs", "--out", "star"]),
            ("--logs", ["--songs", "songs", "--out", "star"]),
            ("--out", ["--songs", "songs", "--logs", "logs"]),
        ] {
            let args = [&["transform", flag, empty], &others[..]].concat();
            workspace.run(args).exits(2).complains("is an empty location");
        }
        workspace.run(["check", "--star", empty]).exits(2).complains("is an empty location");
        let query = ["query", "most_played_songs", "--star", empty];
        workspace.run(query).exits(2).complains("is an empty location");
    }
    let mut command = workspace.command();
    command.args(["transform", "--logs", "logs", "--out", "star"]).env("STARLIFT_SONGS", "");
    workspace.outcome(&mut command).exits(2).complains("is an empty location");
}

#[cfg(unix)]
#[test]
fn odd_file_names_are_read_and_escaped() {
    use std::os::unix::ffi::OsStrExt;
    let workspace = with_songs(&["a.json", "control\u{1b}[31m.json", "line\nend.json"]);
    let name = |bytes| std::ffi::OsStr::from_bytes(bytes);
    std::fs::write(workspace.join("songs").join(name(b"\xff.json")), song("raw")).unwrap();
    std::fs::write(workspace.join("songs").join(name(b"\xfe.csv")), "x").unwrap();
    let wanted = ["a.json", "control\u{1b}[31m.json", "line\nend.json", "raw"];
    assert_reads(&workspace, "songs", &[], &wanted);
    assert_eq!(record(&workspace)["datasets"]["songs"]["skipped"], json!({".csv": 1}));
    let outcome = transform(&workspace, "songs", &["--dry-run"]);
    outcome.exits(0).says("\\xFF.json").says("control\\u{1b}[31m.json").says("line\\nend.json");
    assert!(!outcome.stdout.contains('\u{1b}'), "{outcome}");
    std::fs::write(workspace.join("songs/bad\u{1b}.json"), "[1").unwrap();
    let outcome = transform(&workspace, "songs/bad*", &[]);
    assert!(!outcome.stdout.contains('\u{1b}') && !outcome.stderr.contains('\u{1b}'), "{outcome}");
}

#[cfg(unix)]
#[test]
fn pipes_sockets_and_devices_are_skipped() {
    let workspace = with_songs(&["a.json"]);
    let pipe = workspace.join("songs/pipe.json");
    assert!(Command::new("mkfifo").arg(&pipe).status().unwrap().success());
    let link = |target: &std::path::Path, name: &str| {
        std::os::unix::fs::symlink(target, workspace.join(name)).unwrap();
    };
    link(&pipe, "songs/link.json");
    link("/dev/zero".as_ref(), "songs/zero.json");
    let _socket =
        std::os::unix::net::UnixListener::bind(workspace.join("songs/socket.json")).unwrap();
    let outcome = transform(&workspace, "songs", &[]);
    outcome.exits(0).says("songs     1 object listed").says("pipe or device (4)");
    transform(&workspace, "songs/pipe.json", &[])
        .exits(1)
        .complains("it is a pipe, a socket or a device");
}

#[test]
fn hidden_names_are_skipped_unless_requested() {
    let names = [
        "a.json",
        "._a.json",
        "_temporary/0/b.json",
        ".ipynb_checkpoints/c.json",
        "x/_d.json",
        "_SUCCESS",
        ".a.json.crc",
    ];
    let json =
        ["a.json", "._a.json", "_temporary/0/b.json", ".ipynb_checkpoints/c.json", "x/_d.json"];
    let workspace = with_songs(&names);
    let outcome = transform(&workspace, "songs", &[]);
    outcome.exits(0).says("skipped: hidden (6)").says("warning: skipped 6 of 7 objects");
    assert_eq!(songs_read(&workspace), ["a.json"]);
    assert_eq!(record(&workspace)["datasets"]["songs"]["skipped"], json!({"hidden": 6}));
    transform(&workspace, "songs", &["--dry-run"]).exits(0).says("skipped: 6 hidden");
    assert_reads(&workspace, "songs", &["--include-hidden"], &json);
    assert_reads(&workspace, "songs/_temporary", &[], &json[2..3]);
    assert_reads(&workspace, "songs/_*/**/*.json", &[], &json[2..3]);
    assert_reads(&workspace, "songs/**/_d.json", &[], &json[4..]);
    assert_reads(&workspace, "songs/._a.json", &[], &json[1..2]);
    workspace.write("starlift.toml", "[transform]\ninclude_hidden = true\n");
    assert_reads(&workspace, "songs", &[], &json);
    assert_reads(&workspace, "songs", &["--include-hidden=false"], &["a.json"]);
    let keys = names.map(|name| format!("songs/{name}"));
    let keys: Vec<&str> = keys.iter().map(String::as_str).collect();
    let bucket = Bucket::with_keys(&keys);
    bucket.assert_reads("songs", &[], &["songs/a.json"]);
    bucket.transform("songs", &["--include-hidden"]).exits(0).says("songs     5 objects listed");
}

#[test]
fn other_suffixes_are_read_if_named() {
    let names = ["a.json", "events.json.1", "events.json-20181101", "stream-1-2018-11-01-00-uuid"];
    let workspace = with_songs(&names);
    assert_reads(&workspace, "songs", &[], &names[..1]);
    assert_reads(&workspace, "songs", &["--suffix", "any"], &names);
    assert_reads(&workspace, "songs/*", &[], &names[..1]);
    assert_reads(&workspace, "songs/events.json*", &[], &names[1..3]);
    assert_reads(&workspace, "songs/stream-1-*", &[], &names[3..]);
    let mut command = workspace.command();
    command.env("STARLIFT_SUFFIX", "any").args(["transform", "--dry-run", "--songs", "songs"]);
    command.args(["--logs", "logs", "--out", "star"]);
    workspace.outcome(&mut command).exits(0).says("would read 4 objects for songs");
    workspace.write("starlift.toml", "[transform]\nsuffix = \"any\"\n");
    assert_reads(&workspace, "songs", &[], &names);
}

#[test]
fn many_suffixes_are_summarized() {
    let names: Vec<String> = (0..31).map(|i| format!("a.x{i:02}")).collect();
    let mut names: Vec<&str> = names.iter().map(String::as_str).collect();
    names.extend(["a.json", "b.x30"]);
    let workspace = with_songs(&names);
    let outcome = transform(&workspace, "songs", &[]);
    outcome.exits(0).says("skipped: .x30 (2), .x00 (1), ");
    outcome
        .says(".x08 (1), and 21 more in 21 suffixes\n")
        .says("warning: skipped 32 of 33 objects");
}

#[test]
fn jsonpaths_file_among_the_logs_is_not_a_log() {
    let workspace = with_songs(&["a.json"]);
    let paths = json!({"jsonpaths": ["$.ts", "$.page", "$.userId", "$.sessionId"]}).to_string();
    workspace.write("logs/paths.json", &paths);
    for file in ["logs/paths.json", "./logs/../logs/paths.json"] {
        let outcome = transform(&workspace, "songs", &["--log-jsonpaths", file, "--dry-run"]);
        outcome.exits(0).says("would read 1 object for logs").says("skipped: 1 JSONPaths");
    }
    // Two arguments, as a shell expands `logs/*.json`.
    let mut command = workspace.command();
    command.args(["transform", "--songs", "songs", "--out", "star", "--dry-run"]);
    command.args(["--logs", "logs/paths.json", "--logs", "logs/day.json"]);
    let outcome = workspace.outcome(command.args(["--log-jsonpaths", "logs/paths.json"]));
    outcome.exits(0).says("would read 1 object for logs").says("skipped: 1 JSONPaths");
    let bucket = Bucket::new(Faults::default());
    bucket.server.put("songs/a.json", song("a"));
    bucket.server.put("songs/paths.json", paths);
    let file = bucket.server.url("songs/paths.json");
    let outcome = bucket.transform("songs", &["--song-jsonpaths", &file, "--dry-run"]);
    outcome.exits(0).says("would read 1 object for songs");
    let more =
        ["--songs", &bucket.server.url("songs/a.json"), "--song-jsonpaths", &file, "--dry-run"];
    let outcome = bucket.transform("songs/paths.json", &more);
    outcome.exits(0).says("would read 1 object for songs");
}

#[test]
fn output_below_an_input_is_not_read() {
    let workspace = with_songs(&["a.json"]);
    let run = |songs: &str, out: &str, more: &[&str]| {
        let mut command = workspace.command();
        command.args(["transform", "--songs", songs, "--logs", "logs", "--out", out]).args(more);
        workspace.outcome(&mut command)
    };
    for _ in 0..2 {
        let hidden = ["--include-hidden", "--suffix", "any"];
        run("songs", "songs/deep/star", &hidden).exits(0).says("songs     1 object listed");
    }
    run("songs", "songs/deep/star", &[]).exits(0).says("output (");
    // The inputs are in the same folder as the star's own folders.
    for _ in 0..2 {
        run("songs/deep", "songs/deep", &[]).exits(1).complains("no songs found");
        run("songs", "songs", &[]).exits(0).says("songs     1 object listed");
    }
    workspace.write("both/b.json", song("b"));
    for _ in 0..2 {
        let hidden = ["--include-hidden", "--suffix", "any"];
        run("both", "both", &hidden).exits(0).says("songs     1 object listed");
    }
    run("songs/songs", "songs", &[]).exits(2).complains("where the star itself is written");
    run("songs", ".", &[]).exits(2).complains("where the star itself is written");
}

#[test]
fn output_below_an_input_in_a_bucket_is_not_read() {
    let bucket = Bucket::new(Faults::default());
    bucket.server.put("data/a.json", song("a"));
    let mut command = bucket.workspace.command();
    for _ in 0..2 {
        bucket.server.apply(&mut command).args(["transform", "--logs", "logs"]);
        command.args(["--songs", "s3://sparkify/data", "--out", "s3://sparkify/data/star"]);
        command.arg("--include-hidden");
        let outcome = bucket.workspace.outcome(&mut command);
        outcome.exits(0).says("songs     1 object listed");
        command = bucket.workspace.command();
    }
}

#[test]
fn empty_dataset_does_not_replace_a_star() {
    let workspace = with_songs(&["a.json", "b.json"]);
    workspace.write("none/empty.json", "");
    workspace.write("none/blank.json.gz", "");
    workspace.write("none/array.json", "[]");
    let first = transform(&workspace, "none", &[]);
    first.exits(1).complains("songs are empty: 3 objects, 2 bytes, 0 rejects and no rows");
    first.complains("there is no star").complains("--allow-empty");
    assert!(!workspace.join("star/_starlift.json").exists());

    transform(&workspace, "songs", &[]).exits(0);
    let before = workspace.read("star/_starlift.json");
    let outcome = transform(&workspace, "none", &[]);
    outcome.exits(1).complains("has 2 of them").says("0 records read");
    workspace.write("bad/bad.json", "no JSON at all");
    let outcome = transform(&workspace, "bad", &["--max-rejects", "100%"]);
    outcome.exits(1).complains("1 reject and no rows").complains("has 2 of them");
    transform(&workspace, "nowhere", &[]).exits(1).complains("no songs found at nowhere");
    assert_eq!(workspace.read("star/_starlift.json"), before);

    for songs in ["none", "nowhere"] {
        transform(&workspace, songs, &["--allow-empty"]).exits(0);
        assert_eq!(record(&workspace)["tables"]["songs"]["rows"], 0, "{songs}");
        transform(&workspace, "songs", &[]).exits(0);
    }
    let mut command = workspace.command();
    command.args(["transform", "--songs", "songs", "--logs", "none", "--out", "star"]);
    workspace.outcome(&mut command).exits(1).complains("logs are empty: 3 objects");
    workspace.outcome(command.env("STARLIFT_ALLOW_EMPTY", "true")).exits(0);
    assert_eq!(record(&workspace)["tables"]["songs"]["rows"], 2);
    workspace.write("starlift.toml", "[transform]\nallow_empty = true\n");
    transform(&workspace, "none", &[]).exits(0);
}

#[test]
fn input_with_only_rejects_creates_a_star_if_none_exists() {
    let workspace = with_songs(&[]);
    workspace.write("songs/bad.json", "no JSON at all");
    transform(&workspace, "songs", &["--max-rejects", "100%"]).exits(0);
}
