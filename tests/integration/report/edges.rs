//! Stars at the edges: empty, one row, nulls, one bad time, ties, hostile names, large counts.

use serde_json::json;

use super::*;

#[test]
fn an_empty_star() {
    let here = with_plays("", &[]);
    let page = page(&here, &[]);
    assert!(!page.contains("NaN") && !page.contains("inf"), "numbers are numbers");
    let totals = figure(&page, "totals");
    assert_eq!(cells(&totals), [["0", "0", "0", "none", "none"]]);
    assert!(figure(&page, "plays_over_time").contains("There is no data"));
    assert!(page.contains("none of 0 records"));
    assert!(
        figure(&page, "upgrade_steps")
            .contains("all listeners: 0 listeners; paid at their last play: 0 listeners.")
    );
}

#[test]
fn one_play() {
    let page = page(&with_plays(SONG, &[play(7, NOON, 0)]), &[]);
    assert!(!page.contains("NaN") && !page.contains("inf"));
    assert_eq!(
        cells(&figure(&page, "totals")),
        [["1", "1", "1", "100.00 %", "0.00 %"].map(|t| t.replace(".00", ".0"))]
    );
    assert!(figure(&page, "plays_by_weekday_hour").contains("Most: Thursday, hour 12, 1 play."));
    assert!(
        figure(&page, "plays_by_day")
            .contains("1 day from 2018-11-01 to 2018-11-01: 1 with plays, 0 without.")
    );
    assert_eq!(cells(&figure(&page, "top_songs")), [["T", "N", "1", "1", "100.0 %"]]);
}

#[test]
fn plays_whose_optional_values_are_null() {
    let bare = |ts| json!({"ts": ts, "page": "NextSong", "userId": "1", "sessionId": 1});
    let page = page(&with_plays(SONG, &[bare(NOON), bare(NOON + DAY)]), &[]);
    assert_eq!(cells(&figure(&page, "top_places")), [["unknown", "2", "1"]]);
    assert_eq!(cells(&figure(&page, "plays_by_gender_level")), [["unknown", "unknown", "2", "1"]]);
    assert!(figure(&page, "top_songs").contains("There is no data"));
    assert!(figure(&page, "plays_by_level").contains("other"));
}

#[test]
fn one_time_a_hundred_years_off() {
    let mut plays: Vec<_> =
        (0..1200).map(|i| play(i % 7, NOON + (i as i64 % 30) * DAY + i as i64, i)).collect();
    plays.push(play(3, NOON - 36_525 * DAY, 9_999));
    let page = page(&with_plays(SONG, &plays), &[]);
    let line = figure(&page, "plays_over_time");
    assert!(
        line.contains(
            "Not drawn, outside of the span of 99.8 % of the values: 1 row: 1918-11-01 (1 play)"
        ),
        "{line}"
    );
    assert!(line.contains(">2018-11-01</text>"));
    let calendar = figure(&page, "plays_by_day");
    assert!(
        calendar.contains("30 days from 2018-11-01 to 2018-11-30")
            && calendar.contains("Not drawn: 1 day before or after")
    );
    assert!(figure(&page, "time_span").contains("1918-11-01 12:00:00"));
    assert!(page.len() < 250_000, "{}", page.len());
}

#[test]
fn more_than_400_days_become_weeks() {
    let plays: Vec<_> = (0..401).map(|day| play(day % 5, NOON + day as i64 * DAY, day)).collect();
    let page = page(&with_plays(SONG, &plays), &[]);
    let rows = cells(&figure(&page, "plays_over_time"));
    assert_eq!(rows[0], ["2018-10-29", "4"]);
    assert_eq!(rows[1], ["2018-11-05", "7"]);
    assert!(figure(&page, "plays_by_day").contains("401 days from 2018-11-01 to 2019-12-06"));
}

#[test]
fn ties_after_the_twentieth_place() {
    let plays: Vec<_> = (0..46u64)
        .map(|i| {
            let mut play = play(1, NOON + i as i64, i);
            play["location"] = json!(format!("place {:02}", i / 2));
            play
        })
        .collect();
    let page = page(&with_plays(SONG, &plays), &[]);
    let places = figure(&page, "top_places");
    assert!(places.contains("and 3 more with 2 plays"), "{places}");
    assert_eq!(cells(&places).len(), 23);
}

/// Texts that would be HTML, attributes, CDATA, templates or a change of direction.
pub const HOSTILE: [&str; 6] = [
    "</title><script>document.title='owned'</script>",
    "\"><img src=x onerror=\"document.title='owned'\">",
    "]]><svg onload=document.title='owned'>",
    "${document.title} {{7*7}} =1+1",
    "'\"&amp;<!--",
    "<style>*{display:none}</style>",
];

/// Builds a star with hostile texts in every text column.
pub fn with_hostile_names() -> Workspace {
    let long = "\u{1f3b5}".repeat(16_384);
    let mut names: Vec<String> = HOSTILE.iter().map(|&name| name.to_owned()).collect();
    names.extend(["abc\u{202e}fed".to_owned(), "a\u{2028}b\u{7}\r\n\tc".to_owned(), long]);
    let songs: Vec<String> = names
        .iter()
        .enumerate()
        .map(|(i, name)| {
            json!({"song_id": format!("S{i}{}", &name[..name.len().min(8)].escape_default()), "title": name,
                "artist_id": format!("A{i}"), "artist_name": name, "artist_location": name, "duration": 1.0, "year": 2000})
            .to_string()
        })
        .collect();
    let plays: Vec<_> = names
        .iter()
        .enumerate()
        .map(|(i, name)| {
            json!({"ts": NOON + i as i64 * 1000, "page": "NextSong", "userId": i.to_string(), "sessionId": i,
                "itemInSession": 0, "artist": name, "song": name, "length": 1.0, "level": name, "gender": name,
                "firstName": name, "lastName": name, "location": name, "userAgent": name, name.as_str(): 1})
        })
        .collect();
    with_plays(&songs.join("\n"), &plays)
}

#[test]
fn hostile_names_are_escaped_and_long_ones_cut() {
    let page = page(&with_hostile_names(), &[]);
    assert!(!page.contains("<script>") && !page.contains("<img") && !page.contains("<svg onload"));
    assert!(page.contains("&lt;/title&gt;&lt;script&gt;"));
    assert!(!page.contains('\u{202e}') && page.contains(r"abc\u{202e}fed"));
    assert!(page.contains("… (16,384 characters)"));
    assert!(page.len() < 300_000, "{}", page.len());
    assert_eq!(cells(&figure(&page, "top_places")).len(), 9);
}

#[test]
fn counts_above_24_bits_are_exact() {
    let here = with_plays(SONG, &[play(7, NOON, 0)]);
    here.write(
        "own/report/large.sql",
        "-- Chart: bars\nSELECT 'a' AS name, 16777217 AS number UNION ALL SELECT 'b', 9007199254740993 ORDER BY 1",
    );
    let large = figure(&page(&here, &["--queries", "own"]), "large");
    assert_eq!(cells(&large), [["a", "16,777,217"], ["b", "9,007,199,254,740,993"]]);
    assert!(large.contains(">9,007,199,254,740,993</text>"));
}
