//! Finds the obstacles that prevent the current user from replacing the tables, before anything is
//! copied.

use super::catalog::{self, text};
use super::dependents;
use crate::model::Model;
use crate::warehouse::Dialect;
use crate::warehouse::connection::session::Session;
use crate::warehouse::error::Result;
use crate::warehouse::sql::quote::literal;

/// Returns the reasons why the current user cannot replace the model's tables in a schema; empty if
/// there are none. Always empty for Redshift: its superusers and roles have rights that the catalog
/// does not show per table, so missing rights show only when the load fails.
///
/// # Errors
///
/// Returns an error if the catalog cannot be read.
pub async fn obstacles(session: &Session, model: &Model, schema: &str) -> Result<Vec<String>> {
    if session.dialect() == Dialect::Redshift {
        return Ok(Vec::new());
    }
    let existing = catalog::existing(session, model, schema).await?;
    let mut found: Vec<String> = existing
        .iter()
        .filter(|table| !table.is_owned)
        .map(|table| format!("table {} belongs to {}", table.table, table.owner))
        .collect();
    let views = dependents::views(session, model, schema).await?;
    let not_ours = views.iter().filter(|view| !view.is_owned);
    found.extend(not_ours.map(|view| format!("view {} belongs to another user", view.name)));
    found.extend(owners(session, model, schema).await?);
    Ok(found)
}

/// Returns the reasons why a new table cannot be given to the owner of the table it replaces. That
/// requires the right to set the owner's role, and the owner's right to create tables in the schema
/// (PostgreSQL, ALTER TABLE).
async fn owners(session: &Session, model: &Model, schema: &str) -> Result<Vec<String>> {
    let sql = format!(
        "SELECT c.relname, r.rolname, pg_has_role(c.relowner, \
            CASE WHEN current_setting('server_version_num')::int >= 160000 \
            THEN 'SET' ELSE 'MEMBER' END)::text, \
         has_schema_privilege(c.relowner, n.oid, 'CREATE')::text \
         FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace \
         JOIN pg_roles r ON r.oid = c.relowner WHERE n.nspname = {} AND c.relname IN ({}) \
         AND c.relkind = 'r' AND r.rolname <> current_user AND pg_has_role(c.relowner, 'USAGE') \
         AND NOT (SELECT rolsuper FROM pg_roles WHERE rolname = current_user) ORDER BY 1",
        literal(schema, session.dialect())?,
        catalog::star_tables(model, session.dialect())?
    );
    let mut found = Vec::new();
    for row in session.rows("list the owners of the tables", &sql).await? {
        let [table, owner, may_act, may_create] = [0, 1, 2, 3].map(|i| text(&row, i));
        if may_act != "true" {
            found
                .push(format!("table {table} belongs to {owner}, whose role this user cannot set"));
        }
        if may_create != "true" {
            found.push(format!(
                "table {table} belongs to {owner}, who cannot create tables in the schema"
            ));
        }
    }
    Ok(found)
}
