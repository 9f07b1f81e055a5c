//! A stand-in for the control plane of AWS: STS, IAM, the security groups of EC2 and Redshift.
//!
//! [moto](https://docs.getmoto.org) stores the resources. A small HTTP server, the front, receives
//! the requests; it adds features that moto lacks, rejects requests that AWS rejects and moto
//! accepts, and injects faults. The numbers in comments are rows in section 5 of
//! `tests/integration/support/redshift/FACTS.md`.
//!
//! Additions and corrections:
//!
//! - the lifecycle of a cluster from `creating` to its removal, one step per DescribeClusters
//!   (`clusters`);
//! - the checks of CreateCluster (`create`);
//! - ModifyClusterIamRoles, the default role, the secret of a managed password (`clusters`);
//! - scheduled actions, which are stored and never run (`schedules`);
//! - workgroups of Redshift Serverless, and secrets (`serverless`);
//! - the Data API, which runs its statements on the stand-in for Redshift (`redshift::DataApi`);
//! - SimulatePrincipalPolicy for roles (`simulate`);
//! - errors for security groups in use and for rules and VPCs that do not exist (`groups`).
//!
//! A test that passes here does not cover: signatures, which are not verified; permissions, which
//! only the simulation evaluates; limits and quotas; eventual consistency, except where a test
//! scripts it; durations; the wording of errors for which no real message is known.

mod cloud;
mod clusters;
mod create;
mod faults;
mod front;
mod groups;
mod moto;
mod query;
mod schedules;
mod serverless;
mod simulate;
mod xml;

use std::collections::BTreeMap;
use std::future::Future;
use std::net::{SocketAddr, TcpListener};
use std::process::Command;
use std::sync::{Arc, Mutex, mpsc};

use tokio::runtime::Runtime;

use super::redshift::DataApi;
use cloud::{Cloud, Pace};
use faults::Faults;
pub use faults::{Effect, Rule};
use front::Front;
use moto::Moto;
use query::Service;
pub use serverless::Workgroup;

/// The account of every stand-in.
pub const ACCOUNT: &str = "123456789012";
/// The region of every stand-in.
pub const REGION: &str = "us-east-1";
/// The ARN of the caller.
pub const USER: &str = "arn:aws:iam::123456789012:user/ann";

// The same keys as for the S3 server, so that one environment works for both.
const ACCESS_KEY: &str = "AKIAIOSFODNN7EXAMPLE";
const SECRET_KEY: &str = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY";

/// An isolated account. Dropping it stops its front; its moto process ends with the test process.
pub struct Aws {
    front: Arc<Front>,
    address: SocketAddr,
    runtime: Option<Runtime>,
}

/// A request as the front received it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Request {
    /// `sts`, `iam`, `ec2` or `redshift`
    pub service: String,
    /// Such as `CreateCluster`.
    pub action: String,
    /// All parameters except `Action` and `Version`.
    pub params: BTreeMap<String, String>,
}

impl Aws {
    /// Starts an account that contains only a default VPC. Returns `None`, with a message, on a
    /// machine without Python.
    pub fn start() -> Option<Aws> {
        let cloud = Arc::new(Cloud::new(Moto::account()?));
        let front = Arc::new(Front { cloud, faults: Faults::default(), log: Mutex::default() });
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        // A separate runtime, as a test can block its thread on a child process that sends
        // requests to the front.
        let mut builder = tokio::runtime::Builder::new_multi_thread();
        let runtime = builder.worker_threads(2).enable_all().build().unwrap();
        runtime.spawn(front::accept(listener, Arc::clone(&front)));
        Some(Aws { front, address, runtime: Some(runtime) })
    }

    /// `http://127.0.0.1:PORT`
    pub fn endpoint(&self) -> String {
        format!("http://{}", self.address)
    }

    /// The environment variables that point a client at this stand-in.
    pub fn env(&self) -> Vec<(&'static str, String)> {
        let nothing = "/dev/null".to_owned();
        vec![
            ("AWS_REGION", REGION.into()),
            ("AWS_ENDPOINT_URL", self.endpoint()),
            ("AWS_ACCESS_KEY_ID", ACCESS_KEY.into()),
            ("AWS_SECRET_ACCESS_KEY", SECRET_KEY.into()),
            ("AWS_EC2_METADATA_DISABLED", "true".into()),
            ("AWS_CONFIG_FILE", nothing.clone()),
            ("AWS_SHARED_CREDENTIALS_FILE", nothing),
            ("NO_PROXY", "127.0.0.1".into()),
        ]
    }

