//! Who uses the app, and when they pay for it.
//!
//! Days are generated independently of one another, so nobody can be carried from one day to the
//! next: a user is computed from their number, and the few moments at which somebody changes
//! between the free and the paid level are laid down before the first day.

use super::dice::{Dice, Purpose};
use super::plan::{DAY_MS, Plan, START_MS};
use super::vocabulary::{BARE_AGENTS, FIRST_NAMES, LAST_NAMES, USER_AGENTS, USER_PLACES};

/// Events for each change of level: the real app saw 9 changes in 8,056 events.
const EVENTS_A_CHANGE: u64 = 900;
/// Users that may be asked for each change.
const USERS_A_CHANGE: u64 = 4;
/// Changes start sessions of their own, which may take up a day's events up to this divisor.
const EVENTS_A_CHANGE_ON_A_DAY: u64 = 32;

/// Whether somebody pays.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Level {
    Free,
    Paid,
}

impl Level {
    /// As the logs write it.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Free => "free",
            Self::Paid => "paid",
        }
    }

    /// The other one.
    pub(super) fn other(self) -> Self {
        match self {
            Self::Free => Self::Paid,
            Self::Paid => Self::Free,
        }
    }
}

/// Somebody with an account.
#[derive(Clone, Copy)]
pub(super) struct User {
    /// Number from 0; the logs count from 1.
    pub(super) number: u64,
    /// First name.
    pub(super) first_name: &'static str,
    /// Last name.
    pub(super) last_name: &'static str,
    /// `F` or `M`.
    pub(super) gender: &'static str,
    /// Place.
    pub(super) location: &'static str,
    /// Browser, without the quotes that the app wraps around it.
    pub(super) agent: &'static str,
    /// Whether the app wraps it in quotes.
    pub(super) agent_quoted: bool,
    /// Epoch milliseconds.
    pub(super) registration: u64,
}

impl User {
    /// The user with this number.
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

/// The moment at which somebody changes their level: the time of their Submit Upgrade or Submit
/// Downgrade.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(super) struct Change {
    /// Who.
    pub(super) user: u64,
    /// Epoch milliseconds; events up to and including this one still carry the old level.
    pub(super) moment: u64,
}

/// All changes of level, by user and time.
pub(super) struct Timeline {
    seed: u64,
    changes: Vec<Change>,
}

impl Timeline {
    /// Lays down who changes and when. Grows with the users, not with the events.
    pub(super) fn new(seed: u64, users: u64, plan: &Plan) -> Self {
        let mut dice = Dice::new(seed, Purpose::Timeline, 0);
        let wanted = (plan.events() / EVENTS_A_CHANGE).min(users / USERS_A_CHANGE);
        let mut room: Vec<u64> =
            plan.days().map(|day| plan.events_of(day) / EVENTS_A_CHANGE_ON_A_DAY).collect();
        let mut changes = Vec::new();
        for _ in 0..wanted {
            let change = Change { user: dice.skewed(users, 2), moment: moment(&mut dice, plan) };
            let paying = initial_level(seed, change.user) == Level::Paid;
            let day = ((change.moment - START_MS) / DAY_MS) as usize;
            // Far fewer people leave than join.
            if room[day] > 0 && (!paying || dice.percent(25)) {
                room[day] -= 1;
                changes.push(change);
            }
        }
        changes.sort_unstable();
        // A second change needs time for the pages of its session, which must not overlap those of
        // the first.
        changes.dedup_by(|later, earlier| {
            later.user == earlier.user && later.moment - earlier.moment < DAY_MS
        });
        Self { seed, changes }
    }

    /// The level of a user at a time.
    pub(super) fn level(&self, user: u64, at: u64) -> Level {
        let first = self.changes.partition_point(|change| change.user < user);
        let theirs = self.changes[first..]
            .iter()
            .take_while(|change| change.user == user && change.moment < at);
        let level = initial_level(self.seed, user);
        if theirs.count() % 2 == 1 { level.other() } else { level }
    }

    /// The changes of a day in the order of time.
    pub(super) fn of_day(&self, day: u64) -> Vec<Change> {
        let start = START_MS + day * DAY_MS;
        let of_day = |change: &&Change| (start..start + DAY_MS).contains(&change.moment);
        let mut changes: Vec<Change> = self.changes.iter().filter(of_day).copied().collect();
        changes.sort_unstable_by_key(|change| (change.moment, change.user));
        changes
    }
}

/// A moment between one and 22 o'clock, which leaves room for the session around it on the same
/// day.
fn moment(dice: &mut Dice, plan: &Plan) -> u64 {
    let day = dice.below(plan.days().end);
    START_MS + day * DAY_MS + dice.range(DAY_MS / 24, DAY_MS / 24 * 22)
}

fn initial_level(seed: u64, user: u64) -> Level {
    let paying = Dice::new(seed, Purpose::UserLevel, user).percent(22);
    if paying { Level::Paid } else { Level::Free }
}
