//! Calls of services with JSON requests and responses: Redshift Serverless, Secrets Manager and the Data
//! API.
//!
//! Source: AWS JSON 1.1 protocol, as implemented by the SDKs.

use aws_types::SdkConfig;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::error::ApiError;
use super::signed::{Service, ServiceFailure, SignedClient};

/// Redshift Serverless.
pub(super) static SERVERLESS: Service =
    Service { name: "redshift-serverless", id: "Redshift Serverless", parse_error };

/// The Redshift Data API.
pub(super) static DATA: Service =
    Service { name: "redshift-data", id: "Redshift Data", parse_error };

/// AWS Secrets Manager.
pub(super) static SECRETS: Service =
    Service { name: "secretsmanager", id: "Secrets Manager", parse_error };

/// An operation: its name in IAM policies, and the headers that select it.
#[derive(Debug)]
pub(super) struct Operation {
    pub name: &'static str,
    pub headers: [(&'static str, &'static str); 2],
}

impl Operation {
    /// Creates an operation from its name in IAM policies and its target, `SERVICE.OPERATION`.
    pub const fn new(name: &'static str, target: &'static str) -> Operation {
        let headers = [("content-type", "application/x-amz-json-1.1"), ("x-amz-target", target)];
        Operation { name, headers }
    }
}

/// Sends a request and parses the response.
///
/// # Errors
///
/// Returns an error if the service rejects the request or cannot be reached, or if the response has another
/// form.
pub(super) async fn send<T: DeserializeOwned>(
    (service, sdk, region): (&'static Service, &SdkConfig, &str),
    operation: &'static Operation,
    request: &impl Serialize,
) -> Result<T, ApiError> {
    let fail = |reason: String| ApiError { operation: operation.name, code: None, message: reason };
    let body = serde_json::to_string(request).map_err(|e| fail(e.to_string()))?;
    let client = SignedClient::new(service, sdk, region);
    let answer = client.post(operation.name, &operation.headers, body).await?;
    // The response may contain a password, so the error does not quote it.
    serde_json::from_str(&answer).map_err(|e| {
        fail(format!(
            "unexpected format of the response (line {}, column {})",
            e.line(),
            e.column()
        ))
    })
}

/// Parses an error such as
/// `{"__type": "com.amazonaws.redshift#ResourceNotFoundException", "message": "…"}`.
fn parse_error(body: &[u8]) -> ServiceFailure {
    let body: Value = serde_json::from_slice(body).unwrap_or_default();
    let text = |key: &str| body[key].as_str().unwrap_or_default().to_owned();
    let kind = text("__type");
    let code = kind.rsplit('#').next().unwrap_or_default().to_owned();
    let message = [text("message"), text("Message")].concat();
    ServiceFailure { code, message }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn errors_name_their_type_with_or_without_its_namespace() {
        for kind in ["ValidationException", "com.amazon.coral.validate#ValidationException"] {
            for key in ["message", "Message"] {
                let body = format!(r#"{{"__type":"{kind}","{key}":"no such workgroup"}}"#);
                let wanted = ServiceFailure {
                    code: "ValidationException".to_owned(),
                    message: "no such workgroup".to_owned(),
                };
                assert_eq!(parse_error(body.as_bytes()), wanted);
            }
        }
        assert_eq!(parse_error(b"<html>"), ServiceFailure::default());
    }
}
