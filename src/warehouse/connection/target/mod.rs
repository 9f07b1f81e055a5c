//! The warehouse that a user names: a URL, parsed and checked.

mod parameters;

use std::path::PathBuf;
use std::time::Duration;

use tokio_postgres::config::{ChannelBinding, TargetSessionAttrs};
use url::Url;

use crate::warehouse::Dialect;

/// Default time limit for connecting. A paused cluster does not respond at all.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(15);

/// Reason why a target cannot be parsed.
#[derive(Debug, thiserror::Error)]
pub enum TargetError {
    /// The text is not the URL of a warehouse.
    #[error(
        "{:?} is not the URL of a warehouse{}; write redshift://USER@HOST:5439/DATABASE or postgres://USER@HOST:5432/DATABASE",
        .0,
        note_hidden(.0)
    )]
    Form(String),
    /// The URL contains a password.
    #[error(
        "the URL of the warehouse contains a password, which every process list would show; set it as STARLIFT_PASSWORD in the environment, or use --password-file"
    )]
    Password,
    /// A parameter is unknown or has an invalid value.
    #[error("{parameter} in the URL of the warehouse: {reason}")]
    Parameter {
        /// Name of the parameter.
        parameter: String,
        /// Description of the problem.
        reason: String,
    },
}

/// Protection of the connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TlsMode {
    /// Not encrypted.
    Disable,
    /// Encrypted, without verifying the server's certificate. PostgreSQL only.
    Require,
    /// Encrypted, with verification of the server's certificate but not of its name. PostgreSQL
    /// only.
    VerifyCa,
    /// Encrypted, with verification of the server's certificate and its full host name.
    VerifyFull,
}

/// Transport to a warehouse.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Via {
    /// The server's port.
    #[default]
    Port,
    /// The Redshift Data API, over HTTPS.
    DataApi,
}

/// A database to load tables into.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Target {
    /// SQL dialect of the warehouse.
    pub dialect: Dialect,
    /// Host name or, for PostgreSQL, the directory of a Unix socket.
    pub host: String,
    /// Port of the server. Default: 5439 for Redshift, 5432 for PostgreSQL.
    pub port: u16,
    /// Name of the database.
    pub database: String,
    /// Name of the database user.
    pub user: String,
    /// Transport to the warehouse.
    pub via: Via,
    /// Protection of the connection.
    pub tls: TlsMode,
    /// File with the certificates to trust instead of the system's.
    pub root_certificates: Option<PathBuf>,
    /// Name in the server's certificate if it differs from the host, as behind a tunnel.
    pub tls_name: Option<String>,
    /// `true` if the client sends the expected server name (SNI). Default: `true`.
    pub sends_sni: bool,
    /// Binding of the login to the TLS connection. Default: prefer.
    pub channel_binding: ChannelBinding,
    /// Required state of the server, such as accepting writes. Default: any.
    pub session_attrs: TargetSessionAttrs,
    /// Name of the sessions in the server's views. Default: `starlift` with its version.
    pub application_name: Option<String>,
    /// Options for the server at the start of a session.
    pub options: Option<String>,
    /// Time limit for connecting. Default: 15 s.
    pub connect_timeout: Duration,
    /// TLS mode requested with `sslmode`.
    requested_tls: Option<TlsMode>,
    /// `true` if certificates to trust were specified with `sslrootcert`.
    requested_trust: bool,
}

impl Target {
    /// Returns a Redshift target that is reached by the name in its certificate.
    pub fn redshift(host: String, port: u16, database: String, user: String) -> Target {
        Target { host, port, database, user, ..Target::empty(Dialect::Redshift) }
    }

    fn empty(dialect: Dialect) -> Target {
        Target {
            dialect,
            host: String::new(),
            port: dialect.port(),
            database: String::new(),
            user: String::new(),
            via: Via::default(),
            tls: TlsMode::VerifyFull,
            root_certificates: None,
            tls_name: None,
            sends_sni: true,
            channel_binding: ChannelBinding::Prefer,
            session_attrs: TargetSessionAttrs::Any,
            application_name: None,
            options: None,
            connect_timeout: CONNECT_TIMEOUT,
            requested_tls: None,
            requested_trust: false,
        }
    }

