//! `starlift transform`: its summary, its rejects and the files it leaves.

use super::{TINY, ask, fixture, record, sample_args, text, transform_args, with_star};
use crate::support::{Outcome, Workspace, files};

/// Returns the numbers in the line that starts with `label`, in order.
#[track_caller]
fn numbers(outcome: &Outcome, label: &str) -> Vec<u64> {
    let line = outcome.stdout.lines().find(|line| line.starts_with(label));
    let line = line.unwrap_or_else(|| panic!("no line {label:?}\n{outcome}"));
    let words = line.split([' ', ';']).map(|word| word.replace(',', ""));
    words.filter_map(|word| word.parse().ok()).collect()
}

#[test]
fn the_summary_balances() {
    let here = Workspace::new();
    let outcome = here.run(sample_args());
    outcome.exits(0);

    for label in ["songs ", "logs "] {
        let [listed, read, records, decoded, rejected] = *numbers(&outcome, label).as_slice()
        else {
            panic!("unexpected numbers\n{outcome}")
        };
        assert_eq!(listed, read, "{outcome}");
        assert_eq!(records, decoded + rejected, "{outcome}");
    }
    let [read, matched, unmatched, duplicates] = *numbers(&outcome, "plays ").as_slice() else {
        panic!("unexpected numbers\n{outcome}")
    };
    assert_eq!(read, matched + unmatched + duplicates, "{outcome}");
    assert_eq!([read, matched, unmatched, duplicates], [562, 308, 226, 28]);
    assert_eq!(numbers(&outcome, " songplays ")[0], matched + unmatched, "{outcome}");
    outcome.says("match rate 57.68 %").says("all 16 passed").says("rejects   14 records, kept in ");
}

#[test]
fn summary_lists_the_contents_of_the_star() {
    let here = Workspace::new();
    let outcome = here.run(sample_args());
    outcome
        .exits(0)
        .says("63 objects listed = 63 read, 16.6 kB; 63 records read = 62 decoded + 1 rejected");
    outcome
        .says("5 objects listed = 5 read, 299.3 kB; 681 records read = 668 decoded + 13 rejected");
    for (table, rows) in
        [("songs", 60), ("artists", 21), ("users", 19), ("songplays", 534), ("time", 534)]
    {
        let shown = outcome.stdout.lines().find(|line| line.starts_with(&format!(" {table} ")));
        let shown: Vec<&str> = shown.unwrap().split_whitespace().collect();
        assert_eq!(shown[1], rows.to_string(), "{outcome}");
        let sql = format!("SELECT COUNT(*) AS n FROM \"{table}\"");
        assert_eq!(ask(&here, &sql), format!("n\n{rows}\n"));
    }
    let run = record(&here)["run_id"].as_str().unwrap().to_owned();
    outcome.says(&format!("star      {} (run {run})", here.join("star").display()));
}

#[test]
fn phases_are_timed_with_their_rates() {
    let outcome = Workspace::new().run(sample_args());
    outcome.exits(0);
    let of = |table: &&str| outcome.stdout.find(&format!(" write {table} ")).unwrap();
    assert!(["songs", "artists", "users", "songplays", "time"].iter().map(of).is_sorted());
    for phase in ["read and decode", "write songplays", "check", "publish", "total"] {
        let line = outcome.stdout.lines().find(|line| line.starts_with(&format!(" {phase} ")));
        let words: Vec<&str> =
            line.unwrap().trim_start_matches(&format!(" {phase} ")).split_whitespace().collect();
        assert!(words[0].parse::<f64>().is_ok() && words[1] == "s", "{phase}: {outcome}");
        if matches!(phase, "read and decode" | "write songplays") {
            assert!(words[2].parse::<f64>().is_ok() && words[3] == "MB/s", "{phase}: {outcome}");
        }
    }
}

#[test]
fn too_many_rejects_exit_with_3_and_are_shown_and_kept() {
    let here = Workspace::new();
    let outcome = here.run(transform_args("sample/song_data", "sample/log_data", &[]));
    outcome.fails_with("too-many-rejects").naming(&[
        "14 of 744 records",
        "limit is 0",
        "--max-rejects",
    ]);

    let log = fixture("sample/log_data/2018/11/2018-11-01-events.json");
    outcome.says(&format!(
        "reject {}:67 (byte 28582): expected a key or '}}' (byte 2 of the record)\n    {{not json}}\n",
        text(&log)
    ));
    outcome.says("sessionId: \"none\" is not a 64-bit integer\n    {\"artist\":");
    outcome.says("… and 9 more\n");

    let kept: Vec<String> =
        files(here.path()).into_iter().filter(|f| f.ends_with(".parquet")).collect();
    assert_eq!(kept.len(), 1, "{outcome}");
    outcome.says(&format!("14 records, kept in {}", here.join(&kept[0]).display()));
    assert!(kept[0].starts_with("star/_rejects/"), "{outcome}");
    assert!(!here.join("star/_starlift.json").exists(), "{outcome}");
}

