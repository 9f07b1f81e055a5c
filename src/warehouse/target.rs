//! The warehouse a user names: a URL, taken apart and checked.

use std::path::PathBuf;
use std::time::Duration;

use url::Url;

use super::Dialect;

/// How long connecting may take; a cluster that is paused answers nothing at all.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(15);

/// One day. A server that has not answered by then will not answer.
const MAX_CONNECT_SECONDS: u64 = 86_400;

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
        let login = text.split_once("://").and_then(|(_, rest)| rest.split_once('@'));
        if url.password().is_some() || login.is_some_and(|(login, _)| login.contains(':')) {
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
        // Checked before the parameters, which may be a part of a password.
        let is_odd = url.path().trim_start_matches('/').contains(['/', '@'])
            || url.query().is_some_and(|query| query.contains('@'))
            || url.fragment().is_some();
        if is_odd || target.database.is_empty() || target.user.is_empty() {
            return Err(form());
        }
        for (parameter, value) in url.query_pairs() {
            target.set(&parameter, &value)?;
        }
        if target.host.is_empty() {
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
                Ok(seconds) if (1..=MAX_CONNECT_SECONDS).contains(&seconds) => {
                    self.connect_timeout = Duration::from_secs(seconds);
                }
                _ => return refuse("it is a number of seconds, 1 or more and at most 86400"),
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

    /// The workgroup, where the host is that of a workgroup of Redshift Serverless.
    pub fn workgroup(&self) -> Option<&str> {
        self.region().filter(|_| self.host.contains(".redshift-serverless."))?;
        self.host.split('.').next()
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

/// Returns the name or URL of a warehouse for an error, without any part that may belong to a password.
pub fn without_password(text: &str) -> String {
    let is_word = |text: &str| {
        let is_plain = |c: char| c.is_ascii_alphanumeric() || "-_.%".contains(c);
        !text.is_empty() && text.len() <= 200 && text.chars().all(is_plain)
    };
    let Some((scheme, rest)) = text.split_once("://") else {
        return if is_word(text) { text.to_owned() } else { HIDDEN.to_owned() };
    };
    if !["redshift", "postgres", "postgresql", "mysql"].contains(&scheme) {
        // In `u://x@h` the scheme may be a user, and the rest a password.
        return HIDDEN.to_owned();
    }
    // An unencoded password may contain any of the characters that divide a URL. If one of them is in an
    // unexpected place, the extent of the password is unknown.
    let (login, parameters) = rest.split_once('?').unwrap_or((rest, ""));
    let (user, server) = login.split_once('@').unwrap_or(("", login));
    let (host, database) = server.split_once('/').unwrap_or((server, ""));
    let (host, port) = host.split_once(':').unwrap_or((host, "0"));
    let is_empty_or_word = |text: &str| text.is_empty() || is_word(text);
    let is_clear = [user, host, database].into_iter().all(is_empty_or_word)
        // Without a user, a port may be the beginning of a password.
        && (!user.is_empty() || !server.contains(':'))
        && port.parse::<u16>().is_ok()
        && !parameters.contains('@');
    if is_clear { format!("{scheme}://{login}") } else { format!("{scheme}://{HIDDEN}") }
}

/// Shown in place of a possible password.
const HIDDEN: &str = "…";

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

    #[test]
    fn what_is_clear_is_shown() {
        for (text, shown) in [
            ("dwh", "dwh"),
            ("mysql://u@h:3306/d", "mysql://u@h:3306/d"),
            ("redshift://h/d", "redshift://h/d"),
            ("redshift://u@h/d?sslmode=no", "redshift://u@h/d"),
            ("redshift://u:pw@h/d", "redshift://…"),
            ("redshift://u:1234", "redshift://…"),
            ("host=h password=pw", "…"),
        ] {
            assert_eq!(without_password(text), shown, "{text}");
        }
    }

    #[test]
    fn no_part_of_a_password_is_repeated_whatever_it_holds() {
        let marks = [
            "", "@", "?", "/", "#", ":", "=", "&", "%", "[", "]", "\\", " ", "1", "12", "//", "://",
        ];
        let forms = [
            "redshift://u:PW@h/d",
            "redshift://u:PW@h:5439/d?sslmode=verify-full",
            "redshift://u:PW@/d",
            "redshift://u:PW",
            "redshift:u:PW@h/d",
            "redshift:/u:PW@h/d",
            "postgres://u:PW@[::1]/d",
            "postgres://u:PW@[::1/d",
            "mysql://u:PW@h/d",
            "jdbc:redshift://u:PW@h/d",
            "u:PW@h",
            "//u:PW@h/d",
            "postgres://h/d?user=u&password=PW",
            "postgres://u@h/d?password=PW",
            "host=h user=u password=PW",
        ];
        for first in marks {
            for second in marks {
                for third in marks {
                    let password = format!("{first}sesame{second}sesame{third}");
                    for form in forms {
                        let text = form.replace("PW", &password);
                        let said = match Target::parse(&text) {
                            Ok(target) => target.to_string(),
                            Err(error) => error.to_string(),
                        };
                        assert!(!said.contains("sesame"), "{text}\n{said}");
                        let shown = without_password(&text);
                        assert!(!shown.contains("sesame"), "{text}\n{shown}");
                    }
                }
            }
        }
    }
}