    /// Parses a URL, including the libpq parameters that apply here.
    ///
    /// # Errors
    ///
    /// Returns an error if the text is not the URL of a warehouse, or if it contains a password or
    /// an unsupported parameter.
    pub fn parse(text: &str) -> Result<Target, TargetError> {
        let form = || TargetError::Form(without_password(text));
        // libpq allows the host to be absent if a parameter names the directory of a socket.
        let (text, is_hostless) = with_host(text);
        let url = Url::parse(&text).map_err(|_| form())?;
        let dialect = match url.scheme() {
            "redshift" => Dialect::Redshift,
            "postgres" | "postgresql" => Dialect::Postgres,
            _ => return Err(form()),
        };
        let login = text.split_once("://").and_then(|(_, rest)| rest.split_once('@'));
        if url.password().is_some() || login.is_some_and(|(login, _)| login.contains(':')) {
            return Err(TargetError::Password);
        }
        let host = url.host_str().unwrap_or_default().trim_matches(['[', ']']);
        let mut target = Target::empty(dialect);
        if !is_hostless {
            target.host = decoded(host).ok_or_else(form)?;
        }
        target.port = url.port().unwrap_or(dialect.port());
        target.database = decoded(url.path().trim_start_matches('/')).ok_or_else(form)?;
        target.user = decoded(url.username()).ok_or_else(form)?;
        let named = |name| url.query_pairs().any(|(parameter, _)| parameter == name);
        let is_partial = target.user.is_empty() && !named("user")
            || target.database.is_empty() && !named("dbname");
        // Checked before the parameters, which may be part of a password.
        let is_odd = url.path().trim_start_matches('/').contains(['/', '@'])
            || url.query().is_some_and(|query| query.contains('@'))
            || url.fragment().is_some();
        if is_odd || is_partial {
            return Err(form());
        }
        for (parameter, value) in url.query_pairs() {
            // Without a user, the text after the question mark may be part of a password.
            if url.username().is_empty() && !parameters::is_known(&parameter) {
                return Err(form());
            }
            target.set(&parameter, &value)?;
        }
        if target.host.is_empty() || target.database.is_empty() || target.user.is_empty() {
            return Err(form());
        }
        target.settle()?;
        Ok(target)
    }

    /// Returns the target with additional parameters, as in a URL.
    ///
    /// # Errors
    ///
    /// Returns an error if a parameter is unknown or has an invalid value.
    pub fn with<'a>(
        mut self,
        parameters: impl IntoIterator<Item = (&'a str, &'a str)>,
    ) -> Result<Target, TargetError> {
        for (parameter, value) in parameters {
            self.set(parameter, value)?;
        }
        self.settle()?;
        Ok(self)
    }

    /// Returns `true` if the host is a directory of Unix sockets.
    pub fn is_socket(&self) -> bool {
        self.host.starts_with('/')
    }

    /// Returns `true` if connections stay on this machine. The local end of a tunnel counts as
    /// local.
    pub fn is_local(&self) -> bool {
        let address = self.host.parse::<std::net::IpAddr>();
        self.is_socket()
            || self.host.eq_ignore_ascii_case("localhost")
            || address.is_ok_and(|address| address.is_loopback())
    }

    /// Returns the AWS region if the host name contains it.
    ///
    /// Source: Redshift Management Guide, cluster endpoints:
    /// `NAME.ID.REGION.redshift.amazonaws.com` and
    /// `WORKGROUP.ACCOUNT.REGION.redshift-serverless.amazonaws.com`.
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

    /// Returns the name of the workgroup if the host is an endpoint of Redshift Serverless.
    pub fn workgroup(&self) -> Option<&str> {
        self.region().filter(|_| self.host.contains(".redshift-serverless."))?;
        self.host.split('.').next()
    }

    /// Returns the cluster identifier if the host is the endpoint of a provisioned cluster.
    pub fn cluster(&self) -> Option<&str> {
        self.region().filter(|_| self.host.contains(".redshift."))?;
        self.host.split('.').next()
    }
}

/// Returns the URL with a host, and `true` if that host is a placeholder.
fn with_host(text: &str) -> (String, bool) {
    let end = text.find("://").map_or(0, |at| at + 3);
    let authority = text[end..].split(['/', '?', '#']).next().unwrap_or_default();
    // A colon may begin a password. Such a URL stays as it is, so that the parser rejects it.
    let is_hostless = end > 0
        && !authority.contains(':')
        && matches!(authority.find('@'), Some(at) if at + 1 == authority.len())
        || end > 0 && authority.is_empty();
    if !is_hostless {
        return (text.to_owned(), false);
    }
    let at = end + authority.len();
    (format!("{}localhost{}", &text[..at], &text[at..]), true)
}

/// Decodes escapes such as `%3A` in users and databases: the user `IAM:ann` contains a colon.
fn decoded(text: &str) -> Option<String> {
    let pair = format!("x={}", text.replace('+', "%2B"));
    let (_, value) = url::form_urlencoded::parse(pair.as_bytes()).next()?;
    (!value.contains(['\0', '\u{fffd}'])).then(|| value.into_owned())
}

/// Returns the name or URL of a warehouse for an error, without any part that may belong to a
/// password.
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
    // An unencoded password may contain any of the characters that divide a URL. If one of them is
    // in an unexpected place, the extent of the password is unknown.
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

/// Placeholder for a possible password.
const HIDDEN: &str = "…";

/// Returns the explanation of the placeholder, if `shown` contains it.
fn note_hidden(shown: &str) -> &'static str {
    if shown.contains(HIDDEN) { " (… replaces text that may contain a password)" } else { "" }
}

impl std::fmt::Display for Target {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Target { user, host, port, database, .. } = self;
        write!(f, "{}://{user}@{host}:{port}/{database}", self.dialect.scheme())?;
        match self.via {
            Via::Port => Ok(()),
            Via::DataApi => f.write_str("?via=data-api"),
        }
    }
}

#[cfg(test)]
mod tests;
