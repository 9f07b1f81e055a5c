//! Calls of AWS services without their SDK crates, signed and retried by the SDK's own runtime.
//!
//! The SDK crate for EC2 takes longer to compile than all other AWS crates together, and only a few
//! operations of the other services are needed.

use aws_runtime::auth::sigv4::{self, SigV4AuthScheme};
use aws_runtime::auth::{SigV4OperationSigningConfig, SigningOptions};
use aws_runtime::retries::classifiers::AwsErrorCodeClassifier;
use aws_sdk_redshift::error::{ErrorMetadata, ProvideErrorMetadata};
use aws_smithy_runtime::client::orchestrator::operation::OperationBuilder;
use aws_smithy_runtime::client::retries::classifiers::{
    HttpStatusCodeClassifier, TransientErrorClassifier,
};
use aws_smithy_runtime_api::box_error::BoxError;
use aws_smithy_runtime_api::client::auth::static_resolver::StaticAuthSchemeOptionResolver;
use aws_smithy_runtime_api::client::auth::{
    AuthSchemeOptionResolverParams, SharedAuthScheme, SharedAuthSchemeOptionResolver,
};
use aws_smithy_runtime_api::client::identity::SharedIdentityResolver;
use aws_smithy_runtime_api::client::orchestrator::{
    HttpRequest, HttpResponse, OrchestratorError, SensitiveOutput,
};
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponentsBuilder;
use aws_smithy_runtime_api::client::runtime_plugin::StaticRuntimePlugin;
use aws_smithy_types::body::SdkBody;
use aws_smithy_types::config_bag::Layer;
use aws_types::region::{Region, SigningRegion};
use aws_types::service_config::ServiceConfigKey;
use aws_types::{SdkConfig, SigningName};

use super::error::ApiError;
use crate::storage::aws_domain;

/// The properties of a service.
#[derive(Debug)]
pub(super) struct Service {
    /// The name in host names and signatures.
    pub name: &'static str,
    /// The name in endpoint settings.
    pub id: &'static str,
    /// Parses the code and message of an error from a response body.
    pub parse_error: fn(&[u8]) -> ServiceFailure,
}

/// The error in a response. Fields are empty if the body does not contain them.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct ServiceFailure {
    pub code: String,
    pub message: String,
}

/// A client of a service in a region.
#[derive(Debug, Clone)]
pub(super) struct SignedClient {
    service: &'static Service,
    sdk: SdkConfig,
    region: Region,
    endpoint: String,
}

impl SignedClient {
    /// Creates a client with the SDK's credentials, retries and connections.
    pub fn new(service: &'static Service, sdk: &SdkConfig, region: &str) -> SignedClient {
        let endpoint = configured_endpoint(service, sdk).unwrap_or_else(|| {
            let fips = sdk.use_fips().unwrap_or_default();
            own_endpoint(service.name, region, fips, sdk.use_dual_stack().unwrap_or_default())
        });
        SignedClient { service, sdk: sdk.clone(), region: Region::new(region.to_owned()), endpoint }
    }

    /// Posts a body and returns the response body. `operation` has the form of IAM policies, such as
    /// `ec2:CreateSecurityGroup`.
    ///
    /// # Errors
    ///
    /// Returns an error if the service rejects the request or cannot be reached.
    pub async fn post(
        &self,
        operation: &'static str,
        headers: &'static [(&'static str, &'static str)],
        body: String,
    ) -> Result<String, ApiError> {
        let serialize = move |body: String| -> Result<HttpRequest, BoxError> {
            let mut request = HttpRequest::new(SdkBody::from(body));
            request.set_method("POST")?;
            request.set_uri("/")?;
            for (name, value) in headers {
                request.headers_mut().insert(*name, *value);
            }
            Ok(request)
        };
        let parse_error = self.service.parse_error;
        let built = self
            .builder(operation)
            .serializer(serialize)
            .deserializer(move |response| deserialize(response, parse_error))
            .build();
        built.invoke(body).await.map_err(|e| ApiError::new(operation, &e))
    }

    fn builder(&self, operation: &'static str) -> OperationBuilder {
        let mut builder = OperationBuilder::new()
            .service_name(self.service.name)
            .operation_name(operation)
            .endpoint_url(&self.endpoint)
            .runtime_plugin(self.signing())
            .retry_classifier(TransientErrorClassifier::<ServiceError>::new())
            .retry_classifier(AwsErrorCodeClassifier::<ServiceError>::new())
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
        builder
    }

