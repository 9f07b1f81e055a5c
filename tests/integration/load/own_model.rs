//! A model of a folder: its star through every command, with booleans, dates, decimals and keys of
//! several columns.

use super::redshift::Cloud;
use super::*;

const BUILT_IN: &str = include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/queries/model.toml"));

const TABLES: &str = r#"
[tables.days]
grain = "one row per day and plan"
primary_key = ["day", "level"]

[tables.days.columns]
day = { type = "date", meaning = "the day, UTC" }
level = { type = "text", meaning = "the plan" }
is_paid = { type = "boolean", meaning = "true for the paid plan" }
has_songs = { type = "boolean", nullable = true, meaning = "null on days without songs" }
plays = { type = "bigint", meaning = "events whose page is NextSong" }
minutes = { type = "decimal(12, 3)", nullable = true, meaning = "total length" }
seconds = { type = "decimal(38, 10)", nullable = true, meaning = "total length" }

[tables.listeners]
grain = "one row per listener, day and plan"
primary_key = ["user_id", "day", "level"]
sorted_by = ["day", "level", "user_id"]
references = [{ columns = ["day", "level"], table = "days" }]
redshift = { distribution = "user_id", sort_key = ["day"] }

[tables.listeners.columns]
user_id = "bigint"
day = "date"
level = "text"
share = { type = "decimal(5, 4)", meaning = "part of the plays of the day and plan" }
"#;

const DAYS: &str = "-- days: one row per day and plan.
SELECT
    CAST(to_timestamp_millis(ts) AS DATE) AS day,
    level,
    level = 'paid' AS is_paid,
    CASE WHEN COUNT(song) > 0 THEN true END AS has_songs,
    COUNT(*) AS plays,
    CAST(SUM(length) / 60 AS DECIMAL(12, 3)) AS minutes,
    CAST(-SUM(length) AS DECIMAL(38, 10)) AS seconds
FROM staging_events
WHERE page = 'NextSong' AND level IS NOT NULL
GROUP BY CAST(to_timestamp_millis(ts) AS DATE), level";

const LISTENERS: &str = "-- listeners: one row per listener, day and plan.
SELECT
    e.\"userId\" AS user_id,
    d.day,
    d.level,
    CAST(CAST(COUNT(*) AS DOUBLE) / MAX(d.plays) AS DECIMAL(5, 4)) AS share
FROM staging_events e
JOIN days d ON d.day = CAST(to_timestamp_millis(e.ts) AS DATE) AND d.level = e.level
WHERE e.page = 'NextSong'
GROUP BY e.\"userId\", d.day, d.level";

const BUSIEST: &str = "-- Question: Which days have the most plays?
-- Grain: one row per day
-- Units: plays; minutes
SELECT day, MAX(CASE WHEN is_paid THEN 1 ELSE 0 END) AS paid, SUM(plays) AS plays, SUM(minutes) AS minutes
FROM days
GROUP BY day
ORDER BY plays DESC, day
LIMIT 3";

const COMPARED: [&str; 3] = [
    "SELECT * FROM days",
    "SELECT * FROM listeners",
    "SELECT d.day, d.is_paid, MIN(l.share) AS least, SUM(l.share) AS total FROM days d JOIN listeners l \
     ON l.day = d.day AND l.level = d.level GROUP BY d.day, d.is_paid",
];

/// Writes a model with the datasets of the built-in one and other tables to the folder `model`.
fn write_model(here: &Workspace, name: &str, tables: &str) {
    let from = BUILT_IN.find("[datasets.songs]").unwrap();
    let to = BUILT_IN.find("[tables.songs]").unwrap();
    let toml = format!("name = \"{name}\"\n{}{tables}", &BUILT_IN[from..to]);
    here.write("model/model.toml", toml);
    here.write("model/star/days.sql", DAYS);
    here.write("model/star/listeners.sql", LISTENERS);
    here.write("model/analytics/busiest_days.sql", BUSIEST);
}

/// Creates a folder in which `model` is a model, and `star` its star of `fixtures/sample`.
fn with_own_star() -> Workspace {
    let here = Workspace::new();
    write_model(&here, "daily", TABLES);
    let outcome = transform(&here, "star", &["--model", "model"]);
    outcome.exits(0).says("days").says("listeners").says("all 6 passed");
    here
}

fn ask(here: &Workspace, sql: &str, format: &str) -> String {
    let args = ["query", "--model", "model", "--star", "star", "--sql", sql, "--format", format];
    let outcome = here.run(args);
    outcome.exits(0);
    outcome.stdout
}

