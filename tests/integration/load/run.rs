//! `starlift run` and `starlift selftest`.

use super::*;
use crate::support::redshift::{Fault, Gate, On, What, When};

/// Runs `starlift run` over a copy of `fixtures/sample` in the folder.
fn run(here: &Workspace, url: &str, more: &[&str]) -> Outcome {
    let args = ["run", "--songs", "song_data", "--logs", "log_data", "--out", "star", "--to", url];
    here.run(args.iter().chain(&["--max-rejects", "14"]).chain(more))
}

fn with_data() -> Workspace {
    let here = Workspace::new();
    let sample = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/sample");
    for file in crate::support::files(&sample) {
        here.write(&file, std::fs::read(sample.join(&file)).unwrap());
    }
    here
}

#[tokio::test]
async fn run_builds_loads_and_verifies_and_repeats_nothing() {
    let (here, database) = (with_data(), database());
    let first = run(&here, &database.url(), &[]);
    first
        .exits(0)
        .says("all 16 passed")
        .says("load 1)")
        .says("11 queries return the same rows as the files");
    let star = run_id(&here, "star");
    let again = run(&here, &database.url(), &[]);
    again
        .exits(0)
        .says("not built again")
        .says("(load 1); --force loads it again")
        .says("15 checks passed");
    assert_eq!(run_id(&here, "star"), star);

    here.write("log_data/more.json", "{\"ts\":1,\"page\":\"Home\"}\n");
    run(&here, &database.url(), &[]).exits(0).says("load 2)");
    assert_ne!(run_id(&here, "star"), star, "a new object was not seen");
    let star = run_id(&here, "star");
    run(&here, &database.url(), &["--unmatched", "drop"]).exits(0).says("load 3)");
    assert_ne!(run_id(&here, "star"), star, "another option was not seen");
    let client = database.client().await;
    assert_eq!(loaded_run(&client).await, run_id(&here, "star"));
    let star = run_id(&here, "star");
    run(&here, &database.url(), &["--unmatched", "drop", "--file-size", "1MiB"]).exits(0);
    assert_ne!(run_id(&here, "star"), star, "another size of files was not seen");
}

#[tokio::test]
async fn run_repairs_the_manifests_of_a_killed_run() {
    let (here, database) = (with_data(), database());
    transform(&here, "other", &[]).exits(0);
    run(&here, &database.url(), &[]).exits(0);
    let (star, manifest) = (run_id(&here, "star"), here.read("star/songs.manifest"));
    here.write("star/songs.manifest", here.read("other/songs.manifest"));
    std::fs::remove_file(here.join("star/users.manifest")).unwrap();
    run(&here, &database.url(), &[])
        .exits(0)
        .says("not built again")
        .says("(load 1); --force loads it again");
    assert_eq!(run_id(&here, "star"), star);
    assert_eq!(here.read("star/songs.manifest"), manifest);
    assert!(here.join("star/users.manifest").is_file());
}

#[tokio::test]
async fn run_continues_where_it_stopped() {
    let (here, database) = (with_data(), database());
    let nowhere = "postgres://starlift@127.0.0.1:1/nowhere";
    run(&here, nowhere, &[]).fails_with("connection-failed");
    let star = run_id(&here, "star");
    run(&here, &database.url(), &[]).exits(0).says("not built again").says("load 1)");
    assert_eq!(run_id(&here, "star"), star);
    // A damaged star is built again.
    let songs = crate::support::files(&here.join("star/songs"));
    std::fs::remove_file(here.join("star/songs").join(&songs[0])).unwrap();
    run(&here, &database.url(), &[]).exits(0).says("load 2)");
    assert_ne!(run_id(&here, "star"), star);
    // A star is not loaded if its build fails.
    here.write("log_data/bad.json", "not JSON\n".repeat(20));
    run(&here, &database.url(), &[]).fails_with("too-many-rejects");
    let client = database.client().await;
    assert_eq!(value(&client, "SELECT MAX(load_number) FROM star.starlift_loads").await, "2");
}

#[tokio::test]
async fn a_selftest_reports_and_leaves_nothing_behind() {
    let (here, database) = (Workspace::new(), database());
    let client = database.client().await;
    let schemas = "SELECT COUNT(*) FROM pg_namespace WHERE nspname LIKE 'starlift%'";
    let outcome = here.run(["selftest", "--to", &database.url()]);
    outcome.exits(0).says("## starlift selftest: passed").says("PostgreSQL 1");
    for step in
        ["create a star", "log in", "load", "replace the tables", "checks", "queries", "clean up"]
    {
        outcome.says(&format!("| {step} | ok |"));
    }
    assert_eq!(value(&client, schemas).await, "0");
    assert!(crate::support::files(here.path()).is_empty());
    here.run(["selftest", "--keep", "--to", &database.url()]).exits(0).says("| clean up | kept |");
    assert_eq!(value(&client, schemas).await, "1");
}

#[tokio::test]
async fn failed_selftest_names_the_step() {
    let (here, database) = (Workspace::new(), database());
    let client = database.client().await;
    let weak = format!("weak_{}", database.name());
    client.batch_execute(&format!("CREATE ROLE {weak} LOGIN")).await.unwrap();
    let url = database.url().replacen("starlift@", &format!("{weak}@"), 1);
    let outcome = here.run(["selftest", "--to", &url]);
    outcome
        .fails_with("statement-rejected")
        .naming(&["permission denied"])
        .says("selftest: FAILED")
        .says("| load | FAILED |")
        .says("42501");
    here.run(["selftest", "--to", "redshift://u@h/d"])
        .fails_with("invalid-option")
        .naming(&["--scratch s3://"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn run_succeeds_if_its_tables_are_replaced_during_verification() {
    let cloud = super::redshift::Cloud::new().await;
    cloud.transform("other", &["--unmatched", "drop"]);
    cloud.load("other", &[]).exits(0);
    let gate = Gate::new();
    let on = On::Containing("SET search_path".to_owned());
    cloud.redshift.inject(Fault {
        on,
        skip: 0,
        when: When::Before,
        what: What::Hold(gate.clone()),
    });
    let sample = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/sample");
    let mut command = cloud.command();
    command
        .args(["run", "--max-rejects", "14", "--out", &cloud.s3.url("star")])
        .arg("--songs")
        .arg(sample.join("song_data"))
        .arg("--logs")
        .arg(sample.join("log_data"))
        .args(["--to", &cloud.target()]);
    let run = command.stdout(std::process::Stdio::piped()).spawn().unwrap();
    gate.reached().await;
    cloud.load("other", &["--force"]).exits(0);
    gate.open();
    let output = tokio::task::block_in_place(|| run.wait_with_output()).unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(output.status.success(), "{text}");
    assert!(text.contains("load 3, of run") && text.contains("has replaced the tables"), "{text}");
}
