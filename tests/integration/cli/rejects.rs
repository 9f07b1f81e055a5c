//! Many and long rejects: all are kept in order within the memory limit, and reading stops early
//! when the run is certain to fail.

use std::fmt::Write;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use super::{ask, with_tiny_data};
use crate::support::Workspace;

const MEMORY: [&str; 4] = ["--memory-limit", "256MiB", "--threads", "2"];

/// Transforms the songs and logs of `here` with a reject rate that is exceeded only at the end, and
/// returns the peak memory of the process in bytes.
fn fails_for_rejects(here: &Workspace, rejected: u64) -> u64 {
    let mut command = here.command();
    command.args(["transform", "--songs", "songs", "--logs", "logs", "--out", "star"]);
    command.args(["--max-rejects", "0.1%"]).args(MEMORY).args(["--log-format", "json", "-v"]);
    let outcome = here.outcome(&mut command);
    outcome
        .fails_with("too-many-rejects")
        .naming(&[&format!("{rejected} of {} records", rejected + 4)]);
    outcome.says(", kept in ");
    // Each phase logs the memory that the process holds at its end.
    let memory = outcome.stderr.lines().filter_map(|line| {
        let line: serde_json::Value = serde_json::from_str(line).ok()?;
        line["fields"]["memory"].as_u64()
    });
    memory.max().unwrap()
}

/// Returns the path of the only rejects file.
fn rejects_file(here: &Workspace) -> String {
    let mut found = std::fs::read_dir(here.join("star/_rejects")).unwrap();
    let file = found.next().unwrap().unwrap().path();
    assert!(found.next().is_none());
    file.to_str().unwrap().to_owned()
}

/// Builds a star of good data and replaces its rejects with those of the failed run, so that
/// queries can read them.
fn with_its_rejects(here: &Workspace) {
    let rejects = rejects_file(here);
    let kept = here.join("kept.parquet");
    std::fs::copy(rejects, &kept).unwrap();
    let good = with_tiny_data();
    let (songs, logs) = (good.join("songs"), good.join("logs"));
    let args = ["--songs", songs.to_str().unwrap(), "--logs", logs.to_str().unwrap()];
    here.run(["transform", "--out", "star"].iter().chain(&args)).exits(0);
    let mut record = super::record(here);
    let path = record["rejects"]["path"].as_str().unwrap().to_owned();
    std::fs::copy(&kept, here.join("star").join(path)).unwrap();
    record["rejects"]["bytes"] = std::fs::metadata(&kept).unwrap().len().into();
    here.write("star/_starlift.json", record.to_string());
}

const IN_ORDER: &str = "SELECT COUNT(*) AS n, SUM(CASE WHEN before > here THEN 1 ELSE 0 END) AS unsorted, \
    MIN(character_length(raw)) AS shortest, MAX(character_length(raw)) AS longest FROM ( \
    SELECT raw, here, LAG(here) OVER (ORDER BY n) AS before FROM ( \
    SELECT raw, object || lpad(CAST(\"offset\" AS VARCHAR), 12, '0') AS here, \
    row_number() OVER () AS n FROM rejects))";

#[test]
fn many_rejects_are_kept_in_order_within_the_memory_limit() {
    let here = with_tiny_data();
    for file in 0..6 {
        let mut lines = String::new();
        for line in 0..50_000 {
            let _ = writeln!(lines, "{file} {line:07} {}", "x".repeat(1790));
        }
        here.write(&format!("logs/bad{file}.json"), lines);
    }
    let memory = fails_for_rejects(&here, 300_000);
    assert!(memory < 400 << 20, "{memory} bytes of memory");
    with_its_rejects(&here);
    assert_eq!(ask(&here, IN_ORDER), "n,unsorted,shortest,longest\n300000,0,1800,1800\n");
    let sql = "SELECT COUNT(DISTINCT raw) AS n FROM rejects WHERE line = CAST(substr(raw, 3, 7) AS INT) + 1 \
               AND object LIKE '%bad' || substr(raw, 1, 1) || '.json'";
    assert_eq!(ask(&here, sql), "n\n300000\n");
}

#[test]
fn long_rejects_are_kept_in_order_within_the_memory_limit() {
    let here = with_tiny_data();
    for file in 0..4 {
        let mut lines = String::new();
        for line in 0..4_000 {
            let _ = writeln!(lines, "{line:07} {}", "y".repeat(69_992));
        }
        here.write(&format!("logs/bad{file}.json"), lines);
    }
    let memory = fails_for_rejects(&here, 16_000);
    assert!(memory < 450 << 20, "{memory} bytes of memory");
    with_its_rejects(&here);
    assert_eq!(ask(&here, IN_ORDER), "n,unsorted,shortest,longest\n16000,0,65536,65536\n");
}

