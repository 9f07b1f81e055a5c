//! Generated files: the JSON Schema and the reference page.

use std::path::Path;

use super::super::*;

/// Compares a generated text with a file; writes the file if `STARLIFT_UPDATE_GOLDEN` is set.
fn golden(file: &str, expected: &str, found: &str) {
    if std::env::var_os("STARLIFT_UPDATE_GOLDEN").is_some() {
        std::fs::write(Path::new(env!("CARGO_MANIFEST_DIR")).join(file), found).unwrap();
        return;
    }
    for (i, (expected, found)) in expected.lines().zip(found.lines()).enumerate() {
        assert_eq!(expected, found, "{file}:{}; STARLIFT_UPDATE_GOLDEN=1 updates it", i + 1);
    }
    assert_eq!(expected.lines().count(), found.lines().count(), "{file}");
}

#[test]
fn the_schema_beside_the_built_in_model_is_current() {
    let file = include_str!("../../../queries/model.schema.json");
    golden("queries/model.schema.json", file, &init::schema_text());
}

#[test]
fn the_reference_page_is_current() {
    let file = include_str!("../../../docs/model.md");
    golden("docs/model.md", file, &reference());
}

#[test]
fn the_schema_refers_to_what_it_defines() {
    let schema = json_schema();
    let text = schema.to_string();
    let references: Vec<&str> = text
        .split("#/$defs/")
        .skip(1)
        .map(|rest| rest.split('"').next().unwrap_or_default())
        .collect();
    assert!(references.len() > 10);
    for name in references {
        assert!(schema["$defs"][name].is_object(), "{name}");
    }
    assert_eq!(schema["additionalProperties"], false);
}

#[test]
fn a_new_folder_is_the_built_in_model() {
    let folder = tempfile::tempdir().unwrap();
    for file in init::files() {
        let path = folder.path().join(&file.path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, file.text.as_bytes()).unwrap();
    }
    assert_eq!(Model::read_dir(folder.path()).unwrap(), *Model::built_in());
    let first = init::files()[0].text.lines().next().map(str::to_owned);
    assert_eq!(first.as_deref(), Some("#:schema model.schema.json"));
}
