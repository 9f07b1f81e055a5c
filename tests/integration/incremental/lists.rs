//! Lists in incremental runs that build only the days that have changed.

use starlift::transform::{MatchRule, RepairEncoding, Rules, Unmatched};
use starlift::{Model, Partitioning};

use super::earlier::Runs;
use super::histories::{changed_model, model_with_short_list};
use super::*;
use crate::support::dice::Dice;

/// Makes a model in a folder.
type MakeModel = dyn Fn(&Path) -> Arc<Model>;

const DAY: i64 = 86_400_000;

/// Number of days with plays.
const DAYS: u64 = 14;

/// Number of titles that are played. The first ones can be in the catalogue.
const TITLES: u64 = 9;

fn play_of(dice: &mut Dice, day: u64) -> String {
    let ts = day as i64 * DAY + dice.roll(3) as i64;
    let title = format!("Title {}", dice.roll(TITLES).min(dice.roll(TITLES)));
    let artist = if dice.roll(5) == 0 { "BjÃ¶rk" } else { "Artist" };
    let length = 200.0 + dice.roll(2) as f64;
    let mut play = json!({"page": "NextSong", "ts": ts, "userId": dice.roll(3).to_string(), "sessionId": 139,
                          "song": title, "artist": artist, "length": length, "level": "free"});
    if dice.roll(12) == 0 {
        play.as_object_mut().unwrap().remove("song");
    }
    format!("{play}\n")
}

fn song_of(dice: &mut Dice) -> String {
    let (number, title) = (dice.roll(5), dice.roll(TITLES / 2));
    let artist = if dice.roll(4) == 0 { "Björk" } else { "Artist" };
    let song = json!({"song_id": format!("S{number}"), "title": format!("Title {title}"),
                      "artist_id": "A", "artist_name": artist, "duration": 200.0});
    format!("{song}\n")
}

/// Writes the objects of all days and of some songs.
fn start(history: &mut History, dice: &mut Dice) {
    history.options.partitioning = Partitioning::Day;
    for day in 0..DAYS {
        let text: String = (0..3 + dice.roll(5)).map(|_| play_of(dice, day)).collect();
        history.write(&format!("logs/{day}.json"), &text);
    }
    history.write("songs/0.json", &song_of(dice));
}

/// Changes one object of songs or of events.
fn change(history: &mut History, dice: &mut Dice, step: u64) {
    let day = dice.roll(DAYS);
    let name = match dice.roll(6) {
        0 => format!("songs/{}.json", dice.roll(3)),
        1 => format!("logs/late-{step}.json"),
        _ => format!("logs/{day}.json"),
    };
    if dice.roll(5) == 0 && history.path(&name).exists() {
        return history.remove(&name);
    }
    let text: String = match name.starts_with("songs") {
        true => song_of(dice),
        false => (0..1 + dice.roll(6)).map(|_| play_of(dice, day)).collect(),
    };
    history.write(&name, &text);
}

/// Runs a history of changes with a model. Each star must be that of a full run. Returns the number of runs that built
/// only some partitions, and the number of different lists.
fn run_changes(model: Option<&MakeModel>, rules: Rules, seed: u64) -> (usize, usize) {
    let (mut history, mut dice) = (History::new(), Dice(seed));
    if let Some(model) = model {
        history.options.model = model(&history.path("model"));
    }
    history.options.rules = rules;
    start(&mut history, &mut dice);
    let (mut partial, mut lists) = (0, std::collections::BTreeSet::new());
    for step in 0..14 {
        let report = history.run_removing(Removed::Drop);
        history.assert_equals_full(&report);
        partial += usize::from(report.changes.is_some_and(|changes| changes.partitions.is_some()));
        lists.insert(history.record().lists["unmatched_titles"].hash.clone());
        change(&mut history, &mut dice, step);
    }
    (partial, lists.len())
}

