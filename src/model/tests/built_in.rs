//! The built-in model.

use std::fmt::Write as _;

use super::super::*;

#[test]
fn it_is_valid() {
    let text = include_str!("../../../queries/model.toml");
    let model = match Model::parse("queries/model.toml", text) {
        Ok(model) => model,
        Err(problems) => panic!("{problems}"),
    };
    let built_in = Model::built_in();
    assert_eq!((&model.datasets, &model.tables), (&built_in.datasets, &built_in.tables));
    assert_eq!(built_in.name, "sparkify");
}

/// Returns the names, types, nullability, keys and meanings of a model, one line per column.
fn outline(model: &Model) -> String {
    let mut out = String::new();
    for table in &model.tables {
        let (name, redshift) = (&table.name, &table.redshift);
        let (sorted_by, sort_key) = (table.sorted_by.join(", "), redshift.sort_key.join(", "));
        let distribution = redshift.distribution.name();
        writeln!(out, "{name} by {sorted_by}; {distribution} {sort_key}: {}", table.grain).unwrap();
        for column in &table.columns {
            write!(out, "  {} {}", column.name, column.column_type).unwrap();
            if table.is_primary(&column.name) {
                write!(out, " primary").unwrap();
            }
            if column.nullable {
                write!(out, " nullable").unwrap();
            }
            if let Some(reference) = table.reference_of(&column.name) {
                write!(out, " -> {}", reference.table).unwrap();
            }
            writeln!(out, ": {}", column.meaning).unwrap();
        }
    }
    let plays =
        Condition { column: "page".to_owned(), equals: Literal::Text("NextSong".to_owned()) };
    for dataset in &model.datasets {
        writeln!(out, "{} {}", dataset.table, dataset.name).unwrap();
        for column in &dataset.columns {
            let repetitive = if column.repetitive { "repetitive " } else { "" };
            let form = column.form.map_or("", TimestampForm::name);
            let form = if form.is_empty() { String::new() } else { format!(" {form}") };
            let required = match &column.required {
                Required::Never => "Never",
                Required::Always => "Always",
                Required::When(when) if *when == plays => "ForPlays",
                Required::When(_) => "another condition",
            };
            let Column { name, column_type, .. } = column;
            writeln!(out, "  {name} {repetitive}{column_type}{form} {required}").unwrap();
            assert_eq!(column.path, Path::key(Origin::Record, name));
            assert_eq!(column.null_if, [""]);
        }
    }
    out
}

#[test]
fn columns_types_keys_and_meanings_are_those_of_the_sparkify_star() {
    similar(&outline(&Model::built_in()), include_str!("built_in.txt"));
}

fn similar(found: &str, expected: &str) {
    for (found, expected) in found.lines().zip(expected.lines()) {
        assert_eq!(found, expected);
    }
    assert_eq!(found.lines().count(), expected.lines().count());
}

#[test]
fn plays_have_a_fingerprint_of_the_same_layout_as_ever() {
    let model = Model::built_in();
    let events = model.dataset("logs").unwrap();
    assert_eq!(events.derived.len(), 1);
    let fingerprint = &events.derived[0];
    assert_eq!(fingerprint.name, "play_fingerprint");
    assert_eq!(fingerprint.when, events.partition);
    let parts = events.fingerprint_parts(fingerprint);
    let parts = parts.iter().map(|p| (events.columns[p.column].name.as_str(), p.nullable));
    let expected =
        [("ts", false), ("userId", false), ("sessionId", false), ("itemInSession", true)];
    assert_eq!(parts.collect::<Vec<_>>(), expected);
}

#[test]
fn tables_come_after_those_they_reference() {
    let model = Model::built_in();
    let order = model.load_order();
    let names: Vec<&str> = order.iter().map(|table| table.name.as_str()).collect();
    assert_eq!(names, ["artists", "songs", "users", "time", "songplays"]);
}

#[test]
fn checks_of_keys_nulls_and_references_are_generated() {
    let checks = Model::built_in().checks();
    let names: Vec<&str> = checks.iter().map(|check| check.name.as_str()).collect();
    assert_eq!(
        names,
        [
            "songs_primary_key",
            "songs_not_null",
            "artists_primary_key",
            "artists_not_null",
            "users_primary_key",
            "songplays_primary_key",
            "songplays_not_null",
            "time_primary_key",
            "time_not_null",
            "songs_artist_id_in_artists",
            "songplays_start_time_in_time",
            "songplays_user_id_in_users",
            "songplays_song_id_in_songs",
            "songplays_artist_id_in_artists",
            "records_accounted",
            "songplays_rows",
        ]
    );
    assert_eq!(
        checks[7].sql,
        "-- time.start_time is unique and never null.\nSELECT start_time, COUNT(*) AS \
         rows_with_this_key\nFROM \"time\"\nGROUP BY start_time\nHAVING COUNT(*) > 1 OR start_time IS \
         NULL\nORDER BY start_time\n"
    );
    assert_eq!(
        checks[10].sql,
        "-- Every non-null songplays.start_time is in time.\nSELECT c.start_time, COUNT(*) AS \
         orphans\nFROM songplays c\nLEFT JOIN \"time\" p ON p.start_time = c.start_time\nWHERE \
         c.start_time IS NOT NULL AND p.start_time IS NULL\nGROUP BY c.start_time\nORDER BY \
         c.start_time\n"
    );
}

#[test]
fn plays_are_the_facts() {
    let model = Model::built_in();
    let facts: Vec<&str> = model.facts().map(|table| table.name.as_str()).collect();
    assert_eq!(facts, ["songplays"]);
}

#[test]
fn every_sql_file_of_the_folder_is_compiled_in_in_its_order() {
    let folder = std::path::Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/queries"));
    if !folder.exists() {
        return;
    }
    let read = Model::read_dir(folder).unwrap();
    assert_eq!(read, *Model::built_in());
    let star: Vec<&str> = read.sql_of(Group::Star).map(|file| file.name.as_str()).collect();
    assert_eq!(star, ["songs", "artists", "users", "songplays", "time"]);
    assert_eq!(read.sql_of(Group::Intermediate).next().unwrap().name, "artist_versions");
}