#[test]
fn exactly_the_allowed_number_of_rejects_succeeds() {
    let run = |limit: &str| {
        let more = ["--max-rejects", limit];
        Workspace::new().run(transform_args("sample/song_data", "sample/log_data", &more))
    };
    run("13").fails_with("too-many-rejects").naming(&["limit is 13"]);
    run("14").exits(0);
    run("1.88%").fails_with("too-many-rejects").naming(&["limit is 1.88%"]);
    run("1.89%").exits(0);
}

#[test]
fn failed_run_leaves_the_previous_star_unchanged() {
    let here = with_star();
    let before = here.read("star/_starlift.json");
    let outcome = here.run(transform_args("oddities/songs", "oddities/logs", &[]));
    outcome.fails_with("too-many-rejects");
    assert_eq!(here.read("star/_starlift.json"), before);
    here.run(["check", "--star", "star"]).exits(0);
    assert_eq!(ask(&here, "SELECT COUNT(*) AS n FROM songs"), "n\n60\n");
}

#[test]
fn second_run_replaces_the_first_and_removes_its_files() {
    let here = with_star();
    let first = record(&here)["run_id"].as_str().unwrap().to_owned();
    let outcome = here.run(TINY.map(|arg| match arg {
        "songs" => fixture("oddities/songs/crlf.ndjson"),
        "logs" => fixture("oddities/logs/crlf.ndjson"),
        other => other.into(),
    }));
    outcome.exits(0);
    let left = files(here.path());
    assert!(!left.iter().any(|file| file.contains(&first)), "{outcome}");
    assert_eq!(ask(&here, "SELECT song_id FROM songplays"), "song_id\nSO02\nSO03\n");
}

#[test]
fn same_input_produces_the_same_parquet_bytes() {
    let bytes = |here: &Workspace| -> Vec<(String, Vec<u8>)> {
        let record = record(here);
        let tables = record["tables"].as_object().unwrap();
        let paths = tables.iter().flat_map(|(name, table)| {
            let files = table["files"].as_array().unwrap();
            files.iter().map(move |file| (name.clone(), file["path"].as_str().unwrap().to_owned()))
        });
        paths
            .map(|(name, path)| (name, std::fs::read(here.join("star").join(path)).unwrap()))
            .collect()
    };
    let (one, other) = (Workspace::new(), Workspace::new());
    one.run(sample_args()).exits(0);
    other.run(sample_args().into_iter().chain(["--threads".into(), "1".into()])).exits(0);
    let found = bytes(&one);
    assert_eq!(found.len(), 5);
    assert!(found == bytes(&other));
}

#[test]
fn dry_run_lists_inputs_and_changes_nothing() {
    let here = Workspace::new();
    let outcome = here.run(transform_args("oddities/songs", "sample/log_data", &["--dry-run"]));
    outcome.exits(0).says("would read 16 objects for songs, ").says("skipped: 1 .csv\n");
    outcome.says("would read 5 objects for logs, 299.3 kB:\n");
    outcome.says(&format!(
        "  {} (87.3 kB)\n",
        text(&fixture("sample/log_data/2018/11/2018-11-02-events.json"))
    ));
    outcome.says(&format!("would write to {}:\n", here.join("star").display()));
    outcome
        .says("songplays/<run-id>-NNNNN.parquet and songplays.manifest")
        .says("there is no star yet");
    assert_eq!(files(here.path()), [""; 0], "{outcome}");
    assert!(!here.join("star").exists(), "{outcome}");
}

#[test]
fn dry_run_names_the_star_it_would_replace() {
    let here = with_star();
    let before = files(here.path());
    let run = record(&here)["run_id"].as_str().unwrap().to_owned();
    let outcome = here.run(sample_args().into_iter().chain(["--dry-run".into()]));
    outcome.exits(0).says(&format!("would replace the star of run {run}"));
    outcome.says("… and 43 more");
    assert_eq!(files(here.path()), before);
}

#[test]
fn nothing_is_published_without_input() {
    let here = Workspace::new();
    here.write("songs/notes.txt", "no song");
    here.write("logs/l.json", "{}");
    for dry in [&["--dry-run"][..], &[]] {
        let outcome = here.run(TINY.iter().chain(dry));
        outcome.fails_with("nothing-found").naming(&["songs", "skipped: 1 .txt"]);
        assert!(!here.join("star/_starlift.json").exists());
    }
}

#[test]
fn objects_prefixes_and_globs_can_overlap() {
    let here = Workspace::new();
    let songs = fixture("oddities/songs");
    let logs = fixture("oddities/logs");
    let outcome = here.run([
        "transform",
        "--songs",
        text(&songs.join("crlf.ndjson")),
        text(&songs.join("c*.ndjson")),
        text(&songs.join("byte-order-mark.json")),
        "--logs",
        &format!("{}/[bc]*.{{json,ndjson}}", text(&logs)),
        "--out",
        "star",
        "--max-rejects",
        "1",
    ]);
    outcome.exits(0).says("songs     2 objects listed = 2 read").says("logs      3 objects listed");
    assert_eq!(ask(&here, "SELECT song_id FROM songs"), "song_id\nSO01\nSO02\nSO03\n");
}

