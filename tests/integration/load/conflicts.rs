//! Loads that cannot update the tables in place, and the index that updates need.

use super::update::{Days, ROWS};
use super::*;

/// The indexes of the tables that are not those of primary keys.
const INDEXES: &str = "SELECT string_agg(indexname, ' ' ORDER BY indexname) FROM pg_indexes \
    WHERE schemaname = 'star' AND indexname NOT LIKE '%pkey'";

#[tokio::test]
async fn the_index_by_time_has_its_name_after_every_load() {
    let (days, database) = (Days::new(), database());
    let client = database.client().await;
    for more in [&[][..], &["--force"], &["--force"]] {
        load(&days.here, &database.url(), more).exits(0);
        assert_eq!(value(&client, INDEXES).await, "songplays_start_time_range");
    }
    client.batch_execute("CREATE INDEX ON star.songplays (start_time)").await.unwrap();
    let outcome = load(&days.here, &database.url(), &["--force"]);
    outcome.fails_with("dependents").naming(&["songplays_start_time_idx"]);
}

#[tokio::test]
async fn all_tables_are_replaced_if_new_rows_conflict_with_rows_of_others() {
    let (days, database) = (Days::new(), database());
    load(&days.here, &database.url(), &[]).exits(0);
    let client = database.client().await;
    days.add_play("late", &days.play_of(3, |play| play["userId"] = "9001".into()));
    let query = ["query", "--star", "star", "--format", "csv", "--sql"];
    let new = "SELECT songplay_id FROM songplays WHERE user_id = 9001";
    let new = days.here.run(query.iter().chain(&[new]));
    let id = new.exits(0).stdout.lines().nth(1).unwrap().to_owned();
    let update = format!(
        "UPDATE star.songplays SET songplay_id = '{id}' WHERE songplay_id = (SELECT MIN(songplay_id) \
         FROM star.songplays WHERE start_time < '2018-11-02')"
    );
    client.batch_execute(&update).await.unwrap();
    let outcome = load(&days.here, &database.url(), &[]);
    outcome.exits(0).says("the new rows conflict with rows that others have changed");
    days.assert_loaded(&database, &client).await;
}

#[tokio::test]
async fn files_whose_bytes_have_changed_are_not_copied() {
    let (days, database) = (Days::new(), database());
    load(&days.here, &database.url(), &[]).exits(0);
    let client = database.client().await;
    let rows = value(&client, ROWS).await;
    let before = crate::support::files(&days.here.join("star/songplays"));
    days.add_play("late", &days.play_of(3, |play| play["userId"] = "9001".into()));
    let after = crate::support::files(&days.here.join("star/songplays"));
    let new = after.iter().find(|file| !before.contains(file)).unwrap();
    let path = days.here.join("star/songplays").join(new);
    let mut bytes = std::fs::read(&path).unwrap();
    bytes[100] ^= 1;
    std::fs::write(&path, bytes).unwrap();
    let outcome = load(&days.here, &database.url(), &[]);
    outcome.fails_with("damaged-star").naming(&[new]);
    assert_eq!(value(&client, ROWS).await, rows);
}

#[tokio::test]
async fn all_tables_are_replaced_if_checks_of_references_would_read_too_many_rows() {
    let (days, database) = (Days::new(), database());
    let play = |user: i64| {
        days.play_of(3, |play| {
            play["ts"] = (play["ts"].as_i64().unwrap() + user).into();
            play["userId"] = (9000 + user).to_string().into();
        })
    };
    days.add_play("many", &(1..200).map(play).collect::<String>());
    load(&days.here, &database.url(), &[]).exits(0);
    std::fs::remove_file(days.here.join("data/log_data/many.json")).unwrap();
    days.transform("star", &[]).exits(0);
    let outcome = load(&days.here, &database.url(), &[]);
    outcome.exits(0).says("many rows of users are gone, and references to it have no index");
    days.assert_loaded(&database, &database.client().await).await;
}

#[tokio::test]
async fn a_row_that_violates_a_constraint_of_a_user_fails_the_load() {
    let (days, database) = (Days::new(), database());
    load(&days.here, &database.url(), &[]).exits(0);
    let client = database.client().await;
    let rows = value(&client, ROWS).await;
    let check = "ALTER TABLE star.songplays ADD CONSTRAINT few_users CHECK (user_id < 9000)";
    client.batch_execute(check).await.unwrap();
    days.add_play("late", &days.play_of(3, |play| play["userId"] = "9001".into()));
    let outcome = load(&days.here, &database.url(), &[]);
    outcome.fails_with("statement-rejected").naming(&["few_users"]);
    assert_eq!(value(&client, ROWS).await, rows);
}

#[tokio::test]
async fn a_star_that_breaks_a_check_replaces_no_table() {
    let (days, database) = (Days::new(), database());
    let record = days.here.read("star/_starlift.json");
    let mut broken: serde_json::Value = serde_json::from_str(&record).unwrap();
    let matched = &mut broken["accounting"]["plays"]["plays_matched"];
    *matched = (matched.as_u64().unwrap() + 1).into();
    days.here.write("star/_starlift.json", broken.to_string());
    let outcome = load(&days.here, &database.url(), &[]);
    outcome.fails_with("checks-failed").naming(&["songplays_rows"]);
    load(&days.here, &database.url(), &["--dry-run"]).fails_with("checks-failed");
    days.here.write("star/_starlift.json", record);
    days.here.write("more/checks/none.sql", "-- There are no users.\nSELECT * FROM users");
    let outcome = load(&days.here, &database.url(), &["--queries", "more"]);
    outcome.fails_with("checks-failed").naming(&["none"]);
    let client = database.client().await;
    assert_eq!(value(&client, "SELECT to_regclass('star.songplays') IS NULL").await, "t");
}

#[tokio::test]
async fn the_history_lists_loads() {
    let (days, database) = (Days::new(), database());
    load(&days.here, &database.url(), &[]).exits(0);
    days.transform("other", &[]).exits(0);
    days.here.run(["load", "--star", "other", "--to", &database.url()]).exits(0);
    let url = database.url();
    let history = ["history", "--star", "star", "--on", &url, "--format", "json"];
    let outcome = days.here.run(history);
    let events: Vec<serde_json::Value> = serde_json::from_str(&outcome.exits(0).stdout).unwrap();
    let of = |name: &str| events.iter().map(|event| event[name].clone()).collect::<Vec<_>>();
    assert_eq!(of("event"), ["load", "load", "run"], "{outcome}");
    assert_eq!(of("load")[..2], [2, 1], "{outcome}");
    assert_eq!(events[1]["run_id"], events[2]["run_id"]);
    assert_eq!(events[1]["rows"], events[2]["rows"]);
    assert!(events[0]["other_star"].as_str().unwrap().ends_with("/other"), "{outcome}");
    assert!(events[1]["other_star"].is_null(), "{outcome}");
}
