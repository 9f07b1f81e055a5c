//! Compares the documentation with the program, and checks its links.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use starlift::model::Model;
use starlift::star::model;

const TABLES: &str = include_str!("../../docs/tables.md");

#[test]
fn the_diagram_is_the_output_of_schema() {
    let diagram = format!("```mermaid\n{}```\n", model::mermaid(&Model::built_in()));
    assert!(TABLES.contains(&diagram), "docs/tables.md lacks the output of `starlift schema`");
}

#[test]
fn every_column_is_in_the_table_of_types() {
    for table in &Model::built_in().tables {
        for column in &table.columns {
            let null = if column.nullable { "" } else { " not null" };
            let row = format!("`{}` {}{null}", column.name, column.column_type.sql());
            assert!(TABLES.contains(&row), "docs/tables.md lacks {}: {row}", table.name);
        }
    }
}

#[test]
fn the_configuration_reference_is_the_template() {
    let page = include_str!("../../docs/configuration.md");
    let template = include_str!("../golden/init.toml");
    assert!(
        page.contains(&format!("```toml\n{template}```\n")),
        "docs/configuration.md lacks tests/golden/init.toml"
    );
}

/// The Markdown files of the project.
fn pages() -> Vec<PathBuf> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut pages: Vec<PathBuf> =
        ["README.md", "CONTRIBUTING.md", "benches/README.md"].map(|page| root.join(page)).into();
    let docs = std::fs::read_dir(root.join("docs")).unwrap();
    let docs = docs.map(|entry| entry.unwrap().path());
    pages.extend(docs.filter(|path| path.extension().is_some_and(|extension| extension == "md")));
    pages
}

/// The text outside of code blocks.
fn prose(text: &str) -> String {
    let mut is_code = false;
    let lines = text.lines().filter(|line| {
        let is_fence = line.trim_start().starts_with("```");
        is_code ^= is_fence;
        !is_code && !is_fence
    });
    lines.collect::<Vec<_>>().join("\n")
}

/// The anchors of a page's headings, as GitHub makes them.
fn anchors(text: &str) -> BTreeSet<String> {
    let prose = prose(text);
    let headings = prose.lines().filter(|line| line.starts_with('#'));
    let anchor = |heading: &str| -> String {
        let text = heading.trim_start_matches('#').trim().to_lowercase();
        let kept = text.chars().filter(|c| c.is_alphanumeric() || "-_ ".contains(*c));
        kept.map(|c| if c == ' ' { '-' } else { c }).collect()
    };
    headings.map(anchor).collect()
}

#[test]
fn every_link_within_the_project_leads_somewhere() {
    let (mut links, mut broken) = (0, Vec::new());
    for page in pages() {
        let text = std::fs::read_to_string(&page).unwrap();
        let prose = prose(&text);
        let targets = prose.split("](").skip(1).filter_map(|rest| rest.split(')').next());
        for target in targets.filter(|target| !target.contains("://")) {
            links += 1;
            let (path, anchor) = target.split_once('#').unwrap_or((target, ""));
            let linked = match path {
                "" => page.clone(),
                path => page.parent().unwrap().join(path),
            };
            let has_anchor = anchor.is_empty()
                || std::fs::read_to_string(&linked)
                    .is_ok_and(|linked| anchors(&linked).contains(anchor));
            if !linked.exists() || !has_anchor {
                broken.push(format!("{}: {target}", page.display()));
            }
        }
    }
    assert!(links > 20, "only {links} links were found");
    assert!(broken.is_empty(), "broken links:\n{}", broken.join("\n"));
}
