//! `starlift query`: every output format exactly, and every error.

use std::io::{BufRead, BufReader, Read};
use std::process::Stdio;

use super::{with_star, with_tiny_star};
use crate::support::{Outcome, Workspace, files};

/// A query with a column of every type in a star, with and without nulls.
const KINDS: &str = "SELECT user_id, gender, location, start_time, duration, s.year, hour \
     FROM songplays JOIN users USING (user_id) JOIN \"time\" USING (start_time) \
     LEFT JOIN songs s USING (song_id) ORDER BY user_id";

fn query(here: &Workspace, args: &[&str]) -> Outcome {
    here.run(["query", "--star", "star"].iter().chain(args))
}

#[test]
fn table_format() {
    let here = with_tiny_star();
    query(&here, &["--sql", KINDS]).exits(0).prints(
        "\
+---------+--------+----------+-------------------------+----------+------+------+
| user_id | gender | location | start_time              | duration | year | hour |
+---------+--------+----------+-------------------------+----------+------+------+
| 7       | F      |          | 2018-11-01T21:01:46.796 | 9.5      |      | 21   |
| 8       |        | a, \"b\"   | 2018-11-01T21:01:47.796 |          |      | 21   |
+---------+--------+----------+-------------------------+----------+------+------+
",
    );
    query(&here, &["--sql", "SELECT song_id FROM songs WHERE false"])
        .exits(0)
        .prints("+---------+\n| song_id |\n+---------+\n+---------+\n");
}

#[test]
fn csv_format() {
    let here = with_tiny_star();
    query(&here, &["--format", "csv", "--sql", KINDS]).exits(0).prints(
        "\
user_id,gender,location,start_time,duration,year,hour
7,F,,2018-11-01T21:01:46.796,9.5,,21
8,,\"a, \"\"b\"\"\",2018-11-01T21:01:47.796,,,21
",
    );
    query(&here, &["--format", "csv", "--sql", "SELECT song_id FROM songs WHERE false"])
        .exits(0)
        .prints("song_id\n");
}

#[test]
fn sql_can_begin_with_a_comment() {
    let here = with_tiny_star();
    let sql = "-- The number of users.\nSELECT COUNT(*) AS users FROM users";
    query(&here, &["--format", "csv", "--sql", sql]).exits(0).prints("users\n2\n");
}

#[test]
fn json_format_is_an_array_with_nulls() {
    let here = with_tiny_star();
    query(&here, &["--format", "json", "--sql", KINDS]).exits(0).prints(concat!(
        r#"[{"user_id":7,"gender":"F","location":null,"start_time":"2018-11-01T21:01:46.796","#,
        r#""duration":9.5,"year":null,"hour":21},"#,
        r#"{"user_id":8,"gender":null,"location":"a, \"b\"","start_time":"2018-11-01T21:01:47.796","#,
        r#""duration":null,"year":null,"hour":21}]"#,
        "\n"
    ));
    query(&here, &["--format", "json", "--sql", "SELECT song_id FROM songs WHERE false"])
        .exits(0)
        .prints("[]\n");
}

#[test]
fn ndjson_format_is_one_object_per_line_with_nulls() {
    let here = with_tiny_star();
    query(&here, &["--format", "ndjson", "--sql", KINDS]).exits(0).prints(concat!(
        r#"{"user_id":7,"gender":"F","location":null,"start_time":"2018-11-01T21:01:46.796","#,
        r#""duration":9.5,"year":null,"hour":21}"#,
        "\n",
        r#"{"user_id":8,"gender":null,"location":"a, \"b\"","start_time":"2018-11-01T21:01:47.796","#,
        r#""duration":null,"year":null,"hour":21}"#,
        "\n"
    ));
    query(&here, &["--format", "ndjson", "--sql", "SELECT song_id FROM songs WHERE false"])
        .exits(0)
        .prints("");
}

