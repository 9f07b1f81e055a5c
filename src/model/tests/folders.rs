//! Model folders: missing and stray files, the order of queries, and the hash.

use std::path::Path;

use super::super::*;

const TOML: &str = r#"
name = "tiny"

[datasets.visits.columns]
page = { type = "text", required = true }

[tables.pages]
grain = "one row per page"
primary_key = ["page"]
columns = { page = "text" }
"#;

/// Writes files into a folder.
fn folder(files: &[(&str, &str)]) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    for (path, text) in files {
        let path = folder.path().join(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }
    folder
}

/// Returns the problems of a folder, one per line, with paths relative to it.
fn problems(folder: &Path) -> String {
    match Model::read_dir(folder).unwrap_err() {
        ModelError::Invalid(problems) => {
            problems.to_string().replace(&format!("{}/", folder.display()), "")
        }
        error => panic!("{error}"),
    }
}

#[test]
fn a_folder_is_read() {
    let sql = "-- pages\nSELECT DISTINCT page FROM staging_visits";
    let folder = folder(&[
        ("model.toml", TOML),
        ("star/pages.sql", sql),
        ("analytics/b.sql", "SELECT 1"),
        ("analytics/a.sql", "SELECT 2"),
        ("data/readme.txt", "not SQL"),
    ]);
    let model = Model::read_dir(folder.path()).unwrap();
    assert_eq!(model.sql_of(Group::Star).next().unwrap().file(), "star/pages.sql");
    let analytics: Vec<&str> = model.sql_of(Group::Analytics).map(|f| f.name.as_str()).collect();
    assert_eq!(analytics, ["a", "b"]);
    assert_eq!(model.dataset("visits").unwrap().table, "staging_visits");
    assert_eq!(model.dataset_of_staging("staging_visits").unwrap().name, "visits");
    assert_eq!(model.table("pages").unwrap().redshift.sort_key, ["page"]);
}

#[test]
fn the_hash_depends_on_names_and_contents_of_model_and_sql_only() {
    let hash = |files: &[(&str, &str)]| {
        let all = [&[("model.toml", TOML), ("star/pages.sql", "SELECT 1")], files].concat();
        Model::read_dir(folder(&all).path()).unwrap().hash
    };
    let first = hash(&[]);
    assert_eq!(first, "c6204216e74c9dfa86d6798d5291b8b6");
    assert_eq!(hash(&[("README.md", "text")]), first);
    assert_ne!(hash(&[("star/pages.sql", "SELECT 2")]), first);
    assert_ne!(hash(&[("checks/a.sql", "")]), hash(&[("checks/b.sql", "")]));
    assert_ne!(hash(&[("checks/a.sql", "")]), hash(&[("analytics/a.sql", "")]));
}

#[test]
fn missing_and_stray_files_are_reported_together() {
    let more = "[queries]\nanalytics = [\"on\", \"one\", \"one\"]\n";
    let folder = folder(&[
        ("model.toml", &format!("{TOML}{more}")),
        ("star/pags.sql", "SELECT 1"),
        ("star/other.sql", "SELECT 1"),
        ("intermediate/staging_visits.sql", "SELECT 1"),
        ("analytic/x.sql", "SELECT 1"),
        ("analytics/one.sql", "SELECT 1"),
        ("pages.sql", "SELECT 1"),
    ]);
    let found = problems(folder.path());
    let expected = [
        "analytic/x.sql:1: no folder of queries contains the file; what to do: move it to one of \
         the folders intermediate, star, accounting, lists, checks, analytics, report",
        "intermediate/staging_visits.sql:1: the model declares a table \"staging_visits\" as \
         well; what to do: rename the file",
        "model.toml:7: tables.pages: the table has no query star/pages.sql; what to do: write \
         star/pages.sql",
        "model.toml:12: queries.analytics[0]: there is no file analytics/on.sql; what to do: did \
         you mean \"one\"?",
        "model.toml:12: queries.analytics[2]: \"one\" is repeated; what to do: remove one of the \
         two",
        "pages.sql:1: no folder of queries contains the file; what to do: move it to one of the \
         folders intermediate, star, accounting, lists, checks, analytics, report",
        "star/other.sql:1: the model declares no table \"other\"; what to do: declare \
         [tables.other], or remove the file",
        "star/pags.sql:1: the model declares no table \"pags\"; what to do: did you mean \
         \"pages\"? Else declare the table",
    ];
    assert_eq!(found.lines().collect::<Vec<_>>(), expected);
}

#[test]
fn an_intermediate_table_has_the_name_of_a_table() {
    let folder = folder(&[
        ("model.toml", TOML),
        ("star/pages.sql", "SELECT 1"),
        ("intermediate/a.b.sql", "SELECT 1"),
        ("intermediate/good.sql", "SELECT 1"),
        ("intermediate/run.sql", "SELECT 1"),
    ]);
    let expected = [
        "intermediate/a.b.sql:1: the name \"a.b\" has characters that SQL accepts only in quotes; what to do: \
         use letters, digits and underscores, and begin with a letter",
        "intermediate/run.sql:1: \"run\" is the name of a table of starlift itself; what to do: rename it, for \
         example to \"run_table\"",
    ];
    assert_eq!(problems(folder.path()).lines().collect::<Vec<_>>(), expected);
}

#[test]
fn files_that_are_not_text_are_reported() {
    let folder = folder(&[("model.toml", TOML)]);
    std::fs::create_dir(folder.path().join("star")).unwrap();
    std::fs::write(folder.path().join("star/pages.sql"), b"-- x\nSELECT '\xff'").unwrap();
    let found = problems(folder.path());
    assert_eq!(found, "star/pages.sql:2: the text is not UTF-8; what to do: save it as UTF-8");
    std::fs::write(folder.path().join("model.toml"), b"\xff").unwrap();
    assert!(problems(folder.path()).starts_with("model.toml:1: the text is not UTF-8"));
}

#[test]
fn a_folder_without_a_model_is_an_error_of_reading() {
    let folder = tempfile::tempdir().unwrap();
    for path in [folder.path().to_owned(), folder.path().join("absent")] {
        let error = Model::read_dir(&path).unwrap_err();
        assert!(matches!(error, ModelError::Read { .. }));
        assert_eq!(error.to_string(), format!("cannot read {}", path.join("model.toml").display()));
    }
}

#[test]
fn a_check_replaces_the_generated_one_of_its_name() {
    let folder = folder(&[
        ("model.toml", &format!("{TOML}[queries]\nchecks = [\"mine\", \"pages_primary_key\"]\n")),
        ("star/pages.sql", "SELECT 1"),
        ("checks/pages_primary_key.sql", "-- Never fails.\nSELECT 1 WHERE FALSE"),
        ("checks/mine.sql", "SELECT 2"),
        ("checks/another.sql", "SELECT 3"),
    ]);
    let checks = Model::read_dir(folder.path()).unwrap().checks();
    let names: Vec<&str> = checks.iter().map(|check| check.name.as_str()).collect();
    assert_eq!(names, ["mine", "pages_primary_key", "records_accounted", "another"]);
    assert!(checks[1].sql.starts_with("-- Never fails."));
}
