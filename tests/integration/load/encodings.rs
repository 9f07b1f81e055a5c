//! Databases with encodings and collations other than UTF-8 and C.

use super::*;

/// ICU's English, which sorts `boston` before `Chicago` and `É` next to `E`.
const ICU: &str = "ENCODING 'UTF8' LOCALE_PROVIDER icu ICU_LOCALE 'en-US' LOCALE 'C.utf8'";

/// Creates a star with one song and with plays at these places.
fn star_at(title: &str, places: &[&str]) -> Workspace {
    let here = Workspace::new();
    let song = serde_json::json!({
        "song_id": "SOAAAAA12AB0000001", "title": title, "artist_id": "ARAAAAA1187B000001",
        "artist_name": "A", "artist_location": places[0], "artist_latitude": null,
        "artist_longitude": null, "duration": 5e-324, "year": 1999, "num_songs": 1
    });
    here.write("songs/song.json", song.to_string());
    let plays = places.iter().enumerate().map(|(i, place)| {
        let play = serde_json::json!({
            "page": "NextSong", "ts": 1_541_032_630_628_u64 + i as u64, "userId": i.to_string(),
            "firstName": place, "lastName": "L", "gender": "F", "level": "free",
            "location": place, "sessionId": i, "itemInSession": 0, "userAgent": "u",
            "song": title, "artist": "A", "length": 5e-324, "auth": "Logged In"
        });
        format!("{play}\n")
    });
    here.write("logs/plays.json", plays.collect::<String>());
    here
}

fn run(here: &Workspace, url: &str) -> Outcome {
    here.run(["run", "--songs", "songs", "--logs", "logs", "--out", "star", "--to", url])
}

fn same(here: &Workspace, url: &str, sql: &str) {
    let args = ["query", "--compare", "--star", "star", "--on", url, "--sql", sql];
    here.run(args).exits(0).says("same");
}

const PLACES: [&str; 6] = ["Chicago", "boston", "Évian", "Zürich", "éclair", "zoo"];

#[tokio::test(flavor = "multi_thread")]
async fn results_equal_those_of_the_files_under_any_collation() {
    let server = Postgres::shared();
    for options in ["", ICU, "LC_COLLATE 'C.utf8' LC_CTYPE 'C.utf8'", "LC_COLLATE 'C' LC_CTYPE 'C'"]
    {
        let (here, database) = (star_at("Song", &PLACES), server.database_with(options));
        let url = database.url();
        run(&here, &url).exits(0).says("11 queries return the same rows as the files");
        for sql in [
            "SELECT location FROM songplays ORDER BY location",
            "SELECT location FROM songplays ORDER BY location LIMIT 2",
            "SELECT MIN(location) AS least, MAX(location) AS greatest FROM songplays",
            "SELECT COUNT(*) AS n FROM songplays WHERE location < 'a'",
            "SELECT location, ROW_NUMBER() OVER (ORDER BY location) AS n FROM songplays",
            "SELECT location FROM songplays GROUP BY location ORDER BY location DESC LIMIT 3",
            "SELECT DISTINCT location FROM songplays",
            "SELECT CASE WHEN location < 'a' THEN 'Upper' ELSE 'lower' END AS kind FROM songplays ORDER BY kind",
        ] {
            same(&here, &url, sql);
        }
        let client = database.client().await;
        client
            .batch_execute("UPDATE star.songplays SET location = 'Paris' WHERE location = 'zoo'")
            .await
            .unwrap();
        let differs = here.run([
            "query",
            "--compare",
            "--star",
            "star",
            "--on",
            &url,
            "--sql",
            "SELECT location FROM songplays",
        ]);
        differs.fails_with("answers-differ").says("Paris from the warehouse");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn non_ascii_letters_change_case_under_the_collation_of_the_columns() {
    let (here, database) = (star_at("Song", &PLACES), Postgres::shared().database_with(ICU));
    run(&here, &database.url()).exits(0);
    same(&here, &database.url(), "SELECT UPPER(location) AS loud FROM songplays");
}

#[tokio::test(flavor = "multi_thread")]
async fn texts_are_verified_in_every_encoding_that_can_represent_them() {
    let server = Postgres::shared();
    for (encoding, places) in [
        ("UTF8", ["Évian", "日本"]),
        ("LATIN1", ["Évian", "Zürich"]),
        ("LATIN9", ["Évian", "5 €"]),
        // Its euro sign sorts before É by byte; in UTF-8 it sorts after.
        ("WIN1252", ["É", "€"]),
        ("KOI8R", ["Москва", "Юг"]),
        ("EUC_JP", ["日本", "東京"]),
        ("SQL_ASCII", ["Évian", "日本"]),
    ] {
        let options = format!("ENCODING '{encoding}' LC_COLLATE 'C' LC_CTYPE 'C'");
        let (here, database) = (star_at("Song", &places), server.database_with(&options));
        let outcome = run(&here, &database.url());
        outcome.exits(0).says("statistics equal those of the files");
        same(&here, &database.url(), "SELECT location, first_name FROM songplays, users");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn texts_that_an_encoding_cannot_represent_are_named_before_the_copy() {
    let server = Postgres::shared();
    for (encoding, character) in [("LATIN1", "U+20AC"), ("WIN1252", "U+65E5")] {
        let options = format!("ENCODING '{encoding}' LC_COLLATE 'C' LC_CTYPE 'C'");
        let (here, database) =
            (star_at("5 € 日本", &["5 € 日本", "日本 €", "Évian"]), server.database_with(&options));
        let outcome = run(&here, &database.url());
        outcome.fails_with("encoding").naming(&[
            encoding,
            "songplays.location: 2 values",
            "songs.title: 1 value,",
            "users.first_name: 2 values",
            character,
            "ENCODING 'UTF8'",
        ]);
        let client = database.client().await;
        let tables = "SELECT COUNT(*) FROM pg_class WHERE relname LIKE '%songplays%'";
        assert_eq!(value(&client, tables).await, "0");
    }
}
