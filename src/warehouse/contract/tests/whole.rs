//! Stars that starlift generates, failing stores, and the display of findings.

use super::*;
use crate::generate::{GenerateOptions, log_files, song_objects};
use crate::ingest::TransformProgress;
use crate::model::Model;
use crate::pipeline::{TransformOptions, transform};
use crate::publish::manifest;
use crate::storage::{StoreOptions, Stores};

/// Returns the model's tables with text columns of `max_bytes`.
fn model(max_bytes: u32) -> Vec<ExpectedTable> {
    let model = Model::built_in();
    let tables = model.tables.iter().map(|table| {
        let columns = table.columns.iter().map(|column| ExpectedColumn {
            name: column.name.to_owned(),
            column_type: column.column_type,
            nullable: column.nullable,
            max_bytes: (column.column_type == ColumnType::Text).then_some(max_bytes),
        });
        ExpectedTable { name: table.name.to_owned(), columns: columns.collect() }
    });
    tables.collect()
}

/// Transforms generated data into a star in the local `folder`.
async fn transformed(folder: &std::path::Path) -> (Place, RunRecord) {
    let below = |name: &str| folder.join(name).to_str().unwrap().to_owned();
    let stores = Stores::new(StoreOptions::default());
    let data = stores.place(Location::parse(&below("data")).unwrap()).await.unwrap();
    let size = GenerateOptions { songs: 50, events: 3000, days: 2, ..GenerateOptions::default() };
    for object in song_objects(&size) {
        data.child(&object.path).write(object.bytes).await.unwrap();
    }
    for mut file in log_files(&size) {
        let mut bytes = Vec::new();
        while file.next_chunk(&mut bytes) {}
        data.child(&file.path()).write(bytes).await.unwrap();
    }
    let (songs, logs) = (below("data/song_data"), below("data/log_data"));
    let inputs = [("songs", songs.as_str()), ("logs", logs.as_str())];
    let mut options = TransformOptions::new(inputs, &below("star"));
    options.engine.threads = Some(2);
    let never = std::future::pending();
    let report = transform(&options, &stores, &Arc::new(TransformProgress::default()), never).await;
    let record = report.unwrap_or_else(|failure| panic!("{:?}", failure.error)).record.unwrap();
    (stores.place(Location::parse(&below("star")).unwrap()).await.unwrap(), record)
}

#[test]
fn a_star_that_starlift_writes_satisfies_the_contract() {
    let folder = tempfile::tempdir().unwrap();
    block_on(async {
        let (local, record) = transformed(folder.path()).await;
        let mut expected = Expected { tables: model(1000), ..Expected::default() };
        let contract = check_star(&local, &record, &expected).await.unwrap();
        assert_eq!(contract.findings.len(), 1, "{contract}");
        assert_eq!(contract.findings[0].rule, Rule::ManifestLocation);
        assert_eq!(contract.findings[0].place, local.to_string());
        assert!(contract.findings[0].problem.contains("and 4 more"), "{contract}");

        let store = LocalFileSystem::new_with_prefix(folder.path()).unwrap();
        let location = Location::parse_single("s3://bucket/star").unwrap();
        let star = Place::new(location, Arc::new(store));
        for table in record.tables.values() {
            star.child(&table.manifest).write(manifest(&star, table).unwrap()).await.unwrap();
        }
        expected.bucket_region = Some("us-west-2".to_owned());
        expected.warehouse_region = Some("us-west-2".to_owned());
        for reading in [Reading::Footers, Reading::Texts] {
            expected.reading = reading;
            let contract = check_star(&star, &record, &expected).await.unwrap();
            assert!(contract.passes(), "{contract}");
            let rules = contract.checked.rules;
            assert_eq!(contract.checked, Checked { rules, manifests: 5, files: 5, columns: 31 });
        }
        expected.tables = model(3);
        let contract = check_star(&star, &record, &expected).await.unwrap();
        let found: Vec<_> = contract.by_rule().into_keys().collect();
        assert_eq!(found, [Rule::TextLength], "{contract}");
        let level = contract.findings.iter().find(|f| f.problem.contains("users.level"));
        assert!(level.unwrap().problem.contains(" bytes: \""), "{contract}");
    });
}

#[test]
fn findings_are_all_kept_and_few_are_shown() {
    let mut star = Star::good();
    let entry = star.entry().clone();
    let strangers = (0..12).map(|n| {
        let mut entry = entry.clone();
        entry["url"] = format!("s3://bucket/star/{n}.parquet").into();
        entry
    });
    star.manifest["entries"].as_array_mut().unwrap().extend(strangers);
    let contract = star.check();
    assert_eq!(contract.findings.len(), 12);
    let shown = contract.to_string();
    let lines = shown.lines().filter(|line| line.contains("is not a file of the record"));
    assert_eq!(lines.count(), 5, "{shown}");
    assert!(shown.starts_with("FAIL  manifest-files                   12 findings\n"), "{shown}");
    assert!(shown.contains("… and 7 more\n"), "{shown}");
    assert!(
        shown.ends_with("rules satisfied; checked: manifests 1, files 1, columns 3\n"),
        "{shown}"
    );
}

#[test]
fn control_characters_are_shown_as_escapes() {
    let mut star = Star::good();
    star.entry()["url"] = "s3://bucket/\u{1b}[2J.parquet".into();
    let contract = star.check();
    assert!(contract.findings.iter().all(|f| !f.to_string().contains('\u{1b}')));
    assert!(contract.to_string().contains("s3://bucket/\\u{1b}[2J.parquet"), "{contract}");
}

#[test]
fn a_file_of_many_row_groups_has_a_finding_once_a_column() {
    let mut star = Star::good();
    let file = parquet_with(&good(), |properties| {
        properties.set_max_row_group_row_count(Some(1)).set_bloom_filter_enabled(true)
    });
    star.put(&good(), file);
    let contract = star.check();
    assert_eq!(contract.findings.len(), 3, "{contract}");
    assert!(contract.findings[0].problem.ends_with("also in 2 more row groups"), "{contract}");
}

#[test]
fn a_store_that_refuses_is_an_error() {
    let star = Star::good();
    let refused = block_on(async {
        let options = StoreOptions { retries: 0, ..StoreOptions::default() };
        // Nothing listens on the port of a listener that has just been dropped.
        let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let url = format!("http://127.0.0.1:{port}/star");
        let place = Stores::new(options).place(Location::parse(&url).unwrap()).await.unwrap();
        check_star(&place, &star.record, &star.expected).await
    });
    let error = refused.unwrap_err();
    assert!(error.to_string().contains("plays.manifest"), "{error}");
}
