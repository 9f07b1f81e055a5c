//! `starlift model`: a copy of the built-in model, a draft from records, and the check of a folder.

use super::fixture;
use crate::support::{Outcome, Workspace, files, real_data};

const ORDERS: &str = r#"{"id": 1, "customer": {"name": "Ada"}, "items": [{"sku": "a", "count": 1}]}
{"id": 2, "customer": {"name": "Bob"}, "items": []}
{"id": 3, "customer": {"name"
{"id": 4, "customer": {"name": "Cy"}, "items": [{"sku": "a", "count": 3}], "odd": [1]}
"#;

fn infer(here: &Workspace, more: &[&str]) -> Outcome {
    here.run(["model", "infer"].iter().chain(more))
}

#[test]
fn help_shows_the_options_and_exit_codes() {
    let here = Workspace::new();
    let outcome = here.run(["model", "--help"]);
    outcome.exits(0).says("\n  init ").says("\n  infer ").says("\n  check ");
    for command in ["init", "infer", "check"] {
        here.run(["model", command, "--help"]).exits(0).says("Exit codes: 0 success").says("DIR");
    }
    here.run(["model", "infer", "--help"]).says("--input <NAME=URL>").says("[default: 200]");
    here.run(["model"]).exits(2).prints("");
}

#[test]
fn init_writes_the_built_in_model_and_replaces_nothing() {
    let here = Workspace::new();
    let outcome = here.run(["model", "init", "mine"]);
    outcome.exits(0).says("files to mine\n").says("starlift model check mine\n");
    let queries = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("queries");
    assert_eq!(files(&here.join("mine")), files(&queries));
    let read = |path: std::path::PathBuf| std::fs::read_to_string(path).unwrap();
    assert_eq!(here.read("mine/model.toml"), read(queries.join("model.toml")));
    here.run(["model", "check", "mine"])
        .exits(0)
        .says("model     sparkify: no problems\n")
        .says("dataset   logs: 19 columns, read as staging_events\n")
        .says("table     songplays: 9 columns, primary key (songplay_id)\n");

    here.write("mine/star/users.sql", "SELECT 1");
    let again = here.run(["model", "init", "mine"]);
    again.fails_with("invalid-option").naming(&["mine/model.toml"]).prints("");
    assert_eq!(here.read("mine/star/users.sql"), "SELECT 1");
    here.run(["model", "init", "quiet", "--quiet"]).exits(0).prints("");
}

#[test]
fn check_reports_all_problems_at_once() {
    let here = Workspace::new();
    here.run(["model", "init", "mine"]).exits(0);
    let toml = here.read("mine/model.toml");
    let broken = toml
        .replace("duration = \"double\"", "duration = \"float\"")
        .replace("grain = \"one row per song_id\"", "grian = \"one row per song_id\"");
    here.write("mine/model.toml", broken);
    here.run(["model", "check", "mine"])
        .fails_with("invalid-model")
        .naming(&["\"float\"", "\"double\"", "\"grian\"", "\"grain\""])
        .prints("");
    here.run(["model", "check", "none"])
        .exits(2)
        .complains("error[invalid-model]")
        .complains("none");
}

#[test]
fn check_plans_the_queries() {
    let here = Workspace::new();
    here.run(["model", "init", "mine"]).exits(0);
    let users = here.read("mine/star/users.sql");
    here.write("mine/star/users.sql", users.replace("e.gender", "e.sex"));
    here.run(["model", "check", "mine"]).fails_with("query-failed").naming(&["star/users.sql"]);
}

#[test]
fn infer_drafts_a_model_that_passes_its_check() {
    let here = Workspace::new();
    here.write("orders/o.jsonl", ORDERS);
    let outcome = infer(&here, &["--input", "orders=orders", "shop"]);
    outcome
        .exits(0)
        .says("orders: Seen: 3 records in 1 of 1 object, ")
        .says("; 1 broken record skipped.\n")
        .says("  dataset orders: 3 rows, 2 columns; table orders, primary key (id)\n")
        .says("  dataset orders_items: 2 rows, 3 columns; table orders_items, primary key (record_id)\n")
        .complains("o.jsonl, line 3: ");
    assert_eq!(
        files(&here.join("shop")),
        ["model.schema.json", "model.toml", "star/orders.sql", "star/orders_items.sql"]
    );
    let toml = here.read("shop/model.toml");
    assert!(toml.contains("name = \"shop\"\n") && !toml.contains("Ada"), "{toml}");
    here.run(["model", "check", "shop"])
        .exits(0)
        .says("model     shop: no problems\n")
        .says("dataset   orders_items: 4 columns, read as staging_orders_items\n");

    infer(&here, &["--input", "orders=orders", "shop"])
        .fails_with("invalid-option")
        .naming(&["shop/model.toml"]);
}

#[test]
fn infer_reads_the_first_and_the_last_of_many_objects() {
    let here = Workspace::new();
    for i in 0..40 {
        here.write(&format!("data/{i:02}.json"), format!("{{\"k{i}\": {i}}}"));
    }
    let outcome = infer(&here, &["--input", "rows=data", "--sample", "3", "model"]);
    outcome.exits(0).says("rows: Seen: 3 records in 3 of 40 objects, ");
    let toml = here.read("model/model.toml");
    for (key, is_read) in [("k0", true), ("k19", true), ("k39", true), ("k1", false)] {
        assert_eq!(toml.contains(&format!("\n{key} = ")), is_read, "{key}\n{toml}");
    }
}

#[test]
fn infer_names_what_is_wrong_with_its_input() {
    let here = Workspace::new();
    here.write("data/a.json", "[1, 2]");
    here.write("other/a.csv", "a,b");
    std::fs::create_dir(here.join("empty")).unwrap();
    for (input, code, message) in [
        ("data", 2, "expected NAME=URL"),
        ("a-b=data", 2, "is not the name of a dataset"),
        ("rows=data", 1, "none contains a JSON object as a record"),
        ("rows=other", 1, "skipped: 1 .csv"),
        ("rows=empty", 1, "there are no objects of any kind"),
    ] {
        infer(&here, &["--input", input, "model"]).exits(code).complains(message);
    }
    for sample in ["0", "-1", "100001", "x"] {
        infer(&here, &["--input", "rows=data", &format!("--sample={sample}"), "model"])
            .exits(2)
            .complains("a sample has 1 to 100000 objects");
    }
    infer(&here, &["model"]).exits(2).complains("--input <NAME=URL>");
    assert!(!here.join("model").exists());
}

#[test]
fn a_draft_of_data_with_bad_records_passes_its_check() {
    let here = Workspace::new();
    let sample = fixture("sample");
    let input = |name: &str, folder: &str| format!("{name}={}", sample.join(folder).display());
    let (songs, events) = (input("songs", "song_data"), input("events", "log_data"));
    infer(&here, &["--input", &songs, "--input", &events, "draft"]).exits(0).complains("Skipped: ");
    here.run(["model", "check", "draft"]).exits(0).says("model     draft: no problems\n");
    let toml = here.read("draft/model.toml");
    assert!(toml.contains("would reject the others"), "{toml}");
}

#[test]
fn a_draft_of_the_real_data_has_the_columns_of_the_built_in_model() {
    let Some(data) = real_data() else { return };
    let here = Workspace::new();
    let input = |name: &str, folder: &str| format!("{name}={}", data.join(folder).display());
    let (songs, events) = (input("songs", "song_data"), input("events", "log_data"));
    infer(&here, &["--input", &songs, "--input", &events, "draft"])
        .exits(0)
        .says("songs: Seen: 71 records in 71 of 71 objects, ")
        .says("events: Seen: 8,056 records in 30 of 30 objects, ")
        .says("table songs, primary key (song_id)\n")
        .says("table events, primary key (record_id)\n");
    here.run(["model", "check", "draft"])
        .exits(0)
        .says("dataset   songs: 10 columns, read as staging_songs\n")
        .says("dataset   events: 19 columns, read as staging_events\n");
}
