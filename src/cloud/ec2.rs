//! The few EC2 calls that a network rule takes, signed and retried by the SDK's own runtime.
//!
//! The SDK's crate for all of EC2 takes longer to compile than the rest of AWS's together.
//!
//! Source: Amazon EC2 API Reference, version 2016-11-15, query requests.

use aws_runtime::auth::sigv4::{self, SigV4AuthScheme};
use aws_runtime::auth::{SigV4OperationSigningConfig, SigningOptions};
use aws_runtime::retries::classifiers::AwsErrorCodeClassifier;
use aws_sdk_redshift::error::{ErrorMetadata, ProvideErrorMetadata};
use aws_smithy_runtime::client::orchestrator::operation::{Operation, OperationBuilder};
use aws_smithy_runtime::client::retries::classifiers::{
    HttpStatusCodeClassifier, TransientErrorClassifier,
};
use aws_smithy_runtime_api::client::auth::static_resolver::StaticAuthSchemeOptionResolver;
use aws_smithy_runtime_api::client::auth::{
    AuthSchemeOptionResolverParams, SharedAuthScheme, SharedAuthSchemeOptionResolver,
};
use aws_smithy_runtime_api::client::identity::SharedIdentityResolver;
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse, OrchestratorError};
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponentsBuilder;
use aws_smithy_runtime_api::client::runtime_plugin::StaticRuntimePlugin;
use aws_smithy_types::body::SdkBody;
use aws_smithy_types::config_bag::Layer;
use aws_types::region::{Region, SigningRegion};
use aws_types::service_config::ServiceConfigKey;
use aws_types::{SdkConfig, SigningName};
use serde::Deserialize;
use serde::de::DeserializeOwned;

use super::error::ApiError;
use crate::storage::aws_domain;

const VERSION: &str = "2016-11-15";

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
pub struct Ec2 {
    sdk: SdkConfig,
    region: Region,
    endpoint: String,
}

impl Ec2 {
    /// A client with the SDK's credentials, retries and connections.
    pub fn new(sdk: &SdkConfig, region: &str) -> Ec2 {
        let endpoint = configured_endpoint(sdk).unwrap_or_else(|| {
            let fips = sdk.use_fips().unwrap_or_default();
            own_endpoint(region, fips, sdk.use_dual_stack().unwrap_or_default())
        });
        Ec2 { sdk: sdk.clone(), region: Region::new(region.to_owned()), endpoint }
    }

    /// Sends a request and reads its answer.
    ///
    /// # Errors
    ///
    /// If EC2 refuses it, cannot be reached, or answers with something else.
    pub async fn send<T: DeserializeOwned>(&self, request: &Request) -> Result<T, ApiError> {
        let operation = request.operation;
        let sent = self.operation(operation).invoke(request.body()).await;
        let answer = sent.map_err(|e| ApiError::new(operation, &e))?;
        quick_xml::de::from_str(&answer).map_err(|e| ApiError {
            operation,
            code: None,
            said: format!("the answer is not understood: {e}"),
        })
    }

    fn operation(&self, name: &'static str) -> Operation<String, String, Ec2Error> {
        let mut builder = OperationBuilder::new()
            .service_name("ec2")
            .operation_name(name)
            .endpoint_url(&self.endpoint)
            .runtime_plugin(self.signing())
            .retry_classifier(TransientErrorClassifier::<Ec2Error>::new())
            .retry_classifier(AwsErrorCodeClassifier::<Ec2Error>::new())
            .retry_classifier(HttpStatusCodeClassifier::default())
            .with_connection_poisoning();
        if let Some(version) = self.sdk.behavior_version() {
            builder = builder.behavior_version(version);
        }
        if let Some(client) = self.sdk.http_client() {
            builder = builder.http_client(client);
        }
        if let Some(retries) = self.sdk.retry_config() {
            builder = builder.standard_retry(retries);
        }
        if let Some(timeouts) = self.sdk.timeout_config() {
            builder = builder.timeout_config(timeouts.clone());
        }
        if let Some(sleep) = self.sdk.sleep_impl() {
            builder = builder.sleep_impl(sleep);
        }
        if let Some(time) = self.sdk.time_source() {
            builder = builder.time_source(time);
        }
        builder.serializer(serialize).deserializer(deserialize).build()
    }