#[test]
fn reading_stops_once_the_limit_is_certain_to_be_exceeded_and_enough_rejects_are_kept() {
    let here = with_tiny_data();
    for file in 0..8 {
        here.write(&format!("logs/bad{file}.json"), "x\n".repeat(400_000));
    }
    let args = ["transform", "--songs", "songs", "--logs", "logs", "--out", "star"];
    let outcome = here.run(args.iter().chain(&["--max-rejects", "1000"]).chain(&MEMORY));
    outcome
        .fails_with("too-many-rejects")
        .naming(&["stopped early"])
        .says("reading stopped early because the rejects exceed the limit");
    let rejected = outcome.stderr.split("]: ").nth(1).unwrap().split(' ').next().unwrap();
    let rejected: u64 = rejected.parse().unwrap();
    assert!((1_000_000..1_400_000).contains(&rejected), "{rejected}");
    outcome.says(&format!("rejects   {} records, kept in", with_separators(rejected)));
}

/// Formats a number with separators, as the summary does.
fn with_separators(number: u64) -> String {
    let digits = number.to_string();
    let groups =
        digits.as_bytes().rchunks(3).rev().map(|group| std::str::from_utf8(group).unwrap());
    groups.collect::<Vec<_>>().join(",")
}

#[test]
fn limit_that_can_still_be_met_is_checked_at_the_end() {
    let here = with_tiny_data();
    here.write("logs/bad.json", "x\n".repeat(1_050_000));
    let args = ["transform", "--songs", "songs", "--logs", "logs", "--out", "star"];
    let outcome = here.run(args.iter().chain(&["--max-rejects", "50%"]).chain(&MEMORY));
    outcome.fails_with("too-many-rejects").naming(&["1050000 of 1050004 records"]);
    here.run(args.iter().chain(&["--max-rejects", "1050000"]).chain(&MEMORY)).exits(0);
}

/// Returns the permission bits of a path.
fn mode(path: &Path) -> u32 {
    std::fs::metadata(path).unwrap().permissions().mode() & 0o7777
}

/// Transforms the tiny data and one reject under a umask.
fn transform_under(here: &Workspace, umask: &str, max_rejects: &str) {
    here.write("logs/bad.json", "bad\n");
    let program = env!("CARGO_BIN_EXE_starlift");
    let script = format!(
        "umask {umask}; exec {program} transform --songs songs --logs logs --out star --max-rejects {max_rejects}"
    );
    let code = if max_rejects == "0" { 3 } else { 0 };
    let mut command = here.command();
    let mut shell = std::process::Command::new("sh");
    shell.current_dir(here.path()).args(["-c", &script]);
    for (name, value) in command.env("A", "b").get_envs() {
        if let Some(value) = value {
            shell.env(name, value);
        }
    }
    here.outcome(&mut shell).exits(code);
}

#[test]
fn rejects_are_private_under_any_umask() {
    for (umask, max_rejects) in [("000", "5"), ("022", "5"), ("077", "5"), ("000", "0")] {
        let here = with_tiny_data();
        transform_under(&here, umask, max_rejects);
        assert_eq!(mode(&here.join("star/_rejects")), 0o700, "{umask}");
        assert_eq!(mode(Path::new(&rejects_file(&here))), 0o600, "{umask}");
        // Other users may read the star itself.
        if umask == "000" && max_rejects != "0" {
            assert_eq!(mode(&here.join("star/_starlift.json")), 0o666);
        }
    }
    let here = with_tiny_data();
    std::fs::create_dir_all(here.join("star/_rejects")).unwrap();
    std::fs::set_permissions(here.join("star/_rejects"), PermissionsExt::from_mode(0o777)).unwrap();
    transform_under(&here, "000", "5");
    assert_eq!(mode(&here.join("star/_rejects")), 0o700);
}

