//! Writes an event as a line of a log.

use super::dice::Dice;
use super::json::{self, TextStyle};
use super::users::{Level, User};

/// The page of an event.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Page {
    NextSong,
    Home,
    Login,
    Logout,
    Help,
    About,
    Settings,
    SaveSettings,
    Upgrade,
    SubmitUpgrade,
    Downgrade,
    SubmitDowngrade,
    Error,
}

impl Page {
    /// Returns the page as written in the logs.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::NextSong => "NextSong",
            Self::Home => "Home",
            Self::Login => "Login",
            Self::Logout => "Logout",
            Self::Help => "Help",
            Self::About => "About",
            Self::Settings => "Settings",
            Self::SaveSettings => "Save Settings",
            Self::Upgrade => "Upgrade",
            Self::SubmitUpgrade => "Submit Upgrade",
            Self::Downgrade => "Downgrade",
            Self::SubmitDowngrade => "Submit Downgrade",
            Self::Error => "Error",
        }
    }

    /// Returns `true` for pages that change something on the server and then redirect the browser.
    pub(super) fn is_submission(self) -> bool {
        matches!(
            self,
            Self::Login
                | Self::Logout
                | Self::SaveSettings
                | Self::SubmitUpgrade
                | Self::SubmitDowngrade
        )
    }

    fn method(self) -> &'static str {
        if self == Self::NextSong || self.is_submission() { "PUT" } else { "GET" }
    }

    fn status(self) -> u64 {
        match self {
            Self::Error => 404,
            page if page.is_submission() => 307,
            _ => 200,
        }
    }
}

/// An unusual but valid way to write a line.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Oddity {
    QuotedItem,
    QuotedTime,
    QuotedLength,
    FloatSession,
    FloatTime,
    NumericUser,
    NoMethod,
    NoRegistration,
    NoUserAgent,
    UnknownKey,
}

const ODDITIES: &[Oddity] = &[
    Oddity::QuotedItem,
    Oddity::QuotedTime,
    Oddity::QuotedLength,
    Oddity::FloatSession,
    Oddity::FloatTime,
    Oddity::NumericUser,
    Oddity::NoMethod,
    Oddity::NoRegistration,
    Oddity::NoUserAgent,
    Oddity::UnknownKey,
];

/// The format of a line.
#[derive(Clone, Copy, Default)]
pub(super) struct Layout {
    ascii: bool,
    oddity: Option<Oddity>,
}

impl Layout {
    /// Draws a layout: half of the lines escape non-ASCII characters, and a few have an oddity.
    pub(super) fn draw(dice: &mut Dice) -> Self {
        let choice = dice.below(400);
        Self {
            ascii: choice.is_multiple_of(2),
            oddity: (choice >= 398).then(|| dice.pick(ODDITIES)),
        }
    }
}

/// An event. One value is reused for all events of a day, to avoid allocations.
pub(super) struct Event {
    /// Time of the event, in epoch milliseconds.
    pub(super) ts: u64,
    /// Id of the session.
    pub(super) session: u64,
    /// Position in the session, from 0.
    pub(super) item: u64,
    /// Number of events left in the session after this one.
    pub(super) remaining: u64,
    /// Page of the event.
    pub(super) page: Page,
    /// `true` if the user was logged in. Otherwise the line does not identify them.
    pub(super) signed_in: bool,
    /// Level of the user at this time.
    pub(super) level: Level,
    /// User of the session.
    pub(super) user: User,
    /// Location of the user; `None` in some copies of a line.
    pub(super) location: Option<&'static str>,
    /// Artist of a play.
    pub(super) artist: String,
    /// Title of a play.
    pub(super) song: String,
    /// Length of a play in hundred-thousandths of a second, if known.
    pub(super) length: Option<u64>,
    /// Format of the line.
    pub(super) layout: Layout,
}

impl Event {
    /// Creates an event to be filled in.
    pub(super) fn blank(user: User) -> Self {
        Self {
            ts: 0,
            session: 0,
            item: 0,
            remaining: 0,
            page: Page::Home,
            signed_in: false,
            level: Level::Free,
            user,
            location: None,
            artist: String::new(),
            song: String::new(),
            length: None,
            layout: Layout::default(),
        }
    }

    /// Returns `true` if the event is a play.
    pub(super) fn is_play(&self) -> bool {
        self.page == Page::NextSong
    }

