//! The files of the model that is compiled in.

use super::folder::{Files, Group};

macro_rules! sql_files {
    ($($group:ident $folder:literal: $($name:literal)+;)+) => {
        &[$($((
            Group::$group,
            $name,
            include_str!(concat!("../../queries/", $folder, "/", $name, ".sql")),
        ),)+)+]
    };
}

const SQL: &[(Group, &str, &str)] = sql_files! {
    Star "star": "songs" "artists" "users" "songplays" "time";
    Intermediate "intermediate":
        "artist_versions" "repeated_plays" "surviving_plays" "plays" "played_titles" "song_matches";
    Accounting "accounting": "copies" "plays" "encoding";
    List "lists": "unmatched_titles";
    Check "checks": "songplays_rows";
    Analytics "analytics":
        "most_played_songs" "evening_artists" "plays_by_gender_level" "activity_by_hour"
        "activity_by_weekday" "session_length_by_user" "sessions_by_user" "free_to_paid_users"
        "plays_by_location" "months_present" "nulls_in_key_columns";
    Report "report":
        "totals" "time_span" "plays_over_time" "listeners_over_time" "plays_by_weekday_hour"
        "plays_by_day" "top_songs" "top_artists" "unmatched_titles" "plays_by_level" "plays_by_gender_level"
        "top_places" "upgrade_steps" "days_to_upgrade" "level_changes" "session_minutes"
        "plays_per_session" "weekly_return" "match_rate";
};

/// Text of the built-in `model.toml`.
pub(super) const TOML: &str = include_str!("../../queries/model.toml");

/// Returns the files of the built-in model.
pub(super) fn files() -> Files {
    let sql = SQL.iter().map(|(group, name, sql)| (*group, (*name).to_owned(), (*sql).to_owned()));
    Files::new("queries".to_owned(), TOML.to_owned(), sql)
}
