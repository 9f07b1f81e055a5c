//! Changed songs: only the days with plays that join with them are built again.

use starlift::transform::{MatchRule, RepairEncoding, Rules, Unmatched};
use starlift::{Model, Partitioning};

use super::*;
use crate::support::dice::Dice;

const DAY: i64 = 86_400_000;

/// Number of days with plays.
const DAYS: i64 = 14;

/// Returns a play of a title.
fn play_of(ts: i64, artist: &str, title: &str, length: f64) -> String {
    let play = json!({"page": "NextSong", "ts": ts, "userId": "8", "sessionId": 139, "song": title,
                      "artist": artist, "length": length, "level": "free"});
    format!("{play}\n")
}

fn song_of(id: &str, artist: &str, title: &str, duration: f64) -> String {
    let song = json!({"song_id": id, "title": title, "artist_id": format!("AR{id}"),
                      "artist_name": artist, "duration": duration});
    format!("{song}\n")
}

/// Returns a history with plays of one title per day, and a song of the title of day 0.
fn started() -> History {
    let mut history = History::new();
    history.options.partitioning = Partitioning::Day;
    history.write("songs/0.json", &song_of("S0", "Artist", "Title 0", 200.0));
    for day in 0..DAYS {
        let text = play_of(day * DAY, "Artist", &format!("Title {day}"), 200.0);
        history.write(&format!("logs/{day}.json"), &text);
    }
    history.run();
    history
}

/// Runs, and returns the number of partitions that were built.
#[track_caller]
fn built(history: &mut History) -> Option<u64> {
    let report = history.run_removing(Removed::Drop);
    history.assert_equals_full(&report);
    report.changes.unwrap().partitions
}

#[test]
fn songs_that_are_new_changed_moved_or_gone_touch_the_days_that_play_them() {
    let mut history = started();
    history.write("songs/new.json", &song_of("S3", "Artist", "Title 3", 200.0));
    assert_eq!(built(&mut history), Some(1), "a new song with plays on a day");
    history.write("songs/other.json", &song_of("S99", "Artist", "Title 99", 200.0));
    assert_eq!(built(&mut history), Some(0), "a new song without plays");
    history.write("songs/new.json", &song_of("S3", "Artist", "Title 4", 200.0));
    assert_eq!(built(&mut history), Some(2), "a song with another title");
    history.write("songs/new.json", "");
    history.write("songs/moved.json", &song_of("S3", "Artist", "Title 4", 200.0));
    assert_eq!(built(&mut history), Some(0), "a song in another object");
    history.write("songs/twice.json", &song_of("S3", "Artist", "Title 4", 200.0));
    assert_eq!(built(&mut history), Some(1), "a song that occurs twice");
    history.write("songs/twice.json", &song_of("S4", "Artist", "Title 4", 200.1));
    assert_eq!(built(&mut history), Some(1), "a second song with the title");
    history.remove("songs/moved.json");
    assert_eq!(built(&mut history), Some(1), "a song that is gone");
    history.write("logs/late.json", &play_of(6 * DAY + 1, "Artist", "Title 7", 200.0));
    history.write("songs/new.json", &song_of("S7", "Artist", "Title 7", 200.0));
    assert_eq!(built(&mut history), Some(2), "a new song and a late play");
    let all: Vec<String> = (0..DAYS)
        .map(|n| song_of(&format!("T{n}"), "Artist", &format!("Title {n}"), 1.0))
        .collect();
    history.write("songs/all.json", &all.concat());
    assert_eq!(built(&mut history), None, "songs of all days");
    history.write("songs/all.json", "");
    assert_eq!(built(&mut history), None, "songs of all days that are gone");
}

#[test]
fn a_song_touches_days_whose_text_is_equal_after_a_repair() {
    // With `Store`, both spellings of the song are stored alike.
    for (repair, respelled) in
        [(RepairEncoding::Off, 2), (RepairEncoding::Match, 2), (RepairEncoding::Store, 0)]
    {
        let mut history = started();
        history.options.rules.repair_encoding = repair;
        history.write("logs/2.json", &play_of(2 * DAY, "BjÃ¶rk", "Title 2", 200.0));
        history.write("logs/5.json", &play_of(5 * DAY, "Björk", "Title 2", 200.0));
        history.run();
        history.write("songs/b.json", &song_of("S1", "Björk", "Title 2", 200.0));
        assert_eq!(built(&mut history), Some(2), "{repair:?}");
        history.write("songs/b.json", &song_of("S1", "BjÃ¶rk", "Title 2", 200.0));
        assert_eq!(built(&mut history), Some(respelled), "{repair:?}");
        history.remove("songs/b.json");
        assert_eq!(built(&mut history), Some(2), "{repair:?}");
    }
}

#[test]
fn a_model_without_the_joins_builds_all_days() {
    let mut history = started();
    changed_model(&mut history, |model| {
        model.tables.iter_mut().for_each(|table| Arc::make_mut(table).joins.clear());
    });
    history.run();
    history.write("songs/new.json", &song_of("S3", "Artist", "Title 3", 200.0));
    assert_eq!(built(&mut history), None);
    history.write("logs/late.json", &play_of(6 * DAY + 1, "Artist", "Title 7", 200.0));
    assert_eq!(built(&mut history), Some(1));
}

/// Changes the built-in model.
fn changed_model(history: &mut History, change: impl FnOnce(&mut Model)) {
    let mut model = (*history.options.model).clone();
    change(&mut model);
    history.options.model = Arc::new(model);
}

