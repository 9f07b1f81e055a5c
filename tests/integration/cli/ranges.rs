//! Every number and duration, however large or odd, is either accepted or an error.

use std::collections::BTreeSet;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use super::with_tiny_star;
use crate::support::Workspace;

const COMMANDS: [&str; 20] = [
    "check",
    "completions",
    "demo",
    "doctor",
    "generate",
    "init",
    "load",
    "man",
    "pause",
    "provision",
    "query",
    "report",
    "resume",
    "run",
    "schema",
    "selftest",
    "shell",
    "status",
    "teardown",
    "transform",
];

/// Returns arguments with which a command does little and needs no input.
fn arguments(command: &str) -> &'static [&'static str] {
    const NOWHERE: &str = "postgres://ann@127.0.0.1:1/none";
    match command {
        "check" | "shell" => &["--star", "none"],
        "completions" => &["bash"],
        "demo" => &["--out", "songs/s.json/demo"],
        "generate" => &["--out", "songs/s.json/data"],
        "init" => &["--yes", "--to", "-"],
        "load" => &["--star", "none", "--to", NOWHERE],
        "man" => &["pages"],
        "pause" | "resume" => &["--name", "n"],
        "teardown" => &["--name", "n", "--yes"],
        "provision" => {
            &["--name", "n", "--star", "s3://b/star", "--cidr", "192.0.2.1/32", "--dry-run"]
        }
        "query" => &["--list"],
        "report" => &["--star", "none", "--out", "report.html"],
        "run" => &["--songs", "none", "--logs", "none", "--out", "out", "--to", NOWHERE],
        "selftest" => &["--to", NOWHERE],
        "transform" => &["--songs", "none", "--logs", "none", "--out", "out"],
        _ => &[],
    }
}

/// Kind of value that an option takes, derived from its help.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Takes {
    /// A whole number up to this maximum.
    Whole(u64),
    /// A number from 0 to 1.
    Rate,
    /// A size in bytes.
    Size,
    /// A duration.
    Time,
    /// A number, percentage or rate of rejects.
    Rejects,
    /// Any other value.
    Text,
}

fn takes(option: &str, value: &str) -> Takes {
    match (option, value) {
        ("--retries", "N") => Takes::Whole(1000),
        ("--threads", "N") => Takes::Whole(1024),
        ("--nodes", "N") => Takes::Whole(128),
        ("--songs" | "--users", "N") => Takes::Whole(1_000_000_000),
        ("--events", "N") => Takes::Whole(100_000_000_000),
        ("--days", "N") => Takes::Whole(100_000),
        ("--keep", "N") => Takes::Whole(100),
        ("--seed", "SEED") => Takes::Whole(u64::MAX),
        ("--base-capacity", "RPUS") => Takes::Whole(1024),
        ("--max-capacity", "RPUS") => Takes::Whole(u64::from(u32::MAX)),
        ("--port", "PORT") => Takes::Whole(65_535),
        (_, "SECONDS") => Takes::Whole(2_147_483),
        (_, "RATE") => Takes::Rate,
        (_, "SIZE") => Takes::Size,
        (_, "TIME" | "DURATION") => Takes::Time,
        ("--max-rejects", _) => Takes::Rejects,
        (
            _,
            "ARN" | "BOOL" | "CIDR" | "DIR" | "FILE" | "FORMAT" | "ID" | "KEY" | "KIND" | "LIMIT"
            | "METHOD" | "MODE" | "NAME" | "NAME=URL" | "PERIOD" | "REGION" | "RULE" | "STYLE"
            | "SUFFIXES" | "TARGET" | "TEXT" | "TYPE" | "URL" | "WHEN",
        ) => Takes::Text,
        other => panic!("say what {other:?} takes, so that its limits are tried"),
    }
}

/// Returns the options of a command that take a number or a duration, as listed in its help.
fn options(here: &Workspace, command: &str) -> Vec<(String, Takes)> {
    let help = here.run([command, "--help"]);
    help.exits(0);
    let mut found = BTreeSet::new();
    for line in help.stdout.lines() {
        let Some(at) = line.find("--").filter(|at| line[..*at].trim().len() <= 3) else { continue };
        let Some((option, rest)) = line[at..].split_once(" <") else { continue };
        let Some((value, _)) = rest.split_once('>') else { continue };
        if !option.contains(' ') {
            found.insert((option.to_owned(), value.to_owned()));
        }
    }
    let found = found.into_iter().map(|(option, value)| {
        let takes = takes(&option, &value);
        (option, takes)
    });
    found.filter(|(_, takes)| *takes != Takes::Text).collect()
}

