//! Loads and queries through the Redshift Data API, for a warehouse whose port is unreachable.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use super::workgroup::{Cloud, ROLE};
use super::*;
use crate::support::redshift::{DataApi, Fault, Gate, On, What as Failure, When};

/// The URL of a host that does not exist.
const URL: &str = "redshift://loader@stars.abc123.us-east-1.redshift.amazonaws.com:5439/dev";

const LOAD: [&str; 5] = ["load", "--to", "redshift", "--iam-role", ROLE];

/// Writes a star and starts a warehouse that only the Data API can reach.
async fn cloud() -> Option<(Cloud, Arc<DataApi>)> {
    let cloud = Cloud::new(&format!("url = \"{URL}?via=data-api\"")).await?;
    let api = DataApi::of(&cloud.redshift);
    cloud.account.aws.serve_data_api(&api);
    cloud.run(&["transform"]).exits(0);
    Some((cloud, api))
}

fn fault(on: On, when: When, what: Failure) -> Fault {
    Fault { on, skip: 0, when, what }
}

fn conflict() -> Failure {
    Failure::passing_errors().remove(0)
}

#[tokio::test(flavor = "multi_thread")]
async fn loads_and_queries_need_no_port() {
    let Some((cloud, _)) = cloud().await else { return };
    cloud.run(&LOAD).exits(0).says("statistics equal those of the files");
    cloud.run(&["check", "--on", "redshift"]).exits(0);
    cloud.run(&["verify", "--on", "redshift"]);
    let sql = "SELECT level, COUNT(*) AS plays FROM songplays GROUP BY level ORDER BY level";
    let question = ["query", "--sql", sql, "--format", "csv"];
    let local = cloud.run(&question);
    let there = cloud.run(&[&question[..], &["--on", "redshift"]].concat());
    local.exits(0);
    there.exits(0);
    assert_eq!(local.stdout, there.stdout);
    // The result has more rows than a page of the stand-in.
    let sql = "SELECT song_id, title, duration FROM songs ORDER BY song_id";
    let question = ["query", "--sql", sql, "--format", "csv"];
    let there = cloud.run(&[&question[..], &["--on", "redshift"]].concat());
    assert_eq!(cloud.run(&question).stdout, there.stdout);
    assert!(there.stdout.lines().count() > 5, "{there}");
    let here = &cloud.account.here;
    let script = here.write("script.sql", "SELECT 1 AS one;\n\\query months_present\n");
    let mut shell = cloud.account.command();
    shell.args(["shell", "--on", "redshift", "--format", "csv"]);
    shell.stdin(std::fs::File::open(script).unwrap());
    here.outcome(&mut shell).exits(0).says("one\n1\nyear,month,");
    cloud.run(&LOAD).exits(0).says("is already loaded into");
    cloud.run(&["query", "most_played_songs", "--on", "redshift", "--compare"]).exits(0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_session_logs_in_by_the_configured_method() {
    let Some((cloud, _)) = cloud().await else { return };
    let ask = ["check", "--on", "redshift"];
    let arn = "arn:aws:secretsmanager:us-east-1:123456789012:secret:stars-AbCdEf";
    for (more, present, absent) in [
        (&[][..], ("DbUser", "loader"), "SecretArn"),
        (&["--auth", "iam-identity"], ("ClusterIdentifier", "stars"), "DbUser"),
        (&["--password-secret", arn], ("SecretArn", arn), "DbUser"),
        (&["--workgroup", "analytics"], ("WorkgroupName", "analytics"), "ClusterIdentifier"),
    ] {
        cloud.account.aws.forget_requests();
        cloud.run(&[&ask[..], more].concat());
        let requests = cloud.account.aws.requests();
        let opened = requests.iter().find(|request| request.params.contains_key("Database"));
        let params = &opened.unwrap_or_else(|| panic!("{more:?}: {requests:#?}")).params;
        assert_eq!(params.get(present.0).map(String::as_str), Some(present.1), "{params:?}");
        assert!(!params.contains_key(absent), "{params:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_statements_are_the_same_as_through_the_port() {
    let Some((cloud, _)) = cloud().await else { return };
    let plain = |from: usize| -> Vec<String> {
        let own = |sql: &String| !sql.contains("application_name") && !sql.contains("_probe_");
        let statements = cloud.redshift.statements().into_iter().skip(from).filter(own);
        // The names of an attempt and the identifiers of a load are random.
        let digits = |sql: String| sql.replace(|c: char| c.is_ascii_hexdigit(), "");
        // The check that a transaction spans requests adds one of each.
        let is_frame = |sql: &String| ["GIN", "ROLLK"].contains(&sql.as_str());
        statements.map(digits).filter(|sql| !is_frame(sql)).collect()
    };
    cloud.run(&LOAD).exits(0);
    let of_api = plain(0);
    let from = cloud.redshift.statements().len();
    let database = cloud.redshift.database().client().await;
    database.batch_execute("DROP SCHEMA star CASCADE").await.unwrap();
    let file = cloud.account.here.join("starlift.toml");
    let settings = std::fs::read_to_string(&file).unwrap();
    let ca = format!("sslrootcert = \"{}\"\n", cloud.redshift.ca_file().display());
    let url = format!("redshift://loader@localhost:{}/dev", cloud.redshift.port());
    let settings = settings.replace(&format!("{URL}?via=data-api"), &url) + &ca;
    std::fs::write(&file, settings).unwrap();
    let arn = "arn:aws:secretsmanager:us-east-1:123456789012:secret:stars-AbCdEf";
    cloud.account.aws.set_secret(arn, cloud.redshift.password());
    cloud.run(&[&LOAD[..], &["--password-secret", arn]].concat()).exits(0);
    assert_eq!(of_api, plain(from));
}

#[tokio::test(flavor = "multi_thread")]
async fn transient_errors_are_retried_and_others_reported() {
    let Some((cloud, _)) = cloud().await else { return };
    let inject = |on, when, what| cloud.redshift.inject(fault(on, when, what));
    for (on, when) in [
        (On::Copy, When::Within),
        (On::Rename, When::Before),
        (On::Insert, When::Before),
        (On::Begin, When::Before),
    ] {
        for what in [conflict(), Failure::Cut] {
            inject(on.clone(), when, what);
            cloud.run(&[&LOAD[..], &["--force"]].concat()).exits(0);
            assert_eq!(cloud.redshift.faults_left(), 0);
        }
    }
    // The answer to COMMIT is lost, so the ledger decides.
    inject(On::Commit, When::After, Failure::Cut);
    cloud.run(&[&LOAD[..], &["--force"]].concat()).exits(0);
    let code = "42501".to_owned();
    let message = "permission denied for schema star".to_owned();
    inject(On::Copy, When::Before, Failure::Error { code, message, detail: None });
    let rejected = cloud.run(&[&LOAD[..], &["--force"]].concat());
    rejected
        .fails_with("statement-rejected")
        .naming(&["permission denied for schema star", "needs USAGE"]);
    let role = "arn:aws:iam::123456789012:role/other";
    cloud
        .run(&["load", "--to", "redshift", "--force", "--iam-role", role])
        .fails_with("statement-rejected")
        .naming(&["not authorized to assume"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn failed_requests_are_retried_and_executed_once() {
    let Some((cloud, _)) = cloud().await else { return };
    for rule in [
        Rule::new("BatchExecuteStatement", Effect::Lose).after(9),
        Rule::new("BatchExecuteStatement", Effect::Throttle).after(20),
        Rule::new("DescribeStatement", Effect::Throttle).after(30),
        Rule::new("DescribeStatement", Effect::Lose).after(12),
        Rule::new("GetStatementResult", Effect::Lose).after(3),
    ] {
        cloud.account.aws.inject(rule);
    }
    cloud.run(&LOAD).exits(0).says("statistics equal those of the files");
    assert_eq!(cloud.account.aws.rules_left(), 0);
    let begun = cloud.redshift.statements().iter().filter(|sql| sql.contains("COPY")).count();
    assert_eq!(begun, 5);
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_loaded_if_each_request_commits() {
    let Some((cloud, api)) = cloud().await else { return };
    api.wraps.store(true, Ordering::SeqCst);
    cloud.run(&LOAD).fails_with("unexpected-answer").naming(&["commits each request"]);
    let made = cloud.redshift.statements();
    assert!(made.iter().all(|sql| !sql.contains("starlift_new_")), "{made:#?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn concurrent_loads_exclude_each_other() {
    let Some((cloud, api)) = cloud().await else { return };
    let gate = Gate::new();
    cloud.redshift.inject(fault(On::Copy, When::Before, Failure::Hold(gate.clone())));
    let mut first = cloud.account.command();
    first.env("AWS_ENDPOINT_URL_S3", cloud.s3.endpoint()).args(LOAD);
    let mut first = first.spawn().unwrap();
    gate.reached().await;
    let second = cloud.run(&[&LOAD[..], &["--lock-timeout", "1"]].concat());
    second.fails_with("load-locked");
    gate.open();
    assert!(tokio::task::block_in_place(|| first.wait()).unwrap().success());
    // The sessions of the failed load roll back and end soon.
    let begun = Instant::now();
    while api.open_sessions() > 12 && begun.elapsed() < Duration::from_secs(20) {
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    cloud.run(&[&LOAD[..], &["--force", "--lock-timeout", "5"]].concat()).exits(0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_load_survives_the_end_of_its_sessions() {
    let Some((cloud, api)) = cloud().await else { return };
    let gate = Gate::new();
    cloud.redshift.inject(fault(On::Copy, When::After, Failure::Hold(gate.clone())));
    let mut load = cloud.account.command();
    load.env("AWS_ENDPOINT_URL_S3", cloud.s3.endpoint()).args(LOAD);
    let mut load = load.spawn().unwrap();
    gate.reached().await;
    gate.open();
    api.drop_sessions().await;
    assert!(tokio::task::block_in_place(|| load.wait()).unwrap().success());
    cloud.run(&["check", "--on", "redshift"]).exits(0);
}

#[tokio::test(flavor = "multi_thread")]
async fn options_that_the_data_api_does_not_support_are_rejected() {
    let Some((cloud, _)) = cloud().await else { return };
    for (more, reason) in [
        (&["--copy-auth", "session"][..], "shows statements to"),
        (&["--auth", "password"], "does not accept a password"),
        (&["--auth", "iam", "--db-group", "etl"], "does not accept database groups"),
    ] {
        cloud
            .run(&[&["load", "--to", "redshift"][..], more].concat())
            .fails_with("invalid-option")
            .naming(&[reason]);
    }
    for (url, reason) in [
        (format!("{URL}?via=pigeon"), "use port or data-api"),
        (format!("{URL}?via=data-api&sslmode=verify-full"), "reached over HTTPS"),
        ("redshift://loader@localhost/dev?via=data-api".to_owned(), "--cluster or --workgroup"),
        ("postgres://ann@localhost/dev?via=data-api".to_owned(), "via in the URL of the warehouse"),
    ] {
        cloud.run(&["check", "--on", &url]).exits(2).complains(reason);
    }
    cloud.account.aws.inject(Rule::new("BatchExecuteStatement", Effect::Deny));
    cloud.run(&LOAD).fails_with("login-failed").naming(&["redshift-data:BatchExecuteStatement"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn doctor_checks_the_data_api() {
    let Some((cloud, _)) = cloud().await else { return };
    cloud.account.create_foreign_cluster("stars", &[]);
    let outcome = cloud.run(&["doctor", "--to", "redshift"]);
    outcome.says("reached through the Data API").says("loader logs in to dev");
}
