//! Time limits that a PostgreSQL server, a database or a role imposes on a session.

use super::super::error::Refusal;

/// The query for the limits in force: name, milliseconds, where the value comes from.
///
/// Source: PostgreSQL, `pg_settings`. A server older than the setting has no row for it.
pub(super) const QUERY: &str = "SELECT name, setting, source FROM pg_catalog.pg_settings \
    WHERE name IN ('statement_timeout', 'lock_timeout', 'transaction_timeout', \
    'idle_in_transaction_session_timeout', 'idle_session_timeout')";

/// The setting that ends a transaction as a whole. Source: PostgreSQL 17.
pub(super) const TRANSACTION_TIMEOUT: &str = "transaction_timeout";

/// A time limit of a session.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServerLimit {
    /// The setting, such as `statement_timeout`.
    pub setting: String,
    /// The limit; 0 is none.
    pub millis: u64,
    /// Where it is set, in words.
    pub origin: String,
    /// The statement or place that changes it.
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
    /// Reads a row of [`QUERY`].
    pub(super) fn read(row: &[Option<String>], user: &str, database: &str) -> Option<ServerLimit> {
        let text = |i: usize| row.get(i).cloned().flatten();
        let (setting, source) = (text(0)?, text(2)?);
        let quoted = |name: &str| format!("\"{}\"", name.replace('"', "\"\""));
        let (role, named) = (quoted(user), quoted(database));
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

    /// Whether the limit ends anything.
    pub fn is_set(&self) -> bool {
        self.millis > 0
    }

    /// The option of starlift that overrides the limit.
    pub fn option(&self) -> Option<&'static str> {
        match self.setting.as_str() {
            "statement_timeout" => Some("--statement-timeout"),
            "lock_timeout" => Some("--lock-timeout"),
            _ => None,
        }
    }
}

/// The setting whose expiry a refusal reports.
///
/// Source: PostgreSQL, Error Codes.
fn expired(refusal: &Refusal) -> Option<&'static str> {
    Some(match refusal.code.as_str() {
        "57014" => "statement_timeout",
        "55P03" => "lock_timeout",
        "25P03" => "idle_in_transaction_session_timeout",
        "25P04" => TRANSACTION_TIMEOUT,
        "57P05" => "idle_session_timeout",
        _ => return None,
    })
}

/// Adds to a refusal the limit of the server that it reports. `own` are the settings that the session
/// has set itself.
pub(super) fn attribute(refusal: &mut Refusal, limits: &[ServerLimit], own: &[&str]) {
    // Somebody else may cancel a statement, under the same code.
    if refusal.message.contains("user request") {
        return;
    }
    let Some(setting) = expired(refusal).filter(|setting| !own.contains(setting)) else { return };
    refusal.limit = limits.iter().find(|l| l.setting == setting && l.is_set()).cloned();
}
