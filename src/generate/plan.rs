//! Plans the number of events per day and the start times of sessions.

use std::ops::Range;

use chrono::{DateTime, Datelike, NaiveDate, Weekday};

use super::dice::{Dice, Purpose};

/// 2018-11-01T00:00:00Z, when the original logs begin, in epoch milliseconds.
pub(super) const START_MS: u64 = 1_541_030_400_000;
/// Number of milliseconds per day.
pub(super) const DAY_MS: u64 = 86_400_000;
const HOUR_MS: u64 = DAY_MS / 24;

/// Relative number of sessions that begin in each hour of the day, in UTC. The app's busiest hours
/// are a little later, because sessions last. The first hours have more, because no session
/// continues from the day before.
const HOURS: [u64; 24] =
    [24, 18, 12, 9, 10, 12, 12, 13, 15, 18, 20, 20, 20, 22, 26, 30, 30, 24, 20, 14, 12, 10, 8, 6];

/// The number of events of each day.
pub(super) struct Plan {
    /// Number of events before each day, and after the last one.
    before: Vec<u64>,
}

impl Plan {
    /// Distributes the events over the days: fewer at weekends, with random variation.
    pub(super) fn new(seed: u64, events: u64, days: u32) -> Self {
        let mut weights = vec![0];
        let mut total = 0;
        for day in 0..u64::from(days.max(1)) {
            total += weight(seed, day);
            weights.push(total);
        }
        Self { before: weights.into_iter().map(|weight| share(events, weight, total)).collect() }
    }

    /// Returns the numbers of the days, from 0.
    pub(super) fn days(&self) -> Range<u64> {
        0..self.before.len() as u64 - 1
    }

    /// Returns the number of events of all days.
    pub(super) fn events(&self) -> u64 {
        self.before[self.before.len() - 1]
    }

    /// Returns the number of events of the days before this one.
    pub(super) fn events_before(&self, day: u64) -> u64 {
        self.before[day as usize]
    }

    /// Returns the number of events of one day.
    pub(super) fn events_of(&self, day: u64) -> u64 {
        self.before[day as usize + 1] - self.before[day as usize]
    }
}

/// Returns the share of `total` that belongs to the first `part` of `whole`. The shares of adjacent
/// parts add up exactly.
pub(super) fn share(total: u64, part: u64, whole: u64) -> u64 {
    (u128::from(total) * u128::from(part) / u128::from(whole.max(1))) as u64
}

/// Returns the date of a day.
pub(super) fn date(day: u64) -> NaiveDate {
    let midnight = START_MS + day * DAY_MS;
    DateTime::from_timestamp_millis(midnight as i64).unwrap_or_default().date_naive()
}

/// Returns the time, in milliseconds after midnight, by which `part` of `whole` of a day's sessions
/// have begun.
pub(super) fn time_of_day(part: u128, whole: u128) -> u64 {
    let total: u64 = HOURS.iter().sum();
    let mut rest = part * u128::from(total);
    for (hour, weight) in (0..).zip(HOURS) {
        let of_hour = whole * u128::from(weight);
        if rest < of_hour {
            return hour * HOUR_MS + (rest * u128::from(HOUR_MS) / of_hour) as u64;
        }
        rest -= of_hour;
    }
    DAY_MS - 1
}

fn weight(seed: u64, day: u64) -> u64 {
    let usual = match date(day).weekday() {
        Weekday::Sat => 55,
        Weekday::Sun => 45,
        _ => 100,
    };
    usual * Dice::new(seed, Purpose::DayWeight, day).range(70, 130)
}
