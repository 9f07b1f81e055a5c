//! Figures that read lists: on the files, in a warehouse, and of a star that has no list.

use serde_json::{Value, json};

use super::*;
use crate::support::postgres::Postgres;

/// Builds a star with a play that matches, three of a title that the catalogue lacks, and one of another one.
fn with_missing_titles() -> Workspace {
    let mut plays: Vec<Value> = (0..5).map(|i| play(i, NOON + i as i64 * DAY, 0)).collect();
    for (at, title) in ["Lost", "Lost", "Lost", "Gone"].into_iter().enumerate() {
        plays[at + 1]["song"] = json!(title);
    }
    with_plays(SONG, &plays)
}

#[test]
fn the_titles_that_the_catalogue_lacks_are_drawn_and_counted() {
    let here = with_missing_titles();
    let page = page(&here, &[]);
    let titles = figure(&page, "unmatched_titles");
    assert_eq!(cells(&titles), [["Lost", "N", "3", "75.0 %"], ["Gone", "N", "1", "25.0 %"]]);
    assert!(titles.contains("Most: Lost – N, 3 plays.") && titles.contains("<rect"), "{titles}");
    assert!(titles.contains("from the files of the star"));
    assert!(page.contains("unmatched_titles (list)"), "the lineage has the file of the list");
    let sql = "SELECT title, plays FROM unmatched_titles";
    let query = ["query", "--star", "star", "--format", "csv", "--sql", sql];
    assert_eq!(here.run(query).exits(0).stdout, "title,plays\nLost,3\nGone,1\n");
}

#[test]
fn a_figure_of_a_list_is_from_the_files_if_the_others_are_from_a_warehouse() {
    let here = with_missing_titles();
    let database = Postgres::shared().database();
    let url = database.url();
    here.run(["load", "--star", "star", "--to", &url]).exits(0);
    let query = ["query", "--on", &url, "--sql", "SELECT * FROM unmatched_titles"];
    here.run(query).exits(2).complains("unmatched_titles is not loaded into warehouses");
    let page = page(&here, &["--on", &url]);
    let titles = figure(&page, "unmatched_titles");
    assert_eq!(cells(&titles)[0], ["Lost", "N", "3", "75.0 %"]);
    let note = "From the files, because the list unmatched_titles is not loaded into warehouses.";
    assert!(titles.contains(note) && titles.contains("from the files of the star"), "{titles}");
    let songs = figure(&page, "top_songs");
    assert!(songs.contains("from the tables in postgres://") && !songs.contains("From the files"));
    let args = [
        "--output-format",
        "json",
        "report",
        "--star",
        "star",
        "--out",
        "report.html",
        "--on",
        &url,
    ];
    let document: Value = serde_json::from_str(&here.run(args).exits(0).stdout).unwrap();
    assert!(document["result"]["warehouse"].as_str().unwrap().starts_with("postgres://"));
    let sections = document["result"]["sections"].as_array().unwrap();
    let figures = sections.iter().flat_map(|section| section["figures"].as_array().unwrap());
    let source = |name: &str| {
        let mut figures = figures.clone();
        figures.find(|figure| figure["name"] == name).unwrap()["in_warehouse"].clone()
    };
    assert_eq!((source("unmatched_titles"), source("top_songs")), (json!(false), json!(true)));
}

#[test]
fn a_figure_of_a_list_that_the_star_lacks_is_left_out_with_the_reason() {
    let here = with_missing_titles();
    let mut record: Value = serde_json::from_str(&here.read("star/_starlift.json")).unwrap();
    record.as_object_mut().unwrap().remove("lists").unwrap();
    here.write("star/_starlift.json", record.to_string());
    let run = record["run_id"].as_str().unwrap();
    let page = page(&here, &[]);
    let reason =
        format!("the star of run {run} has no list unmatched_titles; the next transform adds it");
    assert!(figure(&page, "unmatched_titles").contains(&format!("Left out: {reason}.")));
    assert_eq!(cells(&figure(&page, "top_songs")).len(), 1);
    let args = ["--output-format", "json", "report", "--star", "star", "--out", "report.html"];
    let document: Value = serde_json::from_str(&here.run(args).exits(0).stdout).unwrap();
    let title = "Most played titles that the catalogue lacks";
    let left_out = json!([{"name": "unmatched_titles", "title": title, "reason": reason}]);
    assert_eq!(document["result"]["left_out"], left_out);
    here.run(["check", "--star", "star"]).exits(0);
    let query = ["query", "--star", "star", "--sql", "SELECT * FROM unmatched_titles"];
    here.run(query).exits(1).complains("has no list unmatched_titles; the next transform adds it");
}
