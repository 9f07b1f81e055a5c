//! Loads that change only the partitions that differ.

use super::redshift::Cloud;
use super::*;
use crate::support::redshift::{Fault, On, What, When};

/// All rows of a star.
pub const ROWS: &str = "SELECT (SELECT md5(string_agg(p::text, '' ORDER BY songplay_id)) FROM star.songplays p), \
    (SELECT md5(string_agg(t::text, '' ORDER BY start_time)) FROM star.time t), \
    (SELECT md5(string_agg(u::text, '' ORDER BY user_id)) FROM star.users u), \
    (SELECT md5(string_agg(s::text, '' ORDER BY song_id)) FROM star.songs s), \
    (SELECT md5(string_agg(a::text, '' ORDER BY artist_id)) FROM star.artists a)";

/// The identities of the tables, which a replacement changes.
const TABLES: &str = "SELECT string_agg(oid::text, ' ' ORDER BY relname) FROM pg_class WHERE relkind = 'r' \
    AND relnamespace = 'star'::regnamespace AND relname NOT LIKE 'starlift%'";

/// Data of ten days, whose star has a partition per day.
pub struct Days {
    pub here: Workspace,
}

impl Days {
    pub fn new() -> Days {
        let here = Workspace::new();
        let generate = "generate --songs 25 --events 800 --users 12 --days 10 --seed 3 --out data";
        here.run(generate.split(' ')).exits(0);
        let days = Days { here };
        days.transform("star", &[]).exits(0);
        days
    }

    pub fn transform(&self, out: &str, more: &[&str]) -> Outcome {
        self.transform_by("day", out, more)
    }

    fn transform_by(&self, unit: &str, out: &str, more: &[&str]) -> Outcome {
        let args =
            ["transform", "--songs", "data/song_data", "--logs", "data/log_data", "--out", out];
        let options = ["--partition", unit, "--incremental", "--removed", "drop"];
        self.here.run(args.iter().chain(&options).chain(more))
    }

    /// Returns the paths of the logs, in the order of their days.
    pub fn logs(&self) -> Vec<String> {
        let files = crate::support::files(&self.here.join("data"));
        files.into_iter().filter(|file| file.starts_with("log_data")).collect()
    }

    /// Adds an object with this line, and builds the star again.
    pub fn add_play(&self, name: &str, line: &str) {
        self.here.write(&format!("data/log_data/{name}.json"), line);
        self.transform("star", &[]).exits(0);
    }

    /// Returns the last play of a log with changes.
    pub fn play_of(&self, log: usize, change: impl Fn(&mut serde_json::Value)) -> String {
        let text = self.here.read(&format!("data/{}", self.logs()[log]));
        let mut plays = text.lines().filter(|line| line.contains("NextSong"));
        let mut play: serde_json::Value = serde_json::from_str(plays.next_back().unwrap()).unwrap();
        change(&mut play);
        format!("{play}\n")
    }

    /// Checks that the tables have the rows of the star.
    pub async fn assert_loaded(&self, database: &Database, client: &Client) {
        let other = crate::support::postgres::Postgres::shared().database();
        load(&self.here, &other.url(), &[]).exits(0);
        assert_eq!(value(client, ROWS).await, value(&other.client().await, ROWS).await);
        let compare = ["query", "--compare", "--star", "star", "--on", &database.url()];
        self.here.run(compare).exits(0);
        self.here.run(["check", "--star", "star", "--on", &database.url()]).exits(0);
    }
}

#[tokio::test]
async fn only_the_rows_of_days_that_differ_are_touched() {
    let (days, database) = (Days::new(), database());
    load(&days.here, &database.url(), &[]).exits(0);
    let client = database.client().await;
    let (tables, old) =
        (value(&client, TABLES).await, value(&client, "SELECT txid_current()").await);
    let moved = days.play_of(4, |play| play["ts"] = (play["ts"].as_i64().unwrap() + 1).into());
    days.add_play("late", &moved);
    let outcome = load(&days.here, &database.url(), &[]);
    outcome.exits(0).says("updated   2 of ").says("load 2)");
    assert_eq!(value(&client, TABLES).await, tables, "a table was replaced");
    days.assert_loaded(&database, &client).await;
    let touched = |table: &str| {
        format!(
            "SELECT COUNT(DISTINCT start_time::date) FROM star.{table} WHERE xmin::text::bigint > {old}"
        )
    };
    assert_eq!(value(&client, &touched("songplays")).await, "1");
    assert_eq!(value(&client, &touched("time")).await, "1");
    load(&days.here, &database.url(), &[]).exits(0).says("is already loaded");
}

