//! The warehouse a user names: a URL, parsed and checked.

mod parameters;

use std::path::PathBuf;
use std::time::Duration;

use tokio_postgres::config::{ChannelBinding, TargetSessionAttrs};
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
    /// Encrypted; the server's certificate is not verified. PostgreSQL only.
    Require,
    /// Encrypted, the server's certificate verified, but not its name. PostgreSQL only.
    VerifyCa,
    /// Encrypted, the server's certificate and full host name verified.
    VerifyFull,
}

/// The way to a warehouse.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Via {
    /// The port of its server.
    #[default]
    Port,
    /// The Redshift Data API, over HTTPS.
    DataApi,
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
    /// The way to it.
    pub via: Via,
    /// How the connection is protected.
    pub tls: TlsMode,
    /// A file of certificates to trust in place of the system's.
    pub root_certificates: Option<PathBuf>,
    /// The name in the server's certificate, where it is not the host's, as behind a tunnel.
    pub tls_name: Option<String>,
    /// Whether the server is told the name that is expected of it.
    pub sends_sni: bool,
    /// Whether the log-in is bound to the TLS connection.
    pub channel_binding: ChannelBinding,
    /// Whether the server must accept writes.
    pub session_attrs: TargetSessionAttrs,
    /// What the server's views show of the sessions; without it starlift's own name.
    pub application_name: Option<String>,
    /// Options for the server's start of a session.
    pub options: Option<String>,
    /// How long connecting may take.
    pub connect_timeout: Duration,
    /// The protection that was asked for.
    asked: Option<TlsMode>,
    /// Whether certificates to trust were named.
    asked_trust: bool,
}

impl Target {
    /// A Redshift cluster, reached by the name in its certificate.
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
            asked: None,
            asked_trust: false,
        }
    }

    /// Parses a URL, with the parameters that libpq knows as far as they make sense here.
    ///
    /// # Errors
    ///
    /// If it is no URL of a warehouse, or holds a password or a parameter that cannot be honoured.
    pub fn parse(text: &str) -> Result<Target, TargetError> {
        let form = || TargetError::Form(without_password(text));
        // libpq lets the host be absent, where a parameter names a socket's folder.
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
        // Checked before the parameters, which may be a part of a password.
        let is_odd = url.path().trim_start_matches('/').contains(['/', '@'])
            || url.query().is_some_and(|query| query.contains('@'))
            || url.fragment().is_some();
        if is_odd || is_partial {
            return Err(form());
        }
        for (parameter, value) in url.query_pairs() {
            // Without a user, what follows the question mark may be a part of a password.
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

    /// The same target with more parameters, as in a URL.
    ///
    /// # Errors
    ///
    /// If a parameter is unknown or has a value that cannot be.
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

    /// Whether the host is a folder of Unix sockets.
    pub fn is_socket(&self) -> bool {
        self.host.starts_with('/')
    }

    /// Whether connections stay on this machine. A tunnel's end counts as such.
    pub fn is_local(&self) -> bool {
        let address = self.host.parse::<std::net::IpAddr>();
        self.is_socket()
            || self.host.eq_ignore_ascii_case("localhost")
            || address.is_ok_and(|address| address.is_loopback())
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

/// The URL with a host to parse, and whether that is made up.
fn with_host(text: &str) -> (String, bool) {
    let end = text.find("://").map_or(0, |at| at + 3);
    let authority = text[end..].split(['/', '?', '#']).next().unwrap_or_default();
    // A colon may begin a password, which is refused in a URL that is parsed as it is.
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
        write!(f, "{}://{user}@{host}:{port}/{database}", self.dialect.scheme())?;
        match self.via {
            Via::Port => Ok(()),
            Via::DataApi => f.write_str("?via=data-api"),
        }
    }
}

#[cfg(test)]
mod tests;
