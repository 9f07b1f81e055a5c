//! Loads of a star into warehouses: a real PostgreSQL, and the Redshift stand-in.

mod campaign;
mod carried;
mod conflicts;
mod contract;
mod encodings;
mod faults;
mod iam;
mod library;
mod own_model;
mod places;
mod pooler;
mod postgres;
mod readers;
pub mod redshift;
mod rejections;
mod run;
mod sessions;
mod tls;
mod update;
mod verdicts;

use std::path::Path;

use crate::support::postgres::{Database, Postgres};
use crate::support::{Outcome, Workspace};
use tokio_postgres::{Client, SimpleQueryMessage};

/// Creates a folder in which `star` is the star of `fixtures/sample`.
fn with_star() -> Workspace {
    let here = Workspace::new();
    transform(&here, "star", &[]).exits(0);
    here
}

fn transform(here: &Workspace, out: &str, more: &[&str]) -> Outcome {
    let sample = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/sample");
    let (songs, logs) = (sample.join("song_data"), sample.join("log_data"));
    let args = ["transform", "--songs", songs.to_str().unwrap(), "--logs", logs.to_str().unwrap()];
    here.run(args.iter().chain(&["--out", out, "--max-rejects", "14"]).chain(more))
}

/// Loads `star` into a database.
fn load(here: &Workspace, url: &str, more: &[&str]) -> Outcome {
    here.run(["load", "--star", "star", "--to", url].iter().chain(more))
}

fn database() -> Database {
    Postgres::shared().database()
}

/// Returns the rows of a query, with values as text joined by `|`.
async fn rows(client: &Client, sql: &str) -> Vec<String> {
    let messages = client.simple_query(sql).await.unwrap();
    let rows = messages.iter().filter_map(|message| match message {
        SimpleQueryMessage::Row(row) => Some(row),
        _ => None,
    });
    rows.map(|row| {
        (0..row.len()).map(|i| row.get(i).unwrap_or("null")).collect::<Vec<_>>().join("|")
    })
    .collect()
}

/// Returns the first row of a query.
async fn value(client: &Client, sql: &str) -> String {
    rows(client, sql).await.first().cloned().unwrap_or_default()
}

/// Returns the run ID of the latest load in the ledger.
async fn loaded_run(client: &Client) -> String {
    let sql = "SELECT DISTINCT run_id FROM star.starlift_loads \
               WHERE load_number = (SELECT MAX(load_number) FROM star.starlift_loads)";
    value(client, sql).await
}

fn run_id(here: &Workspace, star: &str) -> String {
    let record = here.read(&format!("{star}/_starlift.json"));
    let record: serde_json::Value = serde_json::from_str(&record).unwrap();
    record["run_id"].as_str().unwrap().to_owned()
}
