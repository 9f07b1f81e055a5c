//! Globs, prefixes and lists of locations.

use super::*;

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
        outcome.fails_with("nothing-found").naming(&[missing]);
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
            outcome.fails_with("nothing-found");
            complaints.iter().for_each(|complaint| {
                outcome.complains(complaint);
            });
        }
    }
    assert!(!workspace.join("star/_starlift.json").exists());
}
