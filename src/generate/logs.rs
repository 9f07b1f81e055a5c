//! Generates the logs of the app: one file per day, written in chunks.

use std::sync::Arc;

use super::day::Day;
use super::defect;
use super::dice::{Dice, Purpose};
use super::event::{Event, Layout};
use super::plan::{self, share};
use super::users::User;
use super::{Generated, World};

/// Size in bytes at which a chunk of a log ends, after a complete line.
const CHUNK_BYTES: usize = 1 << 20;
/// Percentage of repeated plays that are delivered a day late. The others follow their originals.
const LATE_PERCENT: u64 = 20;
/// Approximate percentage of plays among events, used to estimate the number of late plays.
const PLAY_PERCENT: u64 = 85;

/// The log of one day.
pub struct LogFile {
    day: u64,
    lines: Dice,
    events: Day,
    event: Event,
    /// The previous day, whose first plays are delivered again, and the number of those left.
    late: Option<Day>,
    late_left: u64,
    in_place_rate: f64,
    /// Number of events and of invalid lines in the complete file.
    events_total: u64,
    bad_events: u64,
    started: bool,
    finished: bool,
    counts: Generated,
}

impl LogFile {
    pub(super) fn new(world: &Arc<World>, day: u64) -> Self {
        let (before, events_total) = (world.plan.events_before(day), world.plan.events_of(day));
        let bad_before = |events| share(world.bad_events, events, world.plan.events());
        let yesterday = if day == 0 { 0 } else { world.plan.events_of(day - 1) };
        let late_left = super::part_of(world.duplicate_rate, yesterday * PLAY_PERCENT / 100)
            * LATE_PERCENT
            / 100;
        Self {
            day,
            lines: Dice::new(world.seed, Purpose::Lines, day),
            events: Day::new(world, day),
            event: Event::blank(User::new(world.seed, 0)),
            late: (late_left > 0).then(|| Day::new(world, day - 1)),
            late_left,
            in_place_rate: world.duplicate_rate * (100 - LATE_PERCENT) as f64 / 100.0,
            events_total,
            bad_events: bad_before(before + events_total) - bad_before(before),
            started: false,
            finished: false,
            counts: Generated { log_files: 1, ..Generated::default() },
        }
    }

    /// Returns the path relative to the output folder: `log_data/2018/11/2018-11-01-events.json`.
    pub fn path(&self) -> String {
        plan::date(self.day).format("log_data/%Y/%m/%Y-%m-%d-events.json").to_string()
    }

    /// Appends the next chunk of the file, about one mebibyte. At the end of the file, returns
    /// `false` and appends nothing.
    pub fn next_chunk(&mut self, out: &mut Vec<u8>) -> bool {
        let before = out.len();
        while !self.finished && out.len() - before < CHUNK_BYTES {
            self.finished = !self.write_late(out) && !self.write_event(out);
            if self.finished && self.lines.percent(10) {
                out.push(b'\n');
            }
        }
        out.len() > before
    }

    /// Returns the counts of the chunks so far.
    pub fn counts(&self) -> Generated {
        self.counts
    }

    /// Writes a copy of the next play of the previous day. These copies come first, so that the
    /// file stays sorted by time.
    fn write_late(&mut self, out: &mut Vec<u8>) -> bool {
        let Some(day) = &mut self.late else {
            return false;
        };
        while self.late_left > 0 && day.next(&mut self.event) {
            if self.event.is_play() {
                self.late_left -= 1;
                if self.lines.percent(30) {
                    vary(&mut self.event, &mut self.lines);
                }
                self.write_copy(out);
                return true;
            }
        }
        self.late = None;
        false
    }

    /// Writes the next event, followed by a copy and invalid lines if any are due.
    fn write_event(&mut self, out: &mut Vec<u8>) -> bool {
        if !self.events.next(&mut self.event) {
            return false;
        }
        self.end_line(out);
        self.event.write(out);
        self.counts.events += 1;
        self.counts.plays += u64::from(self.event.is_play());
        let repeated = self.event.is_play() && self.lines.chance(self.in_place_rate);
        if repeated {
            if self.lines.percent(50) {
                vary(&mut self.event, &mut self.lines);
            }
            self.write_copy(out);
        }
        while self.counts.bad_events < share(self.bad_events, self.counts.events, self.events_total)
        {
            self.write_bad(out);
        }
        true
    }

    fn write_copy(&mut self, out: &mut Vec<u8>) {
        self.end_line(out);
        self.event.write(out);
        self.counts.play_duplicates += 1;
    }

    fn write_bad(&mut self, out: &mut Vec<u8>) {
        let mut line = Vec::new();
        self.event.layout = Layout::default();
        self.event.write(&mut line);
        defect::damage_event(&mut line, &mut self.lines);
        self.end_line(out);
        out.extend_from_slice(&line);
        self.counts.bad_events += 1;
    }

    /// Ends the previous line. The last line of a log usually has no line end, so a line is ended
    /// when the next one begins.
    fn end_line(&mut self, out: &mut Vec<u8>) {
        if self.started {
            out.push(b'\n');
        }
        self.started = true;
    }
}

/// Turns a play into a duplicate with the same key and another value.
fn vary(event: &mut Event, dice: &mut Dice) {
    event.layout = Layout::default();
    match dice.below(100) {
        0..30 => event.song.push_str(" (Remastered)"),
        30..45 => event.artist.insert_str(0, "A. "),
        45..65 => event.length = event.length.map(|length| length + 100_000),
        65..75 => event.length = None,
        75..85 => event.location = None,
        // A user's level is that of their latest event. Two latest events with different levels
        // would make it ambiguous, so the level is changed only if another event of the visit
        // follows.
        _ if event.remaining > 0 => event.level = event.level.other(),
        _ => event.song.push_str(" (Mono)"),
    }
}
