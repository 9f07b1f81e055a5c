//! The file: the same bytes for the same star, no other file replaced, and every error.

use super::*;
use crate::support::files;

#[test]
fn the_same_star_results_in_the_same_bytes() {
    let here = with_star();
    let first = page(&here, &["--threads", "1"]);
    report(&here, &["--threads", "4"]).exits(0).says("report    report.html (");
    assert!(here.read("report.html") == first, "the reports differ");
    assert_eq!(files(here.path()).iter().filter(|file| file.contains("report")).count(), 1);
}

#[test]
fn the_page_runs_and_fetches_nothing() {
    let page = page(&with_star(), &[]).to_lowercase();
    for part in [
        "<script",
        "javascript:",
        "<iframe",
        "<link",
        "<img",
        "@import",
        "url(",
        " onload=",
        " onerror=",
        " onclick=",
    ] {
        assert!(!page.contains(part), "the page has {part}");
    }
    assert!(page.contains("content-security-policy\" content=\"default-src 'none';"));
    for link in page.split("href=\"").skip(1) {
        assert!(link.starts_with('#') || link.starts_with("data:text/csv;"), "{}", &link[..40]);
    }
    let text =
        page.split("<pre").map(|part| part.split("</pre>").last().unwrap()).collect::<String>();
    assert!(!text.contains("src=\"http") && !text.contains("href=\"http"));
}

#[test]
fn the_page_has_no_names_of_listeners() {
    let page = page(&with_plays(SONG, &[play(7, NOON, 0)]), &[]);
    assert!(!page.contains("Adalbertina") && !page.contains("Zwistelhoff"));
}

#[test]
fn transform_writes_a_report_of_the_same_bytes() {
    let here = with_plays(SONG, &[play(7, NOON, 0)]);
    let transform =
        ["transform", "--songs", "songs", "--logs", "logs", "--out", "star", "--report"];
    here.run(transform.iter().chain(&["with.html"])).exits(0).says("report    with.html (");
    let after = page(&here, &[]);
    assert!(here.read("with.html") == after, "the reports differ");
    let quiet = here.run(transform.iter().chain(&["with.html", "--quiet"]));
    assert_eq!((quiet.code, quiet.stdout.as_str()), (Some(0), ""));
    here.run(transform.iter().chain(&["x.html", "--dry-run"]))
        .exits(2)
        .complains("cannot be used with");
}

#[test]
fn other_files_are_not_replaced() {
    let here = with_plays(SONG, &[play(7, NOON, 0)]);
    here.write("report.html", "mine");
    report(&here, &[]).exits(2).complains("report.html exists and is not a report of starlift");
    assert_eq!(here.read("report.html"), "mine");
    let transform = ["transform", "--songs", "songs", "--logs", "logs", "--out", "new", "--report"];
    here.run(transform.iter().chain(&["report.html"])).exits(2).complains("is not a report");
    assert!(!here.join("new").exists(), "the file is checked before the run");
    here.run(transform.iter().chain(&["none/report.html"]))
        .exits(2)
        .complains("there is no folder none");
    here.run(["report", "--star", "star", "--out", "."]).exits(1).complains("cannot read .");
    here.run(["report", "--star", "nowhere", "--out", "r.html"])
        .exits(1)
        .complains("there is no star");
    assert!(!here.join("r.html").exists());
}

#[test]
fn a_report_that_is_too_large_is_not_written() {
    let here = with_plays(SONG, &[play(7, NOON, 0)]);
    let before = page(&here, &[]);
    let sql = format!("-- Question: {}\nSELECT 1 AS one", "long ".repeat(60_000));
    here.write("own/report/large.sql", sql);
    report(&here, &["--queries", "own"])
        .exits(1)
        .complains("more than 500000; the largest figure is report/large.sql, with ")
        .complains("return fewer rows or shorter texts");
    assert!(here.read("report.html") == before, "the earlier report is unchanged");
}

#[test]
fn files_of_the_user_become_figures() {
    let here = with_plays(SONG, &[play(7, NOON, 0), play(8, NOON + 1000, 0)]);
    let sql = "-- Question: How many browsers are there?\n-- Section: Browsers & more\n-- Title: Browsers\n\
        -- Chart: bars\nSELECT COALESCE(user_agent, 'none') AS browser, COUNT(*) AS plays FROM songplays GROUP BY user_agent";
    here.write("own/report/browsers.sql", sql);
    here.write("own/report/top_artists.sql", "-- Title: Replaced\nSELECT 1 AS one");
    let page = page(&here, &["--queries", "own"]);
    assert!(page.contains(">Browsers &amp; more</h2>"), "the section has a heading");
    let own = figure(&page, "browsers");
    assert!(
        own.contains("Most: none, 2 plays.")
            && own.contains("report/browsers.sql, 1 row from the files of the star")
    );
    assert_eq!(cells(&own), [["none", "2"]]);
    assert_eq!(cells(&figure(&page, "top_artists")), [["1"]]);
}

#[test]
fn invalid_figures_are_errors_that_name_the_file() {
    let here = with_plays(SONG, &[play(7, NOON, 0)]);
    for (sql, part) in [
        ("-- Chart: pie\nSELECT 1 AS a", "report/mine.sql: the header names the chart \"pie\""),
        (
            "-- Chart: bars\nSELECT 'a' AS a, 'b' AS b",
            "report/mine.sql: the chart draws the column \"b\"",
        ),
        ("-- Chart: line\nSELECT 1 AS a", "report/mine.sql: the chart needs 2 columns"),
        ("SELECT none FROM songplays", "query report/mine.sql failed"),
        ("DELETE FROM songplays", "query report/mine.sql failed"),
    ] {
        here.write("own/report/mine.sql", sql);
        report(&here, &["--queries", "own"]).exits(1).complains(part);
        assert!(!here.join("report.html").exists());
    }
    let transform =
        ["transform", "--songs", "songs", "--logs", "logs", "--out", "new", "--queries", "own"];
    let outcome = here.run(transform.iter().chain(&["--report", "report.html"]));
    outcome.exits(1).complains("query report/mine.sql failed");
    assert!(!here.join("new").exists(), "figures are checked before the run");
}

#[test]
fn another_model_has_a_report_with_its_own_figures() {
    let here = Workspace::new();
    let model = root("fixtures/models/github");
    let copy = here.join("model");
    assert!(
        std::process::Command::new("cp")
            .arg("-r")
            .args([&model, &copy])
            .status()
            .unwrap()
            .success()
    );
    let inputs = format!("{}/data", copy.display());
    let flags: Vec<String> = ["events", "commits"]
        .iter()
        .flat_map(|name| ["--input".to_owned(), format!("{name}={inputs}")])
        .collect();
    let run = ["transform", "--model", "model", "--out", "star"].map(str::to_owned);
    here.run(run.iter().chain(&flags)).exits(0);
    let bare = page(&here, &["--model", "model"]);
    assert!(bare.contains("<h1>github</h1>"));
    assert!(bare.contains(">Data quality</h2>") && bare.contains(">Lineage</h2>"));
    assert!(bare.contains("adds up"), "the accounting of the model is drawn");
    here.write(
        "model/report/by_type.sql",
        "-- Title: Events by type\n-- Chart: bars\nSELECT event_type, COUNT(*) AS events FROM events GROUP BY event_type ORDER BY 2 DESC, 1",
    );
    let page = page(&here, &["--model", "model"]);
    assert!(cells(&figure(&page, "by_type")).len() > 3);
}
