//! Generates the events of one day in chronological order, from only the seed and the number of the
//! day.
//!
//! Sessions begin at a rate that varies by hour, and they run concurrently. Memory holds only the
//! visits in progress, not the events of the day. If too many visits would overlap, their pauses
//! are shortened.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, HashSet, VecDeque};
use std::sync::Arc;

use super::World;
use super::catalogue::Song;
use super::dice::{Dice, Purpose};
use super::event::{Event, Layout};
use super::plan::{DAY_MS, START_MS, time_of_day};
use super::session::Session;
use super::users::{Change, User};

/// Approximate maximum number of concurrent visits at the busiest time of a day. They use about ten
/// megabytes.
const MAX_VISITS: u64 = 20_000;
/// Average time between two events of a visit, in milliseconds.
const USUAL_PAUSE_MS: u64 = 225_000;
/// Ratio of the busiest hour to the average one, rounded up.
const PEAK: u64 = 2;
/// Number of attempts to draw a user who has no visit in progress.
const ATTEMPTS: u32 = 8;
/// Maximum number of events of a visit with a change of level.
const MAX_CHANGE_EVENTS: u64 = 16;
/// Number of subdivisions of one event's share of the day, for drawing the start of a visit.
const SUBDIVISIONS: u64 = 1024;

/// The events of a day, generated one by one.
pub(super) struct Day {
    world: Arc<World>,
    dice: Dice,
    song: Song,
    end: u64,
    /// Factor applied to the pauses between events, in millionths.
    pace: u64,
    arrivals: Arrivals,
    visits: Vec<Session>,
    vacant: Vec<usize>,
    /// The time of each visit's next event, and the position of the visit in `visits`.
    queue: BinaryHeap<Reverse<(u64, usize)>>,
    /// Users with a visit in progress. Used only for lookups, because the order of a hash set is
    /// not deterministic.
    present: HashSet<u64>,
}

/// The visits that have not begun.
struct Arrivals {
    start: u64,
    first_session: u64,
    /// Number of events of the visits that have begun.
    begun: u64,
    /// Number of events of the ordinary visits that have begun, and of all ordinary visits.
    ordinary_begun: u64,
    ordinary: u64,
    changes: VecDeque<(Change, u64)>,
    next: Option<(u64, u64)>,
}

impl Day {
    /// Creates the day with this number.
    pub(super) fn new(world: &Arc<World>, day: u64) -> Self {
        let mut dice = Dice::new(world.seed, Purpose::Day, day);
        let events = world.plan.events_of(day);
        let overlap =
            (u128::from(events) * u128::from(USUAL_PAUSE_MS * PEAK) / u128::from(DAY_MS)).max(1);
        let pace = (u128::from(MAX_VISITS) * 1_000_000 / overlap).min(1_000_000) as u64;
        let mut arrivals = Arrivals::new(world, day, &mut dice);
        arrivals.prepare(pace, &mut dice);
        Self {
            world: Arc::clone(world),
            dice,
            song: Song::default(),
            end: START_MS + (day + 1) * DAY_MS,
            pace,
            arrivals,
            visits: Vec::new(),
            vacant: Vec::new(),
            queue: BinaryHeap::new(),
            present: HashSet::new(),
        }
    }

    /// Fills in the next event. Returns `false` after the last one.
    pub(super) fn next(&mut self, event: &mut Event) -> bool {
        self.admit();
        let Some(Reverse((now, index))) = self.queue.pop() else {
            return false;
        };
        let visit = &mut self.visits[index];
        let level = self.world.timeline.level(visit.user.number, now);
        event.ts = now;
        event.session = visit.id;
        event.item = visit.item;
        event.user = visit.user;
        event.location = Some(visit.user.location);
        event.level = level;
        (event.page, event.signed_in) = visit.step(level, &mut self.dice);
        event.remaining = visit.remaining;
        event.layout = Layout::draw(&mut self.dice);
        event.length = None;
        if event.is_play() {
            event.length = Some(play(&self.world, &mut self.dice, &mut self.song));
            std::mem::swap(&mut event.artist, &mut self.song.artist_name);
            std::mem::swap(&mut event.song, &mut self.song.title);
        }
        self.continue_session(now, index, event);
        true
    }

    fn continue_session(&mut self, now: u64, index: usize, event: &Event) {
        let visit = &self.visits[index];
        if visit.remaining == 0 {
            self.present.remove(&visit.user.number);
            self.vacant.push(index);
            return;
        }
        let length = event.length.unwrap_or(0);
        let intended = visit.next_time(now, event.page, length, self.pace, &mut self.dice);
        // A visit ends on the day it began, so late visits skip songs.
        let latest = now + (self.end - 1 - now) / (visit.remaining + 1);
        let scripted = visit.change.is_some() && visit.item < Session::script_length();
        let next = if scripted { intended } else { intended.min(latest) };
        self.queue.push(Reverse((next, index)));
    }

