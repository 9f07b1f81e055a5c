//! Time limits that a PostgreSQL server, database or role imposes on a session.

use crate::model::in_quotes;
use crate::warehouse::error::ServerError;

/// Query for the effective limits: name, milliseconds, source of the value.
///
/// Source: PostgreSQL, `pg_settings`. Servers that predate a setting have no row for it.
pub(super) const QUERY: &str = "SELECT name, setting, source FROM pg_catalog.pg_settings \
    WHERE name IN ('statement_timeout', 'lock_timeout', 'transaction_timeout', \
    'idle_in_transaction_session_timeout', 'idle_session_timeout')";

/// The setting that limits a whole transaction. Source: PostgreSQL 17.
pub(super) const TRANSACTION_TIMEOUT: &str = "transaction_timeout";

/// A time limit of a session.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServerLimit {
    /// Name of the setting, such as `statement_timeout`.
    pub setting: String,
    /// The limit in milliseconds; 0 means no limit.
    pub millis: u64,
    /// Description of where the limit is set, such as `for role "ann"`.
    pub origin: String,
    /// The statement or place that changes the limit.
    pub change: String,
}

impl std::fmt::Display for ServerLimit {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let ServerLimit { setting, millis, origin, .. } = self;
        let millis = std::time::Duration::from_millis(*millis);
        write!(f, "{setting} is {}, set {origin}", humantime::format_duration(millis))
    }
}

impl ServerLimit {
    /// Parses a row of [`QUERY`].
    pub(super) fn read(row: &[Option<String>], user: &str, database: &str) -> Option<ServerLimit> {
        let text = |i: usize| row.get(i).cloned().flatten();
        let (setting, source) = (text(0)?, text(2)?);
        let (role, named) = (in_quotes(user), in_quotes(database));
        let (origin, change) = match source.as_str() {
            "user" => (format!("for role {role}"), format!("ALTER ROLE {role} SET {setting} = …")),
            "database" => (
                format!("for database {named}"),
                format!("ALTER DATABASE {named} SET {setting} = …"),
            ),
            "database user" => (
                format!("for role {role} in database {named}"),
                format!("ALTER ROLE {role} IN DATABASE {named} SET {setting} = …"),
            ),
            "client" => (
                "by the options of the connection".to_owned(),
                "the `options` of the warehouse's URL".to_owned(),
            ),
            "session" => (
                "by another client of the same server connection".to_owned(),
                "the setting that a client leaves behind in the pooler".to_owned(),
            ),
            "default" => ("by default".to_owned(), format!("ALTER ROLE {role} SET {setting} = …")),
            _ => (
                "in the server's configuration".to_owned(),
                format!(
                    "{setting} in postgresql.conf, or for one role ALTER ROLE {role} SET {setting} = …"
                ),
            ),
        };
        Some(ServerLimit { millis: text(1)?.parse().ok()?, setting, origin, change })
    }

    /// Returns `true` if the limit is in effect, that is, not 0.
    pub fn is_set(&self) -> bool {
        self.millis > 0
    }

    /// Returns starlift's command-line option that overrides the limit, if there is one.
    pub fn option(&self) -> Option<&'static str> {
        match self.setting.as_str() {
            "statement_timeout" => Some("--statement-timeout"),
            "lock_timeout" => Some("--lock-timeout"),
            _ => None,
        }
    }
}

/// Returns the setting whose expiry an error reports.
///
/// Source: PostgreSQL, Error Codes.
fn expired(error: &ServerError) -> Option<&'static str> {
    Some(match error.code.as_str() {
        "57014" => "statement_timeout",
        "55P03" => "lock_timeout",
        "25P03" => "idle_in_transaction_session_timeout",
        "25P04" => TRANSACTION_TIMEOUT,
        "57P05" => "idle_session_timeout",
        _ => return None,
    })
}

/// Adds the server limit that caused an error. `own` are settings that the session sets itself;
/// they are not limits of the server.
pub(super) fn attribute(error: &mut ServerError, limits: &[ServerLimit], own: &[&str]) {
    // Another user can cancel a statement, with the same code.
    if error.message.contains("user request") {
        return;
    }
    let Some(setting) = expired(error).filter(|setting| !own.contains(setting)) else { return };
    error.limit = limits.iter().find(|l| l.setting == setting && l.is_set()).cloned();
}
