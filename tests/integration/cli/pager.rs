//! The pager of results that do not fit on the screen.

use super::with_tiny_star;
use crate::support::terminal::operated;
use crate::support::{Outcome, Workspace};

const LONG: &str = "SELECT value FROM generate_series(1, 300)";
const SHORT: &str = "SELECT value FROM generate_series(1, 3)";

/// Pager that stores its input.
const KEEPER: &str = "cat >paged.txt";

/// Runs a query on a terminal with 24 rows.
fn query(here: &Workspace, pager: &str, args: &[&str]) -> Option<Outcome> {
    let mut command = here.command();
    command.args(["query", "--star", "star"]).args(args).env("STARLIFT_PAGER", pager);
    operated(here, &command, [24, 80], &[])
}

/// Returns the text that the pager has received, and forgets it.
fn paged(here: &Workspace) -> Option<String> {
    let path = here.join("paged.txt");
    let text = std::fs::read_to_string(&path).ok();
    let _ = std::fs::remove_file(path);
    text
}

#[test]
fn results_longer_than_the_screen_are_paged() {
    let here = with_tiny_star();
    for format in ["table", "csv", "json", "ndjson", "markdown"] {
        let args = ["--format", format, "--sql", LONG];
        let Some(outcome) = query(&here, KEEPER, &args) else { return };
        outcome.exits(0).prints("");
        let expected = here.run(["query", "--star", "star"].iter().chain(&args)).stdout;
        assert_eq!(paged(&here).as_deref(), Some(&*expected), "{format}");
    }
    query(
        &here,
        KEEPER,
        &["--chart", "--sql", "SELECT 'a' || value AS l, value FROM generate_series(1, 50)"],
    )
    .unwrap()
    .exits(0);
    assert!(paged(&here).unwrap().contains("a50"));
}

#[test]
fn results_that_fit_and_pipes_are_not_paged() {
    let here = with_tiny_star();
    let Some(outcome) = query(&here, KEEPER, &["--sql", SHORT]) else { return };
    outcome.exits(0).says("| 3     |");
    assert_eq!(paged(&here), None);
    query(&here, KEEPER, &["--sql", LONG, "--no-pager"]).unwrap().exits(0).says("| 100   |");
    assert_eq!(paged(&here), None);
    for none in ["", "cat"] {
        query(&here, none, &["--sql", LONG]).unwrap().exits(0).says("| 100   |");
    }
    query(&here, KEEPER, &["--output", "a.csv", "--sql", LONG]).unwrap().exits(0);
    assert_eq!(paged(&here), None);
    let mut command = here.command();
    command.args(["query", "--star", "star", "--sql", LONG]).env("STARLIFT_PAGER", KEEPER);
    here.outcome(&mut command).exits(0).says("| 100   |");
    assert_eq!(paged(&here), None);
}

#[test]
fn pager_variables_are_used_in_order() {
    let here = with_tiny_star();
    let mut command = here.command();
    command.args(["query", "--star", "star", "--sql", LONG]).env("PAGER", KEEPER);
    let Some(outcome) = operated(&here, &command, [24, 80], &[]) else { return };
    outcome.exits(0).prints("");
    assert!(paged(&here).is_some());
    command.env("STARLIFT_PAGER", "cat >other.txt");
    operated(&here, &command, [24, 80], &[]).unwrap().exits(0).prints("");
    assert_eq!(paged(&here), None);
    assert!(here.read("other.txt").contains("| 100   |"));
}

#[test]
fn quitting_the_pager_early_is_not_an_error() {
    let here = with_tiny_star();
    let long = "SELECT a.value FROM generate_series(1, 3000000) a";
    for format in ["csv", "table"] {
        let sql = if format == "table" { LONG } else { long };
        let args = ["--format", format, "--sql", sql];
        let Some(outcome) = query(&here, "head -n 2 >paged.txt", &args) else { return };
        outcome.exits(0).prints("");
        assert!(paged(&here).unwrap().lines().count() <= 2);
    }
}

#[test]
fn a_pager_that_cannot_be_run_is_replaced_by_printing() {
    let here = with_tiny_star();
    for format in ["table", "csv"] {
        let args = ["--format", format, "--sql", LONG];
        let Some(outcome) = query(&here, "no-such-pager", &args) else { return };
        outcome.exits(0).says("the pager cannot be run").says("100");
    }
}

#[test]
fn interrupting_a_paged_query_waits_for_the_pager() {
    let here = with_tiny_star();
    // The pager of the test ignores Ctrl-C, as pagers do, and ends with its input.
    let pager = "trap '' INT; head -n 1; cat >/dev/null; echo pager-ended";
    let endless = "SELECT a.value FROM generate_series(1, 1000000) a \
                   CROSS JOIN generate_series(1, 1000000) b";
    let mut command = here.command();
    command.args(["query", "--star", "star", "--format", "csv", "--sql", endless]);
    command.env("STARLIFT_PAGER", pager);
    let Some(outcome) = operated(&here, &command, [24, 80], &[("value\r\n", "~\u{3}")]) else {
        return;
    };
    outcome.exits(1).says("pager-ended");
    let (before, after) = outcome.stdout.split_once("pager-ended").unwrap();
    assert!(after.contains("error[interrupted]") && !before.contains("error["), "{outcome}");
}
