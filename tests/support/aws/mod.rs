//! A stand-in for the control plane of AWS: STS, IAM, the security groups of EC2 and Redshift.
//!
//! [moto](https://docs.getmoto.org) keeps the resources. Before it stands a small HTTP server
//! which adds what moto lacks, refuses what AWS refuses and moto does not, and fails on purpose.
//! The numbers in comments are rows in section 5 of `tests/support/redshift/FACTS.md`.
//!
//! Added or put right:
//!
//! - the life of a cluster, from `creating` to gone, a step a describe (`clusters`);
//! - what CreateCluster checks (`create`);
//! - ModifyClusterIamRoles, the default role, the secret of a managed password (`clusters`);
//! - scheduled actions, which are kept and never done (`schedules`);
//! - workgroups of Redshift Serverless, and secrets (`serverless`);
//! - the Data API, before the stand-in for Redshift (`redshift::DataApi`);
//! - SimulatePrincipalPolicy for roles (`simulate`);
//! - security groups in use, rules that are not there, VPCs that are not there (`groups`).
//!
//! Not proved by passing here: signatures, which nobody verifies; permissions, which only the
//! simulation knows; limits and quotas; eventual consistency, except where a test scripts it; how
//! long anything takes; the wording of errors that nobody has quoted.

#![allow(dead_code, reason = "each test binary uses a part of it")]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a broken fixture fails the test"
)]

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
#[allow(unused_imports, reason = "each test binary uses a part of it")]
pub use faults::{Rule, What};
use front::Front;
use moto::Moto;
use query::Service;
#[allow(unused_imports, reason = "each test binary uses a part of it")]
pub use serverless::Workgroup;

/// The account of every stand-in.
pub const ACCOUNT: &str = "123456789012";
/// The region of every stand-in.
pub const REGION: &str = "us-east-1";
/// Who the caller is.
pub const USER: &str = "arn:aws:iam::123456789012:user/ann";

// Those of the S3 server, so that one environment serves both.
const ACCESS_KEY: &str = "AKIAIOSFODNN7EXAMPLE";
const SECRET_KEY: &str = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY";

/// An account of its own; its front ends when it is dropped, its moto with the test process.
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
    /// All but `Action` and `Version`.
    pub params: BTreeMap<String, String>,
}

impl Aws {
    /// An account with nothing in it but a default VPC, or `None` (said aloud) where there is no
    /// Python.
    pub fn start() -> Option<Aws> {
        let cloud = Arc::new(Cloud::new(Moto::account()?));
        let front = Arc::new(Front { cloud, faults: Faults::default(), log: Mutex::default() });
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        // Of its own: a test may block its thread on a child process that talks to the front.
        let mut builder = tokio::runtime::Builder::new_multi_thread();
        let runtime = builder.worker_threads(2).enable_all().build().unwrap();
        runtime.spawn(front::accept(listener, Arc::clone(&front)));
        Some(Aws { front, address, runtime: Some(runtime) })
    }

    /// `http://127.0.0.1:PORT`
    pub fn endpoint(&self) -> String {
        format!("http://{}", self.address)
    }

    /// What a client finds in its environment.
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

