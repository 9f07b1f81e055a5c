//! Requests of the tests to the AWS stand-in.

use std::ops::Deref;

use tokio::runtime::Runtime;

use super::create;
use crate::support::aws::{ACCOUNT, Aws};

/// A client and the stand-in that it calls.
pub struct Caller {
    aws: Aws,
    client: reqwest::Client,
    runtime: Runtime,
}

/// Response of the stand-in.
#[derive(Debug)]
pub struct Reply {
    pub status: u16,
    pub body: String,
}

impl Caller {
    pub fn start() -> Option<Caller> {
        let aws = Aws::start()?;
        let client = reqwest::Client::builder().no_proxy().build().unwrap();
        let builder =
            tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build();
        Some(Caller { aws, client, runtime: builder.unwrap() })
    }

    /// Sends a request. Fails if the connection is closed.
    pub fn try_send(
        &self,
        service: &str,
        action: &str,
        params: &[(&str, &str)],
    ) -> Result<Reply, reqwest::Error> {
        self.runtime.block_on(async {
            let answer = self.request(service, action, params).send().await?;
            Ok(Reply { status: answer.status().as_u16(), body: answer.text().await? })
        })
    }

    /// Sends a request to Redshift with a client timeout.
    pub fn send_with_timeout(
        &self,
        timeout: std::time::Duration,
        action: &str,
        params: &[(&str, &str)],
    ) -> Result<Reply, reqwest::Error> {
        self.runtime.block_on(async {
            let request = self.request("redshift", action, params).timeout(timeout);
            let answer = request.send().await?;
            Ok(Reply { status: answer.status().as_u16(), body: answer.text().await? })
        })
    }

    fn request(
        &self,
        service: &str,
        action: &str,
        params: &[(&str, &str)],
    ) -> reqwest::RequestBuilder {
        let mut form = url::form_urlencoded::Serializer::new(String::new());
        let form = form.append_pair("Action", action).extend_pairs(params).finish();
        let signature = format!(
            "AWS4-HMAC-SHA256 Credential=AKIAIOSFODNN7EXAMPLE/20260101/us-east-1/{service}\
             /aws4_request, SignedHeaders=host, Signature=0"
        );
        let call = self.client.post(self.aws.endpoint()).header("authorization", signature);
        call.body(form)
    }

    /// Sends a request that must succeed, and returns the XML of the response.
    #[track_caller]
    pub fn send(&self, service: &str, action: &str, params: &[(&str, &str)]) -> String {
        let reply = self.try_send(service, action, params).unwrap();
        assert_eq!(reply.status, 200, "{action} {params:?}\n{}", reply.body);
        reply.body
    }

    /// Fails the test unless the response is this error; returns its XML.
    #[track_caller]
    pub fn rejects(
        &self,
        service: &str,
        action: &str,
        params: &[(&str, &str)],
        status: u16,
        code: &str,
    ) -> String {
        let reply = self.try_send(service, action, params).unwrap();
        let wanted = format!("<Code>{code}</Code>");
        let matches = reply.status == status && reply.body.contains(&wanted);
        assert!(matches, "wanted {status} {code}: {action} {params:?}\n{reply:?}");
        reply.body
    }

    /// Creates a role that a service may assume, and returns its ARN.
    pub fn role(&self, name: &str, service: &str) -> String {
        let trust = format!(
            r#"{{"Version": "2012-10-17", "Statement": [{{"Effect": "Allow",
                "Action": "sts:AssumeRole", "Principal": {{"Service": "{service}"}}}}]}}"#
        );
        self.call("iam", "CreateRole", &[("RoleName", name), ("AssumeRolePolicyDocument", &trust)]);
        format!("arn:aws:iam::{ACCOUNT}:role/{name}")
    }

    /// Creates an available cluster.
    pub fn cluster(&self, identifier: &str) {
        self.call("redshift", "CreateCluster", &create::params(identifier));
    }

    /// Returns the response of DescribeClusters for a cluster.
    #[track_caller]
    pub fn describe(&self, identifier: &str) -> String {
        self.send("redshift", "DescribeClusters", &[("ClusterIdentifier", identifier)])
    }
}

impl Deref for Caller {
    type Target = Aws;

    fn deref(&self) -> &Aws {
        &self.aws
    }
}

/// Returns the text of the first element with this name, or an empty string.
pub fn text<'a>(xml: &'a str, name: &str) -> &'a str {
    let opened = xml.split_once(&format!("<{name}>"));
    let closed = opened.and_then(|(_, rest)| rest.split_once(&format!("</{name}>")));
    closed.map_or("", |(text, _)| text)
}
