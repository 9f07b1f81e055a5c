//! S3 buckets: credentials by the standard AWS chain, the bucket's region found out by asking.

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

/// Asking for a bucket's region must not hold a run up for long where S3 itself is out of reach.
const REGION_TIMEOUT: Duration = Duration::from_secs(10);

/// How often a bucket's region is asked for; one that is guessed in its place may be wrong.
const REGION_TRIES: usize = 4;

/// Time between two such tries.
const REGION_PAUSE: Duration = Duration::from_millis(300);

/// The SDK's pauses double from a second on: four outlast throttling and short outages, and more would
/// leave somebody who is offline waiting for minutes.
const API_RETRIES: usize = 4;

/// The region that S3 itself assumes.
const DEFAULT_REGION: &str = "us-east-1";

/// The AWS settings of this process, loaded when the first bucket is opened.
#[derive(Debug, Default)]
pub(super) struct Aws {
    sdk: OnceCell<SdkConfig>,
}

impl Aws {
    /// Opens a bucket, once with object_store and once with the S3 API.
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

    /// The region that the bucket itself names.
    pub async fn region(&self, bucket: &str, options: &StoreOptions) -> Option<String> {
        let sdk = self.sdk.get_or_init(|| load_sdk(options)).await;
        let endpoint = endpoint(options, sdk);
        ask_region(bucket, endpoint.as_deref(), sdk, options).await.ok().flatten()
    }
}

/// The bucket's own region; where it cannot be told, the configured one.
async fn find_region(
    bucket: &str,
    endpoint: Option<&str>,
    sdk: &SdkConfig,
    options: &StoreOptions,
) -> String {
    let configured = sdk.region().map(|region| region.to_string());
    match ask_region(bucket, endpoint, sdk, options).await {
        Ok(Some(region)) => region,
        Ok(None) => configured.unwrap_or_else(|| DEFAULT_REGION.to_owned()),
        Err(error) => {
            tracing::debug!(bucket, %error, "the bucket's region could not be asked for");
            configured.unwrap_or_else(|| DEFAULT_REGION.to_owned())
        }
    }
}

/// The S3 endpoint, where it is not Amazon's.
fn endpoint(options: &StoreOptions, sdk: &SdkConfig) -> Option<String> {
    let of_s3 = || std::env::var("AWS_ENDPOINT_URL_S3").ok().filter(|url| !url.is_empty());
    let configured = || sdk.endpoint_url().map(str::to_owned);
    options.endpoint_url.clone().or_else(of_s3).or_else(configured)
}

/// The settings of the AWS chain: environment, profiles, and whatever else it looks at.
pub(crate) async fn load_sdk(options: &StoreOptions) -> SdkConfig {
    let mut loader = aws_config::defaults(BehaviorVersion::latest()).http_client(proxy::client());
    // The chain's own setting goes first where it is made.
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

/// HeadBucket names the region in a header, whether or not it is signed or allowed.
///
/// Source: Amazon S3 API Reference, HeadBucket, response header `x-amz-bucket-region`.
async fn ask_region(
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
    let ask = || client.head(&url).send();
    for _ in 1..REGION_TRIES {
        match ask().await {
            Ok(response) if !response.status().is_server_error() => return Ok(named(&response)),
            Err(error) if error.is_timeout() => return Err(error),
            _ => tokio::time::sleep(REGION_PAUSE).await,
        }
    }
    Ok(named(&ask().await?))
}

fn named(response: &reqwest::Response) -> Option<String> {
    let region = response.headers().get("x-amz-bucket-region")?;
    region.to_str().ok().map(str::to_owned)
}

/// The AWS chain (environment, profiles, SSO, web identity, container and instance roles) as
/// object_store asks for credentials. The chain caches them and renews them in time.
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