    /// Points a child process at this stand-in, and at no AWS setting of the machine the test
    /// runs on.
    pub fn apply<'a>(&self, command: &'a mut Command) -> &'a mut Command {
        for (name, _) in std::env::vars_os() {
            if name.to_string_lossy().starts_with("AWS_") {
                command.env_remove(name);
            }
        }
        command.envs(self.env())
    }

    /// Asks for something past the front's faults and record, and is answered with its XML. What
    /// it changes takes effect at once, and its describes do not count as polls: this is for
    /// arranging and asserting. An error fails the test.
    #[track_caller]
    pub fn call(&self, service: &str, action: &str, params: &[(&str, &str)]) -> String {
        let answered = self.try_call(service, action, params);
        answered.unwrap_or_else(|error| panic!("{service}:{action} {params:?}\n{error}"))
    }

    /// The same with the XML of an error as the error.
    pub fn try_call(
        &self,
        service: &str,
        action: &str,
        params: &[(&str, &str)],
    ) -> Result<String, String> {
        let service = Service::named(service).expect("a service of the stand-in");
        let request = query::Request::new(service, action, params);
        let cloud = Arc::clone(&self.front.cloud);
        let answer = self.wait(async move { cloud.answer(&request, Pace::AtOnce).await });
        if answer.is_error() { Err(answer.body) } else { Ok(answer.body) }
    }

    /// What the front has received, in order.
    pub fn requests(&self) -> Vec<Request> {
        let log = self.front.log.lock().unwrap();
        let told = log.iter().map(|request| Request {
            service: request.service.name().to_owned(),
            action: request.action.clone(),
            params: request.params.clone(),
        });
        told.collect()
    }

    /// Empties the record of requests.
    pub fn forget_requests(&self) {
        self.front.log.lock().unwrap().clear();
    }

    /// Adds a fault, after those there are.
    pub fn script(&self, rule: Rule) {
        self.front.faults.add(rule);
    }

    /// How many scripted faults have met no request yet.
    pub fn rules_left(&self) -> usize {
        self.front.faults.left()
    }

    /// How many looks show a cluster, a workgroup, a namespace, or a role of theirs, in a passing state from now on: 1
    /// unless told.
    pub fn polls(&self, n: usize) {
        let cloud = Arc::clone(&self.front.cloud);
        self.wait(async move {
            cloud.clusters.lock().await.polls = n;
            cloud.serverless.lock().await.polls = n;
        });
    }

    /// Puts a cluster into a state such as `incompatible-network`, in which it stays until a
    /// request that the state allows moves it.
    pub fn cluster_state(&self, identifier: &str, state: &str) {
        let (identifier, state) = (identifier.to_owned(), state.to_owned());
        let cloud = Arc::clone(&self.front.cloud);
        self.wait(async move { cloud.clusters.lock().await.hold(&identifier, &state) });
    }

    /// Where clusters are said to be, instead of at a name that does not resolve.
    pub fn endpoint_of_clusters(&self, address: &str, port: u16) {
        let address = address.to_owned();
        let cloud = Arc::clone(&self.front.cloud);
        self.wait(async move { cloud.clusters.lock().await.endpoint = Some((address, port)) });
    }

    /// What GetClusterCredentials answers, instead of a password that opens nothing.
    pub fn credentials_of_clusters(&self, user: &str, password: &str) {
        let credentials = Some((user.to_owned(), password.to_owned()));
        let cloud = Arc::clone(&self.front.cloud);
        self.wait(async move { cloud.clusters.lock().await.credentials = credentials });
    }

    /// Adds a workgroup of Redshift Serverless, whose namespace has its name.
    pub fn workgroup(&self, name: &str, workgroup: Workgroup) {
        let name = name.to_owned();
        let cloud = Arc::clone(&self.front.cloud);
        self.wait(async move { cloud.serverless.lock().await.arrange(&name, workgroup) });
    }

    /// Where workgroups are said to be that requests create, and what GetCredentials answers.
    pub fn endpoint_of_workgroups(&self, address: &str, port: u16, user: &str, password: &str) {
        let endpoint = Some((address.to_owned(), port));
        let credentials = (user.to_owned(), password.to_owned());
        let cloud = Arc::clone(&self.front.cloud);
        self.wait(async move {
            let mut serverless = cloud.serverless.lock().await;
            (serverless.endpoint, serverless.credentials) = (endpoint, credentials);
        });
    }

    /// Puts the Data API before a warehouse.
    pub fn data_api(&self, api: &Arc<DataApi>) {
        let (api, cloud) = (Arc::clone(api), Arc::clone(&self.front.cloud));
        self.wait(async move { *cloud.data_api.lock().await = Some(api) });
    }

    /// Adds a secret.
    pub fn secret(&self, arn: &str, text: &str) {
        let (arn, text) = (arn.to_owned(), text.to_owned());
        let cloud = Arc::clone(&self.front.cloud);
        self.wait(async move { cloud.serverless.lock().await.secrets.insert(arn, text) });
    }

    // The caller may be in a runtime already, where another cannot be waited for.
    fn wait<T: Send + 'static>(&self, work: impl Future<Output = T> + Send + 'static) -> T {
        let (sender, receiver) = mpsc::channel();
        self.runtime.as_ref().unwrap().spawn(async move { sender.send(work.await) });
        receiver.recv().expect("the stand-in does not panic")
    }
}

impl Drop for Aws {
    // A runtime that is merely dropped inside a test's own runtime panics.
    fn drop(&mut self) {
        self.runtime.take().unwrap().shutdown_background();
    }
}