#[test]
fn all_formats_have_the_same_rows() {
    let here = with_star();
    let sql = "SELECT song_id, title, year, duration FROM songs ORDER BY song_id";
    let answer =
        |format: &str| query(&here, &["--format", format, "--sql", sql]).exits(0).stdout.clone();
    let array: Vec<serde_json::Value> = serde_json::from_str(&answer("json")).unwrap();
    let lines: Vec<serde_json::Value> =
        answer("ndjson").lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(array.len(), 60);
    assert_eq!(array, lines);

    let csv = answer("csv");
    let mut rows = parse_csv(&csv);
    assert_eq!(rows.remove(0), ["song_id", "title", "year", "duration"]);
    assert_eq!(rows.len(), 60);
    for (row, object) in rows.iter().zip(&array) {
        assert_eq!(row[0], object["song_id"].as_str().unwrap());
        assert_eq!(row[1], object["title"].as_str().unwrap());
        assert_eq!(row[2].parse().ok(), object["year"].as_i64());
        assert_eq!(row[3].parse().ok(), object["duration"].as_f64());
    }
    let shown = answer("table");
    assert_eq!(shown.lines().filter(|line| line.starts_with("| SO")).count(), 60);
}

/// Parses CSV whose fields have no line breaks.
fn parse_csv(text: &str) -> Vec<Vec<String>> {
    text.lines().map(csv_fields).collect()
}

fn csv_fields(line: &str) -> Vec<String> {
    let mut fields = vec![String::new()];
    let mut quoted = false;
    let mut characters = line.chars().peekable();
    while let Some(character) = characters.next() {
        let field = fields.last_mut().unwrap();
        match character {
            '"' if quoted && characters.next_if_eq(&'"').is_some() => field.push('"'),
            '"' => quoted = !quoted,
            ',' if !quoted => fields.push(String::new()),
            character => field.push(character),
        }
    }
    fields
}

#[test]
fn named_query_uses_the_requested_format() {
    let here = with_tiny_star();
    query(&here, &["months_present", "--format", "csv"])
        .exits(0)
        .prints("year,month,days,plays,listeners\n2018,11,1,2,2\n");
    query(&here, &["months_present"]).exits(0).says("| 2018 | 11    | 1    | 2     | 2         |");
}

#[test]
fn list_shows_every_query_with_its_question() {
    let here = Workspace::new();
    let outcome = here.run(["query", "--list"]);
    outcome.exits(0).says("Which songs of the catalogue are played most?");
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("queries/analytics");
    let mut wanted: Vec<String> =
        files(&folder).iter().map(|file| file.strip_suffix(".sql").unwrap().to_owned()).collect();
    let mut listed: Vec<String> = Vec::new();
    for line in outcome.stdout.lines().skip(1) {
        let (name, question) = line.trim().split_once("  ").unwrap();
        assert!(question.trim().ends_with('?'), "{outcome}");
        listed.push(name.to_owned());
    }
    wanted.sort();
    listed.sort();
    assert_eq!(listed, wanted);
}

#[test]
fn unknown_name_is_a_usage_error_that_lists_the_names() {
    let here = with_tiny_star();
    let outcome = query(&here, &["most_plaid_songs"]);
    outcome
        .fails_with("invalid-option")
        .naming(&["\"most_plaid_songs\"", "most_played_songs, ", "nulls_in_key_columns"])
        .prints("");
}

#[test]
fn exactly_one_query_is_required() {
    let here = with_tiny_star();
    query(&here, &[]).fails_with("invalid-option").naming(&["--sql", "--list"]);
    query(&here, &["months_present", "--sql", "SELECT 1"]).exits(2).complains("--sql <TEXT>");
    query(&here, &["months_present", "--list"]).exits(2).complains("cannot be used with '--list'");
    query(&here, &["--sql", "SELECT 1", "--format", "xml"]).exits(2).complains("csv, json, ndjson");
}

#[test]
fn failing_sql_exits_with_1_and_the_reason() {
    let here = with_tiny_star();
    query(&here, &["--sql", "SELECT * FRM x"])
        .fails_with("query-failed")
        .naming(&["Expected: end of statement, found: FRM"])
        .prints("")
        .never_complains("panicked");
    query(&here, &["--sql", "SELECT frist_name FROM users"])
        .fails_with("query-failed")
        .naming(&["frist_name", "users.first_name"])
        .prints("");
    query(&here, &["--sql", "SELECT * FROM plays"]).fails_with("query-failed").naming(&["plays"]);
    query(&here, &["--sql", "SELECT 1 / (hour - 21) FROM \"time\""])
        .fails_with("query-failed")
        .naming(&["Divide by zero"]);
    query(&here, &["--sql", ""]).fails_with("query-failed").naming(&["No SQL statements"]);
    query(&here, &["--sql", "SELECT 1; SELECT 2"])
        .fails_with("query-failed")
        .naming(&["single SQL statement"])
        .prints("");
}