const ODD: [&str; 29] = [
    "",
    " ",
    "-1",
    "-0",
    "0",
    "1",
    "1.5",
    "NaN",
    "inf",
    "-inf",
    "1e400",
    "0x10",
    "1_000",
    "65536",
    "200000",
    "4294967296",
    "1000000000000000000",
    "9223372036854775807",
    "18446744073709551615",
    "18446744073709551616",
    "999999999999999999999999999999",
    "300000years",
    "18446744073709551615years",
    "99999999999999999999years",
    "0s",
    "1ns",
    "18446744073709551615B",
    "16EiB",
    "99999999999999999EiB",
];

/// Returns `Some(true)` if a value must be rejected as a usage error, `Some(false)` if it must be
/// accepted, and `None` if either is possible.
fn is_rejected(takes: Takes, value: &str) -> Option<bool> {
    let whole = value.parse::<u64>();
    match takes {
        Takes::Whole(most) => match whole {
            // Some options reject 0, have a minimum, or allow only some values.
            Ok(number) if number <= most => None,
            _ => Some(true),
        },
        Takes::Rate => Some(!value.parse().is_ok_and(|rate: f64| (0.0..=1.0).contains(&rate))),
        Takes::Size | Takes::Time => match value {
            "1000000000000000000"
            | "9223372036854775807"
            | "18446744073709551615"
            | "16EiB"
            | "18446744073709551615B"
            | "300000years"
            | "18446744073709551615years" => Some(true),
            "" | " " | "NaN" | "inf" | "-inf" | "-1" | "0" | "0s" | "1ns" => Some(true),
            _ => None,
        },
        Takes::Rejects => match value {
            "NaN" | "inf" | "-1" | "" | " " | "1e400" => Some(true),
            "0" | "18446744073709551615" => Some(false),
            _ => None,
        },
        Takes::Text => None,
    }
}

/// Runs a command that must end soon with one of starlift's exit codes; returns the code and
/// standard error.
fn ends(here: &Workspace, command: &mut Command) -> (i32, String) {
    let begun = Instant::now();
    let mut child =
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
    loop {
        if child.try_wait().unwrap().is_some() {
            break;
        }
        if begun.elapsed() > Duration::from_secs(30) {
            child.kill().unwrap();
            panic!("it does not end: {command:?}");
        }
        std::thread::sleep(Duration::from_millis(2));
    }
    let output = child.wait_with_output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    let code = output.status.code();
    assert!(matches!(code, Some(0..=4)), "{code:?} in {:?}: {command:?}\n{said}", here.path());
    assert!(!said.contains("panicked"), "{command:?}\n{said}");
    (code.unwrap(), said)
}

#[test]
fn every_number_and_duration_of_every_command_has_limits() {
    let here = with_tiny_star();
    let mut tried = 0;
    for command in COMMANDS {
        for (option, takes) in options(&here, command) {
            if option == "--retries" && command != "query" {
                // All commands share this option.
                continue;
            }
            for value in ODD {
                let mut program = here.command();
                program
                    .env("AWS_REGION", "us-east-1")
                    .env("AWS_ENDPOINT_URL", "http://127.0.0.1:1");
                program.env("AWS_ACCESS_KEY_ID", "a").env("AWS_SECRET_ACCESS_KEY", "b");
                program.env("STARLIFT_RETRIES", "0");
                program.arg(command).args(arguments(command)).arg(format!("{option}={value}"));
                let (code, said) = ends(&here, &mut program);
                tried += 1;
                match is_rejected(takes, value) {
                    Some(true) => {
                        assert_eq!(code, 2, "{command} {option}={value:?}\n{said}");
                        assert!(said.contains(option.as_str()), "{option}={value:?}\n{said}");
                    }
                    Some(false) => assert_ne!(code, 2, "{command} {option}={value:?}\n{said}"),
                    None => {}
                }
            }
        }
    }
    assert!(tried > 800, "{tried} values tried");
}

