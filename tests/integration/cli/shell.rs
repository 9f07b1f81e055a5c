//! `starlift shell`: statements from a pipe, and a prompt on a terminal.

use std::io::Write;
use std::process::Stdio;

use super::{with_star, with_tiny_star};
use crate::support::postgres::Postgres;
use crate::support::terminal::operated;
use crate::support::{Outcome, Workspace};

const PROMPT: &str = "starlift> ";

/// Runs the shell with a script on standard input.
fn piped(here: &Workspace, args: &[&str], script: impl AsRef<[u8]>) -> Outcome {
    let path = here.write("script.sql", script);
    let mut command = here.command();
    command.arg("shell").args(args).stdin(std::fs::File::open(path).unwrap());
    here.outcome(&mut command)
}

/// Runs the shell on a terminal; each step is a text to wait for and the keys to send.
fn typed(here: &Workspace, args: &[&str], steps: &[(&str, &str)]) -> Option<Outcome> {
    let mut command = here.command();
    command.args(["shell", "--no-pager"]).args(args).env("XDG_STATE_HOME", here.join("state"));
    operated(here, &command, [40, 100], steps)
}

const STAR: [&str; 2] = ["--star", "star"];

#[test]
fn statements_of_a_pipe_run_without_a_prompt() {
    let here = with_tiny_star();
    let script = "\\format csv\n-- A comment; with a semicolon.\nSELECT ';' AS s; SELECT\n 1 AS one\n;\n\
                  \\query months_present\nSELECT 2 AS last";
    piped(&here, &STAR, script)
        .exits(0)
        .prints("s\n;\none\n1\nyear,month,days,plays,listeners\n2018,11,1,2,2\nlast\n2\n");
    piped(&here, &["--star", "star", "--format", "csv"], "").exits(0).prints("");
    piped(&here, &["--star", "star", "--format", "csv"], "SELECT 1 AS a;\n\\q\nSELECT nothing;")
        .exits(0)
        .prints("a\n1\n");
}

#[test]
fn the_first_error_ends_a_script_with_its_line() {
    let here = with_tiny_star();
    let csv = ["--star", "star", "--format", "csv"];
    for (script, line, message, code) in [
        ("SELECT 1 AS a;\n\nSELECT\n x FROM users;\nSELECT 2;", 3, "No field named x", 1),
        ("SELECT 1 AS a;\nSELECT * FROM plays;", 2, "did you mean songplays?", 1),
        ("SELECT 1 AS a;\n\\quary", 2, "did you mean \\query?", 2),
        ("SELECT 1 AS a; \\query none", 1, "there is no query", 2),
        ("SELECT 1 AS a;\nSELECT 'open;\n\n", 2, "nterminated string", 1),
        ("SELECT 1 AS a;\nDROP TABLE users;", 2, "not supported", 1),
    ] {
        let outcome = piped(&here, &csv, script);
        outcome.exits(code).prints("a\n1\n").complains(message);
        outcome.complains(&format!("line {line}: "));
    }
    piped(&here, &csv, b"SELECT '\xff';").exits(1).complains("UTF-8");
    piped(&here, &["--star", "none"], "SELECT 1;").exits(1).complains("there is no star");
    piped(&here, &["--star", "star", "--format", "parquet"], "").exits(2).complains("--output");
}

#[test]
fn statements_run_as_soon_as_they_are_complete() {
    let here = with_tiny_star();
    let mut command = here.command();
    command.args(["shell", "--star", "star", "--format", "csv"]);
    let mut shell = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    let mut input = shell.stdin.take().unwrap();
    input.write_all(b"SELECT 1 AS a;\n").unwrap();
    let mut output = std::io::BufReader::new(shell.stdout.take().unwrap());
    let mut line = String::new();
    std::io::BufRead::read_line(&mut output, &mut line).unwrap();
    assert_eq!(line, "a\n");
    drop(input);
    assert_eq!(shell.wait().unwrap().code(), Some(0));
}

