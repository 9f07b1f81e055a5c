//! The warehouse a user names: a URL, taken apart and checked.

use std::path::PathBuf;
use std::time::Duration;

use url::Url;

use super::Dialect;

/// How long connecting may take; a cluster that is paused answers nothing at all.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(15);

/// Why a target cannot be understood.
#[derive(Debug, thiserror::Error)]
pub enum TargetError {
    /// It is not a URL.
    #[error(
        "{0:?} is not the URL of a warehouse; write redshift://USER@HOST:5439/DATABASE or postgres://USER@HOST:5432/DATABASE"
    )]
    Form(String),
    /// A password stands in it.
    #[error(
        "the URL of the warehouse holds a password, which every process list would show; give it as STARLIFT_PASSWORD in the environment, or with --password-file"
    )]
    Password,
    /// A parameter is unknown or has a value that cannot be.
    #[error("{parameter} of the warehouse's URL: {reason}")]
    Parameter {
        /// The parameter.
        parameter: String,
        /// What is wrong.
        reason: String,
    },
}

/// How the connection is protected.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TlsMode {
    /// Not at all.
    Disable,
    /// Encrypted, the server's certificate and full host name verified.
    VerifyFull,
}

/// A database that tables are loaded into.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Target {
    /// What kind of warehouse it is.
    pub dialect: Dialect,
    /// Host name, or for PostgreSQL the folder of a Unix socket.
    pub host: String,
    /// Port.
    pub port: u16,
    /// Database.
    pub database: String,
    /// User.
    pub user: String,
    /// How the connection is protected.
    pub tls: TlsMode,
    /// A file of certificates to trust in place of the system's.
    pub root_certificates: Option<PathBuf>,
    /// How long connecting may take.
    pub connect_timeout: Duration,
}

impl Target {
    /// A Redshift cluster, reached as its certificate says.
    pub fn redshift(host: String, port: u16, database: String, user: String) -> Target {
        Target {
            dialect: Dialect::Redshift,
            host,
            port,
            database,
            user,
            tls: TlsMode::VerifyFull,
            root_certificates: None,
            connect_timeout: CONNECT_TIMEOUT,
        }
    }

    /// Parses a URL.
    ///
    /// # Errors
    ///
    /// If it is no URL of a warehouse, or holds a password or an unknown parameter.
    pub fn parse(text: &str) -> Result<Target, TargetError> {
        let form = || TargetError::Form(without_password(text));
        let url = Url::parse(text).map_err(|_| form())?;
        let dialect = match url.scheme() {
            "redshift" => Dialect::Redshift,
            "postgres" | "postgresql" => Dialect::Postgres,
            _ => return Err(form()),
        };
        if url.password().is_some() {
            return Err(TargetError::Password);
        }
        let host = url.host_str().unwrap_or_default().trim_matches(['[', ']']).to_owned();
        let mut target = Target {
            dialect,
            tls: default_tls(dialect, &host),
            host,
            port: url.port().unwrap_or(dialect.port()),
            database: decoded(url.path().trim_start_matches('/')).ok_or_else(form)?,
            user: decoded(url.username()).ok_or_else(form)?,
            root_certificates: None,
            connect_timeout: CONNECT_TIMEOUT,
        };
        for (parameter, value) in url.query_pairs() {
            target.set(&parameter, &value)?;
        }
        if target.host.is_empty() || target.database.is_empty() || target.user.is_empty() {
            return Err(form());
        }
        Ok(target)
    }

    fn set(&mut self, parameter: &str, value: &str) -> Result<(), TargetError> {
        let refuse = |reason: &str| {
            Err(TargetError::Parameter {
                parameter: parameter.to_owned(),
                reason: reason.to_owned(),
            })
        };
        match (parameter, value) {
            ("sslmode", "verify-full") => self.tls = TlsMode::VerifyFull,
            ("sslmode", "disable") if self.dialect == Dialect::Redshift => {
                return refuse("a load into Redshift is always encrypted; use verify-full");
            }
            ("sslmode", "disable") => self.tls = TlsMode::Disable,
            ("sslmode", _) => {
                return refuse(
                    "use verify-full, with sslrootcert for a certificate of your own, or disable; \
                     the modes between them encrypt without knowing for whom",
                );
            }
            ("sslrootcert", "") => return refuse("it is empty"),
            ("sslrootcert", file) => {
                self.root_certificates = Some(PathBuf::from(file));
                self.tls = TlsMode::VerifyFull;
            }
            ("connect_timeout", seconds) => match seconds.parse() {
                Ok(seconds) if seconds > 0 => self.connect_timeout = Duration::from_secs(seconds),
                _ => return refuse("it is a number of seconds, 1 or more"),
            },
            ("host", folder) if self.dialect == Dialect::Postgres && folder.starts_with('/') => {
                self.host = folder.to_owned();
                self.tls = TlsMode::Disable;
            }
            _ => {
                return refuse(
                    "unknown; there are sslmode, sslrootcert, connect_timeout and, for PostgreSQL, host=/FOLDER of a socket",
                );
            }
        }
        Ok(())
    }