#[tokio::test]
async fn a_star_with_equal_tables_is_recorded_and_touches_nothing() {
    let (days, database) = (Days::new(), database());
    load(&days.here, &database.url(), &[]).exits(0);
    let client = database.client().await;
    days.add_play("empty", "");
    let outcome = load(&days.here, &database.url(), &[]);
    outcome.exits(0).says("no table was touched").says("load 2)");
    assert_eq!(loaded_run(&client).await, run_id(&days.here, "star"));
    load(&days.here, &database.url(), &[]).exits(0).says("is already loaded");
}

#[tokio::test]
async fn a_warehouse_that_has_missed_runs_is_brought_up_to_date() {
    let (days, database) = (Days::new(), database());
    load(&days.here, &database.url(), &[]).exits(0);
    let client = database.client().await;
    // A new user, a user whose level changes, a day that goes, and a song.
    days.add_play("new", &days.play_of(2, |play| play["userId"] = "9001".into()));
    days.add_play(
        "level",
        &days.play_of(9, |play| {
            play["ts"] = (play["ts"].as_i64().unwrap() + 1).into();
            play["lastName"] = "Renamed".into();
        }),
    );
    std::fs::remove_file(days.here.join("data").join(&days.logs()[6])).unwrap();
    days.transform("star", &[]).exits(0);
    let song = r#"{"song_id": "S-N", "title": "New", "artist_id": "A-N", "artist_name": "New"}"#;
    days.here.write("data/song_data/new.json", song);
    days.transform("star", &[]).exits(0);
    let outcome = load(&days.here, &database.url(), &[]);
    outcome.exits(0).says("updated   ").says("load 2)");
    days.assert_loaded(&database, &client).await;
    assert_eq!(
        value(&client, "SELECT COUNT(*) FROM star.users WHERE last_name = 'Renamed'").await,
        "1"
    );
    assert_eq!(value(&client, "SELECT COUNT(*) FROM star.users WHERE user_id = 9001").await, "1");
    // And back again.
    for name in ["new", "level"] {
        std::fs::remove_file(days.here.join(&format!("data/log_data/{name}.json"))).unwrap();
    }
    std::fs::remove_file(days.here.join("data/song_data/new.json")).unwrap();
    days.transform("star", &[]).exits(0);
    load(&days.here, &database.url(), &[]).exits(0).says("updated   ").says("load 3)");
    days.assert_loaded(&database, &client).await;
    assert_eq!(value(&client, "SELECT COUNT(*) FROM star.songs WHERE song_id = 'S-N'").await, "0");
}

#[tokio::test]
async fn views_grants_and_owners_are_not_touched() {
    let (days, database) = (Days::new(), database());
    load(&days.here, &database.url(), &[]).exits(0);
    let client = database.client().await;
    client
        .batch_execute(
            "CREATE MATERIALIZED VIEW public.counted AS SELECT COUNT(*) FROM star.songplays; \
             CREATE TABLE public.mine (user_id BIGINT REFERENCES star.users); \
             GRANT SELECT ON star.songplays TO PUBLIC",
        )
        .await
        .unwrap();
    days.add_play("late", &days.play_of(3, |play| play["userId"] = "9001".into()));
    load(&days.here, &database.url(), &[]).exits(0).says("updated   ");
    days.assert_loaded(&database, &client).await;
    let outcome = load(&days.here, &database.url(), &["--force"]);
    outcome.fails_with("dependents");
}

