//! Incremental runs that are killed, or run at the same time.

use std::process::Stdio;
use std::time::Duration;

use serde_json::Value;

use crate::support::Workspace;
use crate::support::dice::Dice;

const KILLS: u64 = 12;

/// Returns the hash of the tables of the star in `out`, which must pass its checks.
fn star_hash(here: &Workspace, out: &str) -> String {
    here.run(["check", "--quiet", "--star", out]).exits(0);
    let record: Value = serde_json::from_str(&here.read(&format!("{out}/_starlift.json"))).unwrap();
    record["star_hash"].as_str().unwrap().to_owned()
}

/// Adds a day of events, and makes all files older, so that the next run does not read them again.
fn add_day(here: &Workspace, day: u64) {
    let seed = day.to_string();
    let mut args: Vec<&str> =
        "generate --songs 1 --events 60 --users 8 --days 1".split(' ').collect();
    args.extend(["--seed", &seed, "--out", "more"]);
    here.run(args).exits(0);
    let files = crate::support::files(&here.join("more/log_data"));
    let target = here.join(&format!("data/log_data/{day}.json"));
    std::fs::rename(here.join("more/log_data").join(&files[0]), &target).unwrap();
    std::fs::remove_dir_all(here.join("more")).unwrap();
    let file = std::fs::File::options().write(true).open(&target).unwrap();
    file.set_modified(std::time::SystemTime::now() - Duration::from_secs(60)).unwrap();
}

fn workspace() -> Workspace {
    let here = Workspace::new();
    here.run("generate --songs 20 --events 200 --users 8 --days 2 --out data".split(' ')).exits(0);
    here.outcome(&mut here.transform("star", &["--incremental"])).exits(0);
    here
}

/// Returns the runs of the earlier stars whose files are kept.
fn kept(here: &Workspace) -> Vec<String> {
    let record: Value = serde_json::from_str(&here.read("star/_starlift.json")).unwrap();
    let history = record["history"].as_array().cloned().unwrap_or_default();
    let kept = history.iter().filter(|star| star["kept"] == true);
    kept.map(|star| star["run_id"].as_str().unwrap().to_owned()).collect()
}

/// Checks that the earlier stars that the record names can be restored.
fn assert_kept(here: &Workspace) {
    for run in kept(here) {
        here.run(["rollback", &run, "--star", "star", "--dry-run"])
            .exits(0)
            .says("all of its files");
    }
}

#[test]
fn a_run_that_is_killed_leaves_a_star_that_the_next_run_updates() {
    let here = workspace();
    let mut dice = Dice(2018);
    for day in 0..KILLS {
        let before = star_hash(&here, "star");
        add_day(&here, day);
        let mut command = here.transform("star", &["--incremental", "--keep", "2"]);
        let mut run = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        std::thread::sleep(Duration::from_millis(dice.roll(500)));
        run.kill().unwrap();
        run.wait().unwrap();
        here.outcome(&mut here.transform("full", &[])).exits(0);
        let (standing, full) = (star_hash(&here, "star"), star_hash(&here, "full"));
        assert!(standing == before || standing == full, "the star is torn");
        if dice.roll(3) > 0 {
            let next = ["--incremental", "--keep", "2"];
            here.outcome(&mut here.transform("star", &next)).exits(0);
            assert_eq!(star_hash(&here, "star"), full);
            assert_kept(&here);
        }
    }
    here.outcome(&mut here.transform("star", &["--incremental"])).exits(0);
    here.outcome(&mut here.transform("star", &["--verify"])).exits(0);
    let record = kept(&here).iter().fold(here.read("star/_starlift.json"), |named, run| {
        let path = format!("_history/{run}.json");
        named + &path + &here.read(&format!("star/{path}"))
    });
    let files = crate::support::files(&here.join("star"));
    let unnamed = files.iter().filter(|file| file.contains('/') && !record.contains(&***file));
    assert_eq!(unnamed.collect::<Vec<_>>(), [""; 0]);
}

#[test]
fn two_runs_at_once_end_with_one_whole_star() {
    let here = workspace();
    for (day, lock) in [(0, "on"), (1, "off")] {
        add_day(&here, day);
        let spawn = || {
            let mut command = here.transform("star", &["--incremental", "--lock", lock]);
            command.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap()
        };
        let ended = [spawn(), spawn()].map(|run| run.wait_with_output().unwrap());
        assert!(ended.iter().any(|run| run.status.success()));
        for run in ended.iter().filter(|run| !run.status.success()) {
            let error = String::from_utf8_lossy(&run.stderr);
            assert!(error.contains("output-locked") || error.contains("overtaken"), "{error}");
        }
        here.outcome(&mut here.transform("full", &[])).exits(0);
        assert_eq!(star_hash(&here, "star"), star_hash(&here, "full"));
        here.outcome(&mut here.transform("star", &["--verify"])).exits(0);
    }
}
