//! Generates the objects of the song catalogue: a folder of small files.

use super::catalogue::{Catalogue, Song};
use super::defect;
use super::dice::{Dice, Purpose};
use super::json::{self, TextStyle};
use super::{GenerateOptions, Generated, GeneratedObject, part_of};

/// The files of a catalogue: first the songs, then records that repeat a song's id, then invalid
/// records.
pub(super) struct SongFiles {
    seed: u64,
    catalogue: Catalogue,
    copies: u64,
    damaged: u64,
    next: u64,
}

/// A record before it is written: its keys, and their values as JSON text.
type Record = Vec<(&'static str, Vec<u8>)>;

/// The format of a file.
struct Layout {
    pretty: bool,
    byte_order_mark: bool,
    line_end: &'static str,
    final_line_end: bool,
}

impl SongFiles {
    /// Creates the files for these options.
    pub(super) fn new(options: &GenerateOptions) -> Self {
        Self {
            seed: options.seed,
            catalogue: Catalogue::new(options.seed, options.songs),
            copies: part_of(options.duplicate_rate, options.songs),
            damaged: part_of(options.bad_rate, options.songs),
            next: 0,
        }
    }

    /// Returns the file that begins with this song, or `None` if the song is the second one in the
    /// file of its predecessor.
    fn song_file(&self, number: u64) -> Option<GeneratedObject> {
        if number % 2 == 1 && self.holds_two(number - 1) {
            return None;
        }
        let mut dice = Dice::new(self.seed, Purpose::SongFile, number);
        let layout = Layout::draw(&mut dice);
        let mut bytes = Vec::new();
        layout.begin(&mut bytes);
        layout.write(&mut bytes, &self.record(number));
        let mut counts = Generated { song_files: 1, songs: 1, ..Generated::default() };
        if self.holds_two(number) {
            bytes.extend_from_slice(layout.line_end.as_bytes());
            layout.write(&mut bytes, &self.record(number + 1));
            counts.songs += 1;
        }
        layout.end(&mut bytes);
        Some(self.object(number, bytes, counts))
    }

    fn holds_two(&self, number: u64) -> bool {
        let has_next = number + 1 < self.catalogue.songs();
        has_next
            && number.is_multiple_of(2)
            && Dice::new(self.seed, Purpose::SongPair, number).percent(3)
    }

    fn copy_file(&self, copy: u64) -> GeneratedObject {
        let mut dice = Dice::new(self.seed, Purpose::SongCopy, copy);
        let mut record = self.record(dice.below(self.catalogue.songs()));
        vary(&mut record, &mut dice);
        let layout = Layout::draw(&mut dice);
        let mut bytes = Vec::new();
        layout.begin(&mut bytes);
        layout.write(&mut bytes, &record);
        layout.end(&mut bytes);
        let counts = Generated { song_files: 1, song_duplicates: 1, ..Generated::default() };
        self.object(self.catalogue.songs() + copy, bytes, counts)
    }

    fn damaged_file(&self, damaged: u64) -> GeneratedObject {
        let mut dice = Dice::new(self.seed, Purpose::SongDefect, damaged);
        let record = self.record(dice.below(self.catalogue.songs()));
        let mut bytes = Vec::new();
        write_line(&mut bytes, &record);
        defect::damage_song(&mut bytes, &mut dice);
        let counts = Generated { song_files: 1, bad_songs: 1, ..Generated::default() };
        self.object(self.catalogue.songs() + self.copies + damaged, bytes, counts)
    }

    fn object(&self, file: u64, bytes: Vec<u8>, counts: Generated) -> GeneratedObject {
        let mut track = String::new();
        self.catalogue.write_id("TR", file, &mut track);
        let (first, second, third) = (&track[2..3], &track[3..4], &track[4..5]);
        GeneratedObject {
            path: format!("song_data/{first}/{second}/{third}/{track}.json"),
            bytes,
            counts,
        }
    }

    fn record(&self, number: u64) -> Record {
        let mut dice = Dice::new(self.seed, Purpose::SongRecord, number);
        let mut song = Song::default();
        self.catalogue.describe(number, &mut song);
        let origin = self.catalogue.origin(song.artist);
        let located = !dice.percent(8);
        let (latitude, longitude) = origin.coordinates.filter(|_| !dice.percent(10)).unzip();
        let location = if located { origin.location } else { "" };
        let (mut artist_id, mut song_id) = (String::new(), String::new());
        self.catalogue.write_id("AR", song.artist, &mut artist_id);
        self.catalogue.write_id("SO", number, &mut song_id);
        let style = TextStyle { ascii: !dice.percent(20), slashes: false };
        let mut record = vec![
            ("num_songs", b"1".to_vec()),
            ("artist_id", text(&artist_id, style)),
            ("artist_latitude", decimal_or_null(latitude)),
            ("artist_longitude", decimal_or_null(longitude)),
            ("artist_location", text(location, style)),
            ("artist_name", text(&song.artist_name, style)),
            ("song_id", text(&song_id, style)),
            ("title", text(&song.title, style)),
            ("duration", decimal_or_null(Some(song.duration.cast_signed()))),
            ("year", whole(year(&mut dice))),
        ];
        add_oddity(&mut record, &mut dice);
        record
    }
}

impl Iterator for SongFiles {
    type Item = GeneratedObject;

    fn next(&mut self) -> Option<GeneratedObject> {
        let songs = self.catalogue.songs();
        while self.next < songs {
            let number = self.next;
            self.next += 1;
            if let Some(object) = self.song_file(number) {
                return Some(object);
            }
        }
        let copy = self.next - songs;
        self.next += 1;
        if copy < self.copies {
            return Some(self.copy_file(copy));
        }
        let damaged = copy - self.copies;
        (damaged < self.damaged).then(|| self.damaged_file(damaged))
    }
}

impl Layout {
    fn draw(dice: &mut Dice) -> Self {
        Self {
            pretty: dice.percent(4),
            byte_order_mark: dice.percent(1),
            line_end: if dice.percent(2) { "\r\n" } else { "\n" },
            final_line_end: dice.percent(4),
        }
    }

    fn begin(&self, out: &mut Vec<u8>) {
        if self.byte_order_mark {
            out.extend_from_slice("\u{feff}".as_bytes());
        }
    }

    fn write(&self, out: &mut Vec<u8>, record: &Record) {
        if !self.pretty {
            write_line(out, record);
            return;
        }
        out.push(b'{');
        for (index, (key, value)) in record.iter().enumerate() {
            if index > 0 {
                out.push(b',');
            }
            out.extend_from_slice(self.line_end.as_bytes());
            out.extend_from_slice(b"    ");
            write_pair(out, key, value);
        }
        out.extend_from_slice(self.line_end.as_bytes());
        out.push(b'}');
    }

    fn end(&self, out: &mut Vec<u8>) {
        if self.final_line_end {
            out.extend_from_slice(self.line_end.as_bytes());
        }
    }
}

fn write_line(out: &mut Vec<u8>, record: &Record) {
    out.push(b'{');
    for (index, (key, value)) in record.iter().enumerate() {
        if index > 0 {
            out.extend_from_slice(b", ");
        }
        write_pair(out, key, value);
    }
    out.push(b'}');
}

fn write_pair(out: &mut Vec<u8>, key: &str, value: &[u8]) {
    json::text(out, key, TextStyle::default());
    out.extend_from_slice(b": ");
    out.extend_from_slice(value);
}

/// Occasionally changes a record to an unusual but valid form.
fn add_oddity(record: &mut Record, dice: &mut Dice) {
    let quote = |value: &mut Vec<u8>| {
        value.insert(0, b'"');
        value.push(b'"');
    };
    match dice.below(1000) {
        0..3 => change(record, "duration", quote),
        3..6 => change(record, "year", quote),
        6..9 => change(record, "year", |value| value.extend_from_slice(b".0")),
        9..12 => record.retain(|(key, _)| *key != "num_songs"),
        12..15 => record.retain(|(key, _)| *key != "artist_location"),
        15..18 => record.push(("release", b"\"The Long Way Round\"".to_vec())),
        _ => {}
    }
}

/// Turns a record into a duplicate: identical, or with another year, title or place.
fn vary(record: &mut Record, dice: &mut Dice) {
    match dice.below(100) {
        0..25 => {}
        25..60 => change(record, "year", |value| *value = whole(year(dice))),
        60..75 => change(record, "title", |value| {
            value.pop();
            value.extend_from_slice(b" (Album Version)\"");
        }),
        75..85 => change(record, "artist_location", |value| *value = b"\"\"".to_vec()),
        _ => {
            change(record, "artist_latitude", |value| *value = b"null".to_vec());
            change(record, "artist_longitude", |value| *value = b"null".to_vec());
        }
    }
}

fn change(record: &mut Record, name: &str, edit: impl FnOnce(&mut Vec<u8>)) {
    if let Some((_, value)) = record.iter_mut().find(|(key, _)| *key == name) {
        edit(value);
    }
}

/// Draws a year. Half of all years are unknown (0); of the others, recent ones are more frequent.
fn year(dice: &mut Dice) -> u64 {
    let known = dice.percent(50);
    let age = dice.skewed(58, 2);
    if known { 2010 - age } else { 0 }
}

fn text(value: &str, style: TextStyle) -> Vec<u8> {
    let mut out = Vec::new();
    json::text(&mut out, value, style);
    out
}

fn whole(value: u64) -> Vec<u8> {
    let mut out = Vec::new();
    json::whole(&mut out, value);
    out
}

fn decimal_or_null(value: Option<i64>) -> Vec<u8> {
    let Some(value) = value else {
        return b"null".to_vec();
    };
    let mut out = Vec::new();
    json::decimal(&mut out, value);
    out
}
