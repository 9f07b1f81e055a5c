//! Passwords in AWS Secrets Manager.
//!
//! Source: AWS Secrets Manager API Reference, GetSecretValue; Redshift Management Guide, Managing
//! admin passwords using Secrets Manager (the form of the secret).

use aws_types::SdkConfig;
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;
use serde_json::json;

use super::error::{ApiError, CloudError};
use super::json::{Operation, SECRETS, send};

static GET_SECRET_VALUE: Operation =
    Operation::new("secretsmanager:GetSecretValue", "secretsmanager.GetSecretValue");

/// The login in a secret.
#[derive(Debug)]
pub struct StoredLogin {
    /// The user, if the secret names one.
    pub user: Option<String>,
    /// The password to log in with.
    pub password: SecretString,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct GotSecret {
    secret_string: Option<SecretString>,
}

#[derive(Deserialize)]
struct Fields {
    #[serde(alias = "user")]
    username: Option<String>,
    password: Option<SecretString>,
}

/// Returns the login in a secret, which is named by its ARN and contains a JSON object with `password` and
/// `username`, or only the password.
///
/// # Errors
///
/// Returns an error if the text is not the ARN of a secret, if the secret contains no password, or if AWS
/// rejects the request or cannot be reached.
pub async fn login(sdk: &SdkConfig, arn: &str) -> Result<StoredLogin, CloudError> {
    let region = region_of(arn).ok_or_else(|| CloudError::InvalidSecret(arn.to_owned()))?;
    let sent = send((&SECRETS, sdk, region), &GET_SECRET_VALUE, &json!({ "SecretId": arn })).await;
    let GotSecret { secret_string } =
        sent.map_err(|error: ApiError| error.during(format!("read the secret {arn}")))?;
    let login = secret_string.and_then(|text| parse(&text));
    login.ok_or_else(|| CloudError::SecretWithoutPassword(arn.to_owned()))
}

/// Returns the region in `arn:PARTITION:secretsmanager:REGION:ACCOUNT:secret:NAME`.
pub fn region_of(arn: &str) -> Option<&str> {
    let parts: Vec<&str> = arn.splitn(7, ':').collect();
    match parts[..] {
        ["arn", _, "secretsmanager", region, account, "secret", name]
            if !region.is_empty() && !account.is_empty() && !name.is_empty() =>
        {
            Some(region)
        }
        _ => None,
    }
}

fn parse(text: &SecretString) -> Option<StoredLogin> {
    let exposed = text.expose_secret();
    if exposed.trim_start().starts_with('{') {
        let fields: Fields = serde_json::from_str(exposed).ok()?;
        let password = fields.password.filter(|password| !password.expose_secret().is_empty())?;
        return Some(StoredLogin { user: fields.username, password });
    }
    let is_empty = exposed.is_empty();
    (!is_empty).then(|| StoredLogin { user: None, password: text.clone() })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(text: &str) -> Option<(Option<String>, String)> {
        let login = parse(&text.to_owned().into())?;
        assert!(!format!("{login:?}").contains("sesame"));
        Some((login.user, login.password.expose_secret().to_owned()))
    }

    #[test]
    fn a_secret_is_an_object_or_the_password_alone() {
        let password = "open sesame".to_owned();
        let managed = r#"{"username":"admin","password":"open sesame"}"#;
        assert_eq!(parsed(managed), Some((Some("admin".to_owned()), password.clone())));
        assert_eq!(parsed("open sesame"), Some((None, password)));
        for text in ["", "{}", r#"{"password":""}"#, r#"{"password":7}"#, "{"] {
            assert_eq!(parsed(text), None, "{text}");
        }
    }

    #[test]
    fn the_region_is_in_the_arn() {
        let arn = "arn:aws-cn:secretsmanager:cn-north-1:123456789012:secret:redshift!stars-AbCdEf";
        assert_eq!(region_of(arn), Some("cn-north-1"));
        for other in ["", "stars", "arn:aws:s3:::bucket", "arn:aws:secretsmanager::1:secret:a"] {
            assert_eq!(region_of(other), None, "{other}");
        }
    }
}
