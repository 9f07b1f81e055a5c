//! Outputs below an input, and inputs without rows.

use super::*;

#[test]
fn output_below_an_input_is_not_read() {
    let workspace = with_songs(&["a.json"]);
    let run = |songs: &str, out: &str, more: &[&str]| {
        let mut command = workspace.command();
        command.args(["transform", "--songs", songs, "--logs", "logs", "--out", out]).args(more);
        workspace.outcome(&mut command)
    };
    for _ in 0..2 {
        let hidden = ["--include-hidden", "--suffix", "any"];
        run("songs", "songs/deep/star", &hidden).exits(0).says("songs     1 object listed");
    }
    run("songs", "songs/deep/star", &[]).exits(0).says("output (");
    // The inputs are in the same folder as the star's own folders.
    for _ in 0..2 {
        run("songs/deep", "songs/deep", &[])
            .fails_with("nothing-found")
            .naming(&["no songs found"]);
        run("songs", "songs", &[]).exits(0).says("songs     1 object listed");
    }
    workspace.write("both/b.json", song("b"));
    for _ in 0..2 {
        let hidden = ["--include-hidden", "--suffix", "any", "--keep", "1"];
        run("both", "both", &hidden).exits(0).says("songs     1 object listed");
    }
    run("songs/songs", "songs", &[])
        .fails_with("invalid-option")
        .naming(&["where the star itself is written"]);
    run("songs", ".", &[])
        .fails_with("invalid-option")
        .naming(&["where the star itself is written"]);
}

#[test]
fn output_below_an_input_in_a_bucket_is_not_read() {
    let bucket = Bucket::new(Faults::default());
    bucket.server.put("data/a.json", song("a"));
    let mut command = bucket.workspace.command();
    for _ in 0..2 {
        bucket.server.apply(&mut command).args(["transform", "--logs", "logs"]);
        command.args(["--songs", "s3://sparkify/data", "--out", "s3://sparkify/data/star"]);
        command.arg("--include-hidden");
        let outcome = bucket.workspace.outcome(&mut command);
        outcome.exits(0).says("songs     1 object listed");
        command = bucket.workspace.command();
    }
}

#[test]
fn empty_dataset_does_not_replace_a_star() {
    let workspace = with_songs(&["a.json", "b.json"]);
    workspace.write("none/empty.json", "");
    workspace.write("none/blank.json.gz", "");
    workspace.write("none/array.json", "[]");
    let first = transform(&workspace, "none", &[]);
    first.fails_with("empty-dataset").naming(&[
        "songs",
        "3 objects",
        "2 bytes",
        "0 rejects",
        "--allow-empty",
    ]);
    assert!(!workspace.join("star/_starlift.json").exists());

    transform(&workspace, "songs", &[]).exits(0);
    let before = workspace.read("star/_starlift.json");
    let outcome = transform(&workspace, "none", &[]);
    outcome.fails_with("empty-dataset").naming(&["2 rows"]).says("0 records read");
    workspace.write("bad/bad.json", "no JSON at all");
    let outcome = transform(&workspace, "bad", &["--max-rejects", "100%"]);
    outcome.fails_with("empty-dataset").naming(&["1 reject", "2 rows"]);
    transform(&workspace, "nowhere", &[]).fails_with("nothing-found").naming(&["nowhere"]);
    assert_eq!(workspace.read("star/_starlift.json"), before);

    for songs in ["none", "nowhere"] {
        transform(&workspace, songs, &["--allow-empty"]).exits(0);
        assert_eq!(record(&workspace)["tables"]["songs"]["rows"], 0, "{songs}");
        transform(&workspace, "songs", &[]).exits(0);
    }
    let mut command = workspace.command();
    command.args(["transform", "--songs", "songs", "--logs", "none", "--out", "star"]);
    workspace.outcome(&mut command).fails_with("empty-dataset").naming(&["logs", "3 objects"]);
    workspace.outcome(command.env("STARLIFT_ALLOW_EMPTY", "true")).exits(0);
    assert_eq!(record(&workspace)["tables"]["songs"]["rows"], 2);
    workspace.write("starlift.toml", "[transform]\nallow_empty = true\n");
    transform(&workspace, "none", &[]).exits(0);
}

#[test]
fn input_with_only_rejects_creates_a_star_if_none_exists() {
    let workspace = with_songs(&[]);
    workspace.write("songs/bad.json", "no JSON at all");
    transform(&workspace, "songs", &["--max-rejects", "100%"]).exits(0);
}
