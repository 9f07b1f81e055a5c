//! The earlier stars of an output: `--keep`, `starlift history`, `starlift diff` and `starlift rollback`.

use std::process::Stdio;
use std::time::Duration;

use serde_json::Value;

use crate::support::dice::Dice;
use crate::support::{Outcome, Workspace, files};

/// Songs and logs of which a test adds one per run.
pub struct Runs {
    pub here: Workspace,
}

impl Runs {
    pub fn new() -> Runs {
        let here = Workspace::new();
        let generate = "generate --songs 20 --events 300 --users 8 --days 4 --seed 5 --out data";
        here.run(generate.split(' ')).exits(0);
        Runs { here }
    }

    /// Returns runs that have published three stars, each with one play more than the one before.
    pub fn three(keep: &str) -> Runs {
        let runs = Runs::new();
        for number in 0..3 {
            runs.add_play(number, "2018-11-20");
            runs.transform(&["--keep", keep]).exits(0);
        }
        runs
    }

    pub fn transform(&self, more: &[&str]) -> Outcome {
        let options = ["--partition", "day", "--incremental", "--removed", "drop"];
        self.here.outcome(&mut self.here.transform("star", &[&options, more].concat()))
    }

    /// Adds a log with a play by a known user on a day.
    pub fn add_play(&self, number: i64, day: &str) {
        let noon = chrono::DateTime::parse_from_rfc3339(&format!("{day}T12:00:00Z")).unwrap();
        let play = serde_json::json!({"page": "NextSong", "ts": noon.timestamp_millis() + number,
            "userId": "1", "sessionId": 7, "song": "None", "artist": "None", "level": "free",
            "firstName": "A", "lastName": format!("B{number}"), "gender": "F"});
        self.here.write(&format!("data/log_data/{day}-{number}.json"), format!("{play}\n"));
    }

    /// Returns the rows of `history`, latest first.
    fn history(&self) -> Vec<Value> {
        let outcome = self.here.run(["history", "--star", "star", "--format", "json"]);
        serde_json::from_str(&outcome.exits(0).stdout).unwrap()
    }

    /// Returns the IDs of the runs, latest first.
    pub fn run_ids(&self) -> Vec<String> {
        self.history().iter().map(|run| run["run_id"].as_str().unwrap().to_owned()).collect()
    }

    fn record(&self) -> Value {
        serde_json::from_str(&self.here.read("star/_starlift.json")).unwrap()
    }

    pub fn star_hash(&self) -> String {
        self.record()["star_hash"].as_str().unwrap().to_owned()
    }

    pub fn rollback(&self, run: &str) -> Outcome {
        self.here.run(["rollback", run, "--star", "star"])
    }

    fn diff(&self, more: &[&str]) -> Outcome {
        self.here.run(["diff", "--star", "star"].iter().chain(more))
    }

    /// Checks that the star can be read and that its files have the recorded bytes.
    pub fn assert_whole(&self) {
        self.here.run(["check", "--quiet", "--star", "star"]).exits(0);
        let manifest: Value =
            serde_json::from_str(&self.here.read("star/songplays.manifest")).unwrap();
        let own = self.record()["tables"]["songplays"]["manifest"].as_str().unwrap().to_owned();
        let own: Value = serde_json::from_str(&self.here.read(&format!("star/{own}"))).unwrap();
        assert_eq!(manifest, own);
    }
}

/// Returns the line of `diff` about a partition, as its numbers.
fn line(outcome: &Outcome, table: &str, partition: &str) -> Vec<String> {
    let of_partition = |line: &&str| {
        let words: Vec<&str> = line.split_whitespace().collect();
        words.first() == Some(&table) && (partition.is_empty() || words.get(1) == Some(&partition))
    };
    let line = outcome.stdout.lines().find(of_partition);
    let line = line.unwrap_or_else(|| panic!("no line of {table} {partition}\n{outcome}"));
    let skipped = if partition.is_empty() { 1 } else { 2 };
    line.split_whitespace().skip(skipped).map(str::to_owned).collect()
}

