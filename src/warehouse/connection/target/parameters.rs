//! The parameters of a warehouse's URL: those of libpq and those of starlift, with their meaning
//! here.

use std::path::PathBuf;
use std::time::Duration;

use tokio_postgres::config::{ChannelBinding, TargetSessionAttrs};

use super::{Target, TargetError, TlsMode, Via};
use crate::warehouse::Dialect;

/// Maximum connect timeout in seconds: one day. A server that has not responded by then never will.
const MAX_CONNECT_SECONDS: u64 = 86_400;

/// libpq parameters with values that have no effect here. Other values are rejected with the
/// advice.
///
/// Source: PostgreSQL, Parameter Key Words.
const FIXED: [(&str, &[&str], &str); 9] = [
    ("client_encoding", &["auto", "utf8", "utf-8", "unicode"], "starlift exchanges UTF-8 only"),
    ("gssencmode", &["disable", "prefer"], "GSSAPI is not supported; remove it and use TLS"),
    ("keepalives", &["1"], "starlift always sends keepalives; remove it"),
    ("load_balance_hosts", &["disable"], "there is one host; remove it"),
    ("replication", &["0", "false", "off", "no"], "a load is not a replication; remove it"),
    ("ssl_min_protocol_version", &["tlsv1", "tlsv1.1", "tlsv1.2"], "TLS 1.2 and 1.3 are used"),
    ("sslcertmode", &["disable", "allow"], NO_CLIENT_CERTIFICATE),
    ("sslcompression", &["0"], "TLS is never compressed; remove it"),
    ("sslnegotiation", &["postgres"], "direct TLS is not supported; use postgres"),
];

const NO_CLIENT_CERTIFICATE: &str =
    "client certificates are not supported; remove it and log in with a password";

/// libpq parameters that are not supported, with advice on what to do instead.
const REFUSED: [(&[&str], &str); 10] = [
    (&["sslcert", "sslkey", "sslpassword"], NO_CLIENT_CERTIFICATE),
    (&["hostaddr"], "use the address as the host, and the host's name as tls_name"),
    (&["passfile"], "set PGPASSFILE in the environment, or use --password-file"),
    (&["service", "servicefile"], "service files are not read; write out the URL"),
    (&["sslcrl", "sslcrldir"], "revocation lists are not read; remove it"),
    (&["krbsrvname", "gsslib", "gssdelegation"], "GSSAPI is not supported; remove it"),
    (&["require_auth", "requirepeer"], "it is not supported; remove it"),
    (&["ssl_max_protocol_version"], "TLS 1.2 and 1.3 are used; remove it"),
    (
        &["keepalives_idle", "keepalives_interval", "keepalives_count", "tcp_user_timeout"],
        "starlift sends keepalives at fixed intervals; remove it",
    ),
    (&["fallback_application_name"], "use application_name"),
];

/// Parameters that have an effect.
const KNOWN: [&str; 15] = [
    "application_name",
    "channel_binding",
    "connect_timeout",
    "dbname",
    "host",
    "options",
    "password",
    "port",
    "sslmode",
    "sslrootcert",
    "sslsni",
    "target_session_attrs",
    "tls_name",
    "user",
    "via",
];

/// Returns `true` if libpq or starlift has a parameter with this name.
pub(super) fn is_known(parameter: &str) -> bool {
    KNOWN.contains(&parameter)
        || FIXED.iter().any(|(name, ..)| *name == parameter)
        || REFUSED.iter().any(|(names, _)| names.contains(&parameter))
}

const UNKNOWN: &str = "unknown parameter; supported are sslmode, sslrootcert, tls_name, sslsni, connect_timeout, \
    application_name, for Redshift via, and for PostgreSQL channel_binding, options, target_session_attrs, user, \
    dbname, port and host=/FOLDER of a socket";

impl Target {
    /// Applies a parameter.
    pub(super) fn set(&mut self, parameter: &str, value: &str) -> Result<(), TargetError> {
        if parameter == "password" {
            return Err(TargetError::Password);
        }
        let done = match self.dialect {
            Dialect::Postgres => self.set_postgres(parameter, value),
            Dialect::Redshift => self.set_redshift(parameter, value),
        };
        done.unwrap_or_else(|| self.set_common(parameter, value)).map_err(|reason| {
            TargetError::Parameter { parameter: parameter.to_owned(), reason: reason.to_owned() }
        })
    }

