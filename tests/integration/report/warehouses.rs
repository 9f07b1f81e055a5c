//! Figures that are queried in warehouses.

use super::*;
use crate::load::redshift::Cloud;
use crate::support::postgres::Postgres;

/// Returns the tables of the figures of a page: the name and the cells of each.
fn tables(page: &str) -> Vec<(String, Vec<Vec<String>>)> {
    let names =
        page.split("<figure id=\"figure-").skip(1).map(|part| part.split('"').next().unwrap());
    names.map(|name| (name.to_owned(), cells(&figure(page, name)))).collect()
}

#[test]
fn postgresql_and_the_files_have_the_same_figures() {
    let here = with_star();
    let database = Postgres::shared().database();
    let url = database.url();
    let of_files = page(&here, &[]);
    report(&here, &["--on", &url])
        .exits(1)
        .complains("cannot run report/totals.sql at postgres://");
    assert!(here.read("report.html") == of_files, "the earlier report is unchanged");
    here.run(["load", "--star", "star", "--to", &url]).exits(0);
    let of_warehouse = page(&here, &["--on", &url]);
    assert_eq!(tables(&of_warehouse), tables(&of_files));
    assert!(
        of_warehouse.contains("has the star of this run") && of_warehouse.contains("schema star")
    );
    assert!(
        of_warehouse.contains("rows from the tables in postgres://"),
        "each figure names its source"
    );
}

#[test]
fn a_run_writes_a_report_also_if_its_load_fails() {
    let here = with_plays(SONG, &[play(7, NOON, 0)]);
    let run = ["run", "--songs", "songs", "--logs", "logs", "--out", "star", "--report"];
    let nowhere = ["failed.html", "--to", "postgres://ann@127.0.0.1:1/none?sslmode=disable"];
    let outcome = here.run(run.iter().chain(&nowhere));
    outcome.exits(1).says("report    failed.html (").complains("connection-failed");
    let database = Postgres::shared().database();
    let url = database.url();
    here.run(run.iter().chain(&["loaded.html", "--to", &url]))
        .exits(0)
        .says("report    loaded.html (");
    assert!(here.read("failed.html") == here.read("loaded.html"), "both are of the same star");
    here.write("mine.html", "mine");
    here.run(run.iter().chain(&["mine.html", "--to", &url])).exits(2).complains("is not a report");
}

#[tokio::test(flavor = "multi_thread")]
async fn redshift_and_the_files_have_the_same_figures() {
    let cloud = Cloud::new().await;
    cloud.run(["load", "--star", &cloud.s3.url("star"), "--to", &cloud.target()]).exits(0);
    let report = |more: &[&str]| {
        let star = cloud.s3.url("star");
        let args = ["report", "--star", &star, "--out", "report.html"];
        cloud.run(args.iter().chain(more)).exits(0);
        cloud.here.read("report.html")
    };
    let (of_files, of_warehouse) = (report(&[]), report(&["--on", &cloud.target()]));
    assert_eq!(tables(&of_warehouse), tables(&of_files));
    assert!(of_warehouse.contains("has the star of this run"));
    assert!(!of_warehouse.contains(cloud.redshift.password()));
}