#[test]
fn the_history_lists_runs_and_which_are_kept() {
    let runs = Runs::three("1");
    let history = runs.history();
    let files: Vec<&Value> = history.iter().map(|run| &run["files"]).collect();
    assert_eq!(files, [&Value::from("current"), &Value::from("kept"), &Value::Null]);
    let changed: Vec<&Value> = history.iter().map(|run| &run["changed_partitions"]).collect();
    // A day of songplays and of time, and the users.
    assert_eq!(changed, [&Value::from(3), &Value::from(3), &Value::Null]);
    assert_eq!(history[0]["rows"].as_i64().unwrap(), history[1]["rows"].as_i64().unwrap() + 2);
    assert!(history.iter().all(|run| run["event"] == "run"));
    let table = runs.here.run(["history", "--star", "star"]);
    table.exits(0).says("current").says(&runs.run_ids()[2]);
    // A run that publishes nothing is not part of the history.
    for file in files_of(&runs) {
        set_old(&runs, &file);
    }
    runs.transform(&[]).exits(0);
    runs.transform(&[]).exits(0).says("not built again");
    assert_eq!(runs.history().len(), 4);
}

fn files_of(runs: &Runs) -> Vec<String> {
    files(&runs.here.join("data"))
}

/// Makes a file old enough for its time of modification to identify its content.
pub fn set_old(runs: &Runs, file: &str) {
    let path = runs.here.join("data").join(file);
    let file = std::fs::File::options().write(true).open(path).unwrap();
    file.set_modified(std::time::SystemTime::now() - Duration::from_secs(60)).unwrap();
}

#[test]
fn files_of_stars_that_are_no_longer_kept_are_removed() {
    let runs = Runs::three("2");
    let unnamed = |runs: &Runs| {
        let mut named = runs.here.read("star/_starlift.json");
        for run in runs.history().iter().filter(|run| run["files"] == "kept") {
            let path = format!("_history/{}.json", run["run_id"].as_str().unwrap());
            named += &path;
            named += &runs.here.read(&format!("star/{path}"));
        }
        let found = files(&runs.here.join("star"));
        let found = found.into_iter().filter(|file| file.contains('/'));
        found.filter(|file| !named.contains(file)).collect::<Vec<_>>()
    };
    assert_eq!(unnamed(&runs), [""; 0]);
    let kept = files(&runs.here.join("star")).len();
    runs.add_play(9, "2018-11-21");
    runs.transform(&["--keep", "0"]).exits(0);
    assert_eq!(unnamed(&runs), [""; 0]);
    assert!(files(&runs.here.join("star")).len() < kept);
    assert!(files(&runs.here.join("star/_history")).is_empty());
    let outcome = runs.rollback(&runs.run_ids()[1]);
    outcome.fails_with("unknown-run").naming(&["no earlier star"]);
}

#[test]
fn a_difference_counts_rows_that_are_new_gone_and_changed() {
    let runs = Runs::three("5");
    let outcome = runs.diff(&[]);
    outcome.exits(0).says("3 of ");
    assert_eq!(line(&outcome, "songplays", "2018-11-20"), ["2", "3", "1", "0", "0"]);
    assert_eq!(line(&outcome, "time", "2018-11-20"), ["2", "3", "1", "0", "0"]);
    let users = line(&outcome, "users", "");
    assert_eq!(users[0], users[1]);
    assert_eq!(users[2..], ["0", "0", "1"]);
    let ids = runs.run_ids();
    let back = runs.diff(&[&ids[0], &ids[2]]);
    assert_eq!(line(&back, "songplays", "2018-11-20"), ["3", "1", "0", "2", "0"]);
    runs.diff(&["current", &ids[0]]).exits(0).says("have the same stars");
    // A day that is new and one that is gone.
    runs.add_play(0, "2018-12-31");
    for number in 0..3 {
        let log = format!("data/log_data/2018-11-20-{number}.json");
        std::fs::remove_file(runs.here.join(&log)).unwrap();
    }
    runs.transform(&["--keep", "5"]).exits(0);
    let outcome = runs.diff(&[&ids[0]]);
    assert_eq!(line(&outcome, "songplays", "2018-11-20"), ["3", "0", "0", "3", "0"]);
    assert_eq!(line(&outcome, "songplays", "2018-12-31"), ["0", "1", "1", "0", "0"]);
}

