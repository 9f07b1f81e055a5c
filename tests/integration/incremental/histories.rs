//! Random histories of objects, each step compared with a full run.

use proptest::prelude::*;

use starlift::{Model, Partitioning};

use super::*;
use crate::support::dice::Dice;

/// A change of the objects.
#[derive(Debug, Clone)]
enum Step {
    /// Writes an object of events, which replaces one of the same number.
    Events(u8, Vec<Event>),
    /// Writes an object of songs, which replaces one of the same number.
    Songs(u8, Vec<u8>),
    /// Removes an object of events.
    RemoveEvents(u8),
    /// Removes an object of songs.
    RemoveSongs(u8),
    /// Renames an object of events.
    Rename(u8, u8),
    /// Copies an object of events: all of it is delivered twice.
    Copy(u8, u8),
    /// Sets the time of modification of an object.
    Touch(u8),
    /// Reads all objects again.
    Full,
}

#[derive(Debug, Clone)]
struct Event {
    kind: u8,
    day: u8,
    moment: u8,
    user: u8,
    title: u8,
}

fn event() -> impl Strategy<Value = Event> {
    (0..10_u8, 0..6_u8, 0..4_u8, 0..4_u8, 0..5_u8)
        .prop_map(|(kind, day, moment, user, title)| Event { kind, day, moment, user, title })
}

fn step() -> impl Strategy<Value = Step> {
    let events = prop::collection::vec(event(), 0..6);
    let songs = prop::collection::vec(0..20_u8, 1..3);
    prop_oneof![
        6 => (0..6_u8, events).prop_map(|(object, events)| Step::Events(object, events)),
        3 => (0..4_u8, songs).prop_map(|(object, songs)| Step::Songs(object, songs)),
        2 => (0..6_u8).prop_map(Step::RemoveEvents),
        1 => (0..4_u8).prop_map(Step::RemoveSongs),
        1 => (0..6_u8, 0..6_u8).prop_map(|(from, to)| Step::Rename(from, to)),
        1 => (0..6_u8, 0..6_u8).prop_map(|(from, to)| Step::Copy(from, to)),
        1 => (0..6_u8).prop_map(Step::Touch),
        1 => Just(Step::Full),
    ]
}

/// Returns the record of an event: some are no plays, some have another type, some are broken.
fn record(event: &Event) -> String {
    let days: [i64; 6] = [-719_162, 0, 1, 17_836, 17_837, 2_932_896];
    let moments: [i64; 4] = [0, 1, 43_200_000, 86_399_999];
    let ts = days[event.day as usize] * 86_400_000 + moments[event.moment as usize];
    let mut record = json!({"page": "NextSong", "ts": ts, "userId": event.user.to_string(),
        "sessionId": event.moment, "song": format!("T{}", event.title), "artist": "Artist",
        "length": 200.0, "level": if event.moment < 2 { "free" } else { "paid" },
        "firstName": format!("F{}", event.moment), "other": 1});
    match event.kind {
        0 => record["page"] = json!("Home"),
        1 => record["userId"] = json!(""),
        2 => record["ts"] = json!("no time"),
        3 => return "{\"page\": \"NextSong\", \n".to_owned(),
        _ => {}
    }
    format!("{record}\n")
}

/// Returns the record of a song. Several songs share a title, with different durations.
fn song_record(number: u8) -> String {
    let record = json!({"song_id": format!("S{number}"), "title": format!("T{}", number % 5),
        "artist_id": format!("A{}", number % 3), "artist_name": "Artist", "year": 1990 + i32::from(number),
        "duration": 190.0 + f64::from(number)});
    format!("{record}\n")
}

