//! The direction of the layers: a module uses those below it, and is not used by them.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

/// The modules of the library, each above all that come before it.
const LAYERS: [&str; 26] = [
    "model",
    "escape",
    "limits",
    "timing",
    "storage",
    "decode",
    "staging",
    "error",
    "temporary",
    "engine",
    "ingest",
    "infer",
    "star",
    "transform",
    "publish",
    "incremental",
    "pipeline",
    "history",
    "generate",
    "cloud",
    "warehouse",
    "cluster",
    "api",
    "report",
    "cli",
    "lib",
];

/// The files of a folder and of those below it.
fn files(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            files(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push(path);
        }
    }
}

/// The code of a file, without comments and tests.
fn code(path: &Path) -> String {
    let text = std::fs::read_to_string(path).unwrap();
    let code = text.split("#[cfg(test)]\nmod tests {").next().unwrap_or_default();
    let lines = code.lines().filter(|line| !line.trim_start().starts_with("//"));
    lines.collect::<Vec<_>>().join("\n")
}

/// The modules that code names as `crate::MODULE`.
fn used(code: &str) -> BTreeSet<String> {
    let is_name = |c: char| c.is_ascii_alphanumeric() || c == '_';
    let names = code.split("crate::").skip(1).map(|rest| {
        let end = rest.find(|c| !is_name(c)).unwrap_or(rest.len());
        rest[..end].to_owned()
    });
    names.collect()
}

fn rank(module: &str) -> Option<usize> {
    LAYERS.iter().position(|layer| *layer == module)
}

#[test]
fn every_module_uses_only_those_below_it() {
    let src = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut found = Vec::new();
    files(&src, &mut found);
    let mut upward = Vec::new();
    let mut arrows = 0;
    for path in found {
        let relative = path.strip_prefix(&src).unwrap();
        let parts: Vec<_> = relative.iter().map(|part| part.to_string_lossy()).collect();
        let is_test = parts.iter().any(|part| *part == "tests" || *part == "tests.rs");
        let module = parts[0].trim_end_matches(".rs").to_owned();
        if is_test || module == "main" {
            continue;
        }
        let own = rank(&module).unwrap_or_else(|| panic!("{module} is missing in LAYERS"));
        let code = code(&path);
        assert!(!code.contains("use crate::{"), "{}: one `use` per module", relative.display());
        for other in used(&code).into_iter().filter(|other| *other != module) {
            let Some(other_rank) = rank(&other) else { continue };
            arrows += 1;
            if other_rank > own {
                upward.push(format!("{}: {module} uses {other}", relative.display()));
            }
        }
    }
    assert!(arrows > 200, "only {arrows} uses were found");
    assert!(upward.is_empty(), "these modules use one above them:\n{}", upward.join("\n"));
}

#[test]
fn public_modules_are_hidden_from_the_documentation() {
    let lib = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/lib.rs");
    let text = std::fs::read_to_string(lib).unwrap();
    let lines: Vec<&str> = text.lines().collect();
    let is_visible =
        |pair: &&[&str]| pair[1].starts_with("pub mod ") && pair[0] != "#[doc(hidden)]";
    let visible: Vec<_> = lines.windows(2).filter(is_visible).map(|pair| pair[1]).collect();
    assert_eq!(visible, ["pub mod fields {"]);
}