#[test]
fn stars_with_other_files_and_equal_rows_differ_in_no_row() {
    let runs = Runs::new();
    runs.transform(&["--keep", "2"]).exits(0);
    let month = ["--keep", "2", "--partition", "month"];
    runs.here.outcome(&mut runs.here.transform("star", &month)).exits(0);
    let outcome = runs.diff(&[]);
    let [before, after, added, removed, changed] = &line(&outcome, "songplays", "")[..] else {
        panic!("{outcome}");
    };
    assert_eq!(before, after);
    assert_eq!([added, removed, changed], ["0", "0", "0"]);
    assert!(!outcome.stdout.contains("songs "), "{outcome}");
}

#[test]
fn a_rollback_restores_a_star_and_can_be_undone() {
    let runs = Runs::three("2");
    let (ids, latest) = (runs.run_ids(), runs.star_hash());
    let first: Value =
        serde_json::from_str(&runs.here.read(&format!("star/_history/{}.json", ids[2]))).unwrap();
    let dry = runs.here.run(["rollback", &ids[2], "--star", "star", "--dry-run"]);
    dry.exits(0).says("would restore").says("3 partitions differ");
    assert_eq!(runs.star_hash(), latest);
    runs.rollback(&ids[2]).exits(0).says("restored  the star of run").says(&ids[2]);
    assert_eq!(runs.star_hash(), first["star_hash"]);
    runs.assert_whole();
    let history = runs.history();
    assert_eq!(
        (&history[0]["event"], &history[0]["restored_run"]),
        (&"rollback".into(), &Value::from(&*ids[2]))
    );
    assert_eq!(history.len(), 4);
    // Nothing is lost: also the star that was replaced is kept.
    runs.rollback(&ids[0]).exits(0);
    assert_eq!(runs.star_hash(), latest);
    runs.assert_whole();
    let current = runs.run_ids()[0].clone();
    runs.rollback(&current).exits(0).says("is in place already; nothing was changed");
    assert_eq!(runs.run_ids()[0], current);
    // The next run continues from the objects.
    runs.rollback(&ids[2]).exits(0);
    runs.add_play(7, "2018-11-22");
    runs.transform(&[]).exits(0);
    runs.here.outcome(&mut runs.here.transform("full", &["--partition", "day"])).exits(0);
    let full: Value = serde_json::from_str(&runs.here.read("full/_starlift.json")).unwrap();
    assert_eq!(runs.star_hash(), full["star_hash"]);
}

#[test]
fn files_of_a_kept_star_stay_without_its_record() {
    let runs = Runs::three("2");
    let path = runs.here.join(&format!("star/_history/{}.json", runs.run_ids()[2]));
    let text = std::fs::read(&path).unwrap();
    let record: Value = serde_json::from_slice(&text).unwrap();
    std::fs::remove_file(&path).unwrap();
    runs.add_play(8, "2018-11-23");
    let outcome = runs.transform(&["--keep", "3"]);
    outcome.exits(0).complains("not all superseded files could be removed");
    let users = record["tables"]["users"]["files"][0]["path"].as_str().unwrap();
    assert!(runs.here.join("star").join(users).exists());
    let run = record["run_id"].as_str().unwrap();
    runs.rollback(run).fails_with("damaged-star");
    std::fs::write(&path, text).unwrap();
    runs.rollback(run).exits(0);
    assert_eq!(runs.star_hash(), record["star_hash"]);
}

