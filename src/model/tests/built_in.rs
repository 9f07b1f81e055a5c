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
    similar(&outline(Model::built_in()), include_str!("built_in.txt"));
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
fn generated_checks_equal_the_written_ones() {
    let model = Model::built_in();
    let checks = model.generated_checks();
    let mut written: Vec<&SqlFile> = model.sql_of(Group::Check).collect();
    written.retain(|file| file.name.ends_with("_primary_key") || file.name.contains("_in_"));
    assert_eq!(written.len(), 10);
    for file in written {
        let check = checks.iter().find(|check| check.name == file.name);
        assert_eq!(check.map(|check| check.sql.as_str()), Some(&*file.sql), "{}", file.name);
    }
    let others = checks.iter().filter(|check| check.name.ends_with("_not_null"));
    let others: Vec<&str> = others.map(|check| check.name.as_str()).collect();
    assert_eq!(
        others,
        ["songs_not_null", "artists_not_null", "songplays_not_null", "time_not_null"]
    );
}

#[test]
fn all_checks_are_in_the_declared_order_and_others_follow() {
    let model = Model::built_in();
    let checks = model.checks();
    let names: Vec<&str> = checks.iter().map(|check| check.name.as_str()).collect();
    assert_eq!(names[0], "songplays_primary_key");
    assert_eq!(names[10..13], ["songplays_rows", "records_accounted", "songs_not_null"]);
    assert_eq!(names.len(), 16);
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
    assert_eq!(read.sql_of(Group::Intermediate).next().unwrap().name, "titles");
}
