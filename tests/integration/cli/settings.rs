//! Sources of settings, their precedence, and the errors for malformed ones.

use super::{TINY, record, with_tiny_data, with_tiny_star};
use crate::support::{Outcome, Workspace, files};

/// Transforms the tiny data with a configuration file, environment variables and flags.
fn transform(here: &Workspace, file: &str, variables: &[(&str, &str)], flags: &[&str]) -> Outcome {
    if file.is_empty() {
        std::fs::remove_file(here.join("starlift.toml")).unwrap_or_default();
    } else {
        here.write("starlift.toml", file);
    }
    here.outcome(here.command().args(TINY).args(flags).envs(variables.iter().copied()))
}

#[test]
fn error_for_a_missing_setting_names_the_three_ways_to_set_it() {
    let here = with_tiny_data();
    for (flag, name) in [("--songs", "songs"), ("--logs", "logs"), ("--out", "out")] {
        let at = TINY.iter().position(|arg| *arg == flag).unwrap();
        let args: Vec<&str> = [&TINY[..at], &TINY[at + 2..]].concat();
        let outcome = here.run(&args);
        outcome.fails_with("invalid-option").naming(&[
            flag,
            &format!("STARLIFT_{}", name.to_uppercase()),
            &format!("as {name} in [transform] in starlift.toml"),
        ]);

        let value = TINY[at + 1];
        let variable = format!("STARLIFT_{}", name.to_uppercase());
        here.outcome(here.command().args(&args).env(variable, value)).exits(0);
        here.write("starlift.toml", format!("[transform]\n{name} = \"{value}\"\n"));
        here.run(&args).exits(0);
        std::fs::remove_file(here.join("starlift.toml")).unwrap();
    }
    assert!(here.join("star/_starlift.json").exists());
}

#[test]
fn flags_override_variables_and_variables_override_the_file() {
    let here = with_tiny_data();
    let file = "[transform]\nunmatched = \"drop\"\nmax_rejects = \"3%\"\nmatch = \"title-artist-duration\"\n";
    let drop = [
        ("STARLIFT_UNMATCHED", "drop"),
        ("STARLIFT_MAX_REJECTS", "2"),
        ("STARLIFT_MATCH", "title-artist-duration"),
    ];
    let keep = [
        ("STARLIFT_UNMATCHED", "keep"),
        ("STARLIFT_MAX_REJECTS", "2"),
        ("STARLIFT_MATCH", "title-artist"),
    ];
    let flags = ["--unmatched", "keep", "--max-rejects", "1", "--match", "title-artist"];
    let duration = "title-artist-duration";
    for (file, variables, flags, wanted) in [
        ("", &[][..], &[][..], ["keep", "0", "title-artist"]),
        (file, &[], &[], ["drop", "3%", duration]),
        (file, &keep, &[], ["keep", "2", "title-artist"]),
        ("", &drop, &[], ["drop", "2", duration]),
        ("", &drop, &flags, ["keep", "1", "title-artist"]),
        (file, &[], &flags, ["keep", "1", "title-artist"]),
        (file, &drop, &flags, ["keep", "1", "title-artist"]),
    ] {
        transform(&here, file, variables, flags).exits(0);
        let record = record(&here);
        let options = &record["options"];
        let found =
            ["unmatched", "max_rejects", "match"].map(|name| options[name].as_str().unwrap());
        assert_eq!(found, wanted, "{file:?} {variables:?} {flags:?}");
        let rows = if wanted[0] == "keep" { 2 } else { 1 };
        assert_eq!(record["tables"]["songplays"]["rows"], rows);
    }
}