#[tokio::test]
async fn all_tables_are_replaced_if_most_rows_differ_or_others_have_changed_them() {
    let (days, database) = (Days::new(), database());
    load(&days.here, &database.url(), &[]).exits(0);
    let client = database.client().await;
    let tables = value(&client, TABLES).await;
    client
        .batch_execute(
            "DELETE FROM star.songplays WHERE songplay_id = (SELECT MIN(songplay_id) \
        FROM star.songplays)",
        )
        .await
        .unwrap();
    days.add_play("late", &days.play_of(3, |play| play["userId"] = "9001".into()));
    let outcome = load(&days.here, &database.url(), &[]);
    outcome.exits(0).says("replaced  all tables, because songplays was changed by others");
    assert_ne!(value(&client, TABLES).await, tables);
    days.assert_loaded(&database, &client).await;
    days.transform("star", &["--unmatched", "drop"]).exits(0);
    let outcome = load(&days.here, &database.url(), &[]);
    outcome.exits(0).says("replaced  all tables, because more than half of the rows differ");
    days.transform_by("month", "star", &[]).exits(0);
    let outcome = load(&days.here, &database.url(), &[]);
    outcome.exits(0).says("because ").says("has another definition");
    client.batch_execute("DELETE FROM star.starlift_partitions").await.unwrap();
    days.transform("star", &["--full"]).exits(0);
    let outcome = load(&days.here, &database.url(), &["--force"]);
    outcome.exits(0).says("replaced  all tables, because --force");
    days.assert_loaded(&database, &client).await;
}

#[tokio::test]
async fn a_table_without_partitions_is_updated_too() {
    let (here, database) = (Workspace::new(), database());
    let generate = "generate --songs 200 --events 600 --users 12 --days 3 --out data";
    here.run(generate.split(' ')).exits(0);
    let transform = |more: &[&str]| {
        let args =
            ["transform", "--songs", "data/song_data", "--logs", "data/log_data", "--out", "star"];
        here.run(args.iter().chain(more)).exits(0);
    };
    transform(&[]);
    load(&here, &database.url(), &[]).exits(0);
    let client = database.client().await;
    let tables = value(&client, TABLES).await;
    let song = r#"{"song_id": "S-N", "title": "New", "artist_id": "A-N", "artist_name": "New"}"#;
    here.write("data/song_data/new.json", song);
    transform(&[]);
    load(&here, &database.url(), &[]).exits(0).says("updated   2 of 5 partitions");
    assert_eq!(value(&client, TABLES).await, tables);
    here.run(["query", "--compare", "--star", "star", "--on", &database.url()]).exits(0);
}

/// A star of several days in S3, and the next one in `next`.
async fn days_in_the_cloud() -> (Cloud, Client) {
    let cloud = Cloud::without_star().await;
    let generate = "generate --songs 25 --events 800 --users 12 --days 10 --seed 3 --out data";
    cloud.here.run(generate.split(' ')).exits(0);
    for star in ["star", "next"] {
        let out = cloud.s3.url(star);
        let args =
            ["transform", "--songs", "data/song_data", "--logs", "data/log_data", "--out", &out];
        cloud.run(args.iter().chain(&["--partition", "day"])).exits(0);
        let files = crate::support::files(&cloud.here.join("data/log_data"));
        let text = cloud.here.read(&format!("data/log_data/{}", files[5]));
        let play = text.lines().rfind(|line| line.contains("NextSong")).unwrap();
        let mut play: serde_json::Value = serde_json::from_str(play).unwrap();
        play["ts"] = (play["ts"].as_i64().unwrap() + 1).into();
        play["userId"] = "9001".into();
        cloud.here.write("data/log_data/late.json", format!("{play}\n"));
    }
    let client = cloud.redshift.database().client().await;
    (cloud, client)
}

/// Returns the rows of each table in the warehouse and in a star.
fn both(cloud: &Cloud, star: &str) -> [String; 2] {
    let (star, target) = (cloud.s3.url(star), cloud.target());
    let rows = |place: [&str; 2]| {
        let tables = ["songs", "artists", "users", "songplays", "time"].iter().map(|table| {
            let sql = format!("SELECT * FROM \"{table}\" ORDER BY 1");
            let query = ["query", "--sql", &sql, "--format", "csv"].into_iter().chain(place);
            cloud.run(query).exits(0).stdout.clone()
        });
        tables.collect::<String>()
    };
    [rows(["--star", &star]), rows(["--on", &target])]
}

