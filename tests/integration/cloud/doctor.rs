//! `doctor`: each check passes, and fails with a remedy.

use super::warehouse::{Cloud, ROLE};
use super::*;
use crate::support::postgres::{Postgres, SECRET_PASSWORD, SECRET_USER};
use crate::support::redshift::{Auth, Config, Redshift};
use crate::support::s3::{Op, Rule as S3Rule, S3Server};

const OTHER_TRUST: &str = "{\"Version\":\"2012-10-17\",\"Statement\":[{\"Effect\":\"Allow\",\
    \"Action\":\"sts:AssumeRole\",\"Principal\":{\"Service\":\"ec2.amazonaws.com\"}}]}";

/// The line of the output that reports a check.
fn line<'a>(outcome: &'a Outcome, check: &str) -> &'a str {
    let lines = outcome.stdout.lines();
    let found = lines.into_iter().find(|line| line.get(8..).is_some_and(|l| l.starts_with(check)));
    found.unwrap_or_else(|| panic!("no check {check:?}\n{outcome}"))
}

#[track_caller]
fn passes(outcome: &Outcome, check: &str) {
    assert!(line(outcome, check).starts_with("ok"), "{check}\n{outcome}");
}

/// Asserts that a check fails with this reason and this remedy.
#[track_caller]
fn fails(outcome: &Outcome, check: &str, reason: &str, remedy: &str) {
    outcome.exits(4);
    let line = line(outcome, check);
    assert!(line.starts_with("FAILED") && line.contains(reason), "{check} {reason}\n{outcome}");
    let after = outcome.stdout.split_once(line).unwrap().1.trim_start();
    let next = after.lines().next().unwrap_or_default();
    assert!(
        next.starts_with("what to do:") && next.contains(remedy),
        "{check} {remedy}\n{outcome}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn all_checks_pass() {
    let Some(cloud) = Cloud::new().await else { return };
    cloud.run(&["provision", "--yes"]).exits(0);
    cloud.run(&["transform"]).exits(0);
    let outcome = cloud.run(&["doctor"]);
    outcome.exits(0).says("0 not checked");
    for check in [
        "configuration",
        "region ",
        "credentials",
        "songs",
        "logs",
        "star: list",
        "star: write",
        "star: record",
        "cluster",
        "regions",
        "role ",
        "role: trust",
        "role: attached",
        "role: policy",
        "port",
        "certificate",
        "login",
        "rights",
    ] {
        passes(&outcome, check);
    }
    outcome.says(crate::support::aws::USER).says(ROLE);
    let left = cloud.s3.keys("star");
    assert!(left.iter().all(|key| !key.contains("doctor")), "{left:?}");
    let quiet = cloud.run(&["doctor", "--quiet"]);
    assert_eq!(quiet.exits(0).stdout, "");
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_cluster_the_rest_is_checked() {
    let Some(cloud) = Cloud::new().await else { return };
    let outcome = cloud.run(&["doctor"]);
    passes(&outcome, "songs");
    passes(&outcome, "star: write");
    outcome.says("there is no star yet");
    fails(&outcome, "cluster", "there is no cluster sparkify", "starlift provision");
    outcome.says("the cluster is not running");
    outcome.complains("1 check failed: cluster");
}

#[test]
fn local_folders_alone_need_no_cloud() {
    let here = Workspace::new();
    let sample = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/sample");
    here.write(
        "starlift.toml",
        format!(
            "[transform]\nsongs = \"{0}/song_data\"\nlogs = \"{0}/log_data\"\nout = \"star\"\n",
            sample.display()
        ),
    );
    let outcome = here.run(["doctor"]);
    outcome.exits(0).says("AWS is not used").says("no warehouse is specified");
    passes(&outcome, "songs");
    passes(&outcome, "star: write");
    assert!(!here.join("star").exists() || crate::support::files(&here.join("star")).is_empty());
    // The file of `init` has a table for a warehouse without a name.
    let (songs, logs) = (sample.join("song_data"), sample.join("log_data"));
    let args = ["init", "--force", "--out", "star", "--songs", songs.to_str().unwrap()];
    here.run(args.iter().chain(&["--logs", logs.to_str().unwrap()])).exits(0);
    here.run(["doctor"]).exits(0).says("no warehouse is specified");
}

#[test]
fn an_invalid_configuration_fails_and_the_rest_is_checked() {
    let here = Workspace::new();
    here.write("starlift.toml", "sta = \"x\"\n");
    let outcome = here.run(["doctor", "--songs", "nowhere"]);
    fails(&outcome, "configuration", "unknown field `sta`", "starlift init --force");
    fails(&outcome, "songs", "nowhere", "");
    outcome.complains("2 checks failed: configuration, songs");
}

#[test]
fn inaccessible_places_fail() {
    let s3 = S3Server::start();
    let here = Workspace::new();
    s3.put("logs/readme.txt", "not JSON");
    let ask = |more: &[&str]| {
        let mut command = here.command();
        s3.apply(&mut command);
        here.outcome(command.arg("doctor").args(more))
    };
    let outcome = ask(&["--songs", "s3://nowhere/songs", "--logs", &s3.url("logs")]);
    fails(&outcome, "songs", "NoSuchBucket", "--songs");
    fails(&outcome, "logs", "no JSON objects", "--logs");
    let star = s3.url("star");
    for (op, check) in
        [(Op::Put, "star: write"), (Op::Delete, "star: write"), (Op::List, "star: list")]
    {
        s3.inject(S3Rule::status(403, op, "star"));
        let outcome = ask(&["--star", &star]);
        fails(&outcome, check, &star, "s3:");
    }
}

#[test]
fn missing_jsonpaths_and_a_broken_record_fail() {
    let s3 = S3Server::start();
    let here = Workspace::new();
    here.write("paths.json", "{\"jsonpaths\": []}");
    let ask = |paths: &str| {
        here.write(
            "starlift.toml",
            format!("star = \"{}\"\n[transform]\nlog_jsonpaths = \"{paths}\"\n", s3.url("star")),
        );
        let mut command = here.command();
        s3.apply(&mut command);
        here.outcome(command.arg("doctor"))
    };
    passes(&ask("paths.json"), "JSONPaths");
    s3.put("star/_starlift.json", "{}");
    let outcome = ask("nowhere.json");
    fails(&outcome, "JSONPaths", "does not exist", "leave it out");
    fails(&outcome, "star: record", "_starlift.json", "starlift run");
}

#[tokio::test(flavor = "multi_thread")]
async fn expired_credentials_and_a_missing_region_fail() {
    let Some(cloud) = Cloud::new().await else { return };
    cloud.account.aws.inject(Rule::new(
        "GetCallerIdentity",
        Effect::Reject {
            status: 403,
            code: "ExpiredToken",
            message: "The security token included in the request is expired".to_owned(),
        },
    ));
    let outcome = cloud.run(&["doctor"]);
    fails(&outcome, "credentials", "ExpiredToken", "aws sso login");
    outcome.says("AWS cannot be queried");

    let mut command = cloud.command();
    command.env_remove("AWS_REGION").arg("doctor");
    let outcome = cloud.account.here.outcome(&mut command);
    fails(&outcome, "region", "no AWS region is configured", "--region");
}

#[tokio::test(flavor = "multi_thread")]
async fn faults_of_cluster_and_role_fail_their_checks() {
    let Some(cloud) = Cloud::new().await else { return };
    cloud.run(&["provision", "--yes"]).exits(0);
    let (aws, role) = (&cloud.account.aws, "starlift-sparkify-us-east-1");
    // `provision` requires the endpoint to have the port of the plan.
    let provision_again = || {
        aws.set_cluster_endpoint("localhost", 5439);
        cloud.run(&["provision", "--yes"]).exits(0);
        aws.set_cluster_endpoint("localhost", cloud.redshift.port());
    };

    let policy =
        aws.call("iam", "GetRolePolicy", &[("RoleName", role), ("PolicyName", "read-star")]);
    assert!(policy.contains("s3"), "{policy}");
    aws.call("iam", "DeleteRolePolicy", &[("RoleName", role), ("PolicyName", "read-star")]);
    let outcome = cloud.run(&["doctor"]);
    let lacks = "s3:GetObject, s3:ListBucket, s3:GetBucketLocation";
    fails(&outcome, "role: policy", lacks, "starlift provision");
    provision_again();

    // The policy does not cover another star.
    let elsewhere = cloud.s3.url("elsewhere");
    let outcome = cloud.run(&["doctor", "--star", &elsewhere]);
    fails(&outcome, "role: policy", "s3:GetObject, s3:ListBucket for", "starlift provision");

    let trust = [("RoleName", role), ("PolicyDocument", OTHER_TRUST)];
    aws.call("iam", "UpdateAssumeRolePolicy", &trust);
    let outcome = cloud.run(&["doctor"]);
    fails(&outcome, "role: trust", "does not allow redshift.amazonaws.com", "sts:AssumeRole");
    provision_again();

    aws.inject(Rule::new(
        "DescribeClusters",
        Effect::Rewrite("in-sync".to_owned(), "adding".to_owned()),
    ));
    fails(&cloud.run(&["doctor"]), "role: attached", "still adding", "wait");

    aws.inject(Rule::new("SimulatePrincipalPolicy", Effect::Deny));
    let outcome = cloud.run(&["doctor"]);
    outcome.exits(0).says("not checked: iam:SimulatePrincipalPolicy");

    aws.call(
        "redshift",
        "ModifyClusterIamRoles",
        &[("ClusterIdentifier", "sparkify"), ("RemoveIamRoles.IamRoleArn.1", ROLE)],
    );
    fails(&cloud.run(&["doctor"]), "role ", "no default role", "--iam-role");
    let outcome = cloud.run(&["doctor", "--iam-role", ROLE]);
    fails(&outcome, "role: attached", "not attached", "starlift provision");
    let outcome = cloud.run(&["doctor", "--iam-role", "arn:aws:iam::123456789012:role/gone"]);
    fails(&outcome, "role ", "there is no role", "starlift provision");

    let outcome = cloud.run(&["doctor", "--cluster", "other"]);
    fails(&outcome, "cluster", "there is no cluster other in us-east-1", "--region");

    cloud.run(&["pause"]).exits(0);
    fails(&cloud.run(&["doctor"]), "cluster", "paused", "starlift resume");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bucket_in_another_region_fails() {
    let Some(account) = Account::new() else { return };
    let faults =
        crate::support::s3::Faults { region: "eu-west-1".to_owned(), ..Default::default() };
    let s3 = S3Server::start_with(faults);
    account.provision(&[]).exits(0);
    let mut command = account.command();
    command.env("AWS_ENDPOINT_URL_S3", s3.endpoint()).args([
        "doctor",
        "--to",
        "redshift",
        "--cluster",
        "sparkify",
        "--star",
        &s3.url("star"),
    ]);
    let outcome = account.here.outcome(&mut command);
    fails(&outcome, "regions", "is in eu-west-1, but the cluster in us-east-1", "COPY");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_connection_to_redshift_is_checked_step_by_step() {
    let Some(cloud) = Cloud::new().await else { return };
    cloud.run(&["provision", "--yes"]).exits(0);

    cloud.account.aws.set_cluster_credentials("loader", "wrong");
    fails(&cloud.run(&["doctor"]), "login", "", "--auth iam");
    cloud.account.aws.inject(Rule::new("GetClusterCredentials", Effect::Deny));
    let outcome = cloud.run(&["doctor"]);
    fails(&outcome, "login", "redshift:GetClusterCredentials", "");
    cloud.account.aws.set_cluster_credentials("loader", cloud.redshift.password());

    let mut command = cloud.command();
    let settings = cloud.account.here.read("starlift.toml");
    let other = Postgres::shared().ca_file();
    let ca = cloud.redshift.ca_file();
    let distrusting = settings.replace(ca.to_str().unwrap(), other.to_str().unwrap());
    cloud.account.here.write("other.toml", distrusting);
    let outcome = cloud.account.here.outcome(command.args(["doctor", "--config", "other.toml"]));
    passes(&outcome, "port");
    fails(&outcome, "certificate", "certificate", "sslrootcert");

    cloud.account.aws.set_cluster_endpoint("localhost", 1);
    fails(&cloud.run(&["doctor"]), "port", "localhost", "--public");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_password_stored_as_sha_256_is_named() {
    let s3 = S3Server::start();
    let config = Config { auth: Auth::Sha256, ..Config::default() };
    let redshift = Redshift::start_with(&s3, config).await;
    let here = Workspace::new();
    let target = format!("{}?sslrootcert={}", redshift.url(), redshift.ca_file().display());
    let mut command = here.command();
    s3.apply(&mut command);
    command.args(["doctor", "--to", &target]).env("STARLIFT_PASSWORD", redshift.password());
    let outcome = here.outcome(&mut command);
    passes(&outcome, "certificate");
    fails(&outcome, "login", "", "stored as SHA-256");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_postgresql_is_checked_too() {
    let database = Postgres::shared().database();
    let here = Workspace::new();
    let ask = |target: &str, password: Option<&str>, more: &[&str]| {
        let mut command = here.command();
        command.args(["doctor", "--to", target]).args(more);
        if let Some(password) = password {
            command.env("STARLIFT_PASSWORD", password);
        }
        here.outcome(&mut command)
    };
    let outcome = ask(&database.url(), None, &[]);
    outcome.exits(0).says("AWS is not used").says("stays on this machine");
    passes(&outcome, "port");
    passes(&outcome, "login");
    outcome.says("schema star does not exist, and the user can create it");

    let port = Postgres::shared().port();
    let name = database.name();
    let secret = format!("postgres://{SECRET_USER}@127.0.0.1:{port}/{name}");
    passes(&ask(&secret, Some(SECRET_PASSWORD), &[]), "login");
    fails(
        &ask(&secret, Some("wrong"), &[]),
        "login",
        "password authentication failed",
        "STARLIFT_PASSWORD",
    );

    let client = database.client().await;
    let poor = format!("poor_{name}");
    client.batch_execute(&format!("CREATE ROLE {poor} LOGIN; CREATE SCHEMA star")).await.unwrap();
    let target = format!("postgres://{poor}@127.0.0.1:{port}/{name}");
    fails(
        &ask(&target, None, &[]),
        "rights",
        "cannot create tables in star",
        "GRANT USAGE, CREATE",
    );
    fails(&ask(&target, None, &["--schema", "other"]), "rights", "other", "CREATE SCHEMA");
    client.batch_execute(&format!("GRANT USAGE, CREATE ON SCHEMA star TO {poor}")).await.unwrap();
    passes(&ask(&target, None, &[]), "rights");

    let rejected = ask("postgres://ann@127.0.0.1:1/x", None, &[]);
    fails(&rejected, "port", "127.0.0.1:1", "");
    let missing = ask(&format!("postgres://{poor}@127.0.0.1:{port}/nowhere"), None, &[]);
    fails(&missing, "login", "nowhere", "create the database");
}
