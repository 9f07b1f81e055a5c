//! Loading into PostgreSQL: starlift's binary COPY beside psql's `\copy` of CSV made from the same
//! Parquet, into tables of the same DDL with the same keys, in one transaction, in turn.
//!
//! `cargo bench --bench load` loads a million events, or the data that `STARLIFT_BENCH_DATA` names;
//! `STARLIFT_BIN` names another build of the program to measure. Without `--bench`, as in
//! `cargo test --benches`, a few events are loaded and the tables looked at.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a benchmark fails by panicking")]

#[path = "../tests/support/postgres.rs"]
mod postgres;
#[path = "../tests/support/tls.rs"]
mod tls;

use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use postgres::{Database, Postgres};

const TABLES: [&str; 5] = ["artists", "songs", "users", "time", "songplays"];

fn main() {
    let measured = std::env::args().any(|arg| arg == "--bench");
    let (songs, events, rounds) = if measured { (20_000, 1_000_000, 5) } else { (50, 500, 1) };
    let folder = tempfile::tempdir().unwrap();
    let own = std::env::var("STARLIFT_BENCH_DATA").ok();
    let data = own.clone().unwrap_or_else(|| folder.path().join("data").display().to_string());
    if own.is_none() {
        let (songs, events) = (songs.to_string(), events.to_string());
        run(starlift()
            .args(["generate", "-q", "--songs", &songs, "--events", &events, "--out", &data]));
    }
    let star = folder.path().join("star").display().to_string();
    let (songs, logs) = (format!("{data}/song_data"), format!("{data}/log_data"));
    let inputs = ["--songs", &songs, "--logs", &logs, "--max-rejects", "100%"];
    run(starlift().arg("transform").args(inputs).args(["--out", &star, "-q"]));
    for table in TABLES {
        std::fs::write(csv(folder.path(), table), rows_as_csv(&star, table)).unwrap();
    }
    let (mut ours, mut theirs) = (Vec::new(), Vec::new());
    for _ in 0..rounds {
        let (left, right) = (Postgres::shared().database(), Postgres::shared().database());
        ours.push(timed(|| load(&star, &left)));
        theirs.push(timed(|| copy_csv(folder.path(), &star, &right)));
        for table in TABLES {
            let count =
                format!("SELECT COUNT(*), MIN(t::text), MAX(t::text) FROM star.\"{table}\" t");
            let (left, right) = (psql(&left, &count), psql(&right, &count));
            assert_eq!(left, right, "{table}");
        }
    }
    let (ours, theirs) = (median(ours), median(theirs));
    println!(
        "starlift load {:.2} s, psql \\copy of CSV {:.2} s: {:.2} times as long (medians of {rounds})",
        ours.as_secs_f64(),
        theirs.as_secs_f64(),
        theirs.as_secs_f64() / ours.as_secs_f64()
    );
}

fn starlift() -> Command {
    let program = std::env::var("STARLIFT_BIN");
    Command::new(program.unwrap_or_else(|_| env!("CARGO_BIN_EXE_starlift").to_owned()))
}

fn run(command: &mut Command) -> String {
    let output = command.output().unwrap();
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{command:?}\n{errors}");
    String::from_utf8(output.stdout).unwrap()
}

fn csv(folder: &Path, table: &str) -> std::path::PathBuf {
    folder.join(format!("{table}.csv"))
}

/// In the order of the files, as starlift sends them.
fn rows_as_csv(star: &str, table: &str) -> String {
    let order = if table == "songplays" { "start_time, songplay_id" } else { "1" };
    let sql = format!("SELECT * FROM \"{table}\" ORDER BY {order}");
    run(starlift().args(["query", "--star", star, "--format", "csv", "--sql", &sql]))
}

fn load(star: &str, database: &Database) {
    run(starlift().args(["load", "-q", "--star", star, "--to", &database.url()]));
}

/// What a careful person would have psql do: tables, rows, keys and statistics in one transaction.
fn copy_csv(folder: &Path, star: &str, database: &Database) {
    let ddl = run(starlift().args(["schema", "--format", "postgres", "--star", star]));
    let (tables, keys): (Vec<&str>, Vec<&str>) =
        ddl.split_inclusive(";\n").partition(|statement| statement.starts_with("CREATE"));
    let mut script = tables.concat();
    for table in TABLES {
        let file = csv(folder, table);
        script += &format!("\\copy star.\"{table}\" FROM '{}' CSV HEADER\n", file.display());
    }
    script += &keys.concat();
    script += &TABLES.map(|table| format!("ANALYZE star.\"{table}\";\n")).concat();
    let path = folder.join("load.sql");
    std::fs::write(&path, script).unwrap();
    run(Command::new("psql")
        .args(["-qX1", "-v", "ON_ERROR_STOP=1", "-f"])
        .arg(path)
        .arg(database.url()));
}

fn psql(database: &Database, sql: &str) -> String {
    run(Command::new("psql").args(["-qXAtc", sql]).arg(database.url()))
}

fn timed(work: impl FnOnce()) -> Duration {
    let begun = Instant::now();
    work();
    begun.elapsed()
}

fn median(mut times: Vec<Duration>) -> Duration {
    times.sort();
    times[times.len() / 2]
}
