//! The documents of `report`, and of transforms that write a report.

use serde_json::Value;

use super::{TRANSFORM, json, with_data, with_star};

const REPORT: [&str; 5] = ["report", "--star", "star", "--out", "report.html"];

#[test]
fn a_report_states_the_file_its_sections_and_its_figures() {
    let here = with_star();
    let outcome = json(&here, &REPORT);
    let document = outcome.exits(0).document("report");
    let result = &document["result"];
    let page = here.read("report.html");
    assert_eq!((&result["file"], &result["warehouse"]), (&"report.html".into(), &Value::Null));
    assert_eq!(result["bytes"], page.len());
    assert!(result["star"].as_str().unwrap().ends_with("/star"), "{result}");
    let record: Value = serde_json::from_str(&here.read("star/_starlift.json")).unwrap();
    assert_eq!(result["run_id"], record["run_id"]);
    assert_eq!(result["left_out"], Value::Array(Vec::new()));
    let sections = result["sections"].as_array().unwrap();
    let headings = sections.iter().map(|section| section["name"].as_str().unwrap());
    let in_page = page.split("<h2 id=\"").skip(1);
    let in_page = in_page.map(|part| part.split(['>', '<']).nth(1).unwrap());
    assert_eq!(headings.collect::<Vec<_>>(), in_page.collect::<Vec<_>>());
    let figures: Vec<&Value> =
        sections.iter().flat_map(|section| section["figures"].as_array().unwrap()).collect();
    assert_eq!(figures.len(), page.matches("<details class=\"how\">").count());
    for figure in &figures {
        let (name, title) = (figure["name"].as_str().unwrap(), figure["title"].as_str().unwrap());
        assert!(page.contains(&format!(">{title}</h3>")), "{name}: {title}");
        assert_eq!(figure["in_warehouse"], false, "{name}");
    }
    let rows = |name: &str| {
        let figure = figures.iter().find(|figure| figure["name"] == name);
        figure.unwrap_or_else(|| panic!("no figure {name}"))["rows"].as_u64()
    };
    assert_eq!((rows("totals"), rows("inputs"), rows("rejects")), (Some(1), Some(2), Some(1)));
    assert_eq!(rows("unmatched_titles"), record["lists"]["unmatched_titles"]["rows"].as_u64());
}

#[test]
fn a_report_that_is_not_written_has_an_error_and_no_result() {
    let here = with_star();
    here.write("report.html", "mine");
    let document = json(&here, &REPORT).exits(2).document("report");
    assert!(document["result"].is_null(), "{document}");
    assert!(document["error"]["message"].as_str().unwrap().contains("report.html exists"));
    assert_eq!(here.read("report.html"), "mine");
}

#[test]
fn a_transform_states_its_lists_and_its_report() {
    let here = with_data();
    let document = json(&here, &TRANSFORM).exits(0).document("transform");
    assert!(document["result"]["report"].is_null());
    let args = [&TRANSFORM[..], &["--report", "report.html"]].concat();
    let document = json(&here, &args).exits(0).document("transform");
    let result = &document["result"];
    assert_eq!(result["report"]["bytes"], here.read("report.html").len());
    assert_eq!(result["report"]["run_id"], result["run_id"]);
    let list = &result["lists"][0];
    assert_eq!((&list["name"], &list["rows"]), (&"unmatched_titles".into(), &1.into()));
    let file = here.join("star").join(list["file"].as_str().unwrap());
    assert_eq!(list["bytes"], file.metadata().unwrap().len());
    let args = [&["run"], &args[1..], &["--to", "postgres://ann@127.0.0.1:1/none?sslmode=disable"]];
    let document = json(&here, &args.concat()).exits(1).document("run");
    let transform = &document["result"]["transform"];
    assert_eq!(transform["report"]["run_id"], transform["run_id"]);
}
