//! Authorization of Redshift's COPY to read the files of a star.

use aws_types::SdkConfig;
use secrecy::{ExposeSecret, SecretString};

use crate::cloud::keys::{TemporaryKeys, temporary};
use crate::warehouse::Dialect;
use crate::warehouse::error::Result;
use crate::warehouse::sql::quote::{iam_role, literal};

/// Placeholder for a secret in a statement that is shown.
const HIDDEN: &str = "***";

/// Authorization of COPY.
#[derive(Debug, Clone)]
pub enum CopyAuth {
    /// A role: an ARN, several ARNs joined by commas, or `default` for the default role of the
    /// cluster.
    Role(String),
    /// Temporary keys of the caller, which become part of the statement.
    Session(Box<SdkConfig>),
}

/// An authorization clause of COPY, which may contain secrets.
#[derive(Debug)]
pub struct Clause {
    text: SecretString,
    /// The clause with its secrets masked.
    pub shown: String,
    secrets: Vec<SecretString>,
}

impl CopyAuth {
    /// Returns the clause with masked keys.
    ///
    /// # Errors
    ///
    /// Returns an error if a role is neither `default` nor the ARN of an IAM role.
    pub fn shown(&self) -> Result<String> {
        match self {
            CopyAuth::Role(role) => Ok(iam_role(role)?),
            CopyAuth::Session(_) => keys(HIDDEN, HIDDEN, HIDDEN),
        }
    }

    /// Returns the clause to send. May request temporary keys from AWS.
    ///
    /// # Errors
    ///
    /// As for [`CopyAuth::shown`]; also fails if no keys are available.
    pub async fn clause(&self) -> Result<Clause> {
        let shown = self.shown()?;
        let CopyAuth::Session(sdk) = self else {
            return Ok(Clause { text: shown.clone().into(), shown, secrets: Vec::new() });
        };
        let TemporaryKeys { access_key_id, secret_access_key, session_token } =
            temporary(sdk).await?;
        let (secret, token) = (secret_access_key.expose_secret(), session_token.expose_secret());
        let text = keys(&access_key_id, secret, token)?.into();
        Ok(Clause { text, shown, secrets: vec![secret_access_key, session_token] })
    }
}

impl Clause {
    /// Returns the clause in clear text, for the driver only.
    pub fn expose(&self) -> &str {
        self.text.expose_secret()
    }

    /// Masks the secrets of the clause in a text from the server.
    pub fn hide(&self, text: &str) -> String {
        self.secrets
            .iter()
            .fold(text.to_owned(), |text, secret| text.replace(secret.expose_secret(), HIDDEN))
    }
}

/// Returns the clause for temporary keys.
///
/// Source: Redshift Database Developer Guide, COPY, Authorization parameters.
fn keys(id: &str, secret: &str, token: &str) -> Result<String> {
    let quoted = |text| literal(text, Dialect::Redshift);
    Ok(format!(
        "ACCESS_KEY_ID {}\nSECRET_ACCESS_KEY {}\nSESSION_TOKEN {}",
        quoted(id)?,
        quoted(secret)?,
        quoted(token)?
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_neither_shown_nor_repeated() {
        let clause = Clause {
            text: keys("AKIA", "open sesame", "token").unwrap().into(),
            shown: keys(HIDDEN, HIDDEN, HIDDEN).unwrap(),
            secrets: vec!["open sesame".to_owned().into(), "token".to_owned().into()],
        };
        assert!(clause.expose().contains("SECRET_ACCESS_KEY 'open sesame'"));
        assert!(!format!("{clause:?}").contains("sesame"));
        assert_eq!(clause.hide(clause.expose()).matches(HIDDEN).count(), 2);
        assert!(!clause.hide(clause.expose()).contains("sesame"));
    }
}