#[tokio::test(flavor = "multi_thread")]
async fn redshift_copies_only_the_files_of_days_that_differ() {
    let (cloud, client) = days_in_the_cloud().await;
    cloud.load("star", &[]).exits(0);
    let tables = value(&client, TABLES).await;
    let outcome = cloud.load("next", &[]);
    outcome.exits(0).says("updated   3 of ").says("load 2)");
    assert_eq!(value(&client, TABLES).await, tables);
    let [files, warehouse] = both(&cloud, "next");
    assert_eq!(files, warehouse);
    assert_eq!(cloud.s3.keys("next/_loads/"), [""; 0], "manifests are left");
    cloud.load("star", &[]).exits(0).says("updated   3 of ").says("load 3)");
    let [files, warehouse] = both(&cloud, "star");
    assert_eq!(files, warehouse);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_update_is_all_or_nothing_wherever_it_is_cut() {
    let (cloud, client) = days_in_the_cloud().await;
    let seen = "SELECT (SELECT COUNT(*) FROM star.songplays), (SELECT COUNT(*) FROM star.time), \
                (SELECT COUNT(*) FROM star.users)";
    cloud.load("star", &[]).exits(0);
    let old = value(&client, seen).await;
    cloud.load("next", &[]).exits(0).says("updated   3 of ");
    let new = value(&client, seen).await;
    assert_ne!(old, new);
    for (on, skip, when) in [
        (On::Begin, 1, When::After),
        (On::Copy, 0, When::Before),
        (On::Copy, 1, When::Within),
        (On::Copy, 2, When::After),
        (On::Insert, 0, When::Before),
        (On::Insert, 1, When::After),
        (On::Commit, 0, When::Before),
        (On::Commit, 0, When::After),
    ] {
        cloud.load("star", &[]).exits(0).says("updated   3 of ");
        assert_eq!(value(&client, seen).await, old);
        let loads =
            value(&client, "SELECT COUNT(DISTINCT load_number) FROM star.starlift_loads").await;
        for _ in 0..2 {
            cloud.redshift.inject(Fault { on: on.clone(), skip, when, what: What::Cut });
        }
        let outcome = cloud.load("next", &[]);
        outcome.exits(0);
        assert_eq!(value(&client, seen).await, new, "{outcome}");
        let now =
            value(&client, "SELECT COUNT(DISTINCT load_number) FROM star.starlift_loads").await;
        assert_eq!(now.parse::<u64>().unwrap(), loads.parse::<u64>().unwrap() + 1, "{outcome}");
        assert_eq!(loaded_run(&client).await, cloud.run_id("next"));
        while cloud.redshift.faults_left() > 0 {
            cloud.load("next", &["--force"]);
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn rows_that_copy_loses_are_detected() {
    let (cloud, client) = days_in_the_cloud().await;
    cloud.load("star", &[]).exits(0);
    let [old, _] = both(&cloud, "star");
    for (more, tables) in [(&[][..], 3), (&["--force"], 5)] {
        for skip in 0..tables {
            let lost = Fault { on: On::Copy, skip, when: When::Within, what: What::LoseRows };
            cloud.redshift.inject(lost);
            cloud.load("next", more).exits(4).complains("tables-differ");
            assert_eq!(cloud.redshift.faults_left(), 0, "no COPY has lost rows");
            let [_, warehouse] = both(&cloud, "next");
            assert_eq!(warehouse, old);
            assert_eq!(loaded_run(&client).await, cloud.run_id("star"));
        }
    }
    cloud.load("next", &[]).exits(0).says("updated   3 of ");
}

#[tokio::test(flavor = "multi_thread")]
async fn texts_that_outgrow_their_column_replace_the_tables() {
    let (cloud, _client) = days_in_the_cloud().await;
    cloud.load("star", &[]).exits(0);
    let song = format!(
        r#"{{"song_id": "S", "title": "{}", "artist_id": "A", "artist_name": "N"}}"#,
        "x".repeat(1000)
    );
    cloud.here.write("data/song_data/long.json", song);
    let out = cloud.s3.url("next");
    let args = ["transform", "--songs", "data/song_data", "--logs", "data/log_data", "--out", &out];
    cloud.run(args.iter().chain(&["--partition", "day"])).exits(0);
    cloud
        .load("next", &[])
        .exits(0)
        .says("replaced  all tables, because songs has another definition");
    let [files, warehouse] = both(&cloud, "next");
    assert_eq!(files, warehouse);
}