#[test]
fn stars_of_an_own_model_are_compared_by_day() {
    let here = Workspace::new();
    let tables = TABLES.replace("is_paid", "side").replace("has_songs", "surplus");
    write_model(&here, "daily", &tables);
    here.write(
        "model/star/days.sql",
        DAYS.replace("is_paid", "side").replace("has_songs", "surplus"),
    );
    std::fs::remove_file(here.join("model/analytics/busiest_days.sql")).unwrap();
    let play = r#"{"page": "NextSong", "ts": 1541121600000, "userId": "9001", "sessionId": 1, "level": "free"}"#;
    here.write("late.json", play);
    for more in [&[][..], &["--input", "logs=late.json"]] {
        let options = ["--model", "model", "--keep", "1", "--partition", "day"];
        transform(&here, "star", &[&options, more].concat()).exits(0);
    }
    let outcome = here.run(["diff", "--star", "star", "--model", "model"]);
    let lines = outcome.exits(0).stdout.lines().filter(|line| line.contains("2018-11-02"));
    let lines: Vec<Vec<&str>> = lines.map(|line| line.split_whitespace().collect()).collect();
    assert_eq!(lines.len(), 2, "{outcome}");
    assert_eq!((lines[0][0], &lines[0][4..]), ("days", &["0", "0", "1"][..]), "{outcome}");
    assert_eq!((lines[1][0], lines[1][4], lines[1][5]), ("listeners", "1", "0"), "{outcome}");
}

#[tokio::test]
async fn a_changed_order_of_a_table_needs_no_cascade() {
    let (here, database) = (Workspace::new(), database());
    let order = r#"sorted_by = ["day", "level", "user_id"]"#;
    let client = database.client().await;
    let index = "SELECT COUNT(*) FROM pg_indexes WHERE indexname = 'listeners_day_range'";
    for (by_time, indexes) in [(true, "1"), (false, "0"), (true, "1")] {
        let other = r#"sorted_by = ["user_id", "day", "level"]"#;
        write_model(&here, "daily", &TABLES.replace(order, if by_time { order } else { other }));
        transform(&here, "star", &["--model", "model"]).exits(0);
        load(&here, &database.url(), &["--model", "model"]).exits(0);
        assert_eq!(value(&client, index).await, indexes);
    }
}