#[test]
fn every_number_and_duration_of_the_configuration_file_has_limits() {
    let here = with_tiny_star();
    let to = "postgres://ann@127.0.0.1:1/none";
    let numbers = [
        "-1",
        "0",
        "18446744073709551615",
        "9223372036854775807",
        "1e400",
        "nan",
        "inf",
        "1.5",
        "\"\"",
        "\"1e400\"",
    ];
    let texts = [
        "\"300000years\"",
        "\"16EiB\"",
        "\"NaN\"",
        "\"18446744073709551615\"",
        "\"-1\"",
        "true",
        "[]",
        "1979-05-27",
    ];
    for (section, key, command) in [
        ("", "threads", &["query", "--list"][..]),
        ("", "retries", &["query", "--list"]),
        ("", "memory_limit", &["query", "--list"]),
        (
            "[transform]",
            "file_size",
            &["transform", "--songs", "none", "--logs", "none", "--out", "out"],
        ),
        (
            "[transform]",
            "max_rejects",
            &["transform", "--songs", "none", "--logs", "none", "--out", "out"],
        ),
        ("[cloud]", "nodes", &["provision", "--name", "n", "--star", "s3://b/star", "--dry-run"]),
        ("[cloud]", "port", &["provision", "--name", "n", "--star", "s3://b/star", "--dry-run"]),
        ("[cloud]", "expires", &["provision", "--name", "n", "--star", "s3://b/star", "--dry-run"]),
        ("[warehouse.w]", "statement_timeout", &["load", "--star", "none", "--to", "w"]),
        ("[warehouse.w]", "lock_timeout", &["load", "--star", "none", "--to", "w"]),
    ] {
        for value in numbers.iter().chain(&texts) {
            let url = if section.contains("warehouse") {
                format!("url = \"{to}\"\n")
            } else {
                String::new()
            };
            here.write("starlift.toml", format!("{section}\n{key} = {value}\n{url}"));
            let mut program = here.command();
            program.env("AWS_REGION", "us-east-1").env("AWS_ENDPOINT_URL", "http://127.0.0.1:1");
            program.env("AWS_ACCESS_KEY_ID", "a").env("AWS_SECRET_ACCESS_KEY", "b");
            program.env("STARLIFT_CIDR", "192.0.2.1/32").args(command);
            if key != "retries" {
                program.args(["--retries", "0"]);
            }
            let (code, said) = ends(&here, &mut program);
            let is_valid = matches!(
                (key, *value),
                (
                    "max_rejects",
                    "0" | "\"16EiB\""
                        | "9223372036854775807"
                        | "18446744073709551615"
                        | "\"18446744073709551615\""
                ) | ("retries", "0")
            );
            if is_valid {
                assert_ne!(code, 2, "{key} = {value}\n{said}");
            } else {
                assert_eq!(code, 2, "{key} = {value}\n{said}");
                assert!(
                    said.contains(key) || said.contains(&key.replace('_', "-")),
                    "{key} = {value}\n{said}"
                );
            }
        }
    }
}

#[test]
fn the_largest_values_allowed_work() {
    let here = with_tiny_star();
    let query = ["query", "--star", "star", "--sql", "SELECT COUNT(*) FROM songplays"];
    here.run(query.iter().chain(&["--threads", "1024"])).exits(0);
    here.run(query.iter().chain(&["--memory-limit", "1PiB"])).exits(0);
    here.run(query.iter().chain(&["--threads", "1025"]))
        .fails_with("invalid-option")
        .naming(&["from 1 to 1024"]);
    here.run(query.iter().chain(&["--memory-limit", "2PiB"]))
        .fails_with("invalid-option")
        .naming(&["at most 1.0 PiB"]);
    let transform = [
        super::TINY.as_slice(),
        &["--file-size", "64GiB", "--max-rejects", "18446744073709551615"],
    ];
    here.run(transform.concat()).exits(0);
    for option in ["--statement-timeout", "--lock-timeout"] {
        let load = ["load", "--star", "star", "--to", "postgres://ann@127.0.0.1:1/none"];
        here.run(load.iter().chain(&[option, "2147483"])).exits(1);
        here.run(load.iter().chain(&[option, "2147484"]))
            .exits(2)
            .complains("is not in 1..=2147483");
    }
    for seconds in ["0", "86401", "18446744073709551615", "18446744073709551616", "-1", ""] {
        let to = format!("postgres://ann@127.0.0.1:1/none?connect_timeout={seconds}");
        here.run(["load", "--star", "star", "--to", &to])
            .fails_with("invalid-target")
            .naming(&["at most 86400"]);
    }
}