#[test]
fn a_table_that_was_empty_has_no_partition() {
    let runs = Runs { here: Workspace::new() };
    runs.here.write(
        "data/song_data/a.json",
        r#"{"song_id": "S", "title": "T", "artist_id": "A", "artist_name": "N"}"#,
    );
    let home = r#"{"page": "Home", "ts": 1541721600000, "userId": "1", "sessionId": 1}"#;
    runs.here.write("data/log_data/a.json", home);
    runs.transform(&["--keep", "3"]).exits(0);
    runs.add_play(0, "2018-11-20");
    runs.transform(&["--keep", "3"]).exits(0);
    let outcome = runs.diff(&[]);
    assert_eq!(line(&outcome, "songplays", "2018-11-20"), ["0", "1", "1", "0", "0"]);
    assert_eq!(outcome.stdout.lines().filter(|line| line.contains("songplays")).count(), 1);
    assert_eq!(runs.history()[0]["changed_partitions"], 3);
}

#[test]
fn runs_that_are_unknown_or_damaged_are_not_restored() {
    let runs = Runs::three("1");
    let (ids, before) = (runs.run_ids(), runs.here.read("star/_starlift.json"));
    for (run, message) in [
        ("20010101T000000Z-00000000", "has no such run"),
        ("", "has no such run"),
        (&ids[2], "its files were not kept"),
        (&ids[0][..4], "several runs begin so"),
    ] {
        runs.rollback(run).fails_with("unknown-run").naming(&[message]);
        runs.diff(&[run]).fails_with("unknown-run").naming(&[message]);
    }
    let earlier: Value =
        serde_json::from_str(&runs.here.read(&format!("star/_history/{}.json", ids[1]))).unwrap();
    let users = earlier["tables"]["users"]["files"][0]["path"].as_str().unwrap();
    std::fs::remove_file(runs.here.join("star").join(users)).unwrap();
    runs.rollback(&ids[1]).fails_with("damaged-star").naming(&[users]);
    std::fs::remove_file(runs.here.join(&format!("star/_history/{}.json", ids[1]))).unwrap();
    runs.rollback(&ids[1]).fails_with("damaged-star").naming(&["_history/"]);
    assert_eq!(runs.here.read("star/_starlift.json"), before);
    runs.assert_whole();
    runs.here.run(["diff", "--star", "data"]).fails_with("nothing-found");
    runs.here.run(["rollback", "x"]).fails_with("invalid-option").naming(&["--star"]);
    runs.here.outcome(&mut runs.here.transform("star", &["--keep", "101"])).exits(2);
}

#[test]
fn a_rollback_that_is_killed_leaves_a_whole_star() {
    let runs = Runs::three("3");
    let (mut dice, ids) = (Dice(11), runs.run_ids());
    let hash = |id: &String| {
        let text = match runs.run_ids()[0] == *id {
            true => runs.here.read("star/_starlift.json"),
            false => runs.here.read(&format!("star/_history/{id}.json")),
        };
        serde_json::from_str::<Value>(&text).unwrap()["star_hash"].as_str().unwrap().to_owned()
    };
    let hashes: Vec<String> = ids.iter().map(hash).collect();
    for round in 0..12 {
        let (before, target) = (runs.star_hash(), round % ids.len());
        let mut command = runs.here.command();
        command.args(["rollback", &ids[target], "--star", "star"]);
        let mut run = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        std::thread::sleep(Duration::from_millis(dice.roll(60)));
        run.kill().unwrap();
        run.wait().unwrap();
        let standing = runs.star_hash();
        assert!(standing == before || standing == hashes[target], "the star is torn");
        runs.here.run(["check", "--quiet", "--star", "star"]).exits(0);
    }
    runs.rollback(&ids[1]).exits(0);
    assert_eq!(runs.star_hash(), hashes[1]);
    runs.assert_whole();
}
