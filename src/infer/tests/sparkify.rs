//! Generated data in the format of Sparkify: its draft against the built-in model.

use super::*;
use crate::generate::{GenerateOptions, log_files, song_objects};
use crate::model::{TimestampForm, init};
use crate::storage::{Location, StoreOptions, Stores};

/// Drafts a model of 300 songs in 295 objects and 3,000 events in three objects.
async fn sparkify() -> Draft {
    let folder = tempfile::tempdir().unwrap();
    let options = GenerateOptions {
        songs: 300,
        events: 3000,
        users: 50,
        days: 3,
        bad_rate: 0.0,
        duplicate_rate: 0.0,
        ..GenerateOptions::default()
    };
    let write = |path: &str, bytes: &[u8]| {
        let path = folder.path().join(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, bytes).unwrap();
    };
    song_objects(&options).for_each(|object| write(&object.path, &object.bytes));
    for mut log in log_files(&options) {
        let mut bytes = Vec::new();
        while log.next_chunk(&mut bytes) {}
        write(&log.path(), &bytes);
    }
    let stores = Stores::new(StoreOptions::default());
    let mut inputs = Vec::new();
    for (name, data) in [("songs", "song_data"), ("logs", "log_data")] {
        let data = folder.path().join(data);
        let location = Location::parse(data.to_str().unwrap()).unwrap();
        let place = stores.place(location).await.unwrap();
        inputs.push(Input { name: name.to_owned(), places: vec![place] });
    }
    infer("sparkify", inputs, &SampleOptions::default()).await.unwrap()
}

#[tokio::test]
async fn types_are_those_of_the_built_in_model_or_narrower() {
    let model = model(&sparkify().await);
    let mut differences = Vec::new();
    for built_in in &Model::built_in().datasets {
        let drafted = model.dataset(&built_in.name).unwrap();
        for column in &built_in.columns {
            let (_, own) = drafted.column(&column.name).unwrap();
            if own.column_type != column.column_type {
                let (own, built_in) = (own.column_type, column.column_type);
                differences.push(format!("{} {own} for {built_in}", column.name));
            }
        }
    }
    assert_eq!(
        differences,
        [
            "num_songs smallint for bigint",
            "year smallint for integer",
            "itemInSession smallint for bigint",
            "registration timestamp for bigint",
            "status smallint for bigint",
        ]
    );
    let (_, ts) = model.dataset("logs").unwrap().column("ts").unwrap();
    assert_eq!(ts.form, Some(TimestampForm::EpochMilliseconds));
}

#[tokio::test]
async fn the_report_states_what_was_read() {
    let draft = sparkify().await;
    let [songs, events] = &draft.inputs[..] else { unreachable!() };
    let read = |sampled: &Sampled| (sampled.objects_read, sampled.objects_listed, sampled.records);
    assert_eq!(read(&songs.sampled), (200, 295, 203));
    assert_eq!(read(&events.sampled), (3, 3, 3000));
    assert_eq!((events.sampled.bytes_read, events.sampled.cut), (events.sampled.bytes_listed, 0));
    let keys = [&songs.datasets[0].key, &events.datasets[0].key];
    assert_eq!(keys, ["song_id", "record_id"]);
    assert_eq!(draft.files[1].path, init::SCHEMA_FILE);
    let paths: Vec<&str> = draft.files.iter().map(|file| file.path.as_str()).collect();
    assert_eq!(paths[2..], ["star/songs.sql", "star/logs.sql"]);
}
