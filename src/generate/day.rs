//! The events of one day in the order of time, from nothing but the seed and the number of the day.
//!
//! Sessions begin along the curve of the day and then run side by side, so what is held in memory
//! is the visits under way and not the events. A day so full that too many visits would overlap
//! runs on a faster clock.

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

/// Visits under way at the busiest time of a day, at most and roughly: some ten megabytes.
const MOST_VISITS: u64 = 20_000;
/// What an event takes on average, in milliseconds.
const USUAL_PAUSE_MS: u64 = 225_000;
/// How much busier the busiest hour is than the average one, rounded up.
const PEAK: u64 = 2;
/// How often somebody who is in the app already is replaced by somebody else before they may come
/// in twice.
const ATTEMPTS: u32 = 8;
/// The longest visit about a change of level.
const LONGEST_CHANGE: u64 = 16;
/// The parts into which one event's share of the day is divided when a visit's beginning is drawn.
const SUBDIVISIONS: u64 = 1024;

/// A day's events, one after the other.
pub(super) struct Day {
    world: Arc<World>,
    dice: Dice,
    song: Song,
    end: u64,
    /// Millionths of the natural pause that pass between two events.
    pace: u64,
    arrivals: Arrivals,
    visits: Vec<Session>,
    vacant: Vec<usize>,
    /// The next event of each visit: its time and the place in `visits`.
    agenda: BinaryHeap<Reverse<(u64, usize)>>,
    /// Looked up only: nothing may depend on the order of a hash set.
    present: HashSet<u64>,
}

/// Who comes next, and when.
struct Arrivals {
    start: u64,
    first_session: u64,
    /// Events of the visits that have begun.
    begun: u64,
    /// Events of the ordinary visits that have begun, and of all ordinary ones.
    ordinary_begun: u64,
    ordinary: u64,
    changes: VecDeque<(Change, u64)>,
    next: Option<(u64, u64)>,
}

impl Day {
    /// The day with this number.
    pub(super) fn new(world: &Arc<World>, day: u64) -> Self {
        let mut dice = Dice::new(world.seed, Purpose::Day, day);
        let events = world.plan.events_of(day);
        let overlap =
            (u128::from(events) * u128::from(USUAL_PAUSE_MS * PEAK) / u128::from(DAY_MS)).max(1);
        let pace = (u128::from(MOST_VISITS) * 1_000_000 / overlap).min(1_000_000) as u64;
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
            agenda: BinaryHeap::new(),
            present: HashSet::new(),
        }
    }

    /// Fills in the next event; false after the last one.
    pub(super) fn next(&mut self, event: &mut Event) -> bool {
        self.admit();
        let Some(Reverse((now, place))) = self.agenda.pop() else {
            return false;
        };
        let visit = &mut self.visits[place];
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
        self.go_on(now, place, event);
        true
    }

    fn go_on(&mut self, now: u64, place: usize, event: &Event) {
        let visit = &self.visits[place];
        if visit.remaining == 0 {
            self.present.remove(&visit.user.number);
            self.vacant.push(place);
            return;
        }
        let length = event.length.unwrap_or(0);
        let wish = visit.next_time(now, event.page, length, self.pace, &mut self.dice);
        // A visit ends on the day it began: the later it gets, the more songs are skipped.
        let latest = now + (self.end - 1 - now) / (visit.remaining + 1);
        let scripted = visit.change.is_some() && visit.item < Session::script_length();
        let next = if scripted { wish } else { wish.min(latest) };
        self.agenda.push(Reverse((next, place)));
    }

    /// Lets in everybody who comes before the next event.
    fn admit(&mut self) {
        while let Some(start) = self.arrivals.time() {
            if self.agenda.peek().is_some_and(|Reverse((next, _))| *next < start) {
                return;
            }
            let session = self.arrivals.take(&self.world, &self.present, &mut self.dice);
            self.arrivals.prepare(self.pace, &mut self.dice);
            self.present.insert(session.user.number);
            let place = match self.vacant.pop() {
                Some(place) => {
                    self.visits[place] = session;
                    place
                }
                None => {
                    self.visits.push(session);
                    self.visits.len() - 1
                }
            };
            self.agenda.push(Reverse((start, place)));
        }
    }
}

impl Arrivals {
    fn new(world: &World, day: u64, dice: &mut Dice) -> Self {
        let draw = |change| (change, dice.range(Session::script_length() + 1, LONGEST_CHANGE));
        let changes: VecDeque<(Change, u64)> =
            world.timeline.of_day(day).into_iter().map(draw).collect();
        let changing: u64 = changes.iter().map(|(_, length)| length).sum();
        Self {
            start: START_MS + day * DAY_MS,
            // Every visit has an event, so that the events before it make a number that no other
            // visit has.
            first_session: world.plan.events_before(day) + 1,
            begun: 0,
            ordinary_begun: 0,
            ordinary: world.plan.events_of(day) - changing,
            changes,
            next: None,
        }
    }

    /// Draws the beginning and the length of the next ordinary visit.
    fn prepare(&mut self, pace: u64, dice: &mut Dice) {
        let left = self.ordinary - self.ordinary_begun;
        if self.next.is_some() || left == 0 {
            return;
        }
        let whole = u128::from(self.ordinary) * u128::from(SUBDIVISIONS);
        let from = u128::from(self.ordinary_begun) * u128::from(SUBDIVISIONS);
        let until_midnight = DAY_MS - time_of_day(from, whole);
        let room = until_midnight / (USUAL_PAUSE_MS * pace / 1_000_000).max(1);
        let length = visit_length(dice).min(room.max(1)).min(left);
        let part = from + u128::from(dice.below(length * SUBDIVISIONS));
        self.next = Some((self.start + time_of_day(part, whole), length));
    }

    /// When the next visit begins.
    fn time(&self) -> Option<u64> {
        let ordinary = self.next.map(|(start, _)| start);
        let changing = self.changes.front().map(|(change, _)| Session::script_start(*change));
        ordinary.into_iter().chain(changing).min()
    }

    /// The next visit.
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
        Session::ordinary(id, somebody(world, present, dice), length, dice)
    }
}

/// Somebody who is not in the app yet, if that can be helped.
fn somebody(world: &World, present: &HashSet<u64>, dice: &mut Dice) -> User {
    let mut number = dice.skewed(world.users, 2);
    for _ in 0..ATTEMPTS {
        if !present.contains(&number) {
            break;
        }
        number = dice.skewed(world.users, 2);
    }
    User::new(world.seed, number)
}

/// Half of all visits are over after a look around; a few last all evening.
fn visit_length(dice: &mut Dice) -> u64 {
    match dice.below(100) {
        0..48 => dice.range(1, 4),
        48..88 => dice.range(4, 26),
        _ => dice.range(26, 120),
    }
}

/// Chooses what is played, and answers how long it lasts.
fn play(world: &World, dice: &mut Dice, song: &mut Song) -> u64 {
    if world.catalogue.songs() > 0 && dice.percent(60) {
        let number = world.catalogue.popular(dice);
        world.catalogue.describe(number, song);
        // The logs come from another source than the catalogue, and measure a little differently at
        // times.
        if dice.percent(8) {
            return song.duration + dice.range(1, 150_000);
        }
        return song.duration;
    }
    world.catalogue.describe_outsider(dice, song);
    song.duration
}
