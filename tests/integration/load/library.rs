//! The library, through items of the crate root alone.

use std::sync::Arc;

use starlift::arrow::array::{AsArray, RecordBatch};
use starlift::arrow::datatypes::Int64Type;
use starlift::{
    Error, Load, LoadError, LoadProgress, MaxRejects, Star, Transform, TransformBuilder,
    TransformProgress,
};

use super::{database, value};
use crate::support::Workspace;

/// A transform of `fixtures/sample` into `star`.
fn sample(here: &Workspace) -> TransformBuilder {
    let root = concat!(env!("CARGO_MANIFEST_DIR"), "/fixtures/sample");
    Transform::builder()
        .input("songs", format!("{root}/song_data"))
        .input("logs", format!("{root}/log_data"))
        .out(star(here))
        .max_rejects(MaxRejects::Count(14))
}

fn star(here: &Workspace) -> String {
    here.join("star").to_str().unwrap().to_owned()
}

fn number(batches: &[RecordBatch]) -> i64 {
    batches[0].column(0).as_primitive::<Int64Type>().value(0)
}

/// Fails to compile unless the futures of the interface can run on any thread.
#[expect(dead_code, reason = "compiled, not run")]
fn futures_can_be_spawned(transform: Transform, star: &Star, load: &Load) {
    fn is_send(_: impl Send) {}
    is_send((star.stream(""), transform.find_up_to_date()));
    is_send(transform.run());
    is_send(starlift::transform([("songs", "")], ""));
    is_send(Star::open(""));
    is_send((star.query(""), star.analytics("")));
    is_send((star.check(), star.check_outcomes()));
    is_send((load.run(star), load.dry_run(star), starlift::load(star, "")));
}

#[tokio::test(flavor = "multi_thread")]
async fn library_transforms_queries_checks_and_loads() {
    let (here, database) = (Workspace::new(), database());
    let progress = Arc::new(TransformProgress::default());
    assert!(sample(&here).build().unwrap().find_up_to_date().await.unwrap().is_none());
    let transform = sample(&here).progress(progress.clone()).threads(2).build().unwrap();
    let report = tokio::spawn(transform.run()).await.unwrap().unwrap();
    let snapshot = progress.snapshot();
    assert_eq!(
        snapshot.objects_read,
        report.dataset("songs").unwrap().objects_read
            + report.dataset("logs").unwrap().objects_read
    );
    let current = sample(&here).build().unwrap().find_up_to_date().await.unwrap();
    assert_eq!(current.unwrap().run_id, report.record.unwrap().run_id);

    let star = Star::builder().memory_limit(1 << 30).open(&star(&here)).await.unwrap();
    let plays = number(&star.query("SELECT COUNT(*) FROM songplays").await.unwrap());
    assert_eq!(plays as u64, star.record().tables["songplays"].rows);
    assert!(star.analytics("most_played_songs").await.unwrap()[0].num_rows() > 0);
    star.check().await.unwrap();
    let outcomes = star.check_outcomes().await.unwrap();
    assert_eq!(outcomes.len(), star.record().checks.len());

    let step = Arc::new(LoadProgress::default());
    let load = Load::builder().target(database.url()).schema("music").progress(step.clone());
    let load = load.build().unwrap();
    assert!(load.dry_run(&star).await.unwrap().contains("CREATE TABLE"));
    let star = Arc::new(star);
    let (first, load) = tokio::spawn({
        let star = star.clone();
        async move { (load.run(&star).await.unwrap(), load) }
    })
    .await
    .unwrap();
    assert_eq!(first.run_id, star.record().run_id);
    assert!(!first.already_loaded && !step.snapshot().0.is_empty());
    let client = database.client().await;
    let loaded = value(&client, "SELECT COUNT(*) FROM music.songplays").await;
    assert_eq!(loaded, plays.to_string());
    assert!(load.run(&star).await.unwrap().already_loaded);
    assert!(!starlift::load(&star, &database.url()).await.unwrap().already_loaded);
}

#[tokio::test(flavor = "multi_thread")]
async fn stopped_transform_publishes_nothing() {
    let here = Workspace::new();
    let stopped = sample(&here).stop(std::future::ready(())).build().unwrap().run().await;
    assert!(matches!(Error::from(stopped.unwrap_err()), Error::Interrupted));
    let missing = Star::open(&star(&here)).await.unwrap_err();
    assert!(matches!(missing, Error::NothingFound(_)), "{missing}");
}

#[tokio::test(flavor = "multi_thread")]
async fn library_rejects_changes_and_names_the_query() {
    let here = Workspace::new();
    sample(&here).build().unwrap().run().await.unwrap();
    let star = Star::open(&star(&here)).await.unwrap();
    for sql in ["DROP TABLE songs", "SELECT nothing\nFROM songs", "SET a.b = 1"] {
        let error = star.query(sql).await.unwrap_err().to_string();
        let line = sql.replace('\n', " ");
        assert_eq!(error, format!("query `{line}` failed"));
    }
    let long = format!("SELECT {} x", "1, ".repeat(100));
    assert!(star.query(&long).await.unwrap_err().to_string().len() < 90);
    assert!(star.analytics("none").await.unwrap_err().to_string().contains("most_played_songs"));
}

#[test]
fn builders_validate_their_options() {
    let here = Workspace::new();
    let rejected = |builder: TransformBuilder, part: &str| {
        let error = builder.build().unwrap_err().to_string();
        assert!(error.contains(part), "{error}");
    };
    let songs = || Transform::builder().input("songs", "songs");
    rejected(Transform::builder(), "dataset songs");
    rejected(songs(), "dataset logs");
    rejected(songs().input("logs", "logs"), "`out`");
    rejected(sample(&here).input("events", "x"), "no dataset \"events\"");
    rejected(sample(&here).input("songs", "s3://"), "s3://");
    rejected(sample(&here).threads(0), "threads");
    rejected(sample(&here).memory_limit(1), "memory");
    rejected(sample(&here).file_bytes(0), "files");
    let postgres = || Load::builder().target("postgres://user@host/database");
    for builder in [
        Load::builder(),
        postgres().iam_login(["group"]),
        postgres().copy_with_own_keys(),
        Load::builder().target("redshift://user@host/database?via=data-api"),
    ] {
        assert!(matches!(builder.build(), Err(LoadError::Usage(_))));
    }
    let password = Load::builder().target("postgres://user:password@host/database");
    assert!(matches!(password.build(), Err(LoadError::Target(_))));
    assert!(matches!(postgres().iam_role("reader").build(), Err(LoadError::Quote(_))));
}
