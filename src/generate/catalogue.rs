//! The songs and artists of a synthetic catalogue, each computed from its number on demand.
//!
//! Nothing is stored. A play of song 7 and the object of song 7 have the same names because both
//! are drawn from the same stream of numbers. A catalogue of a hundred million songs needs no
//! memory.

use super::dice::{Dice, Purpose, scramble};
use super::vocabulary::{
    ADJECTIVES, ARTIST_PLACES, FIRST_NAMES, FOREIGN_ARTISTS, FOREIGN_WORDS, LAST_NAMES, NOUNS,
    UNLISTED, VERBS,
};

/// Number of songs outside the catalogue per song in it.
const OUTSIDERS_PER_SONG: u64 = 6;
/// Number of artists per thousand whose name is spelled in several ways.
const RESPELT_PER_MILLE: u64 = 150;

/// The songs of the catalogue.
#[derive(Clone)]
pub(super) struct Catalogue {
    seed: u64,
    songs: u64,
    artists: u64,
}

/// The values that a play and a song object share. The strings are reused from song to song.
#[derive(Default)]
pub(super) struct Song {
    /// Number of the artist.
    pub(super) artist: u64,
    /// Name of the artist, as spelled for this song.
    pub(super) artist_name: String,
    /// Title of the song.
    pub(super) title: String,
    /// Duration in hundred-thousandths of a second.
    pub(super) duration: u64,
}

/// The origin of an artist, as far as it is known.
pub(super) struct Origin {
    /// Name of the place; empty if unknown.
    pub(super) location: &'static str,
    /// Latitude and longitude in hundred-thousandths of a degree.
    pub(super) coordinates: Option<(i64, i64)>,
}

impl Catalogue {
    /// Creates the catalogue of a seed, with about two artists for every five songs.
    pub(super) fn new(seed: u64, songs: u64) -> Self {
        Self { seed, songs, artists: songs / 5 * 2 + 1 }
    }

    /// Returns the number of songs.
    pub(super) fn songs(&self) -> u64 {
        self.songs
    }

    /// Draws the number of a song, popular ones more often.
    pub(super) fn popular(&self, dice: &mut Dice) -> u64 {
        dice.skewed(self.songs, 3)
    }

    /// Describes the song with this number.
    pub(super) fn describe(&self, number: u64, song: &mut Song) {
        let mut dice = Dice::new(self.seed, Purpose::Song, number);
        song.duration = duration(&mut dice);
        // Some songs are another version (live or studio) of their predecessor: they have the same
        // title and artist, but another id and duration. Only odd numbers are such versions, so that
        // none is a version of a version.
        let second_take = number % 2 == 1 && dice.percent(4);
        let named_after = if second_take { number - 1 } else { number };
        let mut dice = Dice::new(self.seed, Purpose::SongName, named_after);
        song.artist = dice.skewed(self.artists, 2);
        song.artist_name.clear();
        self.write_artist(song.artist, &mut dice, &mut song.artist_name);
        song.title.clear();
        write_title(&mut dice, &mut song.title);
    }

    /// Describes a song that is not in the catalogue.
    pub(super) fn describe_outsider(&self, dice: &mut Dice, song: &mut Song) {
        let number = dice.skewed(self.songs.saturating_mul(OUTSIDERS_PER_SONG).max(1000), 3);
        let mut dice = Dice::new(self.seed, Purpose::Outsider, number);
        if self.songs > 0 && dice.percent(10) {
            self.describe(dice.below(self.songs), song);
            // No title in the catalogue ends like this.
            song.title.push_str(" (Radio Edit)");
            return;
        }
        song.artist_name.clear();
        song.title.clear();
        song.artist_name.push_str(dice.pick(UNLISTED));
        song.artist_name.push(' ');
        song.artist_name.push_str(dice.pick(NOUNS));
        write_title(&mut dice, &mut song.title);
        song.duration = duration(&mut dice);
    }

    /// Returns the origin of an artist, which is the same for all of their songs.
    pub(super) fn origin(&self, artist: u64) -> Origin {
        let mut dice = Dice::new(self.seed, Purpose::Artist, artist);
        let (location, latitude, longitude) = dice.pick(ARTIST_PLACES);
        let known = dice.percent(40);
        Origin {
            location: if dice.percent(55) { location } else { "" },
            coordinates: known.then_some((latitude, longitude)),
        }
    }