    /// The AWS region, where the host name tells it.
    ///
    /// Source: Redshift Management Guide, cluster endpoints: `NAME.ID.REGION.redshift.amazonaws.com`
    /// and `WORKGROUP.ACCOUNT.REGION.redshift-serverless.amazonaws.com`.
    pub fn region(&self) -> Option<&str> {
        let parts: Vec<&str> = self.host.split('.').collect();
        match parts[..] {
            [_, _, region, "redshift" | "redshift-serverless", "amazonaws", "com"]
            | [_, _, region, "redshift" | "redshift-serverless", "amazonaws", "com", "cn"] => {
                Some(region)
            }
            _ => None,
        }
    }

    /// The cluster's identifier, where the host is a provisioned cluster's own.
    pub fn cluster(&self) -> Option<&str> {
        self.region().filter(|_| self.host.contains(".redshift."))?;
        self.host.split('.').next()
    }
}

/// Loopback and sockets do not leave the machine; everything else does.
fn default_tls(dialect: Dialect, host: &str) -> TlsMode {
    let is_local = matches!(host, "localhost" | "127.0.0.1" | "::1");
    if dialect == Dialect::Postgres && is_local { TlsMode::Disable } else { TlsMode::VerifyFull }
}

/// `%3A` and its like in users and databases: `IAM:ann` has a colon.
fn decoded(text: &str) -> Option<String> {
    let pair = format!("x={}", text.replace('+', "%2B"));
    let (_, value) = url::form_urlencoded::parse(pair.as_bytes()).next()?;
    (!value.contains(['\0', '\u{fffd}'])).then(|| value.into_owned())
}

/// What was typed, fit to be shown: whatever could be a password is cut out.
pub fn without_password(text: &str) -> String {
    let (scheme, rest) = match text.split_once("://") {
        Some((scheme, rest)) => (format!("{scheme}://"), rest),
        None => (String::new(), text),
    };
    // A password may stand before an @, in parameters, or as `password=…` anywhere.
    let rest = rest.split(['?', '=']).next().unwrap_or_default();
    match rest.rsplit_once('@') {
        Some((login, host)) => {
            let user = login.split(':').next().unwrap_or_default();
            format!("{scheme}{user}@{host}")
        }
        None => format!("{scheme}{rest}"),
    }
}

impl std::fmt::Display for Target {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Target { user, host, port, database, .. } = self;
        write!(f, "{}://{user}@{host}:{port}/{database}", self.dialect.scheme())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn urls_are_taken_apart() {
        let target =
            Target::parse("redshift://IAM%3Aann@c.abc.eu-west-1.redshift.amazonaws.com/dev")
                .unwrap();
        assert_eq!((target.user.as_str(), target.port), ("IAM:ann", 5439));
        assert_eq!((target.region(), target.cluster()), (Some("eu-west-1"), Some("c")));
        assert_eq!(target.tls, TlsMode::VerifyFull);
        let serverless = "redshift://u@w.1.us-east-1.redshift-serverless.amazonaws.com/dev";
        let target = Target::parse(serverless).unwrap();
        assert_eq!((target.region(), target.cluster()), (Some("us-east-1"), None));
        let target =
            Target::parse("postgres://u@db.example.com:1/x?sslrootcert=/ca.pem&connect_timeout=3")
                .unwrap();
        assert_eq!(target.root_certificates, Some(PathBuf::from("/ca.pem")));
        assert_eq!(target.connect_timeout, Duration::from_secs(3));
        assert_eq!(target.to_string(), "postgres://u@db.example.com:1/x");
        assert_eq!(Target::parse("postgres://u@localhost/x").unwrap().tls, TlsMode::Disable);
        let socket = Target::parse("postgres://u@localhost/x?host=/run/postgresql").unwrap();
        assert_eq!(socket.host, "/run/postgresql");
    }

    #[test]
    fn what_cannot_be_is_refused_without_repeating_a_password() {
        for (text, says) in [
            ("redshift://u:sesame@h/d", "STARLIFT_PASSWORD"),
            ("mysql://u:sesame@h/d", "redshift://"),
            ("redshift://u:sesame@/d", ""),
            ("u:sesame@h", "postgres://"),
            ("mysql://u@h/d?password=sesame", "redshift://"),
            ("host=h password=sesame", "redshift://"),
            ("redshift://h/d", "USER@"),
            ("redshift://u@h/", "DATABASE"),
            ("redshift://u@h/d?sslmode=disable", "always encrypted"),
            ("postgres://u@h/d?sslmode=require", "verify-full"),
            ("postgres://u@h/d?password=sesame", "unknown"),
            ("postgres://u@h/d?connect_timeout=0", "1 or more"),
            ("redshift://u@h/d?host=/tmp", "unknown"),
        ] {
            let error = Target::parse(text).unwrap_err().to_string();
            assert!(error.contains(says), "{text}: {error}");
            assert!(!error.contains("sesame"), "{text}: {error}");
        }
    }
}
