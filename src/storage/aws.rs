//! S3 buckets: credentials from the standard AWS chain, region from S3 itself.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use aws_config::retry::RetryConfig;
use aws_config::{BehaviorVersion, SdkConfig};
use aws_credential_types::provider::{ProvideCredentials, SharedCredentialsProvider};
use object_store::aws::{AmazonS3Builder, AwsCredential};
use object_store::{CredentialProvider, ObjectStore};
use tokio::sync::OnceCell;

use super::s3::{Addressing, S3Api};
use super::{StorageError, StoreOptions, partition, proxy};

/// Timeout of a request for a bucket's region, short so that a run is not delayed if S3 is unreachable.
const REGION_TIMEOUT: Duration = Duration::from_secs(10);

/// Number of attempts to look up a bucket's region. The fallback region may be wrong, so retry first.
const REGION_TRIES: usize = 4;

/// Time between two attempts.
const REGION_PAUSE: Duration = Duration::from_millis(300);

/// Maximum retries of the SDK. Its backoff starts at one second and doubles: four retries outlast
/// throttling and short outages; more would keep an offline user waiting for minutes.
const API_RETRIES: usize = 4;

/// The region that S3 itself defaults to.
const DEFAULT_REGION: &str = "us-east-1";

/// The AWS settings of this process, loaded when the first bucket is opened.
#[derive(Debug, Default)]
pub(super) struct Aws {
    sdk: OnceCell<SdkConfig>,
}

impl Aws {
    /// Opens a bucket, both through object_store and through the S3 API.
    pub async fn bucket(
        &self,
        name: &str,
        options: &StoreOptions,
    ) -> Result<(Arc<dyn ObjectStore>, Arc<S3Api>), StorageError> {
        let sdk = self.sdk.get_or_init(|| load_sdk(options)).await;
        let endpoint = endpoint(options, sdk);
        let endpoint = endpoint.as_deref();
        let region = match &options.region {
            Some(region) => region.clone(),
            None => find_region(name, endpoint, sdk, options).await,
        };
        let is_virtual = options.s3.addressing == Addressing::Virtual;
        let base = endpoint.map_or_else(|| partition::s3_endpoint(&region), str::to_owned);
        let url = options.s3.addressing.bucket_url(&base, name);
        let mut builder = AmazonS3Builder::new()
            .with_bucket_name(name)
            .with_region(&region)
            .with_retry(options.retry_config())
            .with_allow_http(endpoint.is_some())
            .with_endpoint(if is_virtual { &url } else { &base })
            .with_virtual_hosted_style_request(is_virtual);
        builder = options.s3.configure(builder);
        let credentials = sdk.credentials_provider().filter(|_| !options.no_sign_request);
        builder = match credentials.clone() {
            Some(provider) => builder.with_credentials(Arc::new(Credentials(provider))),
            None => builder.with_skip_signature(true),
        };
        let store = builder.build().map_err(|source| StorageError::open(name, source))?;
        let s3 = S3Api::new(url, region, credentials, options);
        Ok((Arc::new(store), Arc::new(s3)))
    }

    /// Returns the bucket's region as S3 reports it, or `None` if the lookup fails.
    pub async fn region(&self, bucket: &str, options: &StoreOptions) -> Option<String> {
        let sdk = self.sdk.get_or_init(|| load_sdk(options)).await;
        let endpoint = endpoint(options, sdk);
        request_region(bucket, endpoint.as_deref(), sdk, options).await.ok().flatten()
    }
}

/// Returns the bucket's own region, or the configured one if the lookup fails.
async fn find_region(
    bucket: &str,
    endpoint: Option<&str>,
    sdk: &SdkConfig,
    options: &StoreOptions,
) -> String {
    let configured = sdk.region().map(|region| region.to_string());
    match request_region(bucket, endpoint, sdk, options).await {
        Ok(Some(region)) => region,
        Ok(None) => configured.unwrap_or_else(|| DEFAULT_REGION.to_owned()),
        Err(error) => {
            tracing::debug!(bucket, %error, "the region of the bucket could not be requested");
            configured.unwrap_or_else(|| DEFAULT_REGION.to_owned())
        }
    }
}

/// Returns the configured S3 endpoint, or `None` for Amazon's own.
fn endpoint(options: &StoreOptions, sdk: &SdkConfig) -> Option<String> {
    let of_s3 = || std::env::var("AWS_ENDPOINT_URL_S3").ok().filter(|url| !url.is_empty());
    let configured = || sdk.endpoint_url().map(str::to_owned);
    options.endpoint_url.clone().or_else(of_s3).or_else(configured)
}

/// Loads the settings of the AWS chain, such as environment variables and profiles.
pub(crate) async fn load_sdk(options: &StoreOptions) -> SdkConfig {
    let mut loader = aws_config::defaults(BehaviorVersion::latest()).http_client(proxy::client());
    // A setting of the user takes precedence.
    if std::env::var_os("AWS_MAX_ATTEMPTS").is_none() {
        let attempts = 1 + options.retries.min(API_RETRIES) as u32;
        loader = loader.retry_config(RetryConfig::standard().with_max_attempts(attempts));
    }
    if let Some(profile) = &options.profile {
        loader = loader.profile_name(profile);
    }
    if options.no_sign_request {
        loader = loader.no_credentials();
    }
    loader.load().await
}

/// Asks S3 for a bucket's region. HeadBucket returns it in a header even if the request is unsigned or
/// denied.
///
/// Source: Amazon S3 API Reference, HeadBucket, response header `x-amz-bucket-region`.
async fn request_region(
    bucket: &str,
    endpoint: Option<&str>,
    sdk: &SdkConfig,
    options: &StoreOptions,
) -> Result<Option<String>, reqwest::Error> {
    let directory = || partition::s3_directory(sdk.region().map(AsRef::as_ref));
    let endpoint = endpoint.map_or_else(directory, str::to_owned);
    let url = options.s3.addressing.bucket_url(&endpoint, bucket);
    let client = reqwest::Client::builder()
        .timeout(REGION_TIMEOUT)
        .redirect(reqwest::redirect::Policy::none())
        .build()?;
    let head = || client.head(&url).send();
    for _ in 1..REGION_TRIES {
        match head().await {
            Ok(response) if !response.status().is_server_error() => {
                return Ok(region_of(&response));
            }
            Err(error) if error.is_timeout() => return Err(error),
            _ => tokio::time::sleep(REGION_PAUSE).await,
        }
    }
    Ok(region_of(&head().await?))
}

fn region_of(response: &reqwest::Response) -> Option<String> {
    let region = response.headers().get("x-amz-bucket-region")?;
    region.to_str().ok().map(str::to_owned)
}

/// Adapts the AWS chain (environment, profiles, SSO, web identity, container and instance roles) to
/// object_store. The chain caches credentials and renews them before they expire.
#[derive(Debug)]
struct Credentials(SharedCredentialsProvider);

#[async_trait]
impl CredentialProvider for Credentials {
    type Credential = AwsCredential;

    async fn get_credential(&self) -> object_store::Result<Arc<AwsCredential>> {
        let credentials = self.0.provide_credentials().await.map_err(|source| {
            object_store::Error::Unauthenticated {
                path: "AWS credentials".to_owned(),
                source: source.into(),
            }
        })?;
        Ok(Arc::new(AwsCredential {
            key_id: credentials.access_key_id().to_owned(),
            secret_key: credentials.secret_access_key().to_owned(),
            token: credentials.session_token().map(str::to_owned),
        }))
    }
}
