//! Amount, destination and format of the output.

use super::{TINY, sample_args, transform_args, with_star, with_tiny_data, with_tiny_star};
use crate::support::{Outcome, Workspace, files};

const ESCAPE: char = '\u{1b}';

fn transform(here: &Workspace, flags: &[&str]) -> Outcome {
    here.run(TINY.iter().chain(flags))
}

#[test]
fn quiet_prints_nothing_on_success() {
    let here = with_tiny_data();
    for flags in [&["-q"][..], &["--quiet"], &["--quiet=true"], &["-q", "-v"]] {
        let outcome = transform(&here, flags);
        outcome.exits(0).prints("");
        assert_eq!(outcome.stderr, "", "{outcome}");
    }
    transform(&here, &["--quiet=false"]).exits(0).says("all 16 passed").complains("reading");
    let mut command = here.command();
    here.outcome(command.args(TINY).env("STARLIFT_QUIET", "true")).exits(0).prints("");
}

#[test]
fn quiet_still_prints_errors_and_results() {
    let here = with_star();
    let outcome = here.run(transform_args("sample/song_data", "sample/log_data", &["-q"]));
    outcome.fails_with("too-many-rejects").naming(&["14 of 744 records"]).says("reject ");
    here.run(["query", "-q", "--star", "star", "--format", "csv", "--sql", "SELECT 1 AS one"])
        .exits(0)
        .prints("one\n1\n");
    here.run(["generate", "-q", "--songs", "1", "--events", "1", "--out", "data"])
        .exits(0)
        .prints("");
    assert_eq!(files(&here.join("data")).len(), 2);
}

#[test]
fn results_go_to_standard_output_and_everything_else_to_standard_error() {
    let here = with_tiny_data();
    let outcome = transform(&here, &[]);
    outcome.exits(0).complains("INFO").complains("reading").never_complains("passed");
    outcome.never_says("INFO").says("all 16 passed");
}

#[test]
fn verbose_adds_detail_and_twice_adds_more() {
    let here = with_tiny_data();
    let lines = |flags: &[&str]| transform(&here, flags).exits(0).stderr.lines().count();
    let (plain, more, most) = (lines(&[]), lines(&["-v"]), lines(&["-vv"]));
    assert!(plain < more && more < most, "{plain} {more} {most}");
    let outcome = transform(&here, &["-v"]);
    outcome.complains("DEBUG").complains("removed superseded files");
    transform(&here, &[]).never_complains("DEBUG");
}

#[test]
fn each_json_log_line_is_an_object() {
    let here = with_tiny_data();
    for flags in [&["--log-format", "json"][..], &["--log-format", "json", "-v"]] {
        let outcome = transform(&here, flags);
        outcome.exits(0);
        assert!(!outcome.stderr.is_empty(), "{outcome}");
        for line in outcome.stderr.lines() {
            let line: serde_json::Value =
                serde_json::from_str(line).unwrap_or_else(|e| panic!("{e}: {outcome}"));
            for key in ["timestamp", "level", "fields"] {
                assert!(line.get(key).is_some(), "{key}: {outcome}");
            }
            assert!(line["fields"]["message"].is_string(), "{outcome}");
        }
    }
}

#[test]
fn pipes_get_colors_only_on_request() {
    let here = with_star();
    let failing = transform_args("sample/song_data", "sample/log_data", &[]);
    for (args, code) in [
        (vec!["check".to_owned(), "--star".into(), "star".into()], 0),
        (sample_args(), 0),
        (failing, 3),
    ] {
        let run = |when: &[&str]| {
            let outcome = here.run(args.iter().map(String::as_str).chain(when.iter().copied()));
            outcome.exits(code);
            outcome
        };
        let always = run(&["--color", "always"]);
        assert!(always.stdout.contains(ESCAPE), "{always}");
        assert!(
            code == 0
                || always.stderr.contains(&format!(
                    "{ESCAPE}[1m{ESCAPE}[31merror[too-many-rejects]:{ESCAPE}[0m"
                )),
            "{always}"
        );
        for plain in [run(&["--color", "never"]), run(&["--color", "auto"]), run(&[])] {
            assert!(!plain.stdout.contains(ESCAPE) && !plain.stderr.contains(ESCAPE), "{plain}");
        }
    }
}

#[test]
fn colors_can_be_set_in_the_environment_and_the_file() {
    let here = with_tiny_star();
    let check = ["check", "--star", "star"];
    let mut command = here.command();
    let outcome = here.outcome(command.args(check).env("STARLIFT_COLOR", "always"));
    assert!(outcome.stdout.contains(ESCAPE), "{outcome}");
    here.write("starlift.toml", "color = \"always\"\n");
    let outcome = here.run(check);
    assert!(outcome.stdout.contains(ESCAPE), "{outcome}");
    let outcome = here.run(check.iter().chain(&["--color", "never"]));
    assert!(!outcome.stdout.contains(ESCAPE), "{outcome}");
}

#[test]
fn machine_readable_results_are_never_colored() {
    let here = with_tiny_star();
    for format in ["csv", "json", "ndjson"] {
        let outcome = here.run([
            "query",
            "--color",
            "always",
            "--star",
            "star",
            "--format",
            format,
            "months_present",
        ]);
        outcome.exits(0).says("2018");
        assert!(!outcome.stdout.contains(ESCAPE), "{outcome}");
    }
}

#[test]
fn control_characters_in_the_data_are_escaped() {
    let here = with_tiny_data();
    here.write("logs/l.json", "{\"ts\": \u{1b}[31mred\u{7}}\n");
    let outcome = transform(&here, &["--color", "always"]);
    outcome.exits(3).says("{\"ts\": \\u{1b}[31mred\\u{7}}");
}

#[test]
fn concurrent_run_is_rejected_and_names_the_holder() {
    let here = with_tiny_data();
    std::fs::create_dir(here.join("star")).unwrap();
    let lock = std::fs::File::create(here.join("star/_lock")).unwrap();
    lock.lock().unwrap();
    transform(&here, &[]).fails_with("output-locked");
    drop(lock);
    transform(&here, &[]).exits(0);
}