    fn set_common(&mut self, parameter: &str, value: &str) -> Result<(), &'static str> {
        match parameter {
            "sslmode" => self.requested_tls = Some(mode(value)?),
            "sslrootcert" => {
                self.root_certificates = match value {
                    "" => return Err("it is empty"),
                    "system" => None,
                    file => Some(PathBuf::from(file)),
                };
                self.requested_trust = true;
            }
            // libpq accepts only 0 and 1.
            "sslsni" if value == "0" => self.sends_sni = false,
            "sslsni" if value == "1" => self.sends_sni = true,
            "tls_name" | "sslsni" => {
                if rustls::pki_types::ServerName::try_from(value).is_err() {
                    return Err("it is not a host name");
                }
                self.tls_name = Some(value.to_owned());
            }
            "connect_timeout" => match value.parse() {
                Ok(seconds) if (1..=MAX_CONNECT_SECONDS).contains(&seconds) => {
                    self.connect_timeout = Duration::from_secs(seconds);
                }
                _ => return Err("it is a number of seconds, 1 or more and at most 86400"),
            },
            "application_name" => self.application_name = Some(value.to_owned()),
            _ => return fixed(parameter, value),
        }
        Ok(())
    }

    /// Applies a Redshift-only parameter. Returns `None` for any other parameter.
    fn set_redshift(&mut self, parameter: &str, value: &str) -> Option<Result<(), &'static str>> {
        self.via = match (parameter, value) {
            ("via", "port") => Via::Port,
            ("via", "data-api") => Via::DataApi,
            ("via", _) => return Some(Err("use port or data-api")),
            _ => return None,
        };
        Some(Ok(()))
    }

    /// Applies a PostgreSQL-only parameter. Returns `None` for any other parameter.
    fn set_postgres(&mut self, parameter: &str, value: &str) -> Option<Result<(), &'static str>> {
        match parameter {
            "host" if value.starts_with('/') => self.host = value.to_owned(),
            "host" if self.host.is_empty() => self.host = value.to_owned(),
            "host" => {
                return Some(Err(
                    "the URL already contains a host; host=/FOLDER specifies a socket",
                ));
            }
            "user" => self.user = value.to_owned(),
            "dbname" => self.database = value.to_owned(),
            "port" => match value.parse() {
                Ok(port) if port > 0 => self.port = port,
                _ => return Some(Err("it is a number from 1 to 65535")),
            },
            "options" => self.options = Some(value.to_owned()),
            "channel_binding" => {
                self.channel_binding = match value {
                    "disable" => ChannelBinding::Disable,
                    "prefer" => ChannelBinding::Prefer,
                    "require" => ChannelBinding::Require,
                    _ => return Some(Err("use disable, prefer or require")),
                }
            }
            "target_session_attrs" => {
                self.session_attrs = match value {
                    "any" => TargetSessionAttrs::Any,
                    "read-write" | "primary" => TargetSessionAttrs::ReadWrite,
                    _ => return Some(Err("a load writes; use any, read-write or primary")),
                }
            }
            _ => return None,
        }
        Some(Ok(()))
    }

    /// Determines the protection of the connection from the parameters, after all of them are
    /// applied.
    pub(super) fn settle(&mut self) -> Result<(), TargetError> {
        let reject = |parameter: &str, reason: &str| {
            Err(TargetError::Parameter {
                parameter: parameter.to_owned(),
                reason: reason.to_owned(),
            })
        };
        let binds = self.channel_binding == ChannelBinding::Require;
        let wants_tls = self.requested_trust || self.tls_name.is_some() || binds;
        if self.via == Via::DataApi && (self.requested_tls.is_some() || wants_tls) {
            return reject(
                "via",
                "the Data API is reached over HTTPS, which sslmode, sslrootcert and tls_name do not \
                 apply to; remove them (AWS_CA_BUNDLE specifies certificates to trust)",
            );
        }
        self.tls = match (self.dialect, self.requested_tls) {
            (Dialect::Redshift, Some(TlsMode::Disable)) => {
                return reject(
                    "sslmode",
                    "a load into Redshift is always encrypted; use verify-full",
                );
            }
            // Any encrypted mode becomes verify-full, because Redshift's certificates are publicly
            // trusted.
            (Dialect::Redshift, _) => TlsMode::VerifyFull,
            // Unix sockets have no TLS; libpq also ignores sslmode for them.
            (Dialect::Postgres, _) if self.is_socket() && binds => {
                return reject("channel_binding", "a Unix socket has no TLS to bind to");
            }
            (Dialect::Postgres, _) if self.is_socket() => TlsMode::Disable,
            (Dialect::Postgres, Some(TlsMode::Disable)) if wants_tls => {
                return reject(
                    "sslmode",
                    "disable contradicts sslrootcert, tls_name and channel_binding=require; remove \
                     one of them",
                );
            }
            // As in libpq, naming certificates to trust requests their verification.
            (Dialect::Postgres, Some(TlsMode::Require)) if self.root_certificates.is_some() => {
                TlsMode::VerifyCa
            }
            (Dialect::Postgres, Some(mode)) => mode,
            (Dialect::Postgres, None) if self.is_local() && !wants_tls => TlsMode::Disable,
            (Dialect::Postgres, None) => TlsMode::VerifyFull,
        };
        Ok(())
    }
}

fn mode(value: &str) -> Result<TlsMode, &'static str> {
    Ok(match value {
        "disable" => TlsMode::Disable,
        "require" => TlsMode::Require,
        "verify-ca" => TlsMode::VerifyCa,
        "verify-full" => TlsMode::VerifyFull,
        "allow" | "prefer" => {
            return Err("it falls back to an unencrypted connection; use verify-full, verify-ca, \
                        require or disable");
        }
        _ => return Err("use verify-full, verify-ca, require or disable"),
    })
}

/// Accepts a parameter value that has no effect, and rejects anything else with advice.
fn fixed(parameter: &str, value: &str) -> Result<(), &'static str> {
    if let Some((_, allowed, advice)) = FIXED.iter().find(|(name, ..)| *name == parameter) {
        let is_allowed = allowed.contains(&value.to_ascii_lowercase().as_str());
        return if is_allowed { Ok(()) } else { Err(advice) };
    }
    let refused = REFUSED.iter().find(|(names, _)| names.contains(&parameter));
    Err(refused.map_or(UNKNOWN, |(_, advice)| advice))
}
