//! The cloud commands against the stand-in for AWS: resources are created, shown, paused and
//! removed, also from partial states, and failures of AWS are reported.

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
mod updates;
mod verdicts;
mod warehouse;
mod workgroup;

use crate::support::aws::{Aws, Effect, Rule};
use crate::support::{Outcome, Workspace};

/// The program in an isolated folder, with an isolated AWS account.
struct Account {
    here: Workspace,
    aws: Aws,
}

impl Account {
    /// Returns `None`, with a message, on a machine without Python.
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

    /// `provision` with the arguments that all of these tests share.
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

    /// Creates a cluster with these tags that starlift does not manage.
    fn create_foreign_cluster(&self, id: &str, tags: &[(&str, &str)]) {
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

    /// The names of all resources of the account, except the default group and automated
    /// snapshots.
    fn resources(&self) -> Vec<String> {
        let listings = [
            ("redshift", "DescribeClusters", "ClusterIdentifier"),
            ("redshift", "DescribeScheduledActions", "ScheduledActionName"),
            ("redshift", "DescribeClusterSnapshots", "SnapshotIdentifier"),
            ("iam", "ListRoles", "RoleName"),
            ("ec2", "DescribeSecurityGroups", "groupName"),
        ];
        let mut found = Vec::new();
        for (service, action, element) in listings {
            let answer = self.aws.call(service, action, &[]);
            // Automated snapshots are deleted together with their cluster.
            let names = texts(&answer, element).into_iter();
            found.extend(names.filter(|name| name != "default" && !name.starts_with("rs:")));
        }
        found.sort();
        found.dedup();
        found
    }

    /// The number of requests for an action.
    fn request_count(&self, action: &str) -> usize {
        self.aws.requests().iter().filter(|request| request.action == action).count()
    }
}

/// The texts of the elements with this name.
fn texts(xml: &str, element: &str) -> Vec<String> {
    let (open, close) = (format!("<{element}>"), format!("</{element}>"));
    let found = xml.split(&open).skip(1).filter_map(|rest| rest.split_once(&close));
    found.map(|(text, _)| text.to_owned()).collect()
}

/// The resources that `provision --expires` creates.
const ALL: [&str; 5] = [
    "sparkify",
    "starlift-sparkify",
    "starlift-sparkify-stop",
    "starlift-sparkify-us-east-1",
    "starlift-sparkify-us-east-1-stop",
];
