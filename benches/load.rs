//! Benchmarks loading into PostgreSQL: starlift's binary COPY against psql's `\copy` of CSV from the same
//! Parquet files. Both load into tables with the same DDL and keys in one transaction, and alternate.
//!
//! It also measures updates: loads of two stars in turn that differ in one of 365 days, into the same database.
//!
//! `cargo bench --bench load` loads a million events, or the data in the folder `STARLIFT_BENCH_DATA`.
//! `STARLIFT_BIN` is the path of another build of the program to measure. Without `--bench`, as in
//! `cargo test --benches`, it loads a few events and compares the tables.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a benchmark fails by panicking"
)]

#[path = "../tests/integration/support/postgres.rs"]
#[allow(dead_code, reason = "the tests use the rest")]
mod postgres;
#[path = "support/program.rs"]
mod program;
#[path = "../tests/integration/support/tls.rs"]
#[allow(dead_code, reason = "the tests use the rest")]
mod tls;

use std::path::Path;
use std::process::Command;
use std::time::Instant;

use postgres::{Database, Postgres};
use program::{run, starlift};

/// Number of days of the generated data.
const DAYS: &str = "365";

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
            .args(["generate", "-q", "--songs", &songs, "--events", &events, "--days", DAYS])
            .args(["--out", &data]));
    }
    let star = folder.path().join("star").display().to_string();
    let (songs, logs) = (format!("{data}/song_data"), format!("{data}/log_data"));
    let inputs = ["--songs", &songs, "--logs", &logs, "--max-rejects", "100%"];
    run(starlift().arg("transform").args(inputs).args(["--out", &star, "-q"]));
    let begun = Instant::now();
    for table in TABLES {
        std::fs::write(csv(folder.path(), table), rows_as_csv(&star, table)).unwrap();
    }
    let making_csv = begun.elapsed();
    let (mut ours, mut theirs) = (Vec::new(), Vec::new());
    for _ in 0..rounds {
        let (left, right) = (Postgres::shared().database(), Postgres::shared().database());
        ours.push(load(&star, &left));
        theirs.push(copy_csv(folder.path(), &star, &right));
        for table in TABLES {
            let rows = "SELECT COUNT(*), MIN(t::text), MAX(t::text)";
            let count = format!("{rows} FROM star.\"{table}\" t");
            let (left, right) = (psql(&left, &count), psql(&right, &count));
            assert_eq!(left, right, "{table}");
        }
    }
    println!("making the CSV: {:.2} s", making_csv.as_secs_f64());
    for (what, of) in [("rows alone", 0), ("all of it", 1)] {
        let (ours, theirs) = (median(&ours, of), median(&theirs, of));
        let times = theirs / ours;
        println!(
            "{what}: starlift {ours:.2} s, psql \\copy {theirs:.2} s, {times:.2} times as long"
        );
    }
    updates(folder.path(), &inputs, rounds);
}

/// Measures loads that change one day. Each round loads both stars.
fn updates(folder: &Path, inputs: &[&str], rounds: usize) {
    let stars = ["before", "after"].map(|star| folder.join(star).display().to_string());
    let late = folder.join("late.json").display().to_string();
    let log = inputs.iter().skip_while(|word| **word != "--logs").nth(1).unwrap();
    std::fs::write(&late, a_late_play(Path::new(log))).unwrap();
    for (star, more) in stars.iter().zip([&[][..], &["--logs", &late]]) {
        let partition = ["--out", star, "--partition", "day", "-q"];
        run(starlift().arg("transform").args(inputs).args(more).args(partition));
    }
    let database = Postgres::shared().database();
    let [_, full] = load(&stars[0], &database);
    let mut times = Vec::new();
    for star in (0..2 * rounds).map(|round| &stars[(round + 1) % 2]) {
        let begun = Instant::now();
        let said = run(starlift().args(["load", "--star", star, "--to", &database.url()]));
        times.push([begun.elapsed().as_secs_f64(); 2]);
        assert!(said.contains("updated "), "{said}");
    }
    let update = median(&times, 0);
    println!("one changed day: {update:.2} s, all rows {full:.2} s, 1/{:.1}", full / update);
}

