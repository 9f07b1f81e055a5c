//! Drops tables that loads leave behind: replaced tables, once readers have released them, and new
//! tables of loads that ended early.

use std::time::Duration;

use super::catalog::text;
use super::lock::limit_wait;
use super::statements::{NEW, OLD, REPLACED, default_path};
use crate::model::{Model, Table};
use crate::warehouse::connection::session::Session;
use crate::warehouse::error::Result;
use crate::warehouse::sql::quote::{literal, qualified};

/// Time that the drop of one table waits for readers. The next load drops tables that remain.
const DROP_WAIT: Duration = Duration::from_secs(10);

/// Length of an attempt's number in hexadecimal digits.
const ATTEMPT_DIGITS: usize = 8;

/// Returns the model's table that `name` is a new or replaced version of, if any.
fn star_table<'m>(model: &'m Model, name: &str) -> Option<&'m Table> {
    let rest = name.strip_prefix(NEW).or_else(|| name.strip_prefix(OLD))?;
    let (attempt, table) = rest.split_once('_')?;
    let is_digit = |c: char| matches!(c, '0'..='9' | 'a'..='f');
    let is_attempt = attempt.len() == ATTEMPT_DIGITS && attempt.chars().all(is_digit);
    model.table(table).filter(|_| is_attempt).map(AsRef::as_ref)
}

/// Returns `true` if a load created the table. The name alone is not enough: the comment must also
/// be the one that a load sets on new or replaced tables.
fn is_created_by_load(model: &Model, name: &str, comment: &str) -> bool {
    let own = |table: &Table| match name.starts_with(OLD) {
        true => comment == REPLACED,
        false => comment == table.grain,
    };
    star_table(model, name).is_some_and(own)
}

/// Returns the tables that loads have left behind, in an order in which they can be dropped.
///
/// # Errors
///
/// Returns an error if the catalog cannot be read.
pub async fn leftovers(session: &Session, model: &Model, schema: &str) -> Result<Vec<String>> {
    let sql = format!(
        "SELECT c.relname, obj_description(c.oid, 'pg_class') FROM pg_class c \
         INNER JOIN pg_namespace n ON n.oid = c.relnamespace \
         WHERE n.nspname = {} AND c.relkind = 'r' \
         AND SUBSTRING(c.relname, 1, {}) IN ('{NEW}', '{OLD}') ORDER BY c.relname",
        literal(schema, session.dialect())?,
        NEW.len(),
    );
    let rows = session.rows("list the tables of unfinished loads", &sql).await?;
    let mut left = Vec::new();
    for row in &rows {
        let (table, comment) = (text(row, 0), text(row, 1));
        if is_created_by_load(model, &table, &comment) {
            left.push(table);
        } else {
            tracing::debug!(table, "no load is known to have created this table; it is kept");
        }
    }
    // Each table comes before those it references.
    let order = model.load_order();
    left.sort_by_key(|name| {
        let table = star_table(model, name);
        table.map(|table| order.iter().rev().position(|other| other.name == table.name))
    });
    Ok(left)
}

/// Drops tables without their dependents, each in its own transaction. Returns the tables that
/// could not be dropped, with the reason.
///
/// # Errors
///
/// Returns an error if the connection is lost or on a conflict with another transaction. The
/// remaining tables can be retried.
pub async fn drop_tables(
    session: &Session,
    schema: &str,
    tables: &[String],
) -> Result<Vec<String>> {
    let mut left = Vec::new();
    for table in tables {
        let Err(error) = drop_table(session, schema, table).await else { continue };
        let _ = session.rollback("undo the drop").await;
        let crate::warehouse::error::Error::Server(server) = &error else { return Err(error) };
        if server.is_transient() && !server.is_lock_timeout() {
            return Err(error);
        }
        tracing::warn!(%error, table, "a table that is no longer needed could not be dropped");
        let reason = server.server_error().map(ToString::to_string);
        left.push(format!("{schema}.{table}: {}", reason.unwrap_or_else(|| error.to_string())));
    }
    Ok(left)
}

async fn drop_table(session: &Session, schema: &str, table: &str) -> Result<()> {
    let action = format!("drop {schema}.{table}");
    session.begin(&action).await?;
    let path = default_path(session.dialect()).map(str::to_owned);
    for sql in limit_wait(session.dialect(), DROP_WAIT).into_iter().chain(path) {
        session.execute(&action, &sql).await?;
    }
    let sql = format!("DROP TABLE IF EXISTS {}", qualified(schema, table)?);
    session.execute(&action, &sql).await?;
    session.commit(&action).await?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_tables_that_a_load_created_are_leftovers() {
        let model = Model::built_in();
        let grain = &model.table("songs").unwrap().grain;
        assert!(is_created_by_load(&model, "starlift_new_0a1b2c3d_songs", grain));
        assert!(is_created_by_load(&model, "starlift_old_0a1b2c3d_songs", REPLACED));
        for (name, comment) in [
            ("starlift_new_0a1b2c3d_songs", ""),
            ("starlift_old_0a1b2c3d_songs", grain),
            ("starlift_old_users", REPLACED),
            ("starlift_old_0A1B2C3D_users", REPLACED),
            ("starlift_old_0a1b2c3d4_users", REPLACED),
            ("starlift_old_0a1b2c3_users", REPLACED),
            ("starlift_old_0a1b2c3d_users_backup", REPLACED),
            ("starlift_old_0a1b2c3d_mine", REPLACED),
            ("starlift_loads", REPLACED),
        ] {
            assert!(!is_created_by_load(&model, name, comment), "{name}");
        }
    }
}
