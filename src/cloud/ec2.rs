//! Calls of EC2, for security groups and VPCs.
//!
//! Source: Amazon EC2 API Reference, version 2016-11-15, query requests.

use aws_types::SdkConfig;
use serde::Deserialize;
use serde::de::DeserializeOwned;

use super::error::ApiError;
use super::signed::{self, Service, SignedClient};

const VERSION: &str = "2016-11-15";

static EC2: Service = Service { name: "ec2", id: "EC2", parse_error };

const FORM: [(&str, &str); 1] = [("content-type", "application/x-www-form-urlencoded")];

/// A request: its operation in the form of IAM policies, such as `ec2:CreateSecurityGroup`, and its
/// parameters.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Request {
    operation: &'static str,
    parameters: Vec<(String, String)>,
}

impl Request {
    /// Creates a request without parameters.
    pub fn new(operation: &'static str) -> Request {
        Request { operation, parameters: Vec::new() }
    }

    /// Adds a parameter.
    pub fn with(mut self, key: impl Into<String>, value: impl Into<String>) -> Request {
        self.parameters.push((key.into(), value.into()));
        self
    }

    /// Adds the `n`th filter, counted from 1.
    pub fn filter(self, n: usize, name: &str, value: &str) -> Request {
        self.with(format!("Filter.{n}.Name"), name).with(format!("Filter.{n}.Value.1"), value)
    }

    /// Adds tags for the resource that the request creates.
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

    /// Returns the encoded body.
    pub fn body(&self) -> String {
        let action = self.operation.trim_start_matches("ec2:");
        let mut form = url::form_urlencoded::Serializer::new(String::new());
        form.append_pair("Action", action).append_pair("Version", VERSION);
        form.extend_pairs(&self.parameters).finish()
    }
}

/// A client of EC2.
#[derive(Debug, Clone)]
pub struct Ec2(SignedClient);

impl Ec2 {
    /// Creates a client with the SDK's credentials, retries and connections.
    pub fn new(sdk: &SdkConfig, region: &str) -> Ec2 {
        Ec2(SignedClient::new(&EC2, sdk, region))
    }

    /// Sends a request and parses the response.
    ///
    /// # Errors
    ///
    /// Returns an error if EC2 rejects the request or cannot be reached, or if the response has another form.
    pub async fn send<T: DeserializeOwned>(&self, request: &Request) -> Result<T, ApiError> {
        let operation = request.operation;
        let answer = self.0.post(operation, &FORM, request.body()).await?;
        quick_xml::de::from_str(&answer).map_err(|e| ApiError {
            operation,
            code: None,
            message: format!("unexpected format of the response: {e}"),
        })
    }
}

fn parse_error(body: &[u8]) -> signed::ServiceFailure {
    let response: Ec2Error = quick_xml::de::from_reader(body).unwrap_or_default();
    let error = response.errors.error.into_iter().next().unwrap_or_default();
    signed::ServiceFailure { code: error.code, message: error.message }
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
struct Ec2Error {
    errors: Errors,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
struct Errors {
    error: Vec<ErrorItem>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
struct ErrorItem {
    code: String,
    message: String,
}

/// A list in a response.
#[derive(Debug, Deserialize)]
#[serde(default)]
pub struct Set<T> {
    /// Elements in the order of the response.
    pub item: Vec<T>,
}

impl<T> Default for Set<T> {
    fn default() -> Set<T> {
        Set { item: Vec::new() }
    }
}

/// A tag in a response.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct Tag {
    key: String,
    value: String,
}

/// Returns the tags as pairs of key and value.
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
        let read = parse_error(body.as_bytes());
        assert_eq!((&*read.code, &*read.message), ("InvalidGroup.Duplicate", "it is there"));
        assert_eq!(parse_error(b"<html>"), signed::ServiceFailure::default());
    }
}