    /// Appends the event as one line, without a line end.
    pub(super) fn write(&self, out: &mut Vec<u8>) {
        self.write_first_half(out);
        self.write_second_half(out);
        if self.has(Oddity::UnknownKey) {
            out.extend_from_slice(b",\"appVersion\":\"4.2\"");
        }
        out.push(b'}');
    }

    fn write_first_half(&self, out: &mut Vec<u8>) {
        let play = self.is_play();
        let known = self.signed_in;
        out.extend_from_slice(b"{\"artist\":");
        self.text(out, play.then_some(&self.artist));
        out.extend_from_slice(if known {
            b",\"auth\":\"Logged In\""
        } else {
            b",\"auth\":\"Logged Out\""
        });
        out.extend_from_slice(b",\"firstName\":");
        self.text(out, known.then_some(self.user.first_name));
        out.extend_from_slice(b",\"gender\":");
        self.text(out, known.then_some(self.user.gender));
        out.extend_from_slice(b",\"itemInSession\":");
        quoted_if(out, self.has(Oddity::QuotedItem), |out| json::whole(out, self.item));
        out.extend_from_slice(b",\"lastName\":");
        self.text(out, known.then_some(self.user.last_name));
        out.extend_from_slice(b",\"length\":");
        self.write_length(out);
        out.extend_from_slice(b",\"level\":");
        self.text(out, Some(self.level.name()));
        out.extend_from_slice(b",\"location\":");
        self.text(out, self.location.filter(|_| known));
    }

    fn write_second_half(&self, out: &mut Vec<u8>) {
        if !self.has(Oddity::NoMethod) {
            out.extend_from_slice(b",\"method\":");
            self.text(out, Some(self.page.method()));
        }
        out.extend_from_slice(b",\"page\":");
        self.text(out, Some(self.page.name()));
        self.write_registration(out);
        out.extend_from_slice(b",\"sessionId\":");
        json::whole(out, self.session);
        if self.has(Oddity::FloatSession) {
            out.extend_from_slice(b".0");
        }
        out.extend_from_slice(b",\"song\":");
        self.text(out, self.is_play().then_some(&self.song));
        out.extend_from_slice(b",\"status\":");
        json::whole(out, self.page.status());
        out.extend_from_slice(b",\"ts\":");
        quoted_if(out, self.has(Oddity::QuotedTime), |out| json::whole(out, self.ts));
        if self.has(Oddity::FloatTime) {
            out.extend_from_slice(b".0");
        }
        self.write_agent(out);
        out.extend_from_slice(b",\"userId\":");
        quoted_if(out, !self.signed_in || !self.has(Oddity::NumericUser), |out| {
            if self.signed_in {
                json::whole(out, self.user.number + 1);
            }
        });
    }

    fn write_length(&self, out: &mut Vec<u8>) {
        match self.length.filter(|_| self.is_play()) {
            Some(length) => {
                quoted_if(out, self.has(Oddity::QuotedLength), |out| {
                    json::decimal(out, length.cast_signed())
                });
            }
            None => out.extend_from_slice(b"null"),
        }
    }

    fn write_registration(&self, out: &mut Vec<u8>) {
        if self.has(Oddity::NoRegistration) {
            return;
        }
        out.extend_from_slice(b",\"registration\":");
        if self.signed_in {
            json::whole(out, self.user.registration);
            out.extend_from_slice(b".0");
        } else {
            out.extend_from_slice(b"null");
        }
    }

    fn write_agent(&self, out: &mut Vec<u8>) {
        if self.has(Oddity::NoUserAgent) {
            return;
        }
        out.extend_from_slice(b",\"userAgent\":");
        if !self.signed_in {
            out.extend_from_slice(b"null");
            return;
        }
        let quote: &[u8] = if self.user.agent_quoted { b"\\\"" } else { b"" };
        quoted_if(out, true, |out| {
            out.extend_from_slice(quote);
            json::text_inside(out, self.user.agent, self.style());
            out.extend_from_slice(quote);
        });
    }

    fn text<T: AsRef<str>>(&self, out: &mut Vec<u8>, value: Option<T>) {
        json::text_or_null(out, value.as_ref().map(T::as_ref), self.style());
    }

    fn style(&self) -> TextStyle {
        TextStyle { ascii: self.layout.ascii, slashes: true }
    }

    fn has(&self, oddity: Oddity) -> bool {
        self.layout.oddity == Some(oddity)
    }
}

fn quoted_if(out: &mut Vec<u8>, quoted: bool, write: impl FnOnce(&mut Vec<u8>)) {
    if quoted {
        out.push(b'"');
    }
    write(out);
    if quoted {
        out.push(b'"');
    }
}
