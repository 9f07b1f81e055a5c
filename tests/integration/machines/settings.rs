//! The JSON Schema of `starlift.toml`.

use super::reference;
use crate::support::{Workspace, files};

const SCHEMA: &str = "docs/starlift.schema.json";

#[test]
fn init_writes_the_schema_beside_the_file() {
    let here = Workspace::new();
    here.run(["init", "--yes", "--to", "conf/x.toml"]).exits(1);
    std::fs::create_dir(here.join("conf")).unwrap();
    here.run(["init", "--yes", "--to", "conf/x.toml"]).exits(0);
    assert_eq!(files(&here.join("conf")), ["starlift.schema.json", "x.toml"]);
    assert!(here.read("conf/x.toml").starts_with("#:schema starlift.schema.json\n"));
    let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR"));
    let schema = std::fs::read_to_string(root.join(SCHEMA)).unwrap();
    assert_eq!(here.read("conf/starlift.schema.json"), schema);
    // Another file of this name is kept.
    here.write("conf/starlift.schema.json", "{}");
    let again = here.run(["init", "--yes", "--force", "--to", "conf/x.toml"]);
    again.exits(2).complains("conf/starlift.schema.json exists and is not the schema");
    here.run(["init", "--yes", "--to", "-"]).exits(0).says("#:schema");
}

#[test]
fn the_template_is_valid_with_all_of_its_keys() {
    let template = include_str!("../../golden/init.toml");
    let is_key = |name: &str| name.chars().all(|c| c.is_ascii_alphanumeric() || "_.".contains(c));
    let lines = template.lines().map(|line| match line.strip_prefix("# ") {
        Some(key) if key.split_once(" = ").is_some_and(|(name, _)| is_key(name)) => key,
        Some(table) if table.starts_with('[') => table,
        _ => line,
    });
    let all = lines.collect::<Vec<_>>().join("\n");
    assert!(all.lines().filter(|line| line.contains(" = ") && !line.starts_with('#')).count() > 40);
    for text in [template, &all] {
        reference(&["toml", SCHEMA], text);
    }
}