#[test]
fn texts_in_dictionaries_are_compared_after_a_repair_too() {
    let mut history = started();
    history.options.rules.repair_encoding = RepairEncoding::Match;
    changed_model(&mut history, |model| {
        for dataset in &mut model.datasets {
            let columns = Arc::make_mut(dataset).columns.iter_mut();
            let texts = columns.filter(|column| ["artist", "artist_name"].contains(&&*column.name));
            texts.for_each(|column| column.repetitive = true);
        }
    });
    history.write("logs/2.json", &play_of(2 * DAY, "BjÃ¶rk", "Title 2", 200.0));
    history.run();
    history.write("songs/b.json", &song_of("S1", "Björk", "Title 2", 200.0));
    assert_eq!(built(&mut history), Some(1));
    // Texts in dictionaries are not counted, so the previous run has not counted this one.
    history.write("logs/5.json", &play_of(5 * DAY, "Artist", "BjÃ¶rk", 200.0));
    assert_eq!(built(&mut history), None);
    history.write("logs/2.json", &play_of(2 * DAY, "Björk", "Title 2", 200.0));
    assert_eq!(built(&mut history), Some(1));
}

#[test]
fn names_of_datasets_keep_their_case() {
    let mut history = started();
    changed_model(&mut history, |model| {
        for dataset in &mut model.datasets {
            let dataset = Arc::make_mut(dataset);
            dataset.name = dataset.name.to_uppercase();
        }
        for table in &mut model.tables {
            let table = Arc::make_mut(table);
            table.joins.iter_mut().for_each(|join| join.dataset = join.dataset.to_uppercase());
            let columns = table.local_to.iter_mut().chain(&mut table.latest_of);
            columns.for_each(|local| local.dataset = local.dataset.to_uppercase());
        }
    });
    let inputs = std::mem::take(&mut history.options.inputs);
    let inputs = inputs.into_iter().map(|(name, urls)| (name.to_uppercase(), urls));
    history.options.inputs = inputs.collect();
    history.run();
    history.write("songs/new.json", &song_of("S3", "Artist", "Title 3", 200.0));
    assert_eq!(built(&mut history), Some(1));
}

#[test]
fn a_missing_file_of_any_table_leads_to_all_days() {
    for table in ["users", "songs", "songplays"] {
        let mut history = started();
        let path = history.record().tables[table].files[0].path.clone();
        std::fs::remove_file(history.path("star").join(path)).unwrap();
        history.write("songs/new.json", &song_of("S3", "Artist", "Title 3", 200.0));
        assert_eq!(built(&mut history), None, "{table}");
        history.write("songs/new.json", &song_of("S3", "Artist", "Title 4", 200.0));
        assert_eq!(built(&mut history), Some(2), "{table}");
    }
}

/// Changes songs and plays at random. Returns the number of steps that built only some partitions.
fn change_songs(history: &mut History, seed: u64) -> usize {
    let mut dice = Dice(seed);
    let titles = ["Title 0", "Title 1", "Title 2", "Title 3"];
    let artists = ["Björk", "BjÃ¶rk", "Artist"];
    let pick =
        |dice: &mut Dice, from: &[&str]| from[dice.roll(from.len() as u64) as usize].to_owned();
    let lengths = [100.0, 200.0, 300.5];
    for day in 0..DAYS {
        let artist = pick(&mut dice, &artists);
        let title = format!("Title {}", day / 2);
        let length = lengths[dice.roll(3) as usize];
        history.write(&format!("logs/{day}.json"), &play_of(day * DAY, &artist, &title, length));
    }
    history.run();
    let mut partial = 0;
    for _ in 0..16 {
        let name = format!("songs/{}.json", dice.roll(5));
        if dice.roll(4) == 0 && history.path(&name).exists() {
            history.remove(&name);
        } else {
            let id = format!("S{}", dice.roll(6));
            let (artist, title) = (pick(&mut dice, &artists), pick(&mut dice, &titles));
            let text = song_of(&id, &artist, &title, lengths[dice.roll(3) as usize]);
            history.write(&name, &text);
        }
        if dice.roll(3) == 0 {
            let day = dice.roll(DAYS as u64) as i64;
            let (artist, title) = (pick(&mut dice, &artists), pick(&mut dice, &titles));
            let text = play_of(day * DAY + 1, &artist, &title, 200.0);
            history.write(&format!("logs/{day}.json"), &text);
        }
        partial += usize::from(built(history).is_some());
    }
    partial
}

#[test]
fn every_step_with_changed_songs_equals_a_full_run() {
    let rules = [
        (MatchRule::TitleArtist, Unmatched::Keep, RepairEncoding::Off),
        (MatchRule::TitleArtist, Unmatched::Drop, RepairEncoding::Match),
        (MatchRule::TitleArtistDuration, Unmatched::Drop, RepairEncoding::Off),
        (MatchRule::TitleArtistDuration, Unmatched::Keep, RepairEncoding::Store),
    ];
    for (at, (match_rule, unmatched, repair_encoding)) in rules.into_iter().enumerate() {
        for round in 0..rounds(1) {
            let mut history = History::new();
            history.options.partitioning = Partitioning::Day;
            history.options.rules = Rules { match_rule, unmatched, repair_encoding };
            let partial = change_songs(&mut history, u64::from(round) * 10 + at as u64);
            // Without the plays that match no song, few days have rows, and most of these change in each step.
            let expected = if unmatched == Unmatched::Keep { 10 } else { 1 };
            assert!(partial >= expected, "{partial} steps with {:?}", history.options.rules);
        }
    }
}
