//! One row per song and one row per artist: the rules that select among several records.

use super::*;

/// Checks pairs of records of the same song or artist: in either order, the first of each pair
/// wins. Each case starts with the other columns of the expected row in `table`.
#[track_caller]
fn first_wins(table: &str, id: &str, cases: &[(Value, Value, Value)]) {
    let of = |i: usize, more: &Value| with(song(json!({ id: i.to_string() })), more.clone());
    let winners: Vec<_> = cases.iter().enumerate().map(|(i, case)| of(i, &case.1)).collect();
    let losers: Vec<_> = cases.iter().enumerate().map(|(i, case)| of(i, &case.2)).collect();
    let row = |(i, case): (usize, &(Value, Value, Value))| {
        let mut row = case.0.as_array().unwrap().clone();
        row.insert(0, json!(i.to_string()));
        Value::Array(row)
    };
    let wanted: Vec<_> = cases.iter().enumerate().map(row).collect();
    for songs in [[&winners[..], &losers].concat(), [losers, winners].concat()] {
        assert_eq!(Star::of(&songs, &[visit(json!({}))]).stored(table), wanted);
    }
}

#[test]
fn a_song_with_a_known_year_wins() {
    let known = json!({"title": "Z", "year": 2000, "duration": 9});
    let row = json!(["Z", "A", 2000, 9.0]);
    first_wins(
        "songs",
        "song_id",
        &[
            (row.clone(), known.clone(), json!({"title": "B"})),
            (row, known, json!({"title": "B", "year": 0, "duration": 1})),
        ],
    );
}

#[test]
fn smallest_song_wins_compared_column_by_column() {
    let of = |title: &str, artist_id: &str, duration: Value, year: Value| {
        let known = json!({"title": title, "artist_id": artist_id});
        with(known, json!({"duration": duration, "year": year}))
    };
    let (one, nine, ten, null) = (json!(1), json!(9), json!(10), json!(null));
    let row = |title: &str, artist_id: &str, year: i32| json!([title, artist_id, year, 9.0]);
    let nines = |title, artist_id| of(title, artist_id, json!(9), json!(9));
    first_wins(
        "songs",
        "song_id",
        &[
            (row("B", "Z", 9), nines("B", "Z"), of("a", "A", one.clone(), one.clone())),
            (row("T", "B", 9), nines("T", "B"), of("T", "C", one.clone(), one.clone())),
            (row("T", "A", 9), nines("T", "A"), of("T", "A", ten, one.clone())),
            (row("T", "A", 9), nines("T", "A"), of("T", "A", null, one.clone())),
            (row("T", "A", 1), of("T", "A", nine, one), nines("T", "A")),
        ],
    );
}

#[test]
fn year_0_is_null() {
    let star = Star::of(&[song(json!({"year": 0}))], &[visit(json!({}))]);
    assert_eq!(star.value("SELECT year FROM songs"), Value::Null);
}

fn artist(name: &str, location: Value, latitude: Value, longitude: Value) -> Value {
    json!({"artist_name": name, "artist_location": location, "artist_latitude": latitude,
        "artist_longitude": longitude})
}

#[test]
fn an_artist_with_the_fewest_nulls_wins() {
    let (null, nine) = (json!(null), json!(9));
    let named = |name| artist(name, json!(""), json!(null), json!(null));
    let placed = artist("B", json!("a"), null.clone(), null.clone());
    first_wins(
        "artists",
        "artist_id",
        &[
            (
                json!(["Z", "z", null, null]),
                artist("Z", json!("z"), null.clone(), null.clone()),
                named("B"),
            ),
            (
                json!(["Z", null, 9.0, null]),
                artist("Z", null.clone(), nine.clone(), null.clone()),
                named("B"),
            ),
            (
                json!(["Z", null, null, 9.0]),
                artist("Z", null.clone(), null.clone(), nine.clone()),
                named("B"),
            ),
            (json!(["Z", null, 9.0, 9.0]), artist("Z", null, nine.clone(), nine), placed),
        ],
    );
}

#[test]
fn smallest_artist_wins_compared_column_by_column() {
    let (null, one, nine) = (json!(null), json!(1), json!(9));
    let nines = |name, location| artist(name, json!(location), json!(9), json!(9));
    let at_y = |latitude: &Value, longitude: &Value| {
        artist("N", json!("y"), latitude.clone(), longitude.clone())
    };
    let at_z = artist("N", json!("z"), one.clone(), one.clone());
    let nowhere = artist("N", json!(null), one.clone(), one.clone());
    let other = artist("a", json!("a"), one.clone(), one.clone());
    first_wins(
        "artists",
        "artist_id",
        &[
            (json!(["B", "z", 9.0, 9.0]), nines("B", "z"), other),
            (json!(["N", "y", 9.0, 9.0]), nines("N", "y"), at_z),
            (json!(["N", "y", -9.0, 9.0]), at_y(&json!(-9), &nine), at_y(&json!(-8.5), &one)),
            (json!(["N", "y", 9.0, -2.0]), at_y(&nine, &json!(-2)), at_y(&nine, &one)),
            (json!(["N", "y", null, 9.0]), at_y(&null, &nine), nowhere),
            (json!(["N", "y", 9.0, null]), at_y(&nine, &null), at_y(&null, &one)),
        ],
    );
}

#[test]
fn artist_with_many_songs_is_one_row() {
    let songs: Vec<_> = (0..30)
        .map(|i| song(json!({"song_id": format!("S{i}"), "artist_id": format!("A{}", i % 3)})))
        .collect();
    let star = Star::of(&songs, &[visit(json!({}))]);
    assert_eq!(star.value("SELECT COUNT(*) FROM artists"), 3);
    assert_eq!(star.value("SELECT COUNT(*) FROM songs"), 30);
}