#[test]
fn every_setting_of_the_file_is_applied() {
    let here = with_tiny_data();
    here.write(
        "all.toml",
        r#"
region = "eu-west-1"
endpoint_url = "http://localhost:1"
no_sign_request = true
quiet = true
log_format = "json"
color = "never"
star = "star"
queries = "own"
memory_limit = "128MiB"
threads = 1

[transform]
songs = ["songs/s.json", "songs"]
logs = "logs"
out = "star"
match = "title-artist-duration"
unmatched = "drop"
max_rejects = 5
file_size = "1MiB"
"#,
    );
    here.write("own/analytics/one.sql", "-- Question: One?\nSELECT 1 AS one\n");
    here.run(["transform", "--config", "all.toml"]).exits(0).prints("");
    let record = record(&here);
    assert_eq!(record["options"]["inputs"]["songs"], serde_json::json!(["songs/s.json", "songs"]));
    assert_eq!(record["options"]["max_rejects"], "5");
    assert_eq!(record["options"]["queries"], "own");
    assert_eq!(record["datasets"]["songs"]["records"], 1);
    here.run(["query", "--config", "all.toml", "--format", "csv", "one"])
        .exits(0)
        .prints("one\n1\n");
    here.run(["check", "--config", "all.toml"]).exits(0).prints("");
    let mut named = here.command();
    named.env("STARLIFT_CONFIG", "all.toml").args(["query", "--format", "csv", "one"]);
    here.outcome(&mut named).exits(0).prints("one\n1\n");
}

#[test]
fn file_in_the_current_folder_is_the_default() {
    let here = with_tiny_star();
    here.write("starlift.toml", "star = \"star\"\n");
    here.run(["check"]).exits(0);
    here.write("other.toml", "star = \"nowhere\"\n");
    here.run(["check", "--config", "other.toml"]).fails_with("nothing-found").naming(&["nowhere"]);
    let mut command = here.command();
    command.env("STARLIFT_STAR", "neither").args(["check", "--config", "other.toml"]);
    here.outcome(&mut command).fails_with("nothing-found").naming(&["neither"]);
    let outcome = here.run(["check", "--config", "missing.toml"]);
    outcome.exits(2).prints("").complains("cannot read the configuration file missing.toml");
}

#[test]
fn error_for_a_malformed_flag_names_it_and_its_value() {
    let here = with_tiny_data();
    for (flag, value, says) in [
        ("--max-rejects", "lots", "neither a number of records nor a percentage"),
        ("--max-rejects", "101%", "neither a number of records nor a percentage"),
        ("--memory-limit", "big", "expected a number of bytes, or a size"),
        ("--file-size", "1 parsec", "1 parsec"),
        ("--threads", "0", "at least 1"),
        ("--threads", "two", "at least 1"),
        ("--unmatched", "maybe", "keep, drop"),
        ("--match", "title", "title-artist, title-artist-duration"),
        ("--color", "sometimes", "auto, always, never"),
        ("--log-format", "xml", "text, json"),
    ] {
        let outcome = transform(&here, "", &[], &[flag, value]);
        outcome.exits(2).prints("").complains(says);
        outcome.complains(&format!("invalid value '{value}' for '{flag} <"));
    }
    transform(&here, "", &[], &["--quiet=perhaps"]).exits(2).complains("'perhaps' for '--quiet");
    transform(&here, "", &[], &["--memory-limit", "127MiB"])
        .fails_with("invalid-option")
        .naming(&["--memory-limit", "128.0 MiB"]);
    transform(&here, "", &[], &["--file-size", "0"])
        .fails_with("invalid-option")
        .naming(&["--file-size"]);
    assert!(!here.join("star").exists());
}

#[test]
fn error_for_a_malformed_variable_names_it_and_its_value() {
    let here = with_tiny_data();
    for (name, value) in [
        ("MAX_REJECTS", "lots"),
        ("MEMORY_LIMIT", "big"),
        ("FILE_SIZE", "1 parsec"),
        ("THREADS", "0"),
        ("UNMATCHED", "maybe"),
        ("MATCH", "title"),
        ("COLOR", "sometimes"),
        ("LOG_FORMAT", "xml"),
        ("QUIET", "perhaps"),
        ("NO_SIGN_REQUEST", "si"),
    ] {
        let variable = format!("STARLIFT_{name}");
        let outcome = transform(&here, "", &[(&variable, value)], &[]);
        outcome.exits(2).prints("").complains(&format!("invalid value '{value}'"));
        outcome.complains(&format!("the value comes from {variable} in the environment"));
    }
    let outcome = transform(&here, "", &[("STARLIFT_THREADS", "2")], &["--threads", "0"]);
    outcome.exits(2).never_complains("environment");
    assert!(!here.join("star").exists());
}