impl History {
    /// Changes the objects. Returns `true` if the next run is to read all of them again.
    fn apply(&mut self, step: &Step) -> bool {
        let events = |number: &u8| format!("logs/{number}.json");
        let songs = |number: &u8| format!("songs/{number}.json");
        let exists = |history: &History, name: &str| history.path(name).exists();
        match step {
            Step::Events(number, records) => {
                let text: String = records.iter().map(record).collect();
                self.write(&events(number), &text);
            }
            Step::Songs(number, records) => {
                let text: String = records.iter().map(|number| song_record(*number)).collect();
                self.write(&songs(number), &text);
            }
            Step::RemoveEvents(number) if exists(self, &events(number)) => {
                self.remove(&events(number));
            }
            Step::RemoveSongs(number) if exists(self, &songs(number)) => {
                self.remove(&songs(number));
            }
            Step::Rename(from, to) if exists(self, &events(from)) => {
                std::fs::rename(self.path(&events(from)), self.path(&events(to))).unwrap();
            }
            Step::Copy(from, to) if from != to && exists(self, &events(from)) => {
                let text = std::fs::read_to_string(self.path(&events(from))).unwrap();
                self.write(&events(to), &text);
            }
            Step::Touch(number) if exists(self, &events(number)) => self.touch(&events(number)),
            Step::Full => return true,
            _ => {}
        }
        false
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: rounds(8), max_shrink_iters: 200, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn every_step_of_a_history_equals_a_full_run(
        steps in prop::collection::vec(prop::collection::vec(step(), 1..4), 1..6),
        partitioning in prop::sample::select(vec![Partitioning::None, Partitioning::Day, Partitioning::Month]),
        has_short_list in prop::bool::ANY,
    ) {
        let mut history = History::new();
        history.options.partitioning = partitioning;
        if has_short_list {
            history.options.model = model_with_short_list(&history.path("model"));
        }
        for changes in steps {
            let mut full = false;
            for step in &changes {
                full |= history.apply(step);
            }
            history.options.incremental = Some(IncrementalOptions { full, removed: Removed::Drop });
            history.run();
        }
    }
}

/// Returns the built-in model with a fingerprint of fewer columns, so that plays of several days share it.
fn model_with_shared_fingerprints(folder: &Path) -> Arc<Model> {
    let all = "fingerprint = [\"ts\", \"userId\", \"sessionId\", \"itemInSession\"]";
    changed_model(folder, "model.toml", all, "fingerprint = [\"userId\"]")
}

/// Returns the built-in model with a list of two rows, so that rows enter and leave it.
pub(super) fn model_with_short_list(folder: &Path) -> Arc<Model> {
    changed_model(folder, "lists/unmatched_titles.sql", "-- Top: 1000", "-- Top: 2")
}

/// Returns the built-in model with another text in a file.
pub(super) fn changed_model(folder: &Path, file: &str, text: &str, by: &str) -> Arc<Model> {
    let queries = Path::new(env!("CARGO_MANIFEST_DIR")).join("queries");
    for file in crate::support::files(&queries) {
        std::fs::create_dir_all(folder.join(&file).parent().unwrap()).unwrap();
        std::fs::copy(queries.join(&file), folder.join(&file)).unwrap();
    }
    let path = folder.join(file);
    let found = std::fs::read_to_string(&path).unwrap();
    assert!(found.contains(text));
    std::fs::write(&path, found.replace(text, by)).unwrap();
    Arc::new(Model::read_dir(folder).unwrap())
}

/// Changes one object of many days in each step, so that few partitions are built again. Returns the number of
/// steps that built only some partitions, and the largest number of partitions in one of them.
fn change_single_days(history: &mut History, seed: u64) -> (usize, u64) {
    const DAYS: u64 = 14;
    let mut dice = Dice(seed);
    let day = |day: u64| 86_400_000 * (17_800 + day as i64);
    let events = |dice: &mut Dice, on: u64| {
        let plays = (0..1 + dice.roll(4)).map(|_| {
            let at = [0, 1, 43_200_000, 86_399_999][dice.roll(4) as usize];
            let play = play(day(on) + at, dice.roll(90) as i64);
            if dice.roll(6) == 0 { play.replace("Artist", "BjÃ¶rk") } else { play }
        });
        plays.collect::<String>()
    };
    history.write("songs/a.json", &song("A", "Title A"));
    for on in 0..DAYS {
        let text = events(&mut dice, on);
        history.write(&format!("logs/{on}.json"), &text);
    }
    history.run();
    let (mut partial, mut most) = (0, 0);
    for step in 0..20 {
        let on = dice.roll(DAYS);
        let name = match dice.roll(3) {
            0 => format!("logs/late-{step}.json"),
            _ => format!("logs/{on}.json"),
        };
        if dice.roll(5) == 0 && history.path(&name).exists() {
            history.remove(&name);
        } else {
            let text = events(&mut dice, on);
            history.write(&name, &text);
        }
        let report = history.run_removing(Removed::Drop);
        history.assert_equals_full(&report);
        if let Some(partitions) = report.changes.and_then(|changes| changes.partitions) {
            partial += 1;
            most = most.max(partitions);
        }
    }
    (partial, most)
}

#[test]
fn only_partitions_that_can_differ_are_built_again() {
    let mut history = History::new();
    history.options.partitioning = Partitioning::Day;
    let (partial, most) = change_single_days(&mut history, 7);
    assert!(partial >= 18, "{partial} steps");
    assert!(most <= 2, "{most} partitions");
}

#[test]
fn days_that_share_a_fingerprint_are_built_again_together() {
    let mut history = History::new();
    history.options.partitioning = Partitioning::Day;
    history.options.model = model_with_shared_fingerprints(&history.path("model"));
    let (partial, most) = change_single_days(&mut history, 11);
    assert!(partial >= 5, "{partial} steps");
    assert!(most >= 4, "{most} partitions");
}
