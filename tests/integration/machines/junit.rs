//! `check --junit`, read with a parser of JUnit reports.

use serde_json::{Value, json as value};

use super::{break_star, reference, with_star};
use crate::support::Workspace;

const CHECK: [&str; 5] = ["check", "--star", "star", "--junit", "checks.xml"];

/// Returns the report as its parser reads it.
fn report(here: &Workspace) -> Option<Value> {
    let path = here.join("checks.xml");
    let parsed = reference(&["junit", path.to_str().unwrap()], "")?;
    Some(serde_json::from_str(&parsed).unwrap())
}

#[test]
fn each_check_is_a_test_case() {
    let here = with_star();
    here.run(CHECK).exits(0);
    let Some(report) = report(&here) else { return };
    assert_eq!((&report["tests"], &report["failures"]), (&value!(16), &value!(0)));
    let first = &report["cases"][0];
    assert_eq!(first["name"], "songs_primary_key");
    assert_eq!(first["class"], "starlift.check.star");
    assert!(first["time"].is_number(), "{first}");
}

#[test]
fn failed_checks_have_their_rows_and_the_file_is_written() {
    let here = with_star();
    // A check of the user with hostile texts, as rows and in its statement.
    here.write(
        "own/checks/hostile.sql",
        "-- Values are < & > \" ' ]]> and --.\nSELECT chr(1) || chr(27) || '<x a=\"b\">&]]>' || chr(65535) AS text, 18446744073709551615 AS number\n",
    );
    break_star(&here);
    let args = [&CHECK[..], &["--queries", "own"]].concat();
    here.run(&args).exits(4);
    let Some(report) = report(&here) else { return };
    assert_eq!((&report["tests"], &report["failures"]), (&value!(17), &value!(2)));
    let cases = report["cases"].as_array().unwrap();
    let hostile = cases.iter().find(|case| case["name"] == "hostile").unwrap();
    let failure = &hostile["results"][0];
    assert_eq!(failure["kind"], "Failure");
    assert!(failure["message"].as_str().unwrap().contains("< & > \" ' ]]>"), "{failure}");
    let text = failure["text"].as_str().unwrap();
    assert!(text.contains("<x a=\\\"b\\\">&]]>"), "{text}");
    assert!(text.contains("18446744073709551615"), "{text}");
}

#[test]
fn a_check_that_cannot_run_is_an_error() {
    let here = with_star();
    here.run(CHECK).exits(0);
    here.run(["check", "--star", "none", "--junit", "checks.xml"]).exits(1);
    let Some(report) = report(&here) else { return };
    assert_eq!((&report["tests"], &report["errors"]), (&value!(1), &value!(1)));
    let error = &report["cases"][0]["results"][0];
    assert_eq!((&error["kind"], &error["type"]), (&value!("Error"), &value!("nothing-found")));
    here.run(["check", "--star", "star", "--copy-contract", "--junit", "checks.xml"]);
    assert!(self::report(&here).unwrap()["tests"].as_u64().unwrap() > 0);
}

#[test]
fn another_file_is_not_replaced() {
    let here = with_star();
    here.write("checks.xml", "<?xml version=\"1.0\"?><important/>");
    here.run(CHECK).exits(2).complains("it exists and is not a file of starlift");
    assert!(here.read("checks.xml").contains("important"));
}