#[test]
fn tables_and_columns_are_described() {
    let here = with_star();
    let outcome = piped(&here, &STAR, "\\d\n\\d users\n\\d \"time\"\n\\d rejects\n\\?\n\\query\n");
    outcome.exits(0).says("songplays").says("one row per");
    let user = outcome.stdout.lines().find(|line| line.trim().starts_with("user_id ")).unwrap();
    let words: Vec<&str> = user.split_whitespace().collect();
    assert_eq!(words[..4], ["user_id", "BIGINT", "no", "primary"], "{outcome}");
    outcome.says("the listener").says("0 = Sunday to 6 = Saturday").says("raw").says("\\timing");
    outcome.says("Which songs of the catalogue are played most?");
    piped(&here, &STAR, "\\d user").exits(2).complains("did you mean users?");
}

#[test]
fn charts_times_and_formats_can_be_switched() {
    let here = with_star();
    let script = "\\chart\n\\query activity_by_weekday\n\\chart off\n\\timing on\n\\format ndjson\n\
                  SELECT 1 AS one;";
    let outcome = piped(&here, &STAR, script);
    outcome.exits(0).says("####").says("{\"one\":1}\n").complains("time: ");
    outcome.complains("charts are on").complains("charts are off").complains("ndjson");
    piped(&here, &["--star", "star", "--chart"], "\\query activity_by_weekday").exits(0).says("##");
}

#[test]
fn a_prompt_runs_statements_of_several_lines_and_goes_on_after_errors() {
    let here = with_tiny_star();
    let Some(outcome) = typed(
        &here,
        &STAR,
        &[
            (PROMPT, "SELECT COUNT(*) AS users\r"),
            ("users", "FROM users;\r"),
            ("| 2     |", ""),
            (PROMPT, "SELECT * FROM plays;\r"),
            ("did you mean", ""),
            (PROMPT, "SELECT 1 AS one; SELECT 2 AS two;\r"),
            ("| two |", ""),
            (PROMPT, "\\d songs\r"),
            ("duration", ""),
            (PROMPT, "\\q\r"),
        ],
    ) else {
        return;
    };
    outcome.exits(0).says("error[query-failed]").says("songplays?").says("\\? shows help");
}

#[test]
fn ctrl_d_leaves_and_ctrl_c_discards_the_input() {
    let here = with_tiny_star();
    let steps = [
        (PROMPT, "SELECT 'never\u{3}"),
        (PROMPT, "SELECT 7 AS n;\r"),
        ("| 7 |", ""),
        (PROMPT, "\u{4}"),
    ];
    let Some(outcome) = typed(&here, &STAR, &steps) else { return };
    outcome.exits(0).never_says("error");
    for word in ["exit", "quit"] {
        typed(&here, &STAR, &[(PROMPT, &format!("{word}\r"))]).unwrap().exits(0);
    }
}

#[test]
fn ctrl_c_cancels_the_running_statement() {
    let here = with_tiny_star();
    let endless = "SELECT COUNT(*) FROM generate_series(1, 1000) a \
                   CROSS JOIN generate_series(1, 1000000000) b;\r";
    let steps = [
        (PROMPT, endless),
        ("\n", "~\u{3}"),
        ("cancelled", ""),
        (PROMPT, "SELECT 7 AS n;\r"),
        ("| 7 |", ""),
        (PROMPT, "\u{4}"),
    ];
    let Some(outcome) = typed(&here, &STAR, &steps) else { return };
    outcome.exits(0);
}

#[test]
fn tab_completes_names_and_keywords() {
    let here = with_tiny_star();
    let steps = [
        (PROMPT, "sel\t"),
        ("select", " count(*) as n from songp\t"),
        ("songplays", ";\r"),
        ("| 2 |", ""),
        (PROMPT, "\\query months\t\r"),
        ("| 2018 |", ""),
        (PROMPT, "\u{4}"),
    ];
    let Some(outcome) = typed(&here, &STAR, &steps) else { return };
    outcome.exits(0);
}