/// Returns a play on a day in the middle of the logs, of a user and a session of that day.
fn a_late_play(logs: &Path) -> String {
    let mut files: Vec<_> = std::fs::read_dir(logs.join("2018/11"))
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    files.sort();
    let text = std::fs::read_to_string(&files[files.len() / 2]).unwrap();
    let play = text.lines().find(|line| line.contains("NextSong")).unwrap();
    let mut play: serde_json::Value = serde_json::from_str(play).unwrap();
    play["ts"] = (play["ts"].as_i64().unwrap() + 1).into();
    format!("{play}\n")
}

/// Duration of a load in seconds: of copying the rows alone, and in total.
type Seconds = [f64; 2];

fn csv(folder: &Path, table: &str) -> std::path::PathBuf {
    folder.join(format!("{table}.csv"))
}

/// Returns the rows of a table as CSV, in the order of the files, which is the order in which starlift sends
/// them.
fn rows_as_csv(star: &str, table: &str) -> String {
    let order = if table == "songplays" { "start_time, songplay_id" } else { "1" };
    let sql = format!("SELECT * FROM \"{table}\" ORDER BY {order}");
    run(starlift().args(["query", "--star", star, "--format", "csv", "--sql", &sql]))
}

fn load(star: &str, database: &Database) -> Seconds {
    let begun = Instant::now();
    let said = run(starlift().args(["load", "--star", star, "--to", &database.url()]));
    // The summary has a line per phase: `copy songplays  0.968 s`.
    let copies = said.lines().filter(|line| line.trim_start().starts_with("copy "));
    let rows = copies.map(|line| line.split_whitespace().nth(2).unwrap().parse::<f64>().unwrap());
    [rows.sum(), begun.elapsed().as_secs_f64()]
}

/// Loads the CSV files with psql the way a careful user would: tables, rows, keys and statistics in one
/// transaction.
fn copy_csv(folder: &Path, star: &str, database: &Database) -> Seconds {
    let begun = Instant::now();
    let ddl = run(starlift().args(["schema", "--format", "postgres", "--star", star]));
    let (tables, keys): (Vec<&str>, Vec<&str>) =
        ddl.split_inclusive(";\n").partition(|statement| {
            statement.starts_with("CREATE") && !statement.starts_with("CREATE INDEX")
        });
    let mut script = tables.concat() + "\\timing on\n";
    for table in TABLES {
        let file = csv(folder, table);
        script += &format!("\\copy star.\"{table}\" FROM '{}' CSV HEADER\n", file.display());
    }
    script += "\\timing off\n";
    script += &keys.concat();
    script += &TABLES.map(|table| format!("ANALYZE star.\"{table}\";\n")).concat();
    let path = folder.join("load.sql");
    std::fs::write(&path, script).unwrap();
    let mut psql = Command::new("psql");
    let said =
        run(psql.args(["-qX1", "-v", "ON_ERROR_STOP=1", "-f"]).arg(path).arg(database.url()));
    // psql prints `Time: 644.508 ms`, followed by minutes and seconds for longer times.
    let times = said.lines().filter_map(|line| line.strip_prefix("Time: "));
    let rows = times.map(|time| time.split(' ').next().unwrap().parse::<f64>().unwrap() / 1e3);
    [rows.sum(), begun.elapsed().as_secs_f64()]
}

fn psql(database: &Database, sql: &str) -> String {
    run(Command::new("psql").args(["-qXAtc", sql]).arg(database.url()))
}

fn median(rounds: &[Seconds], of: usize) -> f64 {
    let mut times: Vec<f64> = rounds.iter().map(|round| round[of]).collect();
    times.sort_by(f64::total_cmp);
    times[times.len() / 2]
}