#[test]
fn names_with_url_or_glob_syntax_are_taken_literally() {
    let here = Workspace::new();
    for odd in [
        "hash # 1",
        "per%20cent %",
        "query?",
        "brackets [a]",
        "star*",
        "braces {a,b}",
        "quote\"'",
        "é 달빛",
    ] {
        let folder = here.join(odd);
        std::fs::create_dir_all(folder.join("star")).unwrap();
        std::fs::create_dir_all(folder.join("in")).unwrap();
        for (from, to) in [("songs", "in/s #1.json"), ("logs", "in/l%41.json")] {
            std::fs::copy(fixture("oddities").join(from).join("crlf.ndjson"), folder.join(to))
                .unwrap();
        }
        let star = folder.join("star");
        let outcome = here.run([
            "transform",
            "--songs",
            text(&folder.join("in/s #1.json")),
            "--logs",
            text(&folder.join("in/l%41.json")),
            "--out",
            text(&star),
        ]);
        outcome.exits(0);
        assert!(star.join("_starlift.json").is_file(), "{outcome}");
        here.run(["check", "--star", text(&star)]).exits(0);

        let mut inside = here.command();
        inside.current_dir(&folder).args([
            "transform",
            "--songs",
            "in/s #1.json",
            "--logs",
            "in/l%41.json",
            "--out",
            "star",
        ]);
        here.outcome(&mut inside).exits(0);
    }
}

#[test]
fn table_is_split_into_files_by_size() {
    let here = Workspace::new();
    here.run(["generate", "--songs", "5", "--events", "20000", "--out", "data"]).exits(0);
    let args = ["--songs", "data/song_data", "--logs", "data/log_data", "--out", "star"];
    here.run(["transform", "--file-size", "1KiB"].iter().chain(&args)).exits(0);
    let songplays = &record(&here)["tables"]["songplays"];
    let rows: Vec<u64> = songplays["files"]
        .as_array()
        .unwrap()
        .iter()
        .map(|f| f["rows"].as_u64().unwrap())
        .collect();
    assert!(rows.len() > 1, "{rows:?}");
    assert_eq!(rows.iter().sum::<u64>(), songplays["rows"].as_u64().unwrap());
    let manifest: serde_json::Value =
        serde_json::from_str(&here.read("star/songplays.manifest")).unwrap();
    let lengths = |files: &serde_json::Value, path: &[&str]| -> Vec<u64> {
        let length = |file: &serde_json::Value| path.iter().fold(file, |at, key| &at[key]).as_u64();
        files.as_array().unwrap().iter().map(|file| length(file).unwrap()).collect()
    };
    let listed = lengths(&manifest["entries"], &["meta", "content_length"]);
    assert_eq!(listed, lengths(&songplays["files"], &["bytes"]));
    let counted = format!("n\n{}\n", songplays["rows"]);
    assert_eq!(ask(&here, "SELECT COUNT(DISTINCT songplay_id) AS n FROM songplays"), counted);
}

#[test]
fn jsonpaths_file_locates_the_values() {
    let here = Workspace::new();
    here.write("paths.json", r#"{"jsonpaths":["$[0]","$[1]","$[2]","$[3]","$[4]","$[5]","$[6]['id']","$[6].title","$[7]","$[8]"]}"#);
    here.write("songs.json", r#"[1,"A1",1.5,null,"","N",{"id":"S1","title":"T"},"9.5",0]"#);
    let logs = fixture("oddities/logs/crlf.ndjson");
    let args = ["transform", "--songs", "songs.json", "--logs", text(&logs), "--out", "star"];
    here.run(args.into_iter().chain(["--song-jsonpaths", "paths.json"])).exits(0);
    assert_eq!(
        ask(&here, "SELECT * FROM songs"),
        "song_id,title,artist_id,year,duration\nS1,T,A1,,9.5\n"
    );
    here.write("paths.json", r#"{"jsonpaths":["$[0]"]}"#);
    let outcome = here.run(args.into_iter().chain(["--song-jsonpaths", "paths.json"]));
    outcome.fails_with("jsonpaths").naming(&["paths.json"]);
    let outcome = here.run(args.into_iter().chain(["--log-jsonpaths", "nowhere.json"]));
    outcome.fails_with("nothing-found").naming(&["nowhere.json"]);
}

#[test]
fn matching_by_duration_is_stricter() {
    let matched = |rule: &str| {
        let here = Workspace::new();
        let more = ["--max-rejects", "33", "--match", rule];
        here.run(transform_args("oddities/songs", "oddities/logs", &more)).exits(0);
        ask(&here, "SELECT COUNT(song_id) AS n FROM songplays WHERE user_id = 5")
    };
    assert_eq!(matched("title-artist"), "n\n6\n");
    assert_eq!(matched("title-artist-duration"), "n\n2\n");
}
