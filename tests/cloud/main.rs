//! The cloud around a load, against the stand-in for AWS: what is made, shown, stopped and removed,
//! from every state half-way, and what is said where AWS fails.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a broken fixture fails the test"
)]

mod data_api;
mod doctor;
mod faults;
mod power;
mod provision;
mod serverless;
mod serverless_faults;
mod serverless_options;
mod status;
mod teardown;
mod tutorial;
mod verdicts;
mod warehouse;
mod workgroup;

#[path = "../support/mod.rs"]
mod support;

use support::aws::{Aws, Effect, Rule};
use support::{Outcome, Workspace};

/// The program, in a folder of its own, against an account of its own.
struct Account {
    here: Workspace,
    aws: Aws,
}

impl Account {
    /// `None` (said aloud) where there is no Python.
    fn new() -> Option<Account> {
        Some(Account { here: Workspace::new(), aws: Aws::start()? })
    }

    fn command(&self) -> std::process::Command {
        let mut command = self.here.command();
        self.aws.apply(&mut command);
        command
    }

    fn run(&self, args: &[&str]) -> Outcome {
        let mut command = self.command();
        self.here.outcome(command.args(args))
    }

    /// `provision` with what all of these tests have in common.
    fn provision_command(&self, more: &[&str]) -> std::process::Command {
        let cidr: &[&str] =
            if more.contains(&"--cidr") { &[] } else { &["--cidr", "203.0.113.7/32"] };
        let mut command = self.command();
        command.args(["provision", "--name", "sparkify", "--star", "s3://lake/star", "--yes"]);
        command.args(cidr).args(more);
        command
    }

    fn provision(&self, more: &[&str]) -> Outcome {
        self.here.outcome(&mut self.provision_command(more))
    }

    fn teardown(&self, more: &[&str]) -> Outcome {
        self.run(&[&["teardown", "--name", "sparkify", "--yes"], more].concat())
    }

    /// A cluster that somebody made by hand, with these tags.
    fn strangers(&self, id: &str, tags: &[(&str, &str)]) {
        let mut params = vec![
            ("ClusterIdentifier".to_owned(), id),
            ("NodeType".to_owned(), "ra3.large"),
            ("ClusterType".to_owned(), "single-node"),
            ("MasterUsername".to_owned(), "ann"),
            ("MasterUserPassword".to_owned(), "Str0ngEnough"),
        ];
        for ((key, value), n) in tags.iter().zip(1..) {
            params.push((format!("Tags.Tag.{n}.Key"), key));
            params.push((format!("Tags.Tag.{n}.Value"), value));
        }
        let params: Vec<_> = params.iter().map(|(key, value)| (key.as_str(), *value)).collect();
        self.aws.call("redshift", "CreateCluster", &params);
    }

    /// What the account has of ours, and of others, as far as it was asked to make any.
    fn holdings(&self) -> Vec<String> {
        let asked = [
            ("redshift", "DescribeClusters", "ClusterIdentifier"),
            ("redshift", "DescribeScheduledActions", "ScheduledActionName"),
            ("redshift", "DescribeClusterSnapshots", "SnapshotIdentifier"),
            ("iam", "ListRoles", "RoleName"),
            ("ec2", "DescribeSecurityGroups", "groupName"),
        ];
        let mut found = Vec::new();
        for (service, action, element) in asked {
            let answer = self.aws.call(service, action, &[]);
            // Automated snapshots go with their cluster.
            let names = texts(&answer, element).into_iter();
            found.extend(names.filter(|name| name != "default" && !name.starts_with("rs:")));
        }
        found.sort();
        found.dedup();
        found
    }

    /// How often the program asked for something.
    fn asked(&self, action: &str) -> usize {
        self.aws.requests().iter().filter(|request| request.action == action).count()
    }
}

/// What the elements of this name hold.
fn texts(xml: &str, element: &str) -> Vec<String> {
    let (open, close) = (format!("<{element}>"), format!("</{element}>"));
    let held = xml.split(&open).skip(1).filter_map(|rest| rest.split_once(&close));
    held.map(|(text, _)| text.to_owned()).collect()
}

/// All that `provision --expires` makes.
const ALL: [&str; 5] = [
    "sparkify",
    "starlift-sparkify",
    "starlift-sparkify-stop",
    "starlift-sparkify-us-east-1",
    "starlift-sparkify-us-east-1-stop",
];
