//! Compares the README with the program's output.

use starlift::star::model;

const README: &str = include_str!("../README.md");

#[test]
fn diagram_is_the_output_of_schema() {
    let diagram = format!("```mermaid\n{}```\n", model::mermaid());
    assert!(README.contains(&diagram), "README.md lacks the output of `starlift schema`");
}

#[test]
fn every_column_is_in_the_table_of_types() {
    for table in &model::TABLES {
        for column in table.columns {
            let null = if column.nullable { "" } else { " not null" };
            let row = format!("`{}` {}{null}", column.name, column.column_type.sql());
            assert!(README.contains(&row), "README.md lacks {}: {row}", table.name);
        }
    }
}