#[test]
fn every_step_has_the_list_of_a_full_run() {
    for seed in 0..u64::from(rounds(1)) {
        let model: [Option<&MakeModel>; 2] = [None, Some(&model_with_short_list)];
        for (number, model) in model.into_iter().enumerate() {
            let rules = match (seed + number as u64) % 4 {
                0 => Rules::default(),
                1 => Rules { match_rule: MatchRule::TitleArtistDuration, ..Rules::default() },
                2 => Rules { unmatched: Unmatched::Drop, ..Rules::default() },
                _ => Rules { repair_encoding: RepairEncoding::Match, ..Rules::default() },
            };
            let (partial, lists) = run_changes(model, rules, seed);
            assert!(partial >= 8, "{partial} of 14 runs built some partitions");
            assert!(lists >= 4, "{lists} different lists");
        }
    }
}

#[test]
fn a_list_that_is_not_additive_builds_all_days() {
    let mut history = History::started();
    history.options.partitioning = Partitioning::Day;
    let text =
        "-- Additive: copies of a play have the same ts, so that the plays of the days add up";
    let folder = history.path("model");
    history.options.model = changed_model(&folder, "lists/unmatched_titles.sql", text, "--");
    history.run();
    history.write("logs/3.json", &play(172_800_001, 9));
    assert_eq!(history.run().changes.unwrap().partitions, None);
    assert!(history.record().state.unwrap().lists.is_empty(), "no counts are kept");
}

/// A list of the songs, which does not depend on the days, and one of the pairs of users and titles.
const LISTS: [(&str, &str); 2] = [
    (
        "artists_of_songs",
        "-- Counts: songs\n-- Top: 3\nSELECT artist_name, COUNT(*) AS songs FROM staging_songs GROUP BY artist_name",
    ),
    (
        "listeners_of_titles",
        "-- Counts: plays, items\n-- Top: 5\n-- Additive: a play is on its day\n\
         SELECT \"userId\" AS user_id, song, 1 AS plays, 0 AS items FROM staging_events WHERE page = 'NextSong'",
    ),
];

#[test]
fn lists_of_other_datasets_and_of_rows_that_are_not_grouped_equal_those_of_a_full_run() {
    let with_lists = |folder: &Path| {
        changed_model(folder, "model.toml", "lists = [\"unmatched_titles\"]\n", "");
        for (name, sql) in LISTS {
            std::fs::write(folder.join(format!("lists/{name}.sql")), sql).unwrap();
        }
        Arc::new(Model::read_dir(folder).unwrap())
    };
    for seed in 0..u64::from(rounds(1)) {
        let (partial, _) = run_changes(Some(&with_lists), Rules::default(), 100 + seed);
        assert!(partial >= 8, "{partial} of 14 runs built some partitions");
    }
}

#[test]
fn counts_that_are_missing_are_counted_again() {
    let mut history = History::new();
    let mut dice = Dice(3);
    start(&mut history, &mut dice);
    history.run();
    let counts =
        |history: &History| history.record().state.unwrap().lists["unmatched_titles"].clone();
    let first = counts(&history);
    assert_eq!(first.len(), 1);
    change(&mut history, &mut dice, 0);
    assert!(history.run_removing(Removed::Drop).changes.unwrap().partitions.is_some());
    std::fs::remove_file(history.path("star").join(&counts(&history)[0].path)).unwrap();
    history.write("logs/0.json", &play_of(&mut dice, 0));
    assert_eq!(history.run().changes.unwrap().partitions, None);
    let mut record = serde_json::to_value(history.record()).unwrap();
    record["state"].as_object_mut().unwrap().remove("lists");
    record.as_object_mut().unwrap().remove("lists");
    std::fs::write(history.path("star/_starlift.json"), record.to_string()).unwrap();
    history.write("logs/0.json", &play_of(&mut dice, 0));
    assert_eq!(history.run().changes.unwrap().partitions, None, "a record of an earlier version");
    history.write("logs/0.json", &play_of(&mut dice, 0));
    assert!(history.run().changes.unwrap().partitions.is_some());
}

#[test]
fn wrong_counts_are_an_error() {
    let mut history = History::new();
    let mut dice = Dice(3);
    start(&mut history, &mut dice);
    // The counts of a day depend on other days.
    let folder = history.path("model");
    let (text, wrong) = (
        "SELECT t.artist, t.title, t.plays",
        "SELECT t.artist, t.title, SUM(t.plays) OVER () - 20 AS plays",
    );
    history.options.model = changed_model(&folder, "lists/unmatched_titles.sql", text, wrong);
    history.run();
    history.write("logs/0.json", &play_of(&mut dice, 0));
    let error = history.outcome().unwrap_err().error.to_string();
    assert!(error.contains("lists/unmatched_titles.sql"), "{error}");
}