    /// Signs with Signature Version 4 and the credentials of the provider chain.
    fn signing(&self) -> StaticRuntimePlugin {
        let mut config = Layer::new("signing");
        // Some responses contain passwords, so none is logged.
        config.store_put(SensitiveOutput);
        config.store_put(SigV4OperationSigningConfig {
            region: Some(SigningRegion::from(self.region.clone())),
            name: Some(SigningName::from_static(self.service.name)),
            signing_options: SigningOptions::default(),
            ..Default::default()
        });
        config.store_put(AuthSchemeOptionResolverParams::new(()));
        let resolver = StaticAuthSchemeOptionResolver::new(vec![sigv4::SCHEME_ID]);
        let mut components = RuntimeComponentsBuilder::new("signing")
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

/// Returns Amazon's endpoint of the service.
fn own_endpoint(service: &str, region: &str, fips: bool, dual_stack: bool) -> String {
    let fips = if fips { "-fips" } else { "" };
    format!("https://{service}{fips}.{region}.{}", aws_domain(region, dual_stack))
}

/// Returns a configured endpoint. The setting of the service takes precedence over that of all services.
fn configured_endpoint(service: &Service, sdk: &SdkConfig) -> Option<String> {
    let key = ServiceConfigKey::builder()
        .service_id(service.id)
        .env("AWS_ENDPOINT_URL")
        .profile("endpoint_url")
        .build()
        .ok()?;
    let own = sdk.service_config().and_then(|config| config.load_config(key));
    own.or_else(|| sdk.endpoint_url().map(str::to_owned))
}

fn deserialize(
    response: &HttpResponse,
    parse_error: fn(&[u8]) -> ServiceFailure,
) -> Result<String, OrchestratorError<ServiceError>> {
    let body = response.body().bytes().unwrap_or_default();
    if response.status().is_success() {
        return Ok(String::from_utf8_lossy(body).into_owned());
    }
    let ServiceFailure { code, message } = parse_error(body);
    let metadata = match code.is_empty() {
        true => {
            ErrorMetadata::builder().message(format!("HTTP status {}", response.status().as_u16()))
        }
        false => ErrorMetadata::builder().code(code).message(message),
    };
    Err(OrchestratorError::operation(ServiceError(metadata.build())))
}

/// An error in a response.
#[derive(Debug)]
struct ServiceError(ErrorMetadata);

impl std::fmt::Display for ServiceError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.fmt(f)
    }
}

impl std::error::Error for ServiceError {}

impl ProvideErrorMetadata for ServiceError {
    fn meta(&self) -> &ErrorMetadata {
        &self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_partition_has_its_own_endpoints() {
        for (service, region, fips, dual_stack, url) in [
            ("ec2", "us-east-1", false, false, "https://ec2.us-east-1.amazonaws.com"),
            ("ec2", "us-gov-west-1", true, false, "https://ec2-fips.us-gov-west-1.amazonaws.com"),
            ("ec2", "eu-west-1", false, true, "https://ec2.eu-west-1.api.aws"),
            ("ec2", "cn-north-1", false, false, "https://ec2.cn-north-1.amazonaws.com.cn"),
            ("ec2", "eusc-de-east-1", false, false, "https://ec2.eusc-de-east-1.amazonaws.eu"),
            (
                "redshift-serverless",
                "eu-west-1",
                false,
                false,
                "https://redshift-serverless.eu-west-1.amazonaws.com",
            ),
        ] {
            assert_eq!(own_endpoint(service, region, fips, dual_stack), url);
        }
    }

    #[test]
    fn an_error_is_read_from_its_answer() {
        let read = |body: &[u8]| match body {
            b"" => ServiceFailure::default(),
            _ => ServiceFailure { code: "Duplicate".to_owned(), message: "it exists".to_owned() },
        };
        let mut response = HttpResponse::new(400.try_into().unwrap(), SdkBody::from("x"));
        let error = deserialize(&response, read).unwrap_err();
        let error = error.as_operation_error().unwrap();
        assert_eq!((error.code(), error.message()), (Some("Duplicate"), Some("it exists")));
        response = HttpResponse::new(502.try_into().unwrap(), SdkBody::from(""));
        let error = deserialize(&response, read).unwrap_err();
        let error = error.as_operation_error().unwrap();
        assert_eq!((error.code(), error.message()), (None, Some("HTTP status 502")));
    }
}
