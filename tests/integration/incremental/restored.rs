//! The state of incremental runs after an earlier star was restored.

use serde_json::Value;

use super::earlier::{Runs, set_old};

#[test]
fn a_rollback_loses_no_rows_of_objects_that_are_gone() {
    let runs = Runs::three("5");
    let first = runs.run_ids()[2].clone();
    std::fs::remove_file(runs.here.join("data/log_data/2018-11-20-2.json")).unwrap();
    let keep = ["--keep", "5", "--incremental", "--partition", "day", "--removed", "keep"];
    let transform = || runs.here.outcome(&mut runs.here.transform("star", &keep));
    transform().exits(0).says("1 gone");
    let kept = runs.star_hash();
    runs.rollback(&first).exits(0);
    assert_ne!(runs.star_hash(), kept);
    let full = runs.here.outcome(&mut runs.here.transform("star", &["--partition", "day"]));
    full.fails_with("kept-objects");
    transform().exits(0);
    assert_eq!(runs.star_hash(), kept);
    // An object that was read after the restored star, and is gone since then.
    runs.rollback(&first).exits(0);
    std::fs::remove_file(runs.here.join("data/log_data/2018-11-20-1.json")).unwrap();
    let stop = ["--incremental", "--partition", "day", "--removed", "stop"];
    let stopped = runs.here.outcome(&mut runs.here.transform("star", &stop));
    stopped.fails_with("objects-gone").naming(&["2018-11-20-1.json"]);
}

#[test]
fn a_rollback_restores_the_kept_rows_that_a_mistaken_run_has_dropped() {
    let runs = Runs::three("5");
    let options =
        |removed| ["--keep", "5", "--incremental", "--partition", "day", "--removed", removed];
    let transform = |removed| {
        runs.here.outcome(&mut runs.here.transform("star", &options(removed))).exits(0).code
    };
    std::fs::remove_file(runs.here.join("data/log_data/2018-11-20-2.json")).unwrap();
    transform("keep");
    let (kept, run) = (runs.star_hash(), runs.run_ids()[0].clone());
    transform("drop");
    assert_ne!(runs.star_hash(), kept);
    runs.here.run(["rollback", &run, "--star", "star", "--dry-run"]).exits(0);
    runs.rollback(&run).exits(0);
    assert_eq!(runs.star_hash(), kept);
    runs.here.outcome(&mut runs.here.transform("star", &[])).fails_with("kept-objects");
    runs.add_play(9, "2018-11-24");
    transform("keep");
    let query = ["query", "--star", "star", "--format", "csv", "--sql"];
    let plays = "SELECT COUNT(*) FROM songplays WHERE start_time >= '2018-11-20' AND start_time < '2018-11-21'";
    runs.here.run(query.iter().chain(&[plays])).exits(0).says("\n3\n");
    // Each star has rows of an object that the other one does not know.
    let run = runs.run_ids()[0].clone();
    transform("drop");
    runs.add_play(7, "2018-11-25");
    transform("keep");
    std::fs::remove_file(runs.here.join("data/log_data/2018-11-25-7.json")).unwrap();
    transform("keep");
    let standing = runs.star_hash();
    runs.rollback(&run).fails_with("kept-objects").naming(&["2018-11-20-2.json"]);
    assert_eq!(runs.star_hash(), standing);
}

#[test]
fn rejects_that_were_found_after_a_restored_star_are_kept() {
    let runs = Runs::three("5");
    let first = runs.run_ids()[2].clone();
    runs.here.write("data/log_data/bad.json", "{\"page\": \"NextSong\"}\n");
    set_old(&runs, "log_data/bad.json");
    runs.transform(&["--keep", "5", "--max-rejects", "5"]).exits(0);
    let hash = runs.star_hash();
    runs.rollback(&first).exits(0);
    runs.here.run(["rejects", "--star", "star"]).exits(0).says("no record was rejected");
    runs.transform(&["--keep", "5", "--max-rejects", "5"]).exits(0).says("0 new, 0 changed");
    assert_eq!(runs.star_hash(), hash);
    runs.here.run(["rejects", "--star", "star"]).exits(0).says("1 record rejected");
}

#[test]
fn a_star_is_restored_without_its_state() {
    let runs = Runs::three("2");
    let ids = runs.run_ids();
    std::fs::remove_dir_all(runs.here.join("star/_state")).unwrap();
    runs.rollback(&ids[1]).exits(0);
    runs.assert_whole();
    runs.transform(&["--keep", "2"]).exits(0).says("reason for reading");
    runs.here.outcome(&mut runs.here.transform("full", &["--partition", "day"])).exits(0);
    let full: Value = serde_json::from_str(&runs.here.read("full/_starlift.json")).unwrap();
    assert_eq!(runs.star_hash(), full["star_hash"]);
}