    /// Starts the visits that begin before the next event.
    fn admit(&mut self) {
        while let Some(start) = self.arrivals.time() {
            if self.queue.peek().is_some_and(|Reverse((next, _))| *next < start) {
                return;
            }
            let session = self.arrivals.take(&self.world, &self.present, &mut self.dice);
            self.arrivals.prepare(self.pace, &mut self.dice);
            self.present.insert(session.user.number);
            let index = match self.vacant.pop() {
                Some(index) => {
                    self.visits[index] = session;
                    index
                }
                None => {
                    self.visits.push(session);
                    self.visits.len() - 1
                }
            };
            self.queue.push(Reverse((start, index)));
        }
    }
}

impl Arrivals {
    fn new(world: &World, day: u64, dice: &mut Dice) -> Self {
        let draw = |change| (change, dice.range(Session::script_length() + 1, MAX_CHANGE_EVENTS));
        let changes: VecDeque<(Change, u64)> =
            world.timeline.of_day(day).into_iter().map(draw).collect();
        let changing: u64 = changes.iter().map(|(_, length)| length).sum();
        Self {
            start: START_MS + day * DAY_MS,
            // The number of events before a visit is unique, because every visit has at least one
            // event.
            first_session: world.plan.events_before(day) + 1,
            begun: 0,
            ordinary_begun: 0,
            ordinary: world.plan.events_of(day) - changing,
            changes,
            next: None,
        }
    }

    /// Draws the start and the length of the next ordinary visit.
    fn prepare(&mut self, pace: u64, dice: &mut Dice) {
        let remaining = self.ordinary - self.ordinary_begun;
        if self.next.is_some() || remaining == 0 {
            return;
        }
        let whole = u128::from(self.ordinary) * u128::from(SUBDIVISIONS);
        let from = u128::from(self.ordinary_begun) * u128::from(SUBDIVISIONS);
        let until_midnight = DAY_MS - time_of_day(from, whole);
        let room = until_midnight / (USUAL_PAUSE_MS * pace / 1_000_000).max(1);
        let length = visit_length(dice).min(room.max(1)).min(remaining);
        let part = from + u128::from(dice.below(length * SUBDIVISIONS));
        self.next = Some((self.start + time_of_day(part, whole), length));
    }

    /// Returns the start of the next visit, in epoch milliseconds.
    fn time(&self) -> Option<u64> {
        let ordinary = self.next.map(|(start, _)| start);
        let changing = self.changes.front().map(|(change, _)| Session::script_start(*change));
        ordinary.into_iter().chain(changing).min()
    }

    /// Removes and returns the next visit.
    fn take(&mut self, world: &World, present: &HashSet<u64>, dice: &mut Dice) -> Session {
        let id = self.first_session + self.begun;
        let start = self.time();
        let changing =
            |(change, _): &mut (Change, u64)| Some(Session::script_start(*change)) == start;
        if let Some((change, length)) = self.changes.pop_front_if(changing) {
            self.begun += length;
            return Session::changing(id, User::new(world.seed, change.user), length, change);
        }
        let length = self.next.take().map_or(1, |(_, length)| length);
        self.begun += length;
        self.ordinary_begun += length;
        Session::ordinary(id, pick_user(world, present, dice), length, dice)
    }
}

/// Draws a user who, if possible, has no visit in progress.
fn pick_user(world: &World, present: &HashSet<u64>, dice: &mut Dice) -> User {
    let mut number = dice.skewed(world.users, 2);
    for _ in 0..ATTEMPTS {
        if !present.contains(&number) {
            break;
        }
        number = dice.skewed(world.users, 2);
    }
    User::new(world.seed, number)
}

/// Draws the number of events of a visit. About half of all visits are very short; a few last all
/// evening.
fn visit_length(dice: &mut Dice) -> u64 {
    match dice.below(100) {
        0..48 => dice.range(1, 4),
        48..88 => dice.range(4, 26),
        _ => dice.range(26, 120),
    }
}

/// Draws the song of a play into `song` and returns its length, in hundred-thousandths of a second.
fn play(world: &World, dice: &mut Dice, song: &mut Song) -> u64 {
    if world.catalogue.songs() > 0 && dice.percent(60) {
        let number = world.catalogue.popular(dice);
        world.catalogue.describe(number, song);
        // The logs come from another source than the catalogue, and sometimes measure a slightly
        // different length.
        if dice.percent(8) {
            return song.duration + dice.range(1, 150_000);
        }
        return song.duration;
    }
    world.catalogue.describe_outsider(dice, song);
    song.duration
}
