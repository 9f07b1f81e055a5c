//! Names of local files, and which of them are read.

use super::*;

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
            workspace.run(args).fails_with("invalid-location");
        }
        workspace.run(["check", "--star", empty]).fails_with("invalid-location");
        let query = ["query", "most_played_songs", "--star", empty];
        workspace.run(query).fails_with("invalid-location");
    }
    let mut command = workspace.command();
    command.args(["transform", "--logs", "logs", "--out", "star"]).env("STARLIFT_SONGS", "");
    workspace.outcome(&mut command).fails_with("invalid-location");
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
    transform(&workspace, "songs/pipe.json", &[]).fails_with("file-failed").naming(&["pipe"]);
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
