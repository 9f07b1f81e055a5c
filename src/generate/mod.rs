//! Generates synthetic Sparkify data from a seed: song objects and event logs of any size.
//!
//! The same options produce the same bytes on every machine and in every run. All randomness comes
//! from numbered streams derived from the seed, one per song, user and day, and nothing depends on
//! the clock or on the order of execution. Days are therefore independent of one another, so that
//! log files can be written in parallel, and memory depends on the number of users and of
//! concurrent visits but never on the number of events.
//!
//! The data is as untidy as real data. Songs and users differ in popularity; artists are spelled in
//! several ways; ids reappear with other values; texts contain escapes and non-ASCII characters;
//! users change between the free and the paid level; some valid records are written in unusual
//! ways. Invalid lines and objects, and repeated plays, are added at configurable rates and counted
//! in [`Generated`].
//!
//! The modules, from the bottom up: `dice` (randomness), `json` (bytes), `vocabulary` (words),
//! `catalogue` (songs and artists), `users` (users and their levels), `plan` (events per day,
//! sessions per hour), `session` (pages of a visit), `day` (concurrent visits), `event` (a line),
//! `defect` (an invalid line), `songs` and `logs` (files).

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

/// The size, seed and rates of a generated data set.
#[derive(Clone, Debug, PartialEq)]
pub struct GenerateOptions {
    /// Number of songs in the catalogue, each with its own id. There are about two artists for
    /// every five songs.
    pub songs: u64,
    /// Number of valid events in the logs, without duplicates.
    pub events: u64,
    /// Number of accounts; zero counts as one. Unpopular ones might not appear in the logs.
    pub users: u64,
    /// Number of days over which the events are spread, from 2018-11-01 on; zero counts as one.
    pub days: u32,
    /// Seed of all randomness.
    pub seed: u64,
    /// Number of invalid records per valid song and event.
    pub bad_rate: f64,
    /// Number of valid records that repeat a song's id or a play's key, per song and
    /// (approximately) per play.
    pub duplicate_rate: f64,
}

impl GenerateOptions {
    /// Default number of songs: as many as in the catalogue usually used with these logs.
    pub const SONGS: u64 = 15_000;
    /// Default number of events.
    pub const EVENTS: u64 = 100_000;
    /// Default number of users.
    pub const USERS: u64 = 1_000;
    /// Default number of days.
    pub const DAYS: u32 = 30;
    /// Default seed.
    pub const SEED: u64 = 2018;
    /// Default rate of invalid records.
    pub const BAD_RATE: f64 = 0.0;
    /// Default rate of duplicates.
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

/// A generated file that is small enough to be held in memory.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GeneratedObject {
    /// Path relative to the output folder, with `/` as the separator.
    pub path: String,
    /// Content of the file.
    pub bytes: Vec<u8>,
    /// Counts of the file's records.
    pub counts: Generated,
}

/// Counts of generated files and records. Every record is counted in exactly one of `songs`,
/// `song_duplicates`, `bad_songs`, `events`, `play_duplicates` and `bad_events`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Generated {
    /// Number of files of the catalogue.
    pub song_files: u64,
    /// Number of valid song records, each with its own id.
    pub songs: u64,
    /// Number of valid song records that repeat another record's id.
    pub song_duplicates: u64,
    /// Number of invalid song records.
    pub bad_songs: u64,
    /// Number of log files.
    pub log_files: u64,
    /// Number of valid events, without `play_duplicates`.
    pub events: u64,
    /// Number of plays among `events`, each with its own key.
    pub plays: u64,
    /// Number of valid plays that repeat another play's key.
    pub play_duplicates: u64,
    /// Number of invalid lines in the logs.
    pub bad_events: u64,
}

impl Generated {
    /// Returns the number of all song records, valid and invalid.
    pub fn song_records(&self) -> u64 {
        self.songs + self.song_duplicates + self.bad_songs
    }

    /// Returns the number of all log records, valid and invalid.
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

/// Returns the files of the song catalogue: `song_data/A/B/C/TRABC….json`.
pub fn song_objects(
    options: &GenerateOptions,
) -> impl Iterator<Item = GeneratedObject> + Send + use<> {
    SongFiles::new(options)
}

/// Returns the log files, one per day that has events. They can be written in any order and on any
/// thread.
pub fn log_files(options: &GenerateOptions) -> impl Iterator<Item = LogFile> + Send + use<> {
    let world = Arc::new(World::new(options));
    let busy = Arc::clone(&world);
    let days = world.plan.days().filter(move |day| busy.plan.events_of(*day) > 0);
    days.map(move |day| LogFile::new(&world, day))
}

/// The data that all days share.
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

/// Multiplies a number by a rate and rounds to the nearest integer. A rate that is negative or NaN
/// counts as zero.
fn part_of(rate: f64, number: u64) -> u64 {
    (rate * number as f64).round() as u64
}