#[test]
fn rows_that_are_equal_in_the_order_of_the_model_are_sorted_by_primary_key() {
    let here = Workspace::new();
    let order = r#"sorted_by = ["day", "level", "user_id"]"#;
    assert!(TABLES.contains(order));
    write_model(&here, "daily", &TABLES.replace(order, r#"sorted_by = ["day"]"#));
    transform(&here, "star", &["--model", "model"]).exits(0);
    let sql = "SELECT day, user_id, level FROM listeners";
    let args = ["query", "--model", "model", "--star", "star", "--threads", "1", "--sql", sql];
    let outcome = here.run(args.iter().chain(&["--format", "csv"]));
    let rows = outcome.exits(0).stdout.lines().skip(1).map(|line| {
        let [day, user, level] = line.split(',').collect::<Vec<_>>()[..] else { panic!("{line}") };
        (day.to_owned(), user.parse::<i64>().unwrap(), level.to_owned())
    });
    let rows: Vec<_> = rows.collect();
    assert!(rows.len() > 20 && rows.is_sorted(), "{rows:?}");
}

#[test]
fn star_of_an_own_model_is_checked_queried_and_described() {
    let here = with_own_star();
    let record: serde_json::Value =
        serde_json::from_str(&here.read("star/_starlift.json")).unwrap();
    assert_eq!(record["model"]["name"], "daily");
    assert_eq!(record["model"]["hash"].as_str().unwrap().len(), 32);
    assert_eq!(record["tables"].as_object().unwrap().len(), 2);
    let checks = here.run(["check", "--model", "model", "--star", "star"]);
    checks
        .exits(0)
        .says("(day, level) of days is unique and never null.")
        .says("Every (day, level) of listeners without nulls is in days.");
    let sql = "SELECT day, level, is_paid, has_songs, minutes, seconds FROM days ORDER BY day, level LIMIT 1";
    let csv = ask(&here, sql, "csv");
    let row: Vec<&str> = csv.lines().nth(1).unwrap().split(',').collect();
    assert_eq!(row[..4], ["2018-11-01", "free", "false", "true"]);
    let (minutes, seconds) = (row[4], row[5]);
    assert_eq!(minutes.split('.').nth(1).unwrap().len(), 3, "{csv}");
    assert_eq!(seconds.split('.').nth(1).unwrap().len(), 10, "{csv}");
    let ratio = seconds.parse::<f64>().unwrap() / minutes.parse::<f64>().unwrap();
    assert!((ratio + 60.0).abs() < 1e-3, "{csv}");
    let json = format!(
        "[{{\"day\":\"2018-11-01\",\"level\":\"free\",\"is_paid\":false,\"has_songs\":true,\
         \"minutes\":{minutes},\"seconds\":{seconds}}}]\n"
    );
    assert_eq!(ask(&here, sql, "json"), json);
    assert!(ask(&here, sql, "table").contains(&format!("| false   | true      | {minutes}")));
    here.run(["query", "--model", "model", "--star", "star", "busiest_days"]).exits(0);
    here.run(["query", "--model", "model", "--list"])
        .exits(0)
        .says("Which days have the most plays?");
    let schema = here.run(["schema", "--model", "model", "--star", "star", "--format", "redshift"]);
    schema
        .exits(0)
        .says("\"seconds\" DECIMAL(38, 10),")
        .says("PRIMARY KEY (\"user_id\", \"day\", \"level\")")
        .says("FOREIGN KEY (\"day\", \"level\") REFERENCES \"star\".\"days\" (\"day\", \"level\")");
    let contract = here.run(["check", "--model", "model", "--star", "star", "--copy-contract"]);
    contract
        .fails_with("copy-contract")
        .says("FAIL  manifest-location")
        .says("34 of 35 rules satisfied");
}

#[test]
fn model_can_be_set_in_the_file_and_in_the_environment() {
    let here = with_own_star();
    let mut command = here.command();
    command.args(["check", "--star", "star"]).env("STARLIFT_MODEL", "model");
    here.outcome(&mut command).exits(0).says("days_primary_key");
    here.write("starlift.toml", "model = \"model\"\nstar = \"star\"\n");
    here.run(["check"]).exits(0).says("days_primary_key");
    here.run(["doctor"]).says("daily is valid and has 2 tables");
}

#[test]
fn star_of_another_model_is_rejected_with_both_names() {
    let here = with_own_star();
    for args in [
        &["check"][..],
        &["check", "--copy-contract"],
        &["query", "months_present"],
        &["load", "--to", "postgres://u@127.0.0.1:1/d"],
        &["load", "--to", "redshift://u@127.0.0.1:1/d", "--dry-run"],
        &["schema", "--format", "postgres"],
    ] {
        let outcome = here.run(args.iter().chain(&["--star", "star"]));
        outcome.fails_with("other-model").naming(&["\"daily\"", "\"sparkify\"", "--model DIR"]);
    }
    let built_in = with_star();
    let record = built_in.read("star/_starlift.json");
    let mut record: serde_json::Value = serde_json::from_str(&record).unwrap();
    record.as_object_mut().unwrap().remove("model");
    built_in.write("star/_starlift.json", record.to_string());
    built_in.run(["check", "--star", "star"]).exits(0);
    write_model(&built_in, "daily", TABLES);
    let outcome = built_in.run(["check", "--star", "star", "--model", "model"]);
    outcome.fails_with("other-model").naming(&["\"sparkify\""]);
}

#[test]
fn star_of_another_version_of_the_model_needs_the_same_tables() {
    let here = with_own_star();
    let renamed = TABLES.replace("tables.listeners", "tables.users_by_day");
    write_model(&here, "daily", &renamed);
    std::fs::rename(
        here.join("model/star/listeners.sql"),
        here.join("model/star/users_by_day.sql"),
    )
    .unwrap();
    let outcome = here.run(["check", "--model", "model", "--star", "star"]);
    outcome.fails_with("other-model-version").naming(&["\"daily\"", "users_by_day", "listeners"]);
    std::fs::remove_file(here.join("model/star/users_by_day.sql")).unwrap();
    write_model(&here, "daily", TABLES);
    here.write("model/checks/more.sql", "-- Plays exist.\nSELECT day FROM days WHERE plays < 1");
    here.run(["check", "--model", "model", "--star", "star"]).exits(0).says("Plays exist.");
}

#[test]
fn star_of_another_model_is_replaced_with_its_manifests() {
    let here = with_star();
    write_model(&here, "daily", TABLES);
    transform(&here, "star", &["--model", "model"]).exits(0);
    let files = crate::support::files(&here.join("star"));
    assert!(files.contains(&"days.manifest".to_owned()), "{files:?}");
    for table in ["songs", "artists", "users", "songplays", "time"] {
        let left = files.iter().find(|file| file.starts_with(table));
        assert_eq!(left, None);
    }
}

#[test]
fn invalid_model_prints_all_problems() {
    let here = with_own_star();
    let tables = TABLES.replace("\"boolean\"", "\"bool\"").replace("\"date\"", "\"day\"");
    write_model(&here, "daily", &tables);
    let outcome = here.run(["check", "--model", "model", "--star", "star"]);
    outcome.fails_with("invalid-model").naming(&[
        "tables.days.columns.is_paid.type",
        "\"bool\"",
        "\"boolean\"",
        "tables.days.columns.day.type",
        "\"day\"",
    ]);
    let outcome = here.run(["schema", "--model", "absent"]);
    outcome.exits(2).complains("error[invalid-model]: cannot read absent");
    here.run(["doctor", "--model", "absent"]).fails_with("doctor-failed").says("FAILED  model");
}

#[tokio::test]
async fn own_model_is_loaded_into_postgresql_and_compared() {
    let (here, database) = (with_own_star(), database());
    let url = database.url();
    let own = |args: &[&str]| here.run(args.iter().chain(&["--model", "model", "--star", "star"]));
    own(&["load", "--to", &url, "--dry-run"]).exits(0).says("CAST").says("DECIMAL(12, 3)");
    let loaded = own(&["load", "--to", &url]);
    loaded.exits(0).says("statistics equal those of the files").says("load 1)");
    own(&["load", "--to", &url]).exits(0).says("already");
    own(&["load", "--to", &url, "--force"]).exits(0).says("load 2)");
    let client = database.client().await;
    let sql = "SELECT day, level, is_paid, has_songs, plays, minutes, seconds FROM star.days ORDER BY day, level";
    let found = rows(&client, sql).await;
    let csv = ask(&here, "SELECT * FROM days ORDER BY day, level", "csv");
    let files: Vec<String> = csv
        .lines()
        .skip(1)
        .map(|line| line.replace("false", "f").replace("true", "t").replace(',', "|"))
        .collect();
    assert_eq!(found, files);
    let keys = "SELECT conname || ' ' || pg_get_constraintdef(oid) FROM pg_constraint \
                WHERE connamespace = 'star'::regnamespace AND contype IN ('p', 'f') ORDER BY 1";
    assert_eq!(
        rows(&client, keys).await,
        [
            "days_pkey PRIMARY KEY (day, level)",
            "listeners_day_level_fkey FOREIGN KEY (day, level) REFERENCES star.days(day, level)",
            "listeners_pkey PRIMARY KEY (user_id, day, level)",
        ]
    );
    for sql in COMPARED {
        own(&["query", "--sql", sql, "--on", &url, "--compare"]).exits(0).says("same");
    }
    own(&["query", "--on", &url, "--compare"]).exits(0).says("busiest_days");
    own(&["check", "--on", &url]).exits(0).says("ok    listeners_day_level_in_days");
    let paid = "UPDATE star.days SET is_paid = NOT is_paid, minutes = minutes + 0.001 WHERE level = 'paid'";
    client.batch_execute(paid).await.unwrap();
    own(&["query", "--sql", COMPARED[0], "--on", &url, "--compare"])
        .fails_with("answers-differ")
        .says("differ");
    let selftest = here.run(["selftest", "--model", "model", "--to", &url]);
    selftest.exits(0).says("selftest: passed").says("in 2 tables");
}

#[tokio::test]
async fn own_model_is_loaded_into_redshift_and_compared() {
    let cloud = Cloud::new().await;
    write_model(&cloud.here, "daily", TABLES);
    cloud.transform("own", &["--model", "model"]);
    let (star, target) = (cloud.s3.url("own"), cloud.target());
    let own = |args: &[&str]| {
        cloud.run(args.iter().chain(&["--model", "model", "--star", star.as_str()]))
    };
    own(&["check", "--copy-contract"]).exits(0).says("35 of 35 rules satisfied");
    own(&["load", "--to", &target]).exits(0).says("statistics equal those of the files");
    for sql in COMPARED {
        own(&["query", "--sql", sql, "--on", &target, "--compare"]).exits(0).says("same");
    }
    own(&["check", "--on", &target]).exits(0).says("ok    listeners_day_level_in_days");
}
