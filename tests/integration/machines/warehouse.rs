//! The documents of commands that use a warehouse.

use serde_json::{Value, json as value};

use super::{TRANSFORM, json, with_data, with_star};
use crate::support::postgres::{Database, Postgres};

const NOWHERE: &str = "postgres://ann@127.0.0.1:1/none";

fn database() -> Database {
    Postgres::shared().database()
}

#[tokio::test]
async fn loads_report_the_tables_and_what_was_done() {
    let (here, database) = (with_star(), database());
    let url = database.url();
    let load = ["load", "--star", "star", "--to", &url];
    let plan = json(&here, &[&load[..], &["--dry-run"]].concat()).exits(0).document("load");
    assert_eq!(plan["result"]["status"], "planned");
    assert!(plan["result"]["plan_text"].as_str().unwrap().contains("CREATE TABLE"), "{plan}");
    let first = json(&here, &load).exits(0).document("load")["result"].clone();
    assert_eq!((&first["status"], &first["load_number"]), (&value!("replaced"), &value!(1)));
    let songplays =
        first["tables"].as_array().unwrap().iter().find(|t| t["name"] == "songplays").unwrap();
    assert_eq!(songplays["rows"], 2);
    assert!(first["equal_statistics"].as_u64().unwrap() > 20, "{first}");
    let second = json(&here, &load).exits(0).document("load");
    assert_eq!(second["result"]["status"], "already_loaded");
    let history = ["history", "--star", "star", "--on", &url];
    let history = json(&here, &history).exits(0).document("history");
    assert_eq!(history["result"]["events"][0]["event"], "load");
    assert_eq!(history["result"]["events"][0]["load"], 1);
    let checks = json(&here, &["check", "--star", "star", "--on", &url]);
    let checks = checks.exits(0).document("check")["result"].clone();
    assert_eq!(checks["subject"], "warehouse");
    assert!(checks["skipped"].as_u64().unwrap() > 0, "{checks}");
    let compare = json(&here, &["query", "--star", "star", "--on", &url, "--compare"]);
    let compared = compare.exits(0).document("query")["result"]["compared"].clone();
    assert_eq!(compared.as_array().unwrap().len(), 11);
    assert!(compared.as_array().unwrap().iter().all(|query| query["difference"].is_null()));
    let failed = json(&here, &["load", "--star", "star", "--to", NOWHERE]);
    failed.exits(1).error("load", "connection-failed");
    assert_eq!(failed.document("load")["result"]["status"], "failed");
}

#[tokio::test]
async fn a_run_reports_its_steps_even_if_a_later_one_fails() {
    let (here, database) = (with_data(), database());
    let run = |to: &str| {
        let args = [&["run"][..], &TRANSFORM[1..], &["--to", to]].concat();
        json(&here, &args)
    };
    let failed = run(NOWHERE);
    failed.exits(1).error("run", "connection-failed");
    let result = failed.document("run")["result"].clone();
    assert_eq!(result["transform"]["status"], "published");
    assert_eq!(
        (&result["load"]["status"], &result["verification"]),
        (&value!("failed"), &Value::Null)
    );
    let result = run(&database.url()).exits(0).document("run")["result"].clone();
    assert_eq!(result["transform"]["status"], "up_to_date");
    assert_eq!(result["load"]["load_number"], 1);
    assert_eq!(result["load"]["run_id"], result["transform"]["run_id"]);
    assert_eq!(result["verification"]["equal_queries"], 11);
}

#[tokio::test]
async fn selftest_reports_its_steps() {
    let (here, database) = (with_data(), database());
    let outcome = json(&here, &["selftest", "--to", &database.url()]);
    let steps = outcome.exits(0).document("selftest")["result"]["steps"].clone();
    let steps = steps.as_array().unwrap();
    assert!(steps.len() >= 7 && steps.iter().all(|step| step["succeeded"] == true), "{steps:?}");
    let failed = json(&here, &["selftest", "--to", NOWHERE]);
    failed.exits(1).error("selftest", "connection-failed");
    let steps = failed.document("selftest")["result"]["steps"].clone();
    assert!(steps.as_array().unwrap().iter().any(|step| step["succeeded"] == false), "{steps}");
}

#[tokio::test]
async fn no_document_metric_or_log_contains_a_password() {
    let (here, database) = (with_star(), database());
    const PASSWORD: &str = "hunter2-secret";
    let url = database.url().replacen("starlift@", &format!("starlift:{PASSWORD}@"), 1);
    assert!(url.contains(PASSWORD), "{url}");
    let args = ["load", "--star", "star", "--to", &url, "--metrics-file", "m.prom", "-vv"];
    for args in
        [&args[..], &["doctor", "--star", "star", "--to", &url], &["selftest", "--to", &url]]
    {
        let mut command = here.command();
        command.env("PGPASSWORD", PASSWORD).args(args).args(["--output-format", "json"]);
        let outcome = here.outcome(&mut command);
        assert!(!outcome.stdout.contains(PASSWORD), "{outcome}");
        assert!(!outcome.stderr.contains(PASSWORD), "{outcome}");
    }
    if here.join("m.prom").exists() {
        assert!(!here.read("m.prom").contains(PASSWORD));
    }
}
