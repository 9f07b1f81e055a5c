//! The EC2 calls that the rules of security groups need.
//!
//! Source: Amazon EC2 API Reference, version 2016-11-15, query requests.

use aws_types::SdkConfig;
use serde::Deserialize;
use serde::de::DeserializeOwned;

use super::error::ApiError;
use super::signed::{self, Service, Signed};

const VERSION: &str = "2016-11-15";

static EC2: Service = Service { name: "ec2", id: "EC2", refusal };

const FORM: [(&str, &str); 1] = [("content-type", "application/x-www-form-urlencoded")];

/// A request: its operation as policies name it, such as `ec2:CreateSecurityGroup`, and its
/// parameters.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Request {
    operation: &'static str,
    parameters: Vec<(String, String)>,
}

impl Request {
    /// A request without parameters.
    pub fn new(operation: &'static str) -> Request {
        Request { operation, parameters: Vec::new() }
    }

    /// Adds a parameter.
    pub fn with(mut self, key: impl Into<String>, value: impl Into<String>) -> Request {
        self.parameters.push((key.into(), value.into()));
        self
    }

    /// Adds a filter, the `n`th, counted from 1.
    pub fn filter(self, n: usize, name: &str, value: &str) -> Request {
        self.with(format!("Filter.{n}.Name"), name).with(format!("Filter.{n}.Value.1"), value)
    }

    /// Adds tags for what the request makes.
    pub fn tagging(self, resource: &str, tags: &[(&'static str, String)]) -> Request {
        let request = self.with("TagSpecification.1.ResourceType", resource);
        request.tags("TagSpecification.1.Tag", tags)
    }

    /// Adds tags under a parameter's name.
    pub fn tags(self, parameter: &str, tags: &[(&'static str, String)]) -> Request {
        tags.iter().zip(1..).fold(self, |request, ((key, value), n)| {
            request
                .with(format!("{parameter}.{n}.Key"), *key)
                .with(format!("{parameter}.{n}.Value"), value)
        })
    }

    /// The body that is sent.
    pub fn body(&self) -> String {
        let action = self.operation.trim_start_matches("ec2:");
        let mut form = url::form_urlencoded::Serializer::new(String::new());
        form.append_pair("Action", action).append_pair("Version", VERSION);
        form.extend_pairs(&self.parameters).finish()
    }
}

/// A client of EC2.
#[derive(Debug, Clone)]
pub struct Ec2(Signed);

impl Ec2 {
    /// A client with the SDK's credentials, retries and connections.
    pub fn new(sdk: &SdkConfig, region: &str) -> Ec2 {
        Ec2(Signed::new(&EC2, sdk, region))
    }

    /// Sends a request and reads its answer.
    ///
    /// # Errors
    ///
    /// If EC2 refuses it, cannot be reached, or answers with something else.
    pub async fn send<T: DeserializeOwned>(&self, request: &Request) -> Result<T, ApiError> {
        let operation = request.operation;
        let answer = self.0.post(operation, &FORM, request.body()).await?;
        quick_xml::de::from_str(&answer).map_err(|e| ApiError {
            operation,
            code: None,
            said: format!("the answer is not understood: {e}"),
        })
    }
}

fn refusal(body: &[u8]) -> signed::Refusal {
    let response: Refusal = quick_xml::de::from_reader(body).unwrap_or_default();
    let error = response.errors.error.into_iter().next().unwrap_or_default();
    signed::Refusal { code: error.code, message: error.message }
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
struct Refusal {
    errors: Errors,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
struct Errors {
    error: Vec<Told>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
struct Told {
    code: String,
    message: String,
}

/// A list in an answer.
#[derive(Debug, Deserialize)]
#[serde(default)]
pub struct Set<T> {
    /// What is in it.
    pub item: Vec<T>,
}

impl<T> Default for Set<T> {
    fn default() -> Set<T> {
        Set { item: Vec::new() }
    }
}

/// A tag in an answer.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct Tag {
    key: String,
    value: String,
}

/// Tags as key and value.
pub fn pairs(tags: &Set<Tag>) -> impl Iterator<Item = (&str, &str)> {
    tags.item.iter().map(|tag| (tag.key.as_str(), tag.value.as_str()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_is_read_from_its_answer() {
        let body = "<Response><Errors><Error><Code>InvalidGroup.Duplicate</Code>\
                    <Message>it is there</Message></Error></Errors><RequestID>1</RequestID></Response>";
        let read = refusal(body.as_bytes());
        assert_eq!((&*read.code, &*read.message), ("InvalidGroup.Duplicate", "it is there"));
        assert_eq!(refusal(b"<html>"), signed::Refusal::default());
    }
}
