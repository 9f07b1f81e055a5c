//! Markdown, Parquet, and results in files.

use arrow::array::AsArray;
use arrow::datatypes::Int64Type;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;

use super::{with_star, with_tiny_data, with_tiny_star};
use crate::support::terminal::operated;
use crate::support::{Outcome, Workspace, files};

fn query(here: &Workspace, args: &[&str]) -> Outcome {
    here.run(["query", "--star", "star"].iter().chain(args))
}

#[test]
fn markdown_escapes_its_own_characters() {
    let here = with_tiny_star();
    let sql = "SELECT 'a|b' || chr(10) || '<c>' AS \"x|y\", 1 AS n, 'back\\|slash' AS t, \
               CAST(NULL AS VARCHAR) AS empty";
    query(&here, &["--format", "markdown", "--sql", sql]).exits(0).prints(concat!(
        "| x\\|y | n | t | empty |\n",
        "| --- | ---: | --- | --- |\n",
        "| a\\|b<br>&lt;c&gt; | 1 | back\\\\\\|slash |  |\n",
    ));
    query(&here, &["--format", "markdown", "--sql", "SELECT title FROM songs WHERE false"])
        .exits(0)
        .prints("| title |\n| --- |\n");
}

#[test]
fn parquet_has_the_same_rows_and_types() {
    let here = with_star();
    let sql = "SELECT song_id, COUNT(*) AS plays, MIN(start_time) AS first, AVG(1.5) AS mean, \
               CAST(NULL AS BIGINT) AS none FROM songplays GROUP BY song_id ORDER BY song_id";
    query(&here, &["--output", "a.parquet", "--sql", sql])
        .exits(0)
        .prints("")
        .complains("rows to a.parquet");
    let csv = query(&here, &["--format", "csv", "--sql", "SELECT COUNT(*) AS n FROM songplays"]);
    let file = std::fs::File::open(here.join("a.parquet")).unwrap();
    let builder = ParquetRecordBatchReaderBuilder::try_new(file).unwrap();
    let types: Vec<String> =
        builder.schema().fields().iter().map(|f| f.data_type().to_string()).collect();
    assert_eq!(types[1..], ["Int64", "Timestamp(µs)", "Float64", "Int64"], "{types:?}");
    let plays: i64 = builder
        .build()
        .unwrap()
        .flat_map(|batch| batch.unwrap().column(1).as_primitive::<Int64Type>().values().to_vec())
        .sum();
    csv.says(&format!("n\n{plays}\n"));
}

#[test]
fn parquet_goes_to_pipes_and_not_to_terminals() {
    let here = with_tiny_star();
    let args = ["query", "--star", "star", "--format", "parquet", "--sql", "SELECT 1 AS one"];
    let output = here.command().args(args).output().unwrap();
    assert!(output.stdout.starts_with(b"PAR1") && output.stdout.ends_with(b"PAR1"));
    let mut command = here.command();
    let Some(outcome) = operated(&here, command.args(args), [24, 80], &[]) else { return };
    outcome.exits(2).says("--output FILE");
    assert!(!outcome.stdout.contains("PAR1"), "{outcome}");
}

#[test]
fn parquet_needs_distinct_names() {
    let here = with_tiny_star();
    let sql = "SELECT * FROM (SELECT 1 AS a) x, (SELECT 2 AS a) y";
    query(&here, &["--output", "a.parquet", "--sql", sql])
        .exits(2)
        .complains("several called \"a\"");
    assert!(!here.join("a.parquet").exists());
}

#[test]
fn extension_of_the_file_selects_the_format() {
    let here = with_tiny_star();
    for (file, begin) in [
        ("a.csv", "one\n1\n"),
        ("a.json", "[{\"one\":1}]\n"),
        ("a.ndjson", "{\"one\":1}\n"),
        ("a.md", "| one |\n| ---: |\n| 1 |\n"),
        ("a.txt", "+-----+\n| one |\n+-----+\n| 1   |\n+-----+\n"),
    ] {
        query(&here, &["--output", file, "--sql", "SELECT 1 AS one"]).exits(0).prints("");
        assert_eq!(here.read(file), begin, "{file}");
    }
    query(&here, &["-q", "--output", "b", "--format", "csv", "--sql", "SELECT 1 AS one"]).exits(0);
    assert_eq!(here.read("b"), "one\n1\n");
    query(&here, &["--output", "-", "--format", "csv", "--sql", "SELECT 1 AS one"])
        .exits(0)
        .prints("one\n1\n");
}

#[test]
fn failed_query_leaves_the_old_file() {
    let here = with_tiny_star();
    here.write("a.csv", "old");
    let before = files(here.path());
    for sql in [
        "SELECT nothing FROM users",
        // Fails after the first rows.
        "SELECT 1 / (value - 20000) FROM generate_series(1, 30000)",
    ] {
        query(&here, &["--output", "a.csv", "--sql", sql]).exits(1).prints("");
        assert_eq!(here.read("a.csv"), "old");
        assert_eq!(files(here.path()), before, "no temporary file is left");
    }
    query(&here, &["--output", "a.csv", "months_present"]).exits(0);
    assert!(here.read("a.csv").starts_with("year,month"));
    assert_eq!(files(here.path()), before);
}

#[test]
fn unusable_files_are_rejected_before_the_query() {
    let here = with_tiny_star();
    for (file, code, message) in [
        ("star", 2, "is a folder"),
        ("s3://bucket/a.csv", 2, "is a URL"),
        ("none/a.csv", 1, "cannot write none/a.csv"),
    ] {
        query(&here, &["--output", file, "months_present"]).exits(code).complains(message);
    }
    for other in ["--compare", "--list"] {
        here.run(["query", "--on", "w", other, "--output", "a"]).exits(2).complains("--output");
    }
}

#[cfg(unix)]
#[test]
fn devices_are_written_directly() {
    let here = with_tiny_star();
    query(&here, &["--output", "/dev/null", "months_present"]).exits(0);
    let output = here
        .command()
        .args(["query", "-q", "--star", "star", "--output", "/dev/stdout", "--format", "csv"])
        .args(["--sql", "SELECT 1 AS one"])
        .stdout(std::process::Stdio::piped())
        .output()
        .unwrap();
    assert_eq!(String::from_utf8_lossy(&output.stdout), "one\n1\n");
}

#[test]
fn a_name_of_a_column_cannot_break_markdown() {
    let here = with_tiny_data();
    here.run(super::TINY).exits(0);
    let outcome = query(&here, &["--format", "markdown", "--sql", "SELECT 1 AS \"a\u{1b}[2J\nb\""]);
    outcome.exits(0).says("| a\\\\u{1b}\\[2J<br>b |\n");
    assert_eq!(outcome.stdout.lines().count(), 3, "{outcome}");
}