#[cfg(unix)]
#[test]
fn history_is_private_and_kept_for_the_next_session() {
    use std::os::unix::fs::PermissionsExt;

    let here = with_tiny_star();
    let steps = [(PROMPT, "SELECT 41 + 1 AS n;\r"), ("| 42 |", ""), (PROMPT, "\u{4}")];
    let Some(outcome) = typed(&here, &STAR, &steps) else { return };
    outcome.exits(0);
    let file = here.join("state/starlift/history");
    assert_eq!(std::fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
    assert!(here.read("state/starlift/history").contains("SELECT 41 + 1 AS n;"));
    // The up arrow recalls the statement.
    let steps = [(PROMPT, "\u{1b}[A\r"), ("| 42 |", ""), (PROMPT, "\u{4}")];
    typed(&here, &STAR, &steps).unwrap().exits(0);
    let kept = here.read("state/starlift/history");
    let steps = [(PROMPT, "SELECT 5 AS n;\r"), ("| 5 |", ""), (PROMPT, "\u{4}")];
    typed(&here, &["--star", "star", "--no-history"], &steps).unwrap().exits(0);
    assert_eq!(here.read("state/starlift/history"), kept);
}

#[test]
fn history_is_off_without_a_home() {
    let here = with_tiny_star();
    let mut command = here.command();
    command.args(["shell", "--star", "star"]).env_remove("HOME").env_remove("XDG_STATE_HOME");
    let before = crate::support::files(here.path());
    let steps = [(PROMPT, "SELECT 5 AS n;\r"), ("| 5 |", ""), (PROMPT, "\u{4}")];
    let Some(outcome) = operated(&here, &command, [40, 100], &steps) else { return };
    outcome.exits(0);
    assert_eq!(crate::support::files(here.path()), before);
}

#[test]
fn an_unusable_history_is_reported_and_the_shell_works() {
    let here = with_tiny_star();
    here.write("state", "not a folder");
    let steps = [
        ("the history is not kept", ""),
        (PROMPT, "SELECT 5 AS n;\r"),
        ("| 5 |", ""),
        (PROMPT, "\u{4}"),
    ];
    let Some(outcome) = typed(&here, &STAR, &steps) else { return };
    outcome.exits(0);
}

#[test]
fn the_shell_queries_postgresql_and_cancels_there() {
    let here = with_tiny_star();
    let url = Postgres::shared().database().url();
    here.run(["load", "--star", "star", "--to", &url]).exits(0);
    let on = ["--on", &url, "--format", "csv"];
    let script = "SELECT level, COUNT(*) AS n FROM songplays GROUP BY level ORDER BY level;\n\\d\n\
                  SELECT $a$;$a$ AS s;";
    let outcome = piped(&here, &on, script);
    outcome.exits(0).says("level,n\nfree,1\npaid,1\n").says("one row per user").says("s\n;\n");
    piped(&here, &on, "SELECT 1 AS a;\nSELECT titel FROM songs;")
        .exits(1)
        .complains("line 2: ")
        .complains("did you mean title?");
    piped(&here, &on, "SELECT 1;\nDELETE FROM users;").exits(2).complains("only a single SELECT");
    let steps = [
        (PROMPT, "SELECT pg_sleep(600);\r"),
        ("\n", "~\u{3}"),
        ("cancelled", ""),
        (
            PROMPT,
            "SELECT COUNT(*) AS sleeping FROM pg_stat_activity WHERE state = 'active' AND query LIKE '%pg_sleep(600)%' AND pid <> pg_backend_pid();\r",
        ),
        ("sleeping |", ""),
        ("| 0 ", ""),
        (PROMPT, "\u{4}"),
    ];
    let Some(outcome) = typed(&here, &["--on", &url], &steps) else { return };
    outcome.exits(0);
}
