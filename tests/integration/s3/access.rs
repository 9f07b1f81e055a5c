//! Credentials, permissions, regions and endpoints.

use crate::support::s3::{Op, Rule};

use super::*;

#[test]
fn a_public_bucket_is_read_without_a_signature() {
    let bench = Bench::new(Faults { anonymous: true, ..Faults::default() });
    bench.outcome(bench.transform(&["--no-sign-request"])).exits(0);
    let requests = bench.server.requests();
    assert!(!requests.is_empty() && requests.iter().all(|request| !request.signed));
    bench.run(&["check", "--star", "s3://sparkify/star", "--no-sign-request"]).exits(0);
    bench.assert_star_is_as_on_disk();
}

#[test]
fn error_for_missing_credentials_says_how_to_provide_them() {
    let bench = Bench::new(Faults::default());
    let mut command = bench.transform(&[]);
    command.env_remove("AWS_ACCESS_KEY_ID").env_remove("AWS_SECRET_ACCESS_KEY");
    let outcome = bench.outcome(command);
    outcome.fails_with("not-signed-in").naming(&[
        "s3://sparkify/",
        "aws sso login",
        "--no-sign-request",
    ]);
}

#[test]
fn error_for_wrong_credentials_names_the_bucket_and_leaks_nothing() {
    const WRONG: &str = "wrongwrongwrongwrongwrongwrongwrongwrong";
    const TOKEN: &str = "tokentokentokentoken";
    let bench = Bench::new(Faults::default());
    for more in [&[][..], &["-vv"], &["-vv", "--log-format", "json"]] {
        let mut command = bench.transform(more);
        command.env("AWS_SECRET_ACCESS_KEY", WRONG).env("AWS_SESSION_TOKEN", TOKEN);
        let outcome = bench.outcome(command);
        outcome.fails_with("access-denied").naming(&["s3://sparkify/", "s3:GetObject"]);
        for secret in [WRONG, TOKEN, bench.server.credentials().1] {
            assert!(
                !outcome.stderr.contains(secret) && !outcome.stdout.contains(secret),
                "{outcome}"
            );
        }
    }
    assert!(bench.server.keys("star/").is_empty());
}

#[test]
fn denied_object_is_named_with_the_missing_permission() {
    let bench = Bench::new(Faults::default());
    let key = bench.server.keys("data/log_data").pop().unwrap();
    bench.server.inject(Rule::status(403, Op::Get, &key));
    let outcome = bench.outcome(bench.transform(&[]));
    outcome.fails_with("access-denied").naming(&[&format!("s3://sparkify/{key}"), "s3:GetObject"]);
}

#[test]
fn missing_bucket_is_named() {
    let bench = Bench::new(Faults::default());
    let args = ["--songs", "s3://nowhere/songs", "--logs", "data/log_data", "--out", "star"];
    let outcome = bench.run(&[&["transform"], &args[..]].concat());
    outcome.fails_with("object-not-found").naming(&["s3://nowhere/songs", "NoSuchBucket"]);
}

fn abroad() -> Faults {
    Faults { region: "eu-north-1".into(), strict_region: true, ..Faults::default() }
}

/// Returns the regions for which requests were signed.
fn signed_regions(server: &S3Server) -> Vec<String> {
    let region = |authorization: &str| authorization.split('/').nth(2).unwrap().to_owned();
    let requests = server.requests();
    let signed = requests.iter().filter_map(|request| request.header("authorization"));
    let mut regions: Vec<String> = signed.map(region).collect();
    regions.sort();
    regions.dedup();
    regions
}

#[test]
fn region_of_a_bucket_is_detected() {
    let bench = Bench::new(abroad());
    for configured in [None, Some("us-west-2")] {
        let mut command = bench.transform(&[]);
        command.env_remove("AWS_REGION");
        command.envs(configured.map(|region| ("AWS_REGION", region)));
        bench.outcome(command).exits(0);
        assert_eq!(signed_regions(&bench.server), ["eu-north-1"]);
    }
}

#[test]
fn region_of_a_bucket_is_detected_when_the_first_attempt_fails() {
    let bench = Bench::new(abroad());
    for rule in [Rule::status(503, Op::HeadBucket, ""), Rule::hang_up(Op::HeadBucket, "")] {
        bench.server.inject(rule.times(1));
        let mut command = bench.transform(&[]);
        command.env_remove("AWS_REGION");
        bench.outcome(command).exits(0);
        assert_eq!(signed_regions(&bench.server), ["eu-north-1"]);
    }
}

#[test]
fn configured_region_is_not_requested() {
    let bench = Bench::new(abroad());
    bench.outcome(bench.transform(&["--region", "eu-north-1"])).exits(0);
    assert_eq!(bench.server.count(Op::HeadBucket, ""), 0);
}

#[test]
fn a_wrong_region_is_an_error_that_names_both() {
    let bench = Bench::new(abroad());
    let outcome = bench.outcome(bench.transform(&["--region", "us-west-2"]));
    outcome.exits(1).complains("s3://sparkify/").complains("us-west-2").complains("eu-north-1");
    assert!(bench.server.keys("star/").is_empty());
}

#[test]
fn the_endpoint_comes_from_the_flag_or_the_environment_or_the_file() {
    let bench = Bench::new(Faults::default());
    let endpoint = bench.server.endpoint();
    let nowhere = "http://127.0.0.1:9";
    let list = || {
        let mut command = bench.transform(&["--dry-run"]);
        command.env_remove("AWS_ENDPOINT_URL");
        command
    };
    let mut flag = list();
    flag.args(["--endpoint-url", &endpoint]).env("STARLIFT_ENDPOINT_URL", nowhere);
    bench.outcome(flag).exits(0);
    for variable in ["STARLIFT_ENDPOINT_URL", "AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_S3"] {
        let mut command = list();
        command.env(variable, &endpoint);
        bench.outcome(command).exits(0);
    }
    bench.workspace.write("starlift.toml", format!("endpoint_url = \"{endpoint}\"\n"));
    bench.outcome(list()).exits(0);
    let mut file_over_aws = list();
    file_over_aws.env("AWS_ENDPOINT_URL", nowhere);
    bench.outcome(file_over_aws).exits(0);
}