    /// Points a child process at this stand-in and removes the AWS settings of the machine from
    /// its environment.
    pub fn apply<'a>(&self, command: &'a mut Command) -> &'a mut Command {
        for (name, _) in std::env::vars_os() {
            if name.to_string_lossy().starts_with("AWS_") {
                command.env_remove(name);
            }
        }
        command.envs(self.env())
    }

    /// Sends a request that bypasses the faults and the log of the front, and returns the XML of
    /// the answer. Changes take effect at once, and descriptions do not count as polls, so that
    /// tests can arrange and assert with it. An error fails the test.
    #[track_caller]
    pub fn call(&self, service: &str, action: &str, params: &[(&str, &str)]) -> String {
        let answered = self.try_call(service, action, params);
        answered.unwrap_or_else(|error| panic!("{service}:{action} {params:?}\n{error}"))
    }

    /// Like [`Aws::call`], but returns the XML of an error as `Err`.
    pub fn try_call(
        &self,
        service: &str,
        action: &str,
        params: &[(&str, &str)],
    ) -> Result<String, String> {
        let service = Service::named(service).expect("a service of the stand-in");
        let request = query::Request::new(service, action, params);
        let cloud = Arc::clone(&self.front.cloud);
        let answer = self.run(async move { cloud.answer(&request, Pace::AtOnce).await });
        if answer.is_error() { Err(answer.body) } else { Ok(answer.body) }
    }

    /// The requests that the front has received, in order.
    pub fn requests(&self) -> Vec<Request> {
        let log = self.front.log.lock().unwrap();
        let requests = log.iter().map(|request| Request {
            service: request.service.name().to_owned(),
            action: request.action.clone(),
            params: request.params.clone(),
        });
        requests.collect()
    }

    /// Empties the log of requests.
    pub fn forget_requests(&self) {
        self.front.log.lock().unwrap().clear();
    }

    /// Adds a fault after the existing ones.
    pub fn inject(&self, rule: Rule) {
        self.front.faults.add(rule);
    }

    /// The number of scripted faults that no request has matched yet.
    pub fn rules_left(&self) -> usize {
        self.front.faults.left()
    }

    /// Sets the number of polls during which clusters, workgroups, namespaces and their roles
    /// stay in a transitional state from now on. The default is 1.
    pub fn set_polls(&self, n: usize) {
        let cloud = Arc::clone(&self.front.cloud);
        self.run(async move {
            cloud.clusters.lock().await.polls = n;
            cloud.serverless.lock().await.polls = n;
        });
    }

    /// Puts a cluster into a state such as `incompatible-network`, in which it stays until a
    /// request that is valid in that state changes it.
    pub fn set_cluster_status(&self, identifier: &str, status: &str) {
        let (identifier, status) = (identifier.to_owned(), status.to_owned());
        let cloud = Arc::clone(&self.front.cloud);
        self.run(async move { cloud.clusters.lock().await.set_status(&identifier, &status) });
    }

    /// Sets the endpoint of all clusters. By default it is a name that does not resolve.
    pub fn set_cluster_endpoint(&self, address: &str, port: u16) {
        let address = address.to_owned();
        let cloud = Arc::clone(&self.front.cloud);
        self.run(async move { cloud.clusters.lock().await.endpoint = Some((address, port)) });
    }

    /// Sets the credentials that GetClusterCredentials returns. By default the password is not
    /// valid anywhere.
    pub fn set_cluster_credentials(&self, user: &str, password: &str) {
        let credentials = Some((user.to_owned(), password.to_owned()));
        let cloud = Arc::clone(&self.front.cloud);
        self.run(async move { cloud.clusters.lock().await.credentials = credentials });
    }

    /// Adds a workgroup of Redshift Serverless with a namespace of the same name.
    pub fn add_workgroup(&self, name: &str, workgroup: Workgroup) {
        let name = name.to_owned();
        let cloud = Arc::clone(&self.front.cloud);
        self.run(async move { cloud.serverless.lock().await.add(&name, workgroup) });
    }

    /// Sets the endpoint of workgroups that requests create from now on, and the credentials that
    /// GetCredentials returns.
    pub fn set_workgroup_endpoint(&self, address: &str, port: u16, user: &str, password: &str) {
        let endpoint = Some((address.to_owned(), port));
        let credentials = (user.to_owned(), password.to_owned());
        let cloud = Arc::clone(&self.front.cloud);
        self.run(async move {
            let mut serverless = cloud.serverless.lock().await;
            (serverless.endpoint, serverless.credentials) = (endpoint, credentials);
        });
    }

    /// Serves the Data API of a warehouse.
    pub fn serve_data_api(&self, api: &Arc<DataApi>) {
        let (api, cloud) = (Arc::clone(api), Arc::clone(&self.front.cloud));
        self.run(async move { *cloud.data_api.lock().await = Some(api) });
    }

    /// Adds a secret.
    pub fn set_secret(&self, arn: &str, text: &str) {
        let (arn, text) = (arn.to_owned(), text.to_owned());
        let cloud = Arc::clone(&self.front.cloud);
        self.run(async move { cloud.serverless.lock().await.secrets.insert(arn, text) });
    }

    // Receives from a channel, as `block_on` panics if the caller is inside a runtime already.
    fn run<T: Send + 'static>(&self, work: impl Future<Output = T> + Send + 'static) -> T {
        let (sender, receiver) = mpsc::channel();
        self.runtime.as_ref().unwrap().spawn(async move { sender.send(work.await) });
        receiver.recv().expect("the stand-in does not panic")
    }
}

impl Drop for Aws {
    // Dropping a runtime inside the runtime of a test panics.
    fn drop(&mut self) {
        self.runtime.take().unwrap().shutdown_background();
    }
}
