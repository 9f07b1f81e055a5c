//! Completions, in a real bash.

use std::path::Path;
use std::process::Command;

use super::{with_data, with_star};
use crate::support::Workspace;

/// Returns the candidates for the last of `words`, as bash finds them. Returns `None`, with a message, on a machine
/// without bash.
#[track_caller]
fn candidates(here: &Workspace, words: &[&str]) -> Option<Vec<String>> {
    let script = "source <(starlift completions bash)\n\
        COMP_WORDS=(\"$@\")\nCOMP_CWORD=$(($# - 1))\nCOMP_TYPE=9\n\
        _clap_complete_starlift starlift \"${COMP_WORDS[COMP_CWORD]}\" \"${COMP_WORDS[COMP_CWORD - 1]}\"\n\
        printf '%s\\n' \"${COMPREPLY[@]}\"\n";
    let program = Path::new(env!("CARGO_BIN_EXE_starlift"));
    let path = std::env::var("PATH").unwrap();
    let folder = program.parent().unwrap().display();
    let mut command = Command::new("bash");
    command.args(["--norc", "-c", script, "bash", "starlift"]).args(words);
    command.current_dir(here.path()).env("PATH", format!("{folder}:{path}"));
    let Ok(output) = command.output() else {
        eprintln!("skipped: there is no bash here");
        return None;
    };
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success() && said.is_empty(), "{words:?}: {said}");
    let found = String::from_utf8(output.stdout).unwrap();
    // Without candidates, printf prints an empty line.
    Some(found.lines().filter(|line| !line.is_empty()).map(str::to_owned).collect())
}

#[test]
fn commands_options_and_values_are_completed() {
    let here = Workspace::new();
    let Some(found) = candidates(&here, &["tr"]) else { return };
    assert_eq!(found, ["transform"]);
    let found = candidates(&here, &["transform", "--max-re"]).unwrap();
    assert_eq!(found, ["--max-rejects"]);
    let found = candidates(&here, &["check", "--output-format", ""]).unwrap();
    assert_eq!(found, ["text", "json"]);
}

#[test]
fn names_of_queries_datasets_warehouses_and_runs_are_completed() {
    let here = with_star();
    let Some(found) = candidates(&here, &["query", "most"]) else { return };
    assert_eq!(found, ["most_played_songs"]);
    here.write("own/analytics/my_question.sql", "-- Question: One?\nSELECT 1 AS one\n");
    let found = candidates(&here, &["query", "--queries", "own", "my"]).unwrap();
    assert_eq!(found, ["my_question"]);
    assert_eq!(candidates(&here, &["rejects", "--dataset", "l"]).unwrap(), ["logs"]);
    here.write(
        "starlift.toml",
        "star = \"star\"\n[warehouse.local]\nurl = \"postgres://ann@localhost/db\"\n",
    );
    assert_eq!(candidates(&here, &["load", "--to", "lo"]).unwrap(), ["local"]);
    let record: serde_json::Value =
        serde_json::from_str(&here.read("star/_starlift.json")).unwrap();
    let run = record["run_id"].as_str().unwrap();
    assert_eq!(candidates(&here, &["rollback", &run[..4]]).unwrap(), [run]);
    // Mistakes in the files leave the names out, and print nothing.
    here.write("starlift.toml", "[");
    assert_eq!(candidates(&here, &["load", "--to", "lo"]).unwrap(), Vec::<String>::new());
}

#[test]
fn datasets_of_a_model_are_completed() {
    let here = with_data();
    here.write("shop/data.json", "{\"id\":1}\n");
    here.run(["model", "infer", "--input", "orders=shop", "model"]).exits(0);
    let Some(found) = candidates(&here, &["transform", "--model", "model", "--input", "o"]) else {
        return;
    };
    assert_eq!(found, ["orders="]);
}

#[test]
fn every_shell_has_a_script() {
    let here = Workspace::new();
    for shell in ["bash", "elvish", "fish", "powershell", "zsh"] {
        here.run(["completions", shell]).exits(0).says("STARLIFT_COMPLETE").says("starlift");
    }
}
