//! One row per time at which a play began.

use super::rejects::rejects_of;
use super::*;

/// Checks the parts of each time: hour, day, week, month, year, weekday.
#[track_caller]
fn parts(moments: &[(i64, &str, [i32; 6])]) {
    let events: Vec<_> = moments.iter().map(|(ts, _, _)| play(json!({ "ts": ts }))).collect();
    let star = Star::of(&[song(json!({}))], &events);
    let wanted: Vec<_> = moments
        .iter()
        .map(|(_, start, [hour, day, week, month, year, weekday])| {
            json!([start, hour, day, week, month, year, weekday])
        })
        .collect();
    assert_eq!(star.stored("time"), wanted);
}

#[test]
fn start_time_is_split_into_its_parts() {
    parts(&[
        (0, "1970-01-01T00:00:00", [0, 1, 1, 1, 1970, 4]),
        (1_541_106_106_796, "2018-11-01T21:01:46.796", [21, 1, 44, 11, 2018, 4]),
        (1_543_622_399_999, "2018-11-30T23:59:59.999", [23, 30, 48, 11, 2018, 5]),
        (1_543_622_400_000, "2018-12-01T00:00:00", [0, 1, 48, 12, 2018, 6]),
    ]);
}

#[test]
fn weeks_follow_iso_8601() {
    parts(&[
        (1_104_537_600_000, "2005-01-01T00:00:00", [0, 1, 53, 1, 2005, 6]),
        (1_230_508_800_000, "2008-12-29T00:00:00", [0, 29, 1, 12, 2008, 1]),
        (1_262_476_800_000, "2010-01-03T00:00:00", [0, 3, 53, 1, 2010, 0]),
        (1_546_214_400_000, "2018-12-31T00:00:00", [0, 31, 1, 12, 2018, 1]),
        (1_609_459_200_000, "2021-01-01T00:00:00", [0, 1, 53, 1, 2021, 5]),
    ]);
}

#[test]
fn weekdays_count_from_sunday() {
    let wanted = [4, 5, 6, 0, 1, 2, 3].map(|weekday| json!([weekday]));
    let events: Vec<_> = (0..7).map(|day| play(json!({"ts": day * 86_400_000_i64}))).collect();
    let star = Star::of(&[song(json!({}))], &events);
    assert_eq!(star.rows("SELECT weekday FROM time ORDER BY start_time"), wanted);
}

#[test]
fn leap_days_are_valid() {
    parts(&[
        (951_782_400_000, "2000-02-29T00:00:00", [0, 29, 9, 2, 2000, 2]),
        (1_582_977_600_000, "2020-02-29T12:00:00", [12, 29, 9, 2, 2020, 6]),
    ]);
}

#[test]
fn times_before_1970_and_at_the_ends_of_the_calendar_are_valid() {
    parts(&[
        (-62_135_596_800_000, "0001-01-01T00:00:00", [0, 1, 1, 1, 1, 1]),
        (-2_203_891_200_001, "1900-02-28T23:59:59.999", [23, 28, 9, 2, 1900, 3]),
        (-1, "1969-12-31T23:59:59.999", [23, 31, 1, 12, 1969, 3]),
        (253_402_300_799_999, "9999-12-31T23:59:59.999", [23, 31, 52, 12, 9999, 5]),
    ]);
}

#[test]
fn time_outside_the_years_1_to_9999_is_rejected() {
    let moments = [-62_135_596_800_001_i64, 253_402_300_800_000, i64::MAX, i64::MIN];
    let events = moments.map(|ts| visit(json!({ "ts": ts })).to_string());
    let wanted = moments.map(|ts| {
        json!([
            "ts",
            format!("{ts} is out of range for epoch milliseconds within the years 1 to 9999")
        ])
    });
    assert_eq!(rejects_of("logs", &events), wanted);
}

#[test]
fn rows_are_the_distinct_start_times_of_songplays_only() {
    let star = Star::of(
        &[song(json!({}))],
        &[play(json!({"ts": 5})), play(json!({"ts": 5, "userId": 9})), visit(json!({"ts": 6}))],
    );
    assert_eq!(star.rows("SELECT start_time FROM time"), [json!(["1970-01-01T00:00:00.005"])]);
}
