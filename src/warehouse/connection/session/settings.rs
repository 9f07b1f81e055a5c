//! The settings of a session, and their scope.

use std::time::Duration;

use super::limits::{ServerLimit, TRANSACTION_TIMEOUT};
use crate::warehouse::Dialect;

/// Time limits for statements and lock waits. `None` keeps the limit of the server, database or
/// role.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Limits {
    /// Time after which the server cancels a statement.
    pub statement: Option<Duration>,
    /// Time after which the server cancels a wait for a lock. PostgreSQL only.
    pub lock: Option<Duration>,
}

/// Returns the statements that configure the sessions of a load.
pub fn shown(dialect: Dialect, limits: &Limits) -> Vec<String> {
    match dialect {
        Dialect::Redshift => redshift(limits),
        Dialect::Postgres => Settings::postgres(limits, &[]).transaction,
    }
}

/// Returns the settings of a whole Redshift session.
pub(super) fn redshift(limits: &Limits) -> Vec<String> {
    let statement = limits.statement.map(|limit| limit.as_millis());
    statement.map(|millis| format!("SET statement_timeout TO {millis}")).into_iter().collect()
}

/// Settings of each transaction in a PostgreSQL session.
#[derive(Debug, Default)]
pub(super) struct Settings {
    /// Settings of a transaction that spans several messages.
    transaction: Vec<String>,
    /// Settings of a statement sent by itself.
    statement: Vec<String>,
    /// Names of the time limits among the settings.
    own: Vec<&'static str>,
}

impl Settings {
    /// Returns the settings of a load.
    pub(super) fn postgres(limits: &Limits, server: &[ServerLimit]) -> Settings {
        let mut settings = Settings {
            statement: [
                // Queries qualify all names, and the server then qualifies the names in view
                // definitions.
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
        // The session that holds the load lock idles in its transaction by design.
        settings.transaction.push("SET LOCAL idle_in_transaction_session_timeout TO 0".to_owned());
        if server.iter().any(|limit| limit.setting == TRANSACTION_TIMEOUT) {
            settings.transaction.push(format!("SET LOCAL {TRANSACTION_TIMEOUT} TO 0"));
        }
        settings
    }

    /// Changes the settings for queries on the tables of the schema `path`, which is quoted.
    pub(super) fn for_queries(&mut self, path: &str) {
        for settings in [&mut self.transaction, &mut self.statement] {
            settings.retain(|sql| !sql.starts_with("SET LOCAL search_path"));
            settings.push(format!("SET LOCAL search_path TO {path}"));
            // A query can call a function that writes.
            settings.push("SET TRANSACTION READ ONLY".to_owned());
        }
    }

    /// Returns the settings that follow BEGIN in the same message.
    pub(super) fn of_transaction(&self) -> String {
        self.transaction.iter().map(|set| format!("; {set}")).collect()
    }

    /// Returns the settings that precede a statement sent by itself.
    pub(super) fn of_statement(&self) -> &[String] {
        &self.statement
    }

    /// Returns the names of the limits that the session sets itself.
    pub(super) fn own_limits(&self) -> Vec<&'static str> {
        self.own.clone()
    }
}
