//! Results of `query --compare` and `generate`.

use super::schema::document_structs;
use crate::generate::Generated;

document_structs! {
    /// Result of `starlift query --compare`.
    @Default
    pub struct QueryResult {
        /// The queries that ran on the files and in the warehouse.
        pub compared: Vec<ComparedQuery>,
    }

    /// A query that ran on the files and in the warehouse.
    pub struct ComparedQuery {
        /// Name of the query.
        pub name: String,
        /// The first difference between the results; null if they are equal.
        pub difference: Option<String>,
    }

    /// Result of `starlift generate`.
    pub struct GenerateResult {
        /// Location of the songs.
        pub songs: String,
        /// Location of the logs.
        pub logs: String,
        /// Number of song objects.
        pub song_objects: u64,
        /// Number of valid song records, each with its own ID.
        pub song_records: u64,
        /// Number of valid song records that repeat the ID of another one.
        pub song_records_repeated: u64,
        /// Number of invalid song records.
        pub song_records_bad: u64,
        /// Number of log objects.
        pub log_objects: u64,
        /// Number of valid events, without repeated plays.
        pub events: u64,
        /// Number of plays among the events.
        pub plays: u64,
        /// Number of valid plays that repeat another one.
        pub plays_repeated: u64,
        /// Number of invalid lines of the logs.
        pub events_bad: u64,
    }
}

impl GenerateResult {
    /// Returns the result for data with `counts` at two locations.
    pub fn new(counts: &Generated, songs: String, logs: String) -> GenerateResult {
        GenerateResult {
            songs,
            logs,
            song_objects: counts.song_files,
            song_records: counts.songs,
            song_records_repeated: counts.song_duplicates,
            song_records_bad: counts.bad_songs,
            log_objects: counts.log_files,
            events: counts.events,
            plays: counts.plays,
            plays_repeated: counts.play_duplicates,
            events_bad: counts.bad_events,
        }
    }
}
