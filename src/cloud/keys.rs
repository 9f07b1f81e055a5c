//! Temporary keys of the caller.
//!
//! Source: AWS Security Token Service API Reference, GetSessionToken.

use aws_types::SdkConfig;
use secrecy::SecretString;

use super::clients::credentials;
use super::error::{ApiError, CloudError};

/// The lifetime of new keys: as long as the longest expected load, and less than the 36 hours that AWS allows.
const LIFE_SECONDS: i32 = 12 * 60 * 60;

/// Keys with an expiry.
#[derive(Debug)]
pub struct TemporaryKeys {
    /// Access key ID, which is not secret.
    pub access_key_id: String,
    /// Secret access key, with which requests are signed.
    pub secret_access_key: SecretString,
    /// Session token, which each request with temporary keys contains.
    pub session_token: SecretString,
}

/// Returns the keys in use if they are temporary, or new temporary keys from AWS.
///
/// # Errors
///
/// Returns an error if there are no credentials, or if AWS rejects the request or cannot be reached.
pub async fn temporary(sdk: &SdkConfig) -> Result<TemporaryKeys, CloudError> {
    let action = "get temporary keys for COPY";
    let operation = "sts:GetSessionToken";
    let own = credentials(sdk, operation).await.map_err(|e| e.during(action))?;
    if let Some(token) = own.session_token() {
        return Ok(TemporaryKeys {
            access_key_id: own.access_key_id().to_owned(),
            secret_access_key: own.secret_access_key().to_owned().into(),
            session_token: token.to_owned().into(),
        });
    }
    let request = aws_sdk_sts::Client::new(sdk).get_session_token();
    let answer = request.duration_seconds(LIFE_SECONDS).send().await;
    let answer = answer.map_err(|e| ApiError::new(operation, &e).during(action))?;
    let keys = answer.credentials.ok_or_else(|| {
        let message = "the response contains no keys".to_owned();
        ApiError { operation, code: None, message }.during(action)
    })?;
    Ok(TemporaryKeys {
        access_key_id: keys.access_key_id,
        secret_access_key: keys.secret_access_key.into(),
        session_token: keys.session_token.into(),
    })
}
