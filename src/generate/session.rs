//! One visit to the app: its sequence of pages and their times.

use super::dice::Dice;
use super::event::Page;
use super::users::{Change, Level, User};

/// Times of a scripted visit's events up to the change of level, in milliseconds before the change.
const SCRIPT_LEADS: [u64; 4] = [300_000, 290_000, 5_000, 0];

/// A visit in progress.
pub(super) struct Session {
    /// Number of the session.
    pub(super) id: u64,
    /// User of the session.
    pub(super) user: User,
    /// Position of the next event, from 0.
    pub(super) item: u64,
    /// Number of events left.
    pub(super) remaining: u64,
    /// `true` if the user is logged in.
    pub(super) signed_in: bool,
    /// Change of level during this visit, if any.
    pub(super) change: Option<Change>,
    last: Option<Page>,
}

impl Session {
    /// Creates a visit without a change of level. One in eleven starts logged out.
    pub(super) fn ordinary(id: u64, user: User, length: u64, dice: &mut Dice) -> Self {
        let signed_in = !dice.percent(9);
        Self { id, user, item: 0, remaining: length, signed_in, change: None, last: None }
    }

    /// Creates a visit with a change of level.
    pub(super) fn changing(id: u64, user: User, length: u64, change: Change) -> Self {
        Self {
            id,
            user,
            item: 0,
            remaining: length,
            signed_in: true,
            change: Some(change),
            last: None,
        }
    }

    /// Returns the start of the visit with this change, in epoch milliseconds.
    pub(super) fn script_start(change: Change) -> u64 {
        change.moment - SCRIPT_LEADS[0]
    }

    /// Returns the minimum number of events of a visit with a change of level.
    pub(super) fn script_length() -> u64 {
        SCRIPT_LEADS.len() as u64
    }

    /// Moves on to the next page. Returns the page, and `true` if the user is logged in there.
    pub(super) fn step(&mut self, level: Level, dice: &mut Dice) -> (Page, bool) {
        let signed_in = self.signed_in;
        let page = match (self.scripted(level), signed_in) {
            (Some(page), _) => page,
            (None, true) => self.inside(level, dice),
            (None, false) => outside(dice),
        };
        match page {
            Page::Login => self.signed_in = true,
            Page::Logout => self.signed_in = false,
            _ => {}
        }
        self.item += 1;
        self.remaining -= 1;
        self.last = Some(page);
        (page, signed_in)
    }

    /// Returns the time of the next event, with pauses multiplied by `pace` millionths.
    pub(super) fn next_time(
        &self,
        now: u64,
        page: Page,
        length: u64,
        pace: u64,
        dice: &mut Dice,
    ) -> u64 {
        let pause = pause(page, length, dice) * pace / 1_000_000;
        match self.change.zip(SCRIPT_LEADS.get(self.item as usize)) {
            Some((change, lead)) => change.moment - lead,
            None => now + pause.max(1),
        }
    }

    fn scripted(&self, level: Level) -> Option<Page> {
        self.change?;
        match (self.item, level) {
            (0, _) => Some(Page::Home),
            (1, _) => Some(Page::NextSong),
            (2, Level::Free) => Some(Page::Upgrade),
            (2, Level::Paid) => Some(Page::Downgrade),
            (3, Level::Free) => Some(Page::SubmitUpgrade),
            (3, Level::Paid) => Some(Page::SubmitDowngrade),
            _ => None,
        }
    }

    fn inside(&self, level: Level, dice: &mut Dice) -> Page {
        match self.last {
            None if dice.percent(55) => return Page::Home,
            Some(Page::Login) => return Page::Home,
            Some(Page::Settings) if dice.percent(20) => return Page::SaveSettings,
            _ => {}
        }
        match (dice.below(1000), level) {
            (0..38, _) => Page::Home,
            (38..45, _) => Page::Settings,
            (45..50, _) => Page::Help,
            (50..53, _) => Page::About,
            (53..55, _) => Page::Error,
            (55..66, _) => Page::Logout,
            (66..71, Level::Free) => Page::Upgrade,
            (66..76, Level::Paid) => Page::Downgrade,
            _ => Page::NextSong,
        }
    }
}

fn outside(dice: &mut Dice) -> Page {
    match dice.below(100) {
        0..56 => Page::Home,
        56..62 => Page::About,
        62..66 => Page::Help,
        _ => Page::Login,
    }
}

fn pause(page: Page, length: u64, dice: &mut Dice) -> u64 {
    // Hundred-thousandths of a second to milliseconds.
    let song = length / 100;
    match page {
        Page::NextSong if dice.percent(10) => dice.range(2_000, song.max(2_000)),
        Page::NextSong => song + dice.below(900),
        page if page.is_submission() => dice.range(800, 1_500),
        _ => dice.range(1_000, 60_000),
    }
}
