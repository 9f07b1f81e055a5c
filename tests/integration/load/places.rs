//! The same star as files, in PostgreSQL and in the Redshift stand-in: every query has the same
//! result in all of them.

use super::redshift::Cloud;
use super::*;

/// Default number of events of the generated star; `STARLIFT_LOAD_EVENTS` overrides it.
const EVENTS: &str = "100000";

/// Loads the star at a prefix of the cloud's bucket into both warehouses, and compares all three.
async fn agree(cloud: &Cloud, star: &str) {
    let (database, url) = (database(), cloud.s3.url(star));
    for target in [database.url(), cloud.target()] {
        cloud
            .run(["load", "--star", &url, "--to", &target])
            .exits(0)
            .says("statistics equal those");
        let outcome = cloud.run(["query", "--star", &url, "--on", &target, "--compare"]);
        outcome.exits(0);
        assert_eq!(outcome.stdout.matches("same").count(), 11, "{outcome}");
        cloud.run(["check", "--star", &url, "--on", &target]).exits(0);
    }
    let (left, right) = (database.client().await, cloud.redshift.database().client().await);
    for table in ["songs", "artists", "users", "songplays", "time"] {
        let sql = format!(
            "SELECT COUNT(*), md5(string_agg(t::text, '|' ORDER BY t::text)) FROM star.\"{table}\" t"
        );
        assert_eq!(value(&left, &sql).await, value(&right, &sql).await, "{table}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn real_data_has_the_same_results_everywhere() {
    let Some(real) = crate::support::real_data() else { return };
    let cloud = Cloud::new().await;
    let (songs, logs) = (real.join("song_data"), real.join("log_data"));
    let out = cloud.s3.url("real");
    let inputs = ["--songs", songs.to_str().unwrap(), "--logs", logs.to_str().unwrap()];
    cloud.run(["transform"].iter().chain(&inputs).chain(&["--out", &out])).exits(0);
    agree(&cloud, "real").await;
    let client = cloud.redshift.database().client().await;
    assert_eq!(value(&client, "SELECT COUNT(*) FROM star.songplays").await, "6820");
    assert_eq!(value(&client, "SELECT COUNT(*) FROM star.\"time\"").await, "6813");
}

#[tokio::test(flavor = "multi_thread")]
async fn large_star_has_the_same_results_everywhere() {
    let events = std::env::var("STARLIFT_LOAD_EVENTS").unwrap_or_else(|_| EVENTS.to_owned());
    let cloud = Cloud::new().await;
    cloud
        .run([
            "generate", "--songs", "5000", "--users", "5000", "--events", &events, "--out", "data",
        ])
        .exits(0);
    let out = cloud.s3.url("large");
    let inputs = ["--songs", "data/song_data", "--logs", "data/log_data", "--max-rejects", "100%"];
    cloud.run(["transform"].iter().chain(&inputs).chain(&["--out", &out])).exits(0);
    agree(&cloud, "large").await;
}
