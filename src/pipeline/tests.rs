//! Tests of stars that change while they are read.

use super::*;
use crate::engine::EngineOptions;
use crate::generate::{GenerateOptions, log_files, song_objects};
use crate::star::RunRecord;
use crate::star::register_star;
use crate::storage::StoreOptions;

/// A star of generated data in its own folder.
struct GeneratedStar {
    _folder: tempfile::TempDir,
    stores: Stores,
    options: TransformOptions,
    out: Place,
    record: RunRecord,
}

impl GeneratedStar {
    async fn new() -> GeneratedStar {
        let folder = tempfile::tempdir().unwrap();
        let below = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
        let stores = Stores::new(StoreOptions::default());
        let data = stores.place(Location::parse(&below("data")).unwrap()).await.unwrap();
        let size =
            GenerateOptions { songs: 20, events: 300, days: 1, ..GenerateOptions::default() };
        for object in song_objects(&size) {
            data.child(&object.path).write(object.bytes).await.unwrap();
        }
        for mut file in log_files(&size) {
            let mut bytes = Vec::new();
            while file.next_chunk(&mut bytes) {}
            data.child(&file.path()).write(bytes).await.unwrap();
        }
        let inputs = [("songs", below("data/song_data")), ("logs", below("data/log_data"))];
        let inputs = inputs.iter().map(|(name, folder)| (*name, folder.as_str()));
        let options = TransformOptions::new(inputs, &below("star"));
        let out = stores.place(Location::parse(&options.out).unwrap()).await.unwrap();
        let mut star = GeneratedStar {
            record: transformed(&options, &stores).await,
            _folder: folder,
            stores,
            options,
            out,
        };
        star.record = RunRecord::require(&star.out).await.unwrap();
        star
    }

    async fn up_to_date(&self) -> Option<RunRecord> {
        let engine = Engine::new(EngineOptions::default()).unwrap();
        find_up_to_date(&self.options, &self.stores, &engine).await.unwrap()
    }

    /// Reads the manifests with fixed names and those that the record names.
    async fn manifests(&self) -> Vec<Option<bytes::Bytes>> {
        let mut manifests = Vec::new();
        for table in &self.options.model.tables {
            let own = &self.record.tables[&table.name].manifest;
            for path in [&format!("{}.manifest", table.name), own] {
                manifests.push(self.out.child(path).read().await.unwrap());
            }
        }
        manifests
    }
}

async fn transformed(options: &TransformOptions, stores: &Stores) -> RunRecord {
    let never = std::future::pending();
    let report = transform(options, stores, &Arc::new(TransformProgress::default()), never).await;
    report.unwrap_or_else(|failure| panic!("{:?}", failure.error)).record.unwrap()
}

#[tokio::test]
async fn a_file_that_is_removed_after_a_star_is_opened_is_an_error() {
    let star = GeneratedStar::new().await;
    let sql =
        "SELECT COUNT(*) FROM songplays AS p JOIN \"time\" AS t ON p.start_time = t.start_time";
    for table in ["songplays", "time"] {
        let session = Engine::new(EngineOptions::default()).unwrap().session();
        register_star(&session, &star.out, &star.record, &star.options.model).await.unwrap();
        let file = star.out.child(&star.record.tables[table].files[0].path);
        let (path, content) = (file.location.local_path().unwrap(), file.read().await.unwrap());
        std::fs::remove_file(&path).unwrap();
        for sql in [sql, &format!("SELECT COUNT(*) FROM \"{table}\"")] {
            let rows = async { session.sql(sql).await?.collect().await };
            let error = rows.await.unwrap_err().to_string();
            assert!(error.contains("was part of the star when the star was opened"), "{error}");
        }
        std::fs::write(&path, content.unwrap()).unwrap();
        session.sql(sql).await.unwrap().collect().await.unwrap();
    }
}