    /// Signature Version 4 with the chain's credentials.
    fn signing(&self) -> StaticRuntimePlugin {
        let mut config = Layer::new("ec2 signing");
        config.store_put(SigV4OperationSigningConfig {
            region: Some(SigningRegion::from(self.region.clone())),
            name: Some(SigningName::from_static("ec2")),
            signing_options: SigningOptions::default(),
            ..Default::default()
        });
        config.store_put(AuthSchemeOptionResolverParams::new(()));
        let resolver = StaticAuthSchemeOptionResolver::new(vec![sigv4::SCHEME_ID]);
        let mut components = RuntimeComponentsBuilder::new("ec2 signing")
            .with_auth_scheme(SharedAuthScheme::new(SigV4AuthScheme::new()))
            .with_auth_scheme_option_resolver(Some(SharedAuthSchemeOptionResolver::new(resolver)))
            .with_identity_cache(self.sdk.identity_cache());
        if let Some(provider) = self.sdk.credentials_provider() {
            let resolver = SharedIdentityResolver::new(provider);
            components.set_identity_resolver(sigv4::SCHEME_ID, resolver);
        }
        StaticRuntimePlugin::new().with_config(config.freeze()).with_runtime_components(components)
    }
}

/// Amazon's own endpoint.
fn own_endpoint(region: &str, fips: bool, dual_stack: bool) -> String {
    let host = if fips { "ec2-fips" } else { "ec2" };
    let domain = aws_domain(region, dual_stack);
    format!("https://{host}.{region}.{domain}")
}

/// An endpoint other than Amazon's: EC2's own setting before that of all services.
fn configured_endpoint(sdk: &SdkConfig) -> Option<String> {
    let key = ServiceConfigKey::builder()
        .service_id("EC2")
        .env("AWS_ENDPOINT_URL")
        .profile("endpoint_url")
        .build()
        .ok()?;
    let own = sdk.service_config().and_then(|config| config.load_config(key));
    own.or_else(|| sdk.endpoint_url().map(str::to_owned))
}

fn serialize(body: String) -> Result<HttpRequest, aws_smithy_runtime_api::box_error::BoxError> {
    let mut request = HttpRequest::new(SdkBody::from(body));
    request.set_method("POST")?;
    request.set_uri("/")?;
    request.headers_mut().insert("content-type", "application/x-www-form-urlencoded");
    Ok(request)
}

fn deserialize(response: &HttpResponse) -> Result<String, OrchestratorError<Ec2Error>> {
    let body = String::from_utf8_lossy(response.body().bytes().unwrap_or_default()).into_owned();
    if response.status().is_success() {
        return Ok(body);
    }
    let told: Refusal = quick_xml::de::from_str(&body).unwrap_or_default();
    let error = told.errors.error.into_iter().next().unwrap_or_default();
    let mut metadata = ErrorMetadata::builder();
    if !error.code.is_empty() {
        metadata = metadata.code(error.code).message(error.message);
    } else {
        metadata = metadata.message(format!("HTTP status {}", response.status().as_u16()));
    }
    Err(OrchestratorError::operation(Ec2Error(metadata.build())))
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

/// An error that EC2 answered with.
#[derive(Debug)]
struct Ec2Error(ErrorMetadata);

impl std::fmt::Display for Ec2Error {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.fmt(f)
    }
}

impl std::error::Error for Ec2Error {}

impl ProvideErrorMetadata for Ec2Error {
    fn meta(&self) -> &ErrorMetadata {
        &self.0
    }
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
    fn each_partition_has_its_own_endpoints() {
        for (region, fips, dual_stack, url) in [
            ("us-east-1", false, false, "https://ec2.us-east-1.amazonaws.com"),
            ("us-gov-west-1", true, false, "https://ec2-fips.us-gov-west-1.amazonaws.com"),
            ("eu-west-1", false, true, "https://ec2.eu-west-1.api.aws"),
            ("cn-north-1", false, false, "https://ec2.cn-north-1.amazonaws.com.cn"),
            ("eusc-de-east-1", false, false, "https://ec2.eusc-de-east-1.amazonaws.eu"),
        ] {
            assert_eq!(own_endpoint(region, fips, dual_stack), url);
        }
    }

    #[test]
    fn an_error_is_read_from_its_answer() {
        let body = "<Response><Errors><Error><Code>InvalidGroup.Duplicate</Code>\
                    <Message>it is there</Message></Error></Errors><RequestID>1</RequestID></Response>";
        let mut response = HttpResponse::new(400.try_into().unwrap(), SdkBody::from(body));
        let error = deserialize(&response).unwrap_err();
        let error = error.as_operation_error().unwrap();
        assert_eq!(error.code(), Some("InvalidGroup.Duplicate"));
        response = HttpResponse::new(502.try_into().unwrap(), SdkBody::from("<html>"));
        let error = deserialize(&response).unwrap_err();
        let error = error.as_operation_error().unwrap();
        assert_eq!((error.code(), error.message()), (None, Some("HTTP status 502")));
    }
}