#[test]
fn small_changes_are_added_to_the_counts_and_merged_later() {
    let mut history = History::new();
    history.options.partitioning = Partitioning::Day;
    let play = |day: i64, title: u64| {
        play(day * DAY + title as i64, 8).replace("Title A", &format!("Title {title}"))
    };
    for day in 0..8 {
        let text: String = (0..40).map(|title| play(day, title)).collect();
        history.write(&format!("logs/{day}.json"), &text);
    }
    history.run();
    let mut files = Vec::new();
    for step in 0..18 {
        history.write(&format!("logs/late-{step}.json"), &play(step % 8, 100 + step as u64));
        assert!(history.run().changes.unwrap().partitions.is_some());
        files.push(history.record().state.unwrap().lists["unmatched_titles"].len());
    }
    assert_eq!(files[..3], [2, 3, 4], "a small change is one more file");
    assert!(files.iter().skip(3).any(|files| *files == 1), "changes are merged: {files:?}");
    assert_eq!(history.record().lists["unmatched_titles"].file.rows, 58);
}

/// Returns the plays of the title that each run of [`Runs::three`] adds one of.
fn plays_of_none(runs: &Runs) -> String {
    let sql = "SELECT plays FROM unmatched_titles WHERE title = 'None'";
    let query = ["query", "--star", "star", "--format", "csv", "--sql", sql];
    runs.here.run(query).exits(0).stdout.lines().skip(1).collect()
}

#[test]
fn lists_of_earlier_stars_are_kept_restored_and_removed_with_them() {
    let runs = Runs::three("1");
    let of_lists = || {
        let files = crate::support::files(&runs.here.join("star/_lists"));
        let runs =
            files.iter().map(|file| file.split("-unmatched_titles").next().unwrap().to_owned());
        runs.collect::<std::collections::BTreeSet<String>>()
    };
    let ids = runs.run_ids();
    assert_eq!(of_lists(), ids[..2].iter().cloned().collect(), "those of two stars are kept");
    assert_eq!(plays_of_none(&runs), "3");
    runs.rollback(&ids[1]).exits(0);
    assert_eq!(plays_of_none(&runs), "2");
    // The state is that of the run that was rolled back.
    runs.add_play(3, "2018-11-21");
    runs.transform(&[]).exits(0);
    assert_eq!(plays_of_none(&runs), "4");
    assert_eq!(of_lists(), runs.run_ids()[..1].iter().cloned().collect());
    runs.add_play(4, "2018-11-21");
    runs.transform(&["--queries", "."]).exits(0);
    assert_eq!(plays_of_none(&runs), "5");
    runs.add_play(5, "2018-11-21");
    runs.transform(&[]).exits(0);
    assert_eq!(plays_of_none(&runs), "6");
    let verify = ["--partition", "day", "--verify"];
    runs.here.outcome(&mut runs.here.transform("star", &verify)).exits(0);
}

#[test]
fn a_verification_compares_lists() {
    let history = History::started();
    let mut record = serde_json::to_value(history.record()).unwrap();
    record["lists"]["unmatched_titles"]["hash"] = json!("0");
    std::fs::write(history.path("star/_starlift.json"), record.to_string()).unwrap();
    let options = TransformOptions { verify: true, incremental: None, ..history.options.clone() };
    let error = run(&options).unwrap_err().error.to_string();
    assert!(error.contains("unmatched_titles"), "{error}");
    record.as_object_mut().unwrap().remove("lists");
    std::fs::write(history.path("star/_starlift.json"), record.to_string()).unwrap();
    assert!(run(&options).is_ok(), "an earlier version has recorded no lists");
}

#[test]
fn a_list_that_is_missing_is_written_again() {
    let history = History::started();
    let path = history.record().lists["unmatched_titles"].file.path.clone();
    std::fs::remove_file(history.path("star").join(path)).unwrap();
    assert!(!history.run().is_up_to_date);
}
