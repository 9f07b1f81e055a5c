//! Made-up Sparkify data: song objects and event logs of any size, from a seed.
//!
//! The same options give the same bytes on every machine and in every run: all chance comes from
//! numbered streams derived from the seed, one for each song, user and day, and nothing looks at
//! the clock or at the order in which work happens to be done. That makes days independent of one
//! another, so that log files may be written in parallel, and lets memory depend on the users and
//! on the visits under way but never on the number of events.
//!
//! The data is as untidy as the real thing. Songs and users are unequally popular; artists are
//! spelt in several ways; ids return with other values; texts carry escapes and come from beyond
//! ASCII; users change between the free and the paid level; some valid records are written oddly.
//! Lines and objects that must be rejected, and plays that are told twice, come on top at rates of
//! their own, and are counted in [`Generated`].
//!
//! The parts, from the bottom up: `dice` (chance), `json` (bytes), `vocabulary` (words),
//! `catalogue` (songs and artists), `users` (people and their levels), `plan` (events a day,
//! sessions an hour), `session` (pages of a visit),
//! `day` (visits side by side), `event` (a line), `defect` (a bad one), `songs` and `logs` (files).

mod catalogue;
mod day;
mod defect;
mod dice;
mod event;
mod json;
mod logs;
mod plan;
mod session;
mod songs;
#[cfg(test)]
mod tests;
mod users;
mod vocabulary;

use std::ops::AddAssign;
use std::sync::Arc;

use catalogue::Catalogue;
pub use logs::LogFile;
use plan::Plan;
use songs::SongFiles;
use users::Timeline;

/// What to generate.
#[derive(Clone, Debug, PartialEq)]
pub struct GenerateOptions {
    /// Songs of the catalogue, each with an id of its own. About two artists for every five of
    /// them.
    pub songs: u64,
    /// Valid events of the logs, duplicates not counted.
    pub events: u64,
    /// Accounts; at least one. The unpopular ones may never show up.
    pub users: u64,
    /// Days over which the events are spread, from 2018-11-01 on; at least one.
    pub days: u32,
    /// Where all chance comes from.
    pub seed: u64,
    /// Records to be rejected, for each valid song and event.
    pub bad_rate: f64,
    /// Valid records that repeat a song's id or a play's key, for each song and (about) each play.
    pub duplicate_rate: f64,
}

impl GenerateOptions {
    /// Songs by default: as many as the catalogue that is usually run with these logs.
    pub const SONGS: u64 = 15_000;
    /// Events by default.
    pub const EVENTS: u64 = 100_000;
    /// Users by default.
    pub const USERS: u64 = 1_000;
    /// Days by default.
    pub const DAYS: u32 = 30;
    /// Seed by default.
    pub const SEED: u64 = 2018;
    /// Rate of bad records by default.
    pub const BAD_RATE: f64 = 0.0;
    /// Rate of duplicates by default.
    pub const DUPLICATE_RATE: f64 = 0.01;
}

impl Default for GenerateOptions {
    fn default() -> Self {
        Self {
            songs: Self::SONGS,
            events: Self::EVENTS,
            users: Self::USERS,
            days: Self::DAYS,
            seed: Self::SEED,
            bad_rate: Self::BAD_RATE,
            duplicate_rate: Self::DUPLICATE_RATE,
        }
    }
}

/// A generated file that is small enough to be handed over whole.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GeneratedObject {
    /// Path relative to the output folder, with `/` between its parts.
    pub path: String,
    /// Content.
    pub bytes: Vec<u8>,
    /// What it holds.
    pub counts: Generated,
}

/// What has been generated. Every record is counted in one of `songs`, `song_duplicates`,
/// `bad_songs`, `events`,
/// `play_duplicates` and `bad_events`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Generated {
    /// Files of the catalogue.
    pub song_files: u64,
    /// Valid song records, each with an id of its own.
    pub songs: u64,
    /// Valid song records that repeat the id of another one.
    pub song_duplicates: u64,
    /// Song records to be rejected.
    pub bad_songs: u64,
    /// Files of the logs.
    pub log_files: u64,
    /// Valid events, the duplicates below not counted.
    pub events: u64,
    /// Those among them that are plays, each with a key of its own.
    pub plays: u64,
    /// Valid plays that repeat the key of another one.
    pub play_duplicates: u64,
    /// Lines of the logs to be rejected.
    pub bad_events: u64,
}

impl Generated {
    /// Records that a reader of the catalogue meets, good and bad.
    pub fn song_records(&self) -> u64 {
        self.songs + self.song_duplicates + self.bad_songs
    }

    /// Records that a reader of the logs meets, good and bad.
    pub fn event_records(&self) -> u64 {
        self.events + self.play_duplicates + self.bad_events
    }
}

impl AddAssign for Generated {
    fn add_assign(&mut self, other: Self) {
        self.song_files += other.song_files;
        self.songs += other.songs;
        self.song_duplicates += other.song_duplicates;
        self.bad_songs += other.bad_songs;
        self.log_files += other.log_files;
        self.events += other.events;
        self.plays += other.plays;
        self.play_duplicates += other.play_duplicates;
        self.bad_events += other.bad_events;
    }
}

/// The files of the song catalogue: `song_data/A/B/C/TRABC….json`.
pub fn song_objects(
    options: &GenerateOptions,
) -> impl Iterator<Item = GeneratedObject> + Send + use<> {
    SongFiles::new(options)
}

/// The logs, a file for each day that has events. Each writes itself, in any order and on any
/// thread.
pub fn log_files(options: &GenerateOptions) -> impl Iterator<Item = LogFile> + Send + use<> {
    let world = Arc::new(World::new(options));
    let busy = Arc::clone(&world);
    let days = world.plan.days().filter(move |day| busy.plan.events_of(*day) > 0);
    days.map(move |day| LogFile::new(&world, day))
}

/// What all days share.
struct World {
    seed: u64,
    users: u64,
    catalogue: Catalogue,
    plan: Plan,
    timeline: Timeline,
    bad_events: u64,
    duplicate_rate: f64,
}

impl World {
    fn new(options: &GenerateOptions) -> Self {
        let users = options.users.max(1);
        let plan = Plan::new(options.seed, options.events, options.days);
        let timeline = Timeline::new(options.seed, users, &plan);
        Self {
            seed: options.seed,
            users,
            catalogue: Catalogue::new(options.seed, options.songs),
            plan,
            timeline,
            bad_events: part_of(options.bad_rate, options.events),
            duplicate_rate: options.duplicate_rate,
        }
    }
}

/// A rate of a number, to the nearest whole; a rate below zero, or one that is not a number, counts
/// as zero.
fn part_of(rate: f64, number: u64) -> u64 {
    (rate * number as f64).round() as u64
}
