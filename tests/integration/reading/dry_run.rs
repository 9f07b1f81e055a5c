//! Dry runs of a transform.

use super::*;

#[test]
fn dry_run_reports_everything_and_changes_nothing() {
    let workspace = with_songs(&["a.json", "b.json.gz", "c.csv"]);
    let before = snapshot(&workspace);
    let dry_run = ["transform", "--songs", "songs", "--logs", "logs", "--out", "star", "--dry-run"];
    let outcome = workspace.run(dry_run);
    outcome
        .exits(0)
        .says(&format!("would read 2 objects for songs, {} B:\n", 2 * SONG.len()))
        .says(&format!("{}/songs/a.json ({} B)\n", workspace.path().display(), SONG.len()))
        .says("songs/b.json.gz")
        .says("skipped: 1 .csv")
        .says(&format!("would read 1 object for logs, {} B:\n", EVENT.len()))
        .says(&format!("would write to {}/star:\n", workspace.path().display()))
        .says("there is no star yet");
    for table in TABLES {
        outcome.says(&format!("{table}/<run-id>-NNNNN.parquet and {table}.manifest"));
    }
    assert_eq!(snapshot(&workspace), before);
    assert!(!workspace.join("star").exists(), "{outcome}");
}

#[test]
fn dry_run_over_a_star_leaves_it_unchanged() {
    let workspace = with_songs(&["a.json"]);
    transform(&workspace, &["songs"], "logs", "star").exits(0);
    let record: serde_json::Value =
        serde_json::from_str(&workspace.read("star/_starlift.json")).unwrap();
    let before = snapshot(&workspace);
    workspace
        .run(["transform", "--songs", "songs", "--logs", "logs", "--out", "star", "--dry-run"])
        .exits(0)
        .says(&format!("would replace the star of run {}", record["run_id"].as_str().unwrap()));
    assert_eq!(snapshot(&workspace), before);
}

/// Returns every file with its content and modification time.
fn snapshot(workspace: &Workspace) -> BTreeMap<String, (Vec<u8>, std::time::SystemTime)> {
    let file = |name: String| {
        let path = workspace.join(&name);
        let modified = path.metadata().unwrap().modified().unwrap();
        (name, (std::fs::read(path).unwrap(), modified))
    };
    files(workspace.path()).into_iter().map(file).collect()
}
