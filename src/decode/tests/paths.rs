//! Tests values at the paths of a JSONPaths file.

use super::*;

/// Decodes songs with the paths in `places`; other columns use the key of their name.
pub(super) fn song_at(places: &[(&str, &str)], input: &str) -> Decoded {
    let place = |name: &str| {
        let found = places.iter().find(|(column, _)| *column == name);
        found.map_or_else(|| format!("$['{name}']"), |(_, path)| (*path).to_owned())
    };
    let songs = dataset("songs");
    let paths: Vec<_> = songs.columns.iter().map(|c| place(&c.name)).collect();
    let file = json!({ "jsonpaths": paths }).to_string();
    let paths = parse_jsonpaths(&songs, file.as_bytes()).unwrap();
    decode(&songs, paths, [input.as_bytes()])
}

pub(super) const REST: &str = r#""song_id":"S","artist_id":"A","artist_name":"N""#;

/// Returns the title that a path selects in a song with these members, or the reason for rejecting
/// it.
#[track_caller]
fn title_at(path: &str, members: &str) -> Value {
    let decoded = song_at(&[("title", path)], &format!("{{{members},{REST}}}"));
    match &decoded.rows[..] {
        [row] => row["title"].clone(),
        _ => decoded.rejects[0]["reason"].clone(),
    }
}

#[test]
fn a_path_leads_to_its_value() {
    let missing = "a required value is missing";
    assert_eq!(title_at("$['t']", r#""t":"x""#), "x");
    assert_eq!(title_at("$[\"t.u\"]", r#""t.u":"x""#), "x");
    assert_eq!(title_at("$.t", r#""\u0074":"x""#), "x");
    assert_eq!(title_at("$.t.u['v']", r#""t":{"a":1,"u":{"v":"x"}}"#), "x");
    assert_eq!(title_at("$.t[1].u", r#""t":[{"u":"y"},{"u":"x"},{"u":"z"}]"#), "x");
    assert_eq!(title_at("$.t[0][1]", r#""t":[["y","x"]]"#), "x");
    assert_eq!(title_at("$.t.u", r#""t":{"a":1}"#), missing);
    assert_eq!(title_at("$.t.u", r#""t":"u""#), missing);
    assert_eq!(title_at("$.t.u", r#""u":"x""#), missing);
    assert_eq!(title_at("$.t[1]", r#""t":["x"]"#), missing);
    assert_eq!(title_at("$.t[0]", r#""t":{"0":"x"}"#), missing);
    assert_eq!(title_at("$.t[18446744073709551615]", r#""t":["x"]"#), missing);
    assert_eq!(title_at("$.t", r#""t":{"u":"x"}"#), "an object is not text or a number");
}

#[test]
fn a_repeated_key_replaces_everything_within_it() {
    let missing = "a required value is missing";
    assert_eq!(title_at("$.t.u", r#""t":{"u":"y"},"t":{"u":"x"}"#), "x");
    assert_eq!(title_at("$.t.u", r#""t":{"u":"y"},"t":{}"#), missing);
    assert_eq!(title_at("$.t.u[0]", r#""t":{"u":["y"]},"t":null"#), missing);
    assert_eq!(title_at("$.t.u", r#""t":1,"t":{"u":"y","u":"x"}"#), "x");
    assert_eq!(title_at("$.t", r#""t":"y","t":null"#), missing);
}

#[test]
fn one_path_may_fill_several_columns() {
    let places =
        [("title", "$.n"), ("artist_name", "$['n']"), ("duration", "$.d"), ("year", "$.d")];
    let decoded = song_at(&places, r#"{"n":"x","d":7,"title":"y","song_id":"S","artist_id":"A"}"#);
    assert_eq!(
        decoded.rows,
        [json!({"song_id": "S", "artist_id": "A", "title": "x", "artist_name": "x",
            "duration": 7.0, "year": 7})]
    );
    assert_eq!(decoded.unknown, BTreeMap::from([("title".to_owned(), 1)]));
}

#[test]
fn records_may_be_arrays_where_paths_start_with_an_index() {
    let places =
        [("song_id", "$[0]"), ("title", "$[1].t"), ("artist_id", "$[3]"), ("artist_name", "$[3]")];
    let decoded = song_at(&places, r#"["S",{"t":"x"},0,"A"]["S"]"#);
    assert_eq!(
        decoded.rows,
        [json!({"song_id": "S", "title": "x", "artist_id": "A", "artist_name": "A"})]
    );
    assert_eq!(decoded.rejects[0]["column"], "artist_id");
}