#[test]
fn error_for_a_malformed_file_names_it_the_line_and_the_value() {
    let here = with_tiny_data();
    for (file, says) in [
        ("threds = 2", "unknown field `threds`, expected one of"),
        ("max_rejects = 2", "unknown field `max_rejects`"),
        ("[transform]\nthreads = 2", "unknown field `threads`"),
        ("[transfrom]", "unknown field `transfrom`"),
        ("threads = \"two\"", "invalid type: string \"two\""),
        ("threads = 0", "invalid value: integer `0`, expected a nonzero usize"),
        ("quiet = \"yes\"", "invalid type: string \"yes\", expected a boolean"),
        ("memory_limit = \"big\"", "couldn't parse \"big\""),
        ("memory_limit = -1", "expected a whole number, or text such as"),
        ("memory_limit = 1000", "--memory-limit must be at least 128.0 MiB"),
        ("[transform]\nfile_size = \"1 parsec\"", "couldn't parse \"parsec\""),
        ("[transform]\nfile_size = 0", "--file-size must be more than 0"),
        (
            "[transform]\nmax_rejects = \"some\"",
            "\"some\" is neither a number of records nor a percentage",
        ),
        ("[transform]\nmax_rejects = 1.5", "expected a whole number, or text such as"),
        (
            "[transform]\nunmatched = \"maybe\"",
            "unknown variant `maybe`, expected `keep` or `drop`",
        ),
        ("[transform]\nmatch = \"title\"", "unknown variant `title`"),
        ("[transform]\nsongs = 3", "expected a URL, or a list of them"),
        ("color = \"sometimes\"", "unknown variant `sometimes`"),
        ("log_format = \"xml\"", "unknown variant `xml`, expected `text` or `json`"),
        ("threads = ", "starlift.toml:1:11: "),
    ] {
        let outcome = transform(&here, file, &[], &[]);
        outcome.fails_with("invalid-option").naming(&[says]).prints("").never_complains("enum");
        if !says.starts_with("--") {
            outcome.complains(&format!("starlift.toml:{}:", file.lines().count()));
            outcome.never_complains(" | ");
        }
    }
    assert!(!here.join("star").exists());
    here.write("starlift.toml", b"threads = 1 # \xff");
    here.run(["schema"]).fails_with("invalid-option").naming(&["starlift.toml"]);
}

#[test]
fn invalid_location_is_a_usage_error() {
    let here = with_tiny_data();
    for (at, value, says) in [
        (
            2,
            "ftp://host/songs",
            "\"ftp://host/songs\": unknown scheme; use a local path, file://, s3://",
        ),
        (4, "s3://", "no bucket is named; write s3://BUCKET/KEY"),
        (6, "stars/*", "a glob cannot be used here; name one object or folder"),
        (2, "songs/[a", "not a valid glob"),
    ] {
        let mut args = TINY;
        args[at] = value;
        here.run(args).exits(2).prints("").complains(value).complains(says);
    }
    assert_eq!(files(here.path()), ["logs/l.json", "songs/s.json"]);
}

#[test]
fn warehouse_is_found_by_its_url_or_its_cluster() {
    let here = with_tiny_star();
    for (file, code, says) in [
        ("schema = \"s\"", 2, "a warehouse needs `url`, or `cluster`"),
        ("cluster = \"dwh\"", 1, "no AWS region is configured"),
    ] {
        here.write("starlift.toml", format!("[warehouse.w]\n{file}\n"));
        here.run(["load", "--star", "star", "--to", "w"]).exits(code).complains(says);
    }
}