#[test]
fn star_can_be_queried_without_permission_to_read_its_rejects() {
    use std::os::unix::fs::{MetadataExt, chown};
    use std::os::unix::process::CommandExt;

    const OTHER_UID: u32 = 65534;
    let here = with_tiny_data();
    here.write("logs/bad.json", "bad\n");
    let transform = ["transform", "--songs", "songs", "--logs", "logs", "--out", "star"];
    here.run(transform.iter().chain(&["--max-rejects", "5"])).exits(0);
    let program = here.join("starlift");
    if std::fs::hard_link(env!("CARGO_BIN_EXE_starlift"), &program).is_err() {
        std::fs::copy(env!("CARGO_BIN_EXE_starlift"), &program).unwrap();
    }
    let is_root = std::fs::metadata(here.path()).unwrap().uid() == 0;
    if is_root {
        // Root can read everything, so the test uses another user.
        std::fs::set_permissions(here.path(), PermissionsExt::from_mode(0o755)).unwrap();
        chown(here.join("songs"), Some(OTHER_UID), Some(OTHER_UID)).unwrap();
    } else {
        std::fs::set_permissions(here.join("star/_rejects"), PermissionsExt::from_mode(0o000))
            .unwrap();
    }
    let run = |args: &[&str]| {
        let mut command = here.command();
        let mut other = std::process::Command::new(&program);
        for (name, value) in command.env("HOME", here.path()).get_envs() {
            match value {
                Some(value) => other.env(name, value),
                None => other.env_remove(name),
            };
        }
        other.current_dir(here.path()).args(args);
        if is_root {
            other.uid(OTHER_UID).gid(OTHER_UID);
        }
        here.outcome(&mut other)
    };
    let query = ["query", "--star", "star", "--format", "csv", "--sql"];
    let count = [&query[..], &["SELECT COUNT(*) AS n FROM songplays"]].concat();
    run(&count).exits(0).prints("n\n2\n");
    let rejects = [&query[..], &["SELECT COUNT(*) AS n FROM rejects"]].concat();
    for denied in [&rejects[..], &["check", "--star", "star"]] {
        run(denied).exits(1).complains("Permission denied").complains("_rejects");
    }
    if !is_root {
        std::fs::set_permissions(here.join("star/_rejects"), PermissionsExt::from_mode(0o700))
            .unwrap();
    }
    assert_eq!(ask(&here, "SELECT COUNT(*) AS n FROM rejects"), "n\n1\n");
}

/// A star of two datasets with rejects of two kinds.
fn with_rejects() -> Workspace {
    let here = Workspace::new();
    here.write("songs/a.json", "{\"song_id\": 1}\n");
    let play = |more: &str| {
        format!(r#"{{"page": "NextSong", "userId": "8", "sessionId": 1, {more}}}"#) + "\n"
    };
    let logs = play("\"ts\": 1")
        + &play("\"ts\": \"soon\"")
        + &play("\"ts\": null")
        + &play("\"ts\": \"soon\"");
    here.write("logs/a.json", logs);
    let args = ["transform", "--songs", "songs", "--logs", "logs", "--out", "star"];
    here.run(args.iter().chain(&["--max-rejects", "100%", "--allow-empty"])).exits(0);
    here
}

#[test]
fn rejects_are_listed_by_reason_with_their_first_record() {
    let here = with_rejects();
    let outcome = here.run(["rejects", "--star", "star"]);
    outcome.exits(0).says("4 records rejected");
    let line = outcome.stdout.lines().find(|line| line.contains("soon")).unwrap();
    assert!(line.contains("logs") && line.contains(" ts ") && line.contains(" 2 "), "{line}");
    assert!(line.contains("logs/a.json") && line.trim_end().ends_with('2'), "{line}");
    here.run(["rejects", "--star", "star", "--dataset", "songs"])
        .exits(0)
        .says("1 record rejected");
    here.run(["rejects", "--star", "star", "--dataset", "x"])
        .exits(0)
        .says("no record was rejected");
}

#[test]
fn exported_rejects_are_corrected_and_read_as_another_input() {
    let here = with_rejects();
    let export = |more: &[&str]| {
        here.run(["rejects", "--star", "star", "--export", "fixed.ndjson"].iter().chain(more))
    };
    export(&[]).fails_with("invalid-option").naming(&["--dataset"]);
    export(&["--dataset", "logs"]).exits(0).says("wrote 3 records to fixed.ndjson");
    export(&["--dataset", "logs"]).fails_with("file-failed").naming(&["fixed.ndjson"]);
    let mode = std::fs::metadata(here.join("fixed.ndjson")).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    let text = here.read("fixed.ndjson");
    assert_eq!(text.lines().count(), 3);
    here.write("fixed.ndjson", text.replace("\"soon\"", "2").replace("null", "3"));
    let args = ["transform", "--songs", "songs", "--logs", "logs", "--logs", "fixed.ndjson"];
    let args = args.iter().chain(&["--out", "star", "--max-rejects", "100%", "--allow-empty"]);
    here.run(args).exits(0).says("4 read = 0 matched + 3 unmatched + 1 duplicates removed");
    here.run(["rejects", "--star", "star"]).exits(0).says("4 records rejected");
}
