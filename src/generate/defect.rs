//! Damages records such that every reader rejects them as exactly one record.

use super::dice::Dice;

/// Lines in a log that are not records. None is blank or a valid JSON object.
const GARBAGE: &[&[u8]] = &[
    b"-- MARK --",
    b"<html><body><h1>502 Bad Gateway</h1></body></html>",
    b"level=error msg=\"no space left on device\"",
    b"Traceback (most recent call last):",
    b"artist,auth,firstName,gender",
    b"{not json}",
    b"{\"artist\" \"Lantern\"}",
    b"{'page': 'Home'}",
    b"\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd",
];

/// JSON values that are not objects.
const NOT_OBJECTS: &[&[u8]] = &[b"[1, 2, 3]", b"1541030400000", b"\"NextSong\"", b"null", b"true"];

/// Texts that no warehouse can store: U+0000, and bytes that are not UTF-8 (truncated, Latin-1, a
/// lone surrogate).
const UNFIT_TEXTS: &[&[u8]] = &[
    b"\"Static\\u0000Noise\"",
    b"\"\\u0000\"",
    b"\"\xf0\x9f\x8c\"",
    b"\"Caf\xe9\"",
    b"\"\xed\xa0\x80\"",
    b"\"\xff\"",
];

/// Values that are not text.
const NOT_TEXTS: &[&[u8]] = &[b"{\"name\":\"Ember\"}", b"[\"Ember\",\"Fox\"]", b"{}"];

/// Values that are not a time.
const NOT_TIMES: &[&[u8]] =
    &[b"\"yesterday\"", b"1e30", b"99999999999999999999999", b"\"2018-11-12 01:02:03\"", b"{}"];

/// Values that count as missing.
const NOTHING: &[&[u8]] = &[b"null", b"\"\""];

/// Damages a log line that has the default layout.
pub(super) fn damage_event(line: &mut Vec<u8>, dice: &mut Dice) {
    match dice.below(100) {
        0..20 => truncate(line, dice),
        20..32 => replace_with_one_of(line, GARBAGE, dice),
        32..40 => replace_with_one_of(line, NOT_OBJECTS, dice),
        40..54 => replace_value(line, "ts", dice.pick(NOT_TIMES)),
        54..58 => remove(line, "ts"),
        58..61 => remove(line, "page"),
        61..64 => replace_value(line, "page", dice.pick(NOTHING)),
        64..72 => {
            replace_value(line, "page", b"\"NextSong\"");
            replace_value(line, "userId", dice.pick(NOTHING));
        }
        72..76 => {
            replace_value(line, "page", b"\"NextSong\"");
            replace_value(line, "sessionId", b"null");
        }
        76..80 => replace_value(line, "sessionId", b"\"none\""),
        80..88 => {
            replace_value(line, dice.pick(&["artist", "song", "location"]), dice.pick(NOT_TEXTS))
        }
        _ => replace_value(
            line,
            dice.pick(&["artist", "song", "location", "firstName"]),
            dice.pick(UNFIT_TEXTS),
        ),
    }
}

/// Damages a song object that is written on one line.
pub(super) fn damage_song(object: &mut Vec<u8>, dice: &mut Dice) {
    let required = dice.pick(&["song_id", "title", "artist_id", "artist_name"]);
    match dice.below(100) {
        0..20 => truncate(object, dice),
        20..30 => replace_with_one_of(object, GARBAGE, dice),
        30..38 => replace_with_one_of(object, NOT_OBJECTS, dice),
        38..58 => remove(object, required),
        58..66 => replace_value(object, required, dice.pick(NOTHING)),
        66..76 => replace_value(object, "duration", b"\"three minutes\""),
        76..80 => replace_value(object, "year", b"1e30"),
        80..84 => replace_value(object, "artist_latitude", b"\"north\""),
        84..90 => replace_value(object, "title", dice.pick(NOT_TEXTS)),
        _ => replace_value(object, dice.pick(&["title", "artist_name"]), dice.pick(UNFIT_TEXTS)),
    }
}

/// Removes at least the closing brace, so that the object never ends. Keeps more than the opening
/// brace, because a brace alone on its line starts a pretty-printed object, which would extend over
/// other lines.
fn truncate(line: &mut Vec<u8>, dice: &mut Dice) {
    let length = dice.range(2, (line.len() as u64).saturating_sub(1).max(2));
    line.truncate(length as usize);
}

fn replace_with_one_of(line: &mut Vec<u8>, list: &[&[u8]], dice: &mut Dice) {
    line.clear();
    line.extend_from_slice(dice.pick(list));
}

fn replace_value(line: &mut Vec<u8>, key: &str, value: &[u8]) {
    if let Some((_, start, end)) = find(line, key) {
        line.splice(start..end, value.iter().copied());
    }
}

/// Removes a key and its value. The key must not be the last one.
fn remove(line: &mut Vec<u8>, key: &str) {
    if let Some((start, _, end)) = find(line, key) {
        let comma = line[end..].iter().take_while(|byte| matches!(byte, b',' | b' ')).count();
        line.drain(start..end + comma);
    }
}

/// Returns the start of a key and the start and end of its value. The quotes around a key would be
/// escaped inside a text, so the first match is the key. The value must be a text, a number or
/// null.
fn find(line: &[u8], key: &str) -> Option<(usize, usize, usize)> {
    let mut pattern = Vec::with_capacity(key.len() + 3);
    pattern.push(b'"');
    pattern.extend_from_slice(key.as_bytes());
    pattern.extend_from_slice(b"\":");
    let start = line.windows(pattern.len()).position(|window| window == pattern)?;
    let colon = start + pattern.len();
    let value = colon + line[colon..].iter().take_while(|byte| **byte == b' ').count();
    Some((start, value, value + value_length(&line[value..])))
}

fn value_length(value: &[u8]) -> usize {
    if value.first() != Some(&b'"') {
        return value.iter().take_while(|byte| !matches!(byte, b',' | b'}')).count();
    }
    let mut escaped = false;
    let closing = value.iter().skip(1).position(|byte| {
        let closes = *byte == b'"' && !escaped;
        escaped = *byte == b'\\' && !escaped;
        closes
    });
    closing.map_or(value.len(), |at| at + 2)
}
