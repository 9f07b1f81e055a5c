//! The users of the app and their changes of level.
//!
//! Days are generated independently of one another, so no state of a user is carried from one day
//! to the next. A user is computed from their number, and the few changes between the free and the
//! paid level are determined before the first day.

use super::dice::{Dice, Purpose};
use super::plan::{DAY_MS, Plan, START_MS};
use super::vocabulary::{BARE_AGENTS, FIRST_NAMES, LAST_NAMES, USER_AGENTS, USER_PLACES};

/// Number of events per change of level: the original logs have 9 changes in 8,056 events.
const EVENTS_PER_CHANGE: u64 = 900;
/// Minimum number of users per change of level.
const USERS_PER_CHANGE: u64 = 4;
/// Minimum number of a day's events per change on that day, because each change has its own
/// session.
const EVENTS_PER_CHANGE_AND_DAY: u64 = 32;

/// The subscription level of a user.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Level {
    Free,
    Paid,
}

impl Level {
    /// Returns the level as written in the logs.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Free => "free",
            Self::Paid => "paid",
        }
    }

    /// Returns the other level.
    pub(super) fn other(self) -> Self {
        match self {
            Self::Free => Self::Paid,
            Self::Paid => Self::Free,
        }
    }
}

/// A user with an account.
#[derive(Clone, Copy)]
pub(super) struct User {
    /// Number of the user, from 0. The id in the logs is one higher.
    pub(super) number: u64,
    /// First name.
    pub(super) first_name: &'static str,
    /// Last name.
    pub(super) last_name: &'static str,
    /// Gender: `F` or `M`.
    pub(super) gender: &'static str,
    /// Place of residence.
    pub(super) location: &'static str,
    /// User agent, without the quotes that the app adds.
    pub(super) agent: &'static str,
    /// `true` if the app wraps the user agent in an extra pair of quotes.
    pub(super) agent_quoted: bool,
    /// Time of registration, in epoch milliseconds.
    pub(super) registration: u64,
}

impl User {
    /// Creates the user with this number.
    pub(super) fn new(seed: u64, number: u64) -> Self {
        let mut dice = Dice::new(seed, Purpose::User, number);
        let (first_name, gender) = dice.pick(FIRST_NAMES);
        let agent_quoted = dice.percent(80);
        Self {
            number,
            first_name,
            last_name: dice.pick(LAST_NAMES),
            gender,
            location: dice.pick(USER_PLACES),
            agent: dice.pick(if agent_quoted { USER_AGENTS } else { BARE_AGENTS }),
            agent_quoted,
            registration: START_MS - dice.range(DAY_MS / 24, 60 * DAY_MS),
        }
    }
}

/// A change of a user's level, at the time of their Submit Upgrade or Submit Downgrade.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(super) struct Change {
    /// Number of the user.
    pub(super) user: u64,
    /// Time of the change, in epoch milliseconds. Events up to and including this time have the old
    /// level.
    pub(super) moment: u64,
}

/// All changes of level, ordered by user and time.
pub(super) struct Timeline {
    seed: u64,
    changes: Vec<Change>,
}

impl Timeline {
    /// Draws the changes. There is at most one per four users, so that memory does not grow with the
    /// number of events.
    pub(super) fn new(seed: u64, users: u64, plan: &Plan) -> Self {
        let mut dice = Dice::new(seed, Purpose::Timeline, 0);
        let count = (plan.events() / EVENTS_PER_CHANGE).min(users / USERS_PER_CHANGE);
        let mut room: Vec<u64> =
            plan.days().map(|day| plan.events_of(day) / EVENTS_PER_CHANGE_AND_DAY).collect();
        let mut changes = Vec::new();
        for _ in 0..count {
            let change = Change { user: dice.skewed(users, 2), moment: moment(&mut dice, plan) };
            let paying = initial_level(seed, change.user) == Level::Paid;
            let day = ((change.moment - START_MS) / DAY_MS) as usize;
            // Far fewer users downgrade than upgrade.
            if room[day] > 0 && (!paying || dice.percent(25)) {
                room[day] -= 1;
                changes.push(change);
            }
        }
        changes.sort_unstable();
        // Drop a user's second change within a day: the pages of its session must not overlap those
        // of the first.
        changes.dedup_by(|later, earlier| {
            later.user == earlier.user && later.moment - earlier.moment < DAY_MS
        });
        Self { seed, changes }
    }

    /// Returns the level of a user at a time.
    pub(super) fn level(&self, user: u64, at: u64) -> Level {
        let first = self.changes.partition_point(|change| change.user < user);
        let of_user = self.changes[first..]
            .iter()
            .take_while(|change| change.user == user && change.moment < at);
        let level = initial_level(self.seed, user);
        if of_user.count() % 2 == 1 { level.other() } else { level }
    }

    /// Returns the changes of a day in chronological order.
    pub(super) fn of_day(&self, day: u64) -> Vec<Change> {
        let start = START_MS + day * DAY_MS;
        let of_day = |change: &&Change| (start..start + DAY_MS).contains(&change.moment);
        let mut changes: Vec<Change> = self.changes.iter().filter(of_day).copied().collect();
        changes.sort_unstable_by_key(|change| (change.moment, change.user));
        changes
    }
}

/// Draws a time between 01:00 and 22:00, which leaves room on the same day for the session around
/// it.
fn moment(dice: &mut Dice, plan: &Plan) -> u64 {
    let day = dice.below(plan.days().end);
    START_MS + day * DAY_MS + dice.range(DAY_MS / 24, DAY_MS / 24 * 22)
}

fn initial_level(seed: u64, user: u64) -> Level {
    let paying = Dice::new(seed, Purpose::UserLevel, user).percent(22);
    if paying { Level::Paid } else { Level::Free }
}
