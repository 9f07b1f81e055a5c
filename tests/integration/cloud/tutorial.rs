//! `scripts/cloud.sh` as a new user runs it, on the real data if it is available.

use std::path::Path;
use std::process::Command;

use super::warehouse::Cloud;
use super::*;

fn project(path: &str) -> std::path::PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(path)
}

/// The script, in an environment that points it at the local stand-ins.
fn script(cloud: &Cloud, data: &Path) -> Command {
    for dataset in ["song_data", "log_data"] {
        cloud.s3.put_tree(&data.join(dataset), &format!("data/{dataset}"));
    }
    let program = Path::new(env!("CARGO_BIN_EXE_starlift")).parent().unwrap();
    let path = format!("{}:{}", program.display(), std::env::var("PATH").unwrap());
    let mut command = Command::new(project("scripts/cloud.sh"));
    for (name, _) in std::env::vars_os() {
        if name.to_string_lossy().starts_with("STARLIFT_") {
            command.env_remove(name);
        }
    }
    cloud.account.aws.apply(&mut command);
    command
        .args([cloud.s3.url("data"), cloud.s3.url("star"), "sparkify".to_owned()])
        .env("PATH", path)
        .env("AWS_ENDPOINT_URL_S3", cloud.s3.endpoint())
        .env("STARLIFT_ADDRESS_SERVICE", provision::serve("203.0.113.7\n"))
        .env("SSL_CERT_FILE", cloud.redshift.ca_file());
    command
}

#[tokio::test(flavor = "multi_thread")]
async fn the_script_provisions_loads_and_removes() {
    let Some(cloud) = Cloud::new().await else { return };
    let (data, records) = match crate::support::real_data() {
        Some(real) => (real, "8,056 records read"),
        None => (project("fixtures/sample"), "records read"),
    };
    let outcome = cloud.account.here.outcome(&mut script(&cloud, &data));
    outcome
        .exits(0)
        .says("wrote starlift.toml")
        .says("starlift-sparkify-us-east-1 (to create)")
        .says("cluster sparkify: available")
        .says("admits    203.0.113.7/32")
        .says("18 passed, 1 not checked")
        .says(records)
        .says("statistics equal those of the files")
        .says("≤ $")
        .says("cluster sparkify: paused")
        .says("no resources of sparkify remain in us-east-1")
        .says("starlift manages no resources in us-east-1");
    assert!(account_is_empty(&cloud), "{outcome}");
    assert!(!cloud.s3.keys("star/_starlift.json").is_empty(), "the star stays");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_script_that_fails_leaves_nothing_billable() {
    let Some(cloud) = Cloud::new().await else { return };
    cloud.account.aws.inject(Rule::new("GetClusterCredentials", Effect::Deny).always());
    let outcome = cloud.account.here.outcome(&mut script(&cloud, &project("fixtures/sample")));
    outcome
        .fails_with("doctor-failed")
        .says("FAILED")
        .says("no resources of sparkify remain in us-east-1");
    assert!(account_is_empty(&cloud), "{outcome}");
}

fn account_is_empty(cloud: &Cloud) -> bool {
    cloud.account.resources().is_empty()
}

#[tokio::test(flavor = "multi_thread")]
async fn an_existing_cluster_is_not_changed() {
    let Some(cloud) = Cloud::new().await else { return };
    cloud.run(&["provision", "--yes"]).exits(0);
    let before = cloud.account.resources();
    let mut command = script(&cloud, &project("fixtures/sample"));
    // A name in the environment does not select another cluster.
    command.env("STARLIFT_NAME", "theirs");
    cloud.account.here.outcome(&mut command).exits(1).complains("there is a sparkify already");
    assert_eq!(cloud.account.resources(), before);
    // The script also stops if the existing resources cannot be listed.
    cloud.account.aws.inject(Rule::new("ListRoles", Effect::Deny));
    let outcome = cloud.account.here.outcome(&mut script(&cloud, &project("fixtures/sample")));
    outcome.fails_with("aws-denied").naming(&["iam:ListRoles"]);
    assert_eq!(cloud.account.resources(), before);
}