#[tokio::test]
async fn manifests_of_another_star_are_repaired_before_a_star_counts_as_up_to_date() {
    let star = GeneratedStar::new().await;
    let manifests = star.manifests().await;
    assert!(manifests.iter().all(Option::is_some));
    assert!(star.up_to_date().await.is_some());
    let own = &star.record.tables["users"].manifest;
    for path in ["songs.manifest", "time.manifest", own] {
        let place = star.out.child(path);
        place.write(r#"{"entries": []}"#).await.unwrap();
        assert!(star.up_to_date().await.is_some(), "{path}");
        assert_eq!(star.manifests().await, manifests, "{path}");
        std::fs::remove_file(place.location.local_path().unwrap()).unwrap();
        assert!(star.up_to_date().await.is_some(), "{path}");
        assert_eq!(star.manifests().await, manifests, "{path}");
    }
}

#[tokio::test]
async fn a_star_of_a_version_without_manifests_of_runs_is_up_to_date() {
    let mut star = GeneratedStar::new().await;
    for table in &star.options.model.tables {
        let found = star.record.tables.get_mut(&table.name).unwrap();
        std::fs::remove_file(star.out.child(&found.manifest).location.local_path().unwrap())
            .unwrap();
        found.manifest = format!("{}.manifest", table.name);
    }
    star.out.child("_starlift.json").write(star.record.to_json().unwrap()).await.unwrap();
    let manifests = star.manifests().await;
    assert!(star.up_to_date().await.is_some());
    assert_eq!(star.manifests().await, manifests);
    let next = transformed(&star.options, &star.stores).await;
    assert_ne!(next.run_id, star.record.run_id);
    assert_eq!(
        std::fs::read_dir(star.out.child("songs").location.local_path().unwrap()).unwrap().count(),
        1
    );
}

/// Transforms two records of a dataset with a model whose query of the table `b` is `sql`. Returns the number of
/// rows of `b`.
async fn rows_of_own_model(dataset: &str, sql: &str) -> u64 {
    let folder = tempfile::tempdir().unwrap();
    let below = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    let toml = format!(
        "name = \"m\"\n[datasets.{dataset}.columns]\nx = {{ type = \"bigint\", required = true }}\n\
         y = \"text\"\n[tables.b]\ngrain = \"one row per x\"\nprimary_key = [\"x\"]\n\
         [tables.b.columns]\nx = \"bigint\"\n"
    );
    std::fs::create_dir_all(below("m/star")).unwrap();
    for (file, text) in [
        ("m/model.toml", toml.as_str()),
        ("m/star/b.sql", sql),
        ("a.json", "{\"x\": 1}\n{\"x\": 2, \"y\": \"z\"}\n"),
    ] {
        std::fs::write(below(file), text).unwrap();
    }
    let input = below("a.json");
    let mut options = TransformOptions::new([(dataset, input.as_str())], &below("star"));
    options.model = Arc::new(Model::read_dir(&folder.path().join("m")).unwrap());
    let record = transformed(&options, &Stores::new(StoreOptions::default())).await;
    record.tables["b"].rows
}

#[tokio::test]
async fn a_query_can_mention_columns_that_it_does_not_read() {
    for (sql, rows) in [
        ("SELECT 7 AS x FROM staging_a WHERE x IS NOT NULL AND y IS NOT NULL", 1),
        ("WITH a AS (SELECT *, y AS z FROM staging_a) SELECT x FROM a", 2),
        ("SELECT x FROM staging_a WHERE FALSE", 0),
    ] {
        assert_eq!(rows_of_own_model("a", sql).await, rows, "{sql}");
    }
}

#[tokio::test]
async fn names_of_datasets_do_not_collide_with_tables_of_a_run() {
    for (dataset, sql) in [
        ("inputs", "SELECT x FROM staging_inputs"),
        ("rejects", "SELECT x FROM staging_rejects"),
        ("userEvents", "SELECT x FROM \"staging_userEvents\""),
    ] {
        assert_eq!(rows_of_own_model(dataset, sql).await, 2, "{dataset}");
    }
}