    fn write_artist(&self, artist: u64, song: &mut Dice, out: &mut String) {
        let mut dice = Dice::new(self.seed, Purpose::ArtistName, artist);
        let spelling = song.below(3);
        if dice.per_mille(RESPELT_PER_MILLE) {
            write_respelt(&mut dice, spelling, out);
        } else {
            write_artist_name(&mut dice, out);
        }
    }

    /// Appends an id of 18 characters: the prefix, five letters, "12" and nine hexadecimal digits.
    /// The digits come from a bijection on 36 bits, so that no two numbers below 2^36 share an id.
    pub(super) fn write_id(&self, prefix: &str, number: u64, out: &mut String) {
        let kind = prefix.bytes().next().map_or(0, u64::from);
        let mut letters = scramble(self.seed ^ scramble(number ^ (kind << 56)));
        out.push_str(prefix);
        for _ in 0..5 {
            out.push(char::from(b'A' + (letters % 26) as u8));
            letters /= 26;
        }
        out.push_str("12");
        let digits = number.wrapping_mul(0x9_e377_9b97).wrapping_add(self.seed);
        for position in (0..9).rev() {
            let digit = (digits >> (4 * position)) & 15;
            out.push(char::from(b"0123456789ABCDEF"[digit as usize]));
        }
    }
}

/// Draws a duration in hundred-thousandths of a second: mostly two to seven minutes, with a peak in
/// the middle; some interludes, some epics.
fn duration(dice: &mut Dice) -> u64 {
    match dice.below(100) {
        0..3 => dice.range(1_200_000, 9_000_000),
        3..5 => dice.range(42_000_000, 130_000_000),
        // A whole number of seconds, which is written with a single zero after the decimal point.
        5 => dice.range(60, 420) * 100_000,
        _ => dice.range(6_000_000, 21_000_000) + dice.range(6_000_000, 21_000_000),
    }
}

fn push_all(out: &mut String, parts: &[&str]) {
    for part in parts {
        out.push_str(part);
    }
}

fn write_artist_name(dice: &mut Dice, out: &mut String) {
    let (first, last) = (dice.pick(FIRST_NAMES).0, dice.pick(LAST_NAMES));
    let (adjective, noun) = (dice.pick(ADJECTIVES), dice.pick(NOUNS));
    match dice.below(100) {
        0..30 => push_all(out, &[first, " ", last]),
        30..55 => push_all(out, &["The ", adjective, " ", noun, "s"]),
        55..70 => push_all(out, &[adjective, " ", noun]),
        70..80 => push_all(out, &[noun, " & ", dice.pick(NOUNS)]),
        80..86 => push_all(out, &["DJ ", noun]),
        86..90 => push_all(out, &[first, " \"", noun, "\" ", last]),
        90..92 => push_all(out, &[noun, "/", dice.pick(NOUNS)]),
        _ => out.push_str(dice.pick(FOREIGN_ARTISTS)),
    }
}

fn write_respelt(dice: &mut Dice, spelling: u64, out: &mut String) {
    let (adjective, noun) = (dice.pick(ADJECTIVES), dice.pick(NOUNS));
    match spelling {
        0 => push_all(out, &["The ", adjective, " ", noun, "s"]),
        1 => push_all(out, &[adjective, " ", noun, "s, The"]),
        _ => push_all(out, &["The ", adjective, " ", noun, "s feat. ", dice.pick(FIRST_NAMES).0]),
    }
}

fn write_title(dice: &mut Dice, out: &mut String) {
    let (adjective, noun, other) = (dice.pick(ADJECTIVES), dice.pick(NOUNS), dice.pick(NOUNS));
    match dice.below(1000) {
        0..250 => push_all(out, &[adjective, " ", noun]),
        250..430 => push_all(out, &[noun, " of the ", other]),
        430..600 => push_all(out, &[dice.pick(VERBS), " the ", adjective, " ", noun]),
        600..700 => push_all(out, &["My ", noun, " Is a ", other]),
        700..780 => push_all(out, &[dice.pick(VERBS), " Me, ", adjective, " ", noun]),
        780..860 => push_all(out, &[noun, " (", adjective, " Version)"]),
        860..890 => push_all(out, &["The \"", noun, "\" Song"]),
        890..910 => push_all(out, &[noun, "/", other]),
        910..914 => push_all(out, &[noun, "\t", other]),
        914..918 => push_all(out, &[noun, " \\ ", other]),
        918..920 => push_all(out, &[" ", noun, " "]),
        920..940 => push_all(out, &[dice.pick(FOREIGN_WORDS), " ", noun]),
        _ => push_all(out, &[dice.pick(FOREIGN_WORDS), ": ", adjective, " ", other]),
    }
}
