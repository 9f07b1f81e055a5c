//! Runs every input of the fuzz corpora through its target, whole and truncated at every byte.

#[path = "../../fuzz/bodies.rs"]
mod bodies;

use std::path::Path;

/// Runs a target on the inputs of its corpus and on their prefixes.
#[track_caller]
fn run(target: &str, body: fn(&[u8])) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/corpus").join(target);
    let mut inputs = 0;
    for entry in std::fs::read_dir(&folder).unwrap() {
        let input = std::fs::read(entry.unwrap().path()).unwrap();
        // Long inputs are truncated at about 200 offsets only.
        for end in (0..input.len()).step_by(1 + input.len() / 200) {
            body(&input[..end]);
        }
        body(&input);
        inputs += 1;
    }
    assert!(inputs > 0, "{} is empty", folder.display());
}

#[test]
fn decoder() {
    run("decoder", bodies::decoder);
}

#[test]
fn jsonpaths() {
    run("jsonpaths", bodies::jsonpaths);
}

#[test]
fn location() {
    run("location", bodies::location);
}

#[test]
fn compression() {
    run("compression", bodies::compression);
}

#[test]
fn record() {
    run("record", bodies::record);
}

#[test]
fn config() {
    run("config", bodies::config);
}

#[test]
fn quote() {
    run("quote", bodies::quote);
}
