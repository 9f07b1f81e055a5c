//! `starlift generate`: the same seed yields the same bytes, and the output folder must be empty.

use std::collections::BTreeMap;

use super::text;
use crate::support::{Outcome, Workspace, files};

const SMALL: [&str; 10] =
    ["generate", "--songs", "20", "--events", "300", "--users", "5", "--days", "3", "--out"];

fn generate(here: &Workspace, out: &str, more: &[&str]) -> Outcome {
    here.run(SMALL.iter().chain(&[out]).chain(more))
}

fn contents(here: &Workspace, folder: &str) -> BTreeMap<String, Vec<u8>> {
    let folder = here.join(folder);
    let read = |file: String| (file.clone(), std::fs::read(folder.join(file)).unwrap());
    files(&folder).into_iter().map(read).collect()
}

#[test]
fn same_seed_produces_the_same_bytes_and_another_seed_does_not() {
    let here = Workspace::new();
    generate(&here, "one", &["--seed", "11"]).exits(0);
    generate(&here, "same", &["--seed", "11"]).exits(0);
    generate(&here, "other", &["--seed", "12"]).exits(0);
    let one = contents(&here, "one");
    assert!(one.len() > 3 && one == contents(&here, "same"));
    assert!(one != contents(&here, "other"));
    let logs = |name: &str| -> Vec<Vec<u8>> {
        contents(&here, name)
            .into_iter()
            .filter(|(f, _)| f.starts_with("log_data"))
            .map(|(_, b)| b)
            .collect()
    };
    assert!(logs("one").iter().zip(&logs("other")).all(|(one, other)| one != other));
}

#[test]
fn generated_records_are_counted() {
    let here = Workspace::new();
    let outcome = generate(&here, "data", &["--bad-rate", "0.1", "--duplicate-rate", "0.1"]);
    outcome.exits(0).says("20 songs, 2 repeated, 2 bad").says("300 events (").says(", 30 bad");
    outcome.says(&format!("3 objects at {}", here.join("data/log_data").display()));
    let found = files(&here.join("data"));
    assert_eq!(found[0], "log_data/2018/11/2018-11-01-events.json");
    assert_eq!(found.iter().filter(|f| f.starts_with("log_data/")).count(), 3);

    let run = here.run([
        "transform",
        "--songs",
        "data/song_data",
        "--logs",
        "data/log_data",
        "--out",
        "star",
        "--max-rejects",
        "32",
    ]);
    run.exits(0).says("24 records read = 22 decoded + 2 rejected");
    run.says(" decoded + 30 rejected");
}

#[test]
fn nonempty_output_is_rejected() {
    for folder in ["song_data", "log_data"] {
        let here = Workspace::new();
        here.write(&format!("data/{folder}/mine.json"), "{}");
        let outcome = generate(&here, "data", &[]);
        outcome.fails_with("invalid-option").naming(&[text(&here.join("data").join(folder))]);
        assert_eq!(files(here.path()), [format!("data/{folder}/mine.json")]);
    }
}

#[test]
fn invalid_rates_and_numbers_are_rejected() {
    let here = Workspace::new();
    for (flag, value) in [
        ("--bad-rate", "1.5"),
        ("--bad-rate", "NaN"),
        ("--bad-rate", "some"),
        ("--duplicate-rate", "2"),
        ("--duplicate-rate", "inf"),
    ] {
        let outcome = generate(&here, "data", &[flag, value]);
        outcome.exits(2).complains(flag).complains(&format!("'{value}'"));
        outcome.complains("a rate is a number from 0 to 1");
    }
    for (flag, value) in [
        ("--users", "0"),
        ("--days", "0"),
        ("--days", "100001"),
        ("--songs", "many"),
        ("--seed", "1.5"),
    ] {
        let outcome = here.run(["generate", "--out", "data", flag, value]);
        outcome.exits(2).complains(flag).complains(&format!("'{value}'"));
    }
    here.run(["generate"]).exits(2).complains("--out <URL>");
    assert_eq!(files(here.path()), [""; 0]);
}

#[test]
fn zero_records_can_be_generated() {
    let here = Workspace::new();
    here.run(["generate", "--songs", "0", "--events", "0", "--out", "data"])
        .exits(0)
        .says("0 songs, 0 repeated, 0 bad");
    assert_eq!(files(here.path()), [""; 0]);
}