#[test]
fn query_changes_nothing() {
    let here = with_tiny_star();
    let before = files(here.path());
    for sql in [
        "CREATE TABLE t AS SELECT 1",
        "CREATE EXTERNAL TABLE t STORED AS PARQUET LOCATION 'star/songs'",
        "DROP TABLE users",
        "INSERT INTO users VALUES (1, 'a', 'b', 'F', 'free')",
        "DELETE FROM users",
        "UPDATE users SET level = 'paid'",
        "COPY users TO 'users.csv'",
        "SET datafusion.execution.batch_size = 1",
    ] {
        query(&here, &["--sql", sql])
            .fails_with("query-failed")
            .naming(&["not supported"])
            .prints("");
    }
    query(&here, &["--sql", "SELECT * FROM 'star/songs.manifest'"])
        .fails_with("query-failed")
        .prints("");
    assert_eq!(files(here.path()), before);
}

#[test]
fn error_for_a_missing_star_says_how_to_create_one() {
    let here = Workspace::new();
    let outcome = here.run(["query", "--star", "nowhere", "months_present"]);
    outcome.fails_with("nothing-found").naming(&["nowhere"]).prints("");
    here.run(["query", "months_present"]).fails_with("invalid-option").naming(&[
        "--star",
        "STARLIFT_STAR",
        "star in starlift.toml",
    ]);
}

#[test]
fn star_of_another_format_is_rejected() {
    let here = with_tiny_star();
    let record = here.read("star/_starlift.json");
    here.write("star/_starlift.json", record.replace("\"format\": 2", "\"format\": 3"));
    query(&here, &["months_present"]).fails_with("unreadable-record").naming(&["format 3"]);
    here.write("star/_starlift.json", &record[..record.len() / 2]);
    query(&here, &["months_present"]).fails_with("unreadable-record").naming(&["_starlift.json"]);
}

#[test]
fn missing_or_truncated_file_is_named_and_never_treated_as_empty() {
    let tables = ["songs", "artists", "users", "songplays", "time"];
    for folder in tables.iter().chain(&["_inputs", "_rejects", "_lists"]) {
        let here = with_tiny_star();
        let file = format!("star/{folder}/{}", files(&here.join("star").join(folder))[0]);
        let bytes = std::fs::read(here.join(&file)).unwrap();
        here.write(&file, &bytes[..bytes.len() - 1]);
        for command in [&["query", "months_present"][..], &["check"]] {
            let outcome = here.run(command.iter().chain(&["--star", "star"]));
            outcome.fails_with("damaged-star").naming(&[&file]).prints("");
            let (now, then) = (bytes.len() - 1, bytes.len());
            outcome.complains(&format!("it has {now} bytes, and was written with {then}"));
        }
        std::fs::remove_file(here.join(&file)).unwrap();
        for command in [&["query", "months_present"][..], &["check"]] {
            let outcome = here.run(command.iter().chain(&["--star", "star"]));
            outcome.fails_with("damaged-star").naming(&[&file]).prints("");
        }
    }
}

#[test]
fn reader_that_closes_early_is_not_a_failure() {
    let here = with_star();
    let sql = "SELECT a.* FROM songplays a CROSS JOIN songplays b";
    for format in ["csv", "json", "ndjson", "table"] {
        let rows = if format == "table" { format!("{sql} LIMIT 9000") } else { sql.to_owned() };
        let mut program = here
            .command()
            .args(["query", "--star", "star", "--format", format, "--sql", &rows])
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut line = String::new();
        let mut output = BufReader::with_capacity(64, program.stdout.take().unwrap());
        if format == "json" {
            let mut start = [0; 60];
            output.read_exact(&mut start).unwrap();
            line.push_str(std::str::from_utf8(&start[..16]).unwrap());
        } else {
            output.read_line(&mut line).unwrap();
        }
        drop(output);
        let mut complaints = String::new();
        program.stderr.take().unwrap().read_to_string(&mut complaints).unwrap();
        assert_eq!(program.wait().unwrap().code(), Some(0), "{format}: {complaints}");
        assert_eq!(complaints, "", "{format}");
        assert!(line.contains("songplay_id") || line.starts_with("+--"), "{format}: {line}");
    }
}
