//! The sample in `fixtures`: its draft against the built-in model.

use std::path::Path as FsPath;

use super::*;
use crate::model::{TimestampForm, init};
use crate::storage::{Location, StoreOptions, Stores};

async fn sparkify() -> Draft {
    let fixtures = FsPath::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/sample");
    let stores = Stores::new(StoreOptions::default());
    let mut inputs = Vec::new();
    for (name, folder) in [("songs", "song_data"), ("logs", "log_data")] {
        let location = fixtures.join(folder);
        let place =
            stores.place(Location::parse(location.to_str().unwrap()).unwrap()).await.unwrap();
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
        assert_eq!(drafted.columns.len(), built_in.columns.len(), "{}", built_in.name);
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
    let songs = &draft.inputs[0];
    assert_eq!(songs.sampled.objects_read, songs.sampled.objects_listed);
    assert!(songs.sampled.records > 20 && songs.sampled.cut == 0);
    assert_eq!(draft.files[1].path, init::SCHEMA_FILE);
    let paths: Vec<&str> = draft.files.iter().map(|file| file.path.as_str()).collect();
    assert_eq!(paths[2..], ["star/songs.sql", "star/logs.sql"]);
}
