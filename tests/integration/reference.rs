//! Compares stars row by row with an independent implementation of the rules, and loads them with
//! other engines.
//!
//! The implementation is `tests/reference/star.py`. `STARLIFT_PYTHON` names a Python that has
//! pyarrow and duckdb to run it.

use std::path::Path;
use std::process::Command;

use crate::support::{Workspace, files, python, real_data};

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// Returns the output of a Python script in `tests/reference`; fails the test if the script fails.
#[track_caller]
fn run(python: &Path, script: &str, args: &[&str]) -> String {
    let script = root().join("tests/reference").join(script);
    let output = Command::new(python).arg(script).args(args).output().unwrap();
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{args:?}: {:?}\n{text}\n{errors}", output.status.code());
    text
}

/// Builds a star with these rules, compares it with the reference, and loads it with other engines.
#[track_caller]
fn agrees(python: &Path, songs: &Path, logs: &Path, rules: &[&str]) {
    let here = Workspace::new();
    let star = here.join("star");
    let [songs, logs, star] = [songs, logs, &star].map(|path| path.to_str().unwrap());
    let inputs = ["transform", "--songs", songs, "--logs", logs, "--out", star];
    here.run(inputs.iter().chain(&["--max-rejects", "100%"]).chain(rules)).exits(0);

    let verdict = run(python, "star.py", &[&[songs, logs, star], rules].concat());
    assert_eq!(verdict.lines().count(), 7, "{verdict}");
    assert!(verdict.lines().all(|line| line.ends_with(" same")), "{verdict}");

    let record: serde_json::Value =
        serde_json::from_str(&here.read("star/_starlift.json")).unwrap();
    let loaded = run(python, "load.py", &[star]);
    let wanted = [
        ("songs", "VARCHAR,VARCHAR,VARCHAR,INTEGER,DOUBLE"),
        ("artists", "VARCHAR,VARCHAR,VARCHAR,DOUBLE,DOUBLE"),
        ("users", "BIGINT,VARCHAR,VARCHAR,VARCHAR,VARCHAR"),
        ("songplays", "BIGINT,TIMESTAMP,BIGINT,VARCHAR,VARCHAR,VARCHAR,BIGINT,VARCHAR,VARCHAR"),
        ("time", "TIMESTAMP,SMALLINT,SMALLINT,SMALLINT,SMALLINT,SMALLINT,SMALLINT"),
    ];
    let wanted = wanted.map(|(table, types)| {
        let rows = &record["tables"][table]["rows"];
        format!("{table} {rows} {rows} {types}\n")
    });
    assert_eq!(loaded, wanted.concat());
}

const RULES: [&[&str]; 4] = [
    &[],
    &["--unmatched", "drop"],
    &["--match", "title-artist-duration"],
    &["--unmatched", "drop", "--match", "title-artist-duration"],
];

#[test]
fn the_sample_agrees() {
    let Some(python) = python() else { return };
    let sample = root().join("fixtures/sample");
    for rules in RULES {
        agrees(&python, &sample.join("song_data"), &sample.join("log_data"), rules);
    }
}

#[test]
fn the_oddities_agree() {
    let Some(python) = python() else { return };
    let oddities = root().join("fixtures/oddities");
    for rules in RULES {
        agrees(&python, &oddities.join("songs"), &oddities.join("logs"), rules);
    }
}

/// Rewrites the valid objects of the files below `folder`, each over several lines.
fn pretty_print(here: &Workspace, folder: &str, to: &str) {
    let mut printed = String::new();
    for file in files(&here.join(folder)) {
        let text = std::fs::read(here.join(folder).join(file)).unwrap();
        let lines = text.split(|byte| *byte == b'\n');
        let objects = lines.filter_map(|line| {
            serde_json::from_slice::<serde_json::Map<String, serde_json::Value>>(line).ok()
        });
        for object in objects.take(40) {
            printed += &serde_json::to_string_pretty(&object).unwrap();
            printed.push('\n');
        }
    }
    assert!(printed.lines().count() > 1000, "{folder}: hardly anything to print");
    here.write(to, printed);
}

#[test]
fn generated_data_with_bad_duplicate_and_pretty_printed_records_agrees() {
    let Some(python) = python() else { return };
    for seed in ["5", "6"] {
        let here = Workspace::new();
        let size = ["--songs", "300", "--events", "4000", "--users", "40", "--days", "4"];
        let rates = ["--bad-rate", "0.1", "--duplicate-rate", "0.2", "--seed", seed];
        here.run(["generate", "--out", "data"].iter().chain(&size).chain(&rates)).exits(0);
        pretty_print(&here, "data/song_data", "data/song_data/pretty.json");
        pretty_print(&here, "data/log_data", "data/log_data/pretty.json");
        agrees(&python, &here.join("data/song_data"), &here.join("data/log_data"), &[]);
    }
}

#[test]
fn the_real_data_agrees() {
    let Some(real) = real_data() else { return };
    let Some(python) = python() else { return };
    for rules in [RULES[0], RULES[3]] {
        agrees(&python, &real.join("song_data"), &real.join("log_data"), rules);
    }
}

#[test]
fn different_star_is_detected() {
    let Some(python) = python() else { return };
    let here = Workspace::new();
    let oddities = root().join("fixtures/oddities");
    let inputs = [oddities.join("songs"), oddities.join("logs")];
    let [songs, logs] = [0, 1].map(|i| inputs[i].to_str().unwrap());
    let args = ["transform", "--songs", songs, "--logs", logs, "--out", "star"];
    here.run(args.iter().chain(&["--max-rejects", "100%"])).exits(0);
    let script = root().join("tests/reference/star.py");
    let outcome = Command::new(&python)
        .arg(script)
        .args([songs, logs, here.join("star").to_str().unwrap(), "--unmatched", "drop"])
        .output()
        .unwrap();
    assert_eq!(outcome.status.code(), Some(1));
    let text = String::from_utf8_lossy(&outcome.stdout);
    assert!(text.contains("songplays: ") && text.contains("extra: "), "{text}");
}

#[test]
fn random_data_sets_agree() {
    let Some(python) = python() else { return };
    let program = env!("CARGO_BIN_EXE_starlift");
    let text = run(&python, "random_data.py", &[program, "--runs", "40", "--seed", "20181112"]);
    assert_eq!(text, "40 data sets, 0 differ\n");
}
