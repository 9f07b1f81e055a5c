//! The settings of a session, and how long each holds.

use std::time::Duration;

use super::super::Dialect;
use super::limits::{ServerLimit, TRANSACTION_TIMEOUT};

/// How long statements and waits for locks may take. Without a value the limit of the server, the
/// database or the role holds.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Limits {
    /// After this time the server stops a statement.
    pub statement: Option<Duration>,
    /// After this time the server stops a wait for a lock. PostgreSQL only.
    pub lock: Option<Duration>,
}

/// What the sessions of a load are set to, as statements.
pub fn shown(dialect: Dialect, limits: &Limits) -> Vec<String> {
    match dialect {
        Dialect::Redshift => redshift(limits),
        Dialect::Postgres => Settings::postgres(limits, &[]).transaction,
    }
}

/// Settings of a whole session of Redshift.
pub(super) fn redshift(limits: &Limits) -> Vec<String> {
    let statement = limits.statement.map(|limit| limit.as_millis());
    statement.map(|millis| format!("SET statement_timeout TO {millis}")).into_iter().collect()
}

/// Settings of each transaction of a session of PostgreSQL.
#[derive(Debug, Default)]
pub(super) struct Settings {
    /// For a transaction of several messages.
    transaction: Vec<String>,
    /// For a statement that is sent alone.
    statement: Vec<String>,
    /// Names of the limits among them.
    own: Vec<&'static str>,
}

impl Settings {
    /// The settings of a load.
    pub(super) fn postgres(limits: &Limits, server: &[ServerLimit]) -> Settings {
        let mut settings = Settings {
            statement: [
                // Names are always written in full; definitions of views are then returned in full.
                "SET LOCAL search_path TO pg_catalog",
                "SET LOCAL timezone TO 'UTC'",
                "SET LOCAL datestyle TO 'ISO, MDY'",
            ]
            .map(str::to_owned)
            .to_vec(),
            ..Settings::default()
        };
        let own = [("statement_timeout", limits.statement), ("lock_timeout", limits.lock)];
        for (name, limit) in own {
            if let Some(limit) = limit {
                settings.statement.push(format!("SET LOCAL {name} TO {}", limit.as_millis()));
                settings.own.push(name);
            }
        }
        settings.transaction = settings.statement.clone();
        // The session that holds the loaders' lock waits in its transaction by design.
        settings.transaction.push("SET LOCAL idle_in_transaction_session_timeout TO 0".to_owned());
        if server.iter().any(|limit| limit.setting == TRANSACTION_TIMEOUT) {
            settings.transaction.push(format!("SET LOCAL {TRANSACTION_TIMEOUT} TO 0"));
        }
        settings
    }

    /// Changes the settings to those of questions to the tables of the schema `path`, which is quoted.
    pub(super) fn ask(&mut self, path: &str) {
        for settings in [&mut self.transaction, &mut self.statement] {
            settings.retain(|sql| !sql.starts_with("SET LOCAL search_path"));
            settings.push(format!("SET LOCAL search_path TO {path}"));
            // A function in a question may write.
            settings.push("SET TRANSACTION READ ONLY".to_owned());
        }
    }

    /// What follows BEGIN in its message.
    pub(super) fn of_transaction(&self) -> String {
        self.transaction.iter().map(|set| format!("; {set}")).collect()
    }

    /// The statements that precede one that is sent alone.
    pub(super) fn of_statement(&self) -> &[String] {
        &self.statement
    }

    /// The limits that the session sets itself.
    pub(super) fn own_limits(&self) -> Vec<&'static str> {
        self.own.clone()
    }
}
