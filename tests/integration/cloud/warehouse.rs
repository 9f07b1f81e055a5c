//! Loads into a cluster that is named by its identifier, with local stand-ins for S3, Redshift and
//! the AWS API that returns its endpoint.

use super::*;
use crate::support::redshift::{Config, Redshift};
use crate::support::s3::S3Server;

/// The role that `provision` creates.
pub const ROLE: &str = "arn:aws:iam::123456789012:role/starlift/starlift-sparkify-us-east-1";

/// An account, an object store and a cluster, with a configuration file.
pub struct Cloud {
    pub account: Account,
    pub s3: S3Server,
    pub redshift: Redshift,
}

impl Cloud {
    /// Returns `None`, with a message, on a machine without Python.
    pub async fn new() -> Option<Cloud> {
        let (account, s3) = (Account::new()?, S3Server::start());
        let config = Config { role: Some(ROLE.to_owned()), ..Config::default() };
        let redshift = Redshift::start_with(&s3, config).await;
        account.aws.set_cluster_endpoint("localhost", redshift.port());
        account.aws.set_cluster_credentials(redshift.user(), redshift.password());
        let cloud = Cloud { account, s3, redshift };
        cloud.account.here.write("starlift.toml", cloud.settings());
        Some(cloud)
    }

    /// The configuration as `init` writes it, with additions for the tests.
    fn settings(&self) -> String {
        let sample = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/sample");
        format!(
            "star = \"{star}\"\n\
             [transform]\nsongs = \"{sample}/song_data\"\nlogs = \"{sample}/log_data\"\n\
             out = \"{star}\"\nmax_rejects = 14\n\
             [cloud]\nname = \"sparkify\"\ncidr = \"203.0.113.7/32\"\n\
             [warehouse.redshift]\ncluster = \"sparkify\"\nsslrootcert = \"{ca}\"\n",
            star = self.s3.url("star"),
            sample = sample.display(),
            ca = self.redshift.ca_file().display(),
        )
    }

    pub fn command(&self) -> std::process::Command {
        let mut command = self.account.command();
        command.env("AWS_ENDPOINT_URL_S3", self.s3.endpoint());
        command
    }

    pub fn run(&self, args: &[&str]) -> Outcome {
        let mut command = self.command();
        self.account.here.outcome(command.args(args))
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_load_looks_up_endpoint_role_and_password_of_a_cluster() {
    let Some(cloud) = Cloud::new().await else { return };
    cloud.run(&["provision", "--yes"]).exits(0);
    cloud.run(&["run", "--to", "redshift"]).exits(0).says("statistics equal those of the files");
    let copies: Vec<String> = cloud
        .redshift
        .statements()
        .into_iter()
        .filter(|sql| sql.trim_start().starts_with("COPY"))
        .collect();
    assert_eq!(copies.len(), 5, "{copies:#?}");
    assert!(copies.iter().all(|sql| sql.contains(ROLE)), "{copies:#?}");
    cloud.run(&["query", "--compare", "--on", "redshift"]).exits(0);
    cloud.run(&["check", "--on", "redshift"]).exits(0);
    cloud.run(&["load", "--to", "redshift", "--dry-run"]).exits(0).says(ROLE);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cluster_needs_no_configuration_file() {
    let Some(cloud) = Cloud::new().await else { return };
    cloud.run(&["provision", "--yes"]).exits(0);
    cloud.run(&["transform"]).exits(0);
    std::fs::remove_file(cloud.account.here.join("starlift.toml")).unwrap();
    let mut command = cloud.command();
    command
        .args([
            "load",
            "--star",
            &cloud.s3.url("star"),
            "--to",
            "redshift",
            "--cluster",
            "sparkify",
        ])
        .env("SSL_CERT_FILE", cloud.redshift.ca_file());
    cloud.account.here.outcome(&mut command).exits(0).says("load 1");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_missing_or_paused_cluster_is_reported() {
    let Some(cloud) = Cloud::new().await else { return };
    cloud.run(&["load", "--to", "redshift"]).fails_with("no-cluster").naming(&[
        "cluster sparkify",
        "us-east-1",
        "starlift provision",
    ]);
    cloud.run(&["provision", "--yes"]).exits(0);
    cloud.run(&["pause"]).exits(0);
    cloud.run(&["load", "--to", "redshift"]).fails_with("cluster-unavailable").naming(&[
        "cluster sparkify",
        "paused",
        "starlift resume",
    ]);
    cloud.account.here.write("starlift.toml", "[warehouse.x]\nschema = \"s\"\n");
    cloud
        .run(&["load", "--star", "s", "--to", "x"])
        .fails_with("invalid-option")
        .naming(&["`cluster`"]);
}
