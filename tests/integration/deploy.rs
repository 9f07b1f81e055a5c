//! The files that deploy a cluster: their schemas, and the options of starlift in them.

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::support::{Workspace, python};

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("deploy")
}

/// Runs a program of the Python environment. Returns its standard output.
#[track_caller]
fn run(command: &mut Command) -> String {
    let output = command.output().unwrap();
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    assert!(output.status.success(), "{}{}", text(&output.stdout), text(&output.stderr));
    text(&output.stdout)
}

#[test]
fn files_match_their_schemas() {
    let Some(python) = python() else { return };
    let programs = python.parent().unwrap();
    let mut compose = Command::new(programs.join("check-jsonschema"));
    compose.args(["--builtin-schema", "vendor.compose-spec"]).arg(folder().join("compose.yaml"));
    run(&mut compose);
    let mut kubernetes = Command::new(programs.join("kubernetes-validate"));
    kubernetes.args(["--kubernetes-version", "1.34.1", "--strict"]);
    for name in ["cluster.yaml", "transform.yaml"] {
        kubernetes.arg(folder().join("kubernetes").join(name));
    }
    run(&mut kubernetes);
}

#[test]
fn options_in_the_files_exist() {
    let Some(python) = python() else { return };
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/reference/deployment.py");
    let lines = run(Command::new(python).arg(script).arg(folder()));
    let here = Workspace::new();
    let mut kinds = Vec::new();
    for line in lines.lines() {
        let mut arguments: Vec<String> = serde_json::from_str(line).unwrap();
        let is_option = |argument: &&String| !argument.starts_with('-');
        kinds.push(arguments.iter().take_while(is_option).cloned().collect::<Vec<_>>().join(" "));
        // Prints the help after it has parsed the other arguments.
        arguments.push("--help".to_owned());
        here.run(&arguments).exits(0);
    }
    for kind in ["cluster scheduler", "cluster executor", "transform"] {
        assert_eq!(kinds.iter().filter(|found| *found == kind).count(), 2, "{kinds:?}");
    }
}

#[test]
fn the_image_has_the_engine() {
    let dockerfile = std::fs::read_to_string(folder().join("Dockerfile")).unwrap();
    assert!(dockerfile.contains("--features cluster"));
    let image = dockerfile.split("FROM rust:").nth(1).unwrap();
    assert!(image.starts_with(&format!("{}-", env!("CARGO_PKG_RUST_VERSION"))), "{image}");
}
