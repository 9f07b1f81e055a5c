//! Copies the grants on the old tables, and only those, to the new tables.

use crate::model::Model;
use crate::warehouse::Dialect;
use crate::warehouse::connection::session::Session;
use crate::warehouse::error::Result;
use crate::warehouse::load::catalog::text;
use crate::warehouse::sql::quote::{literal, principal, qualified};

/// A privilege granted on a table or on one of its columns.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Grant {
    /// Name of the table.
    pub table: String,
    privilege: String,
    /// `user`, `group`, `role` or `public`.
    kind: String,
    grantee: String,
    column: String,
    with_option: bool,
}

impl Grant {
    /// Returns the GRANT statement.
    ///
    /// # Errors
    ///
    /// Returns an error if a name cannot be quoted.
    pub fn grant_statement(&self, schema: &str) -> Result<String> {
        let with = if self.with_option { " WITH GRANT OPTION" } else { "" };
        let (what, to) = self.parts(schema)?;
        Ok(format!("GRANT {what} TO {to}{with}"))
    }

    /// Returns the REVOKE statement.
    ///
    /// # Errors
    ///
    /// Returns an error if a name cannot be quoted.
    pub fn revoke_statement(&self, schema: &str) -> Result<String> {
        let (what, from) = self.parts(schema)?;
        Ok(format!("REVOKE {what} FROM {from}"))
    }

    fn parts(&self, schema: &str) -> Result<(String, String)> {
        let whom = match self.kind.as_str() {
            "public" => "PUBLIC".to_owned(),
            "group" => format!("GROUP {}", principal(&self.grantee)?),
            "role" => format!("ROLE {}", principal(&self.grantee)?),
            _ => principal(&self.grantee)?,
        };
        let column = match self.column.as_str() {
            "" => String::new(),
            column => format!(" ({})", principal(column)?),
        };
        let table = qualified(schema, &self.table)?;
        Ok((format!("{}{column} ON TABLE {table}", self.privilege), whom))
    }

    /// Returns `true` if both are the same privilege of the same grantee, regardless of the table.
    fn is_like(&self, other: &Grant) -> bool {
        let key =
            |g: &Grant| (g.privilege.clone(), g.kind.clone(), g.grantee.clone(), g.column.clone());
        key(self) == key(other)
    }
}

/// Returns the grants on tables of a schema, without those of the owners.
///
/// # Errors
///
/// Returns an error if the catalog cannot be read.
pub async fn grants(session: &Session, schema: &str, tables: &[String]) -> Result<Vec<Grant>> {
    if tables.is_empty() {
        return Ok(Vec::new());
    }
    let dialect = session.dialect();
    let sql = match dialect {
        Dialect::Redshift => REDSHIFT_GRANTS,
        Dialect::Postgres => POSTGRES_GRANTS,
    };
    let names: Result<Vec<_>, _> = tables.iter().map(|table| literal(table, dialect)).collect();
    let sql =
        sql.replace("{schema}", &literal(schema, dialect)?).replace("{tables}", &names?.join(", "));
    let rows = session.rows("list the grants", &sql).await?;
    let grant = |row: &Vec<Option<String>>| Grant {
        table: text(row, 0),
        privilege: text(row, 1),
        kind: text(row, 2),
        grantee: text(row, 3),
        with_option: text(row, 4).starts_with('t'),
        column: text(row, 5),
    };
    // A privilege is a keyword from the catalog, never text from a user.
    let is_keyword = |g: &Grant| g.privilege.chars().all(|c| c.is_ascii_alphabetic() || c == ' ');
    Ok(rows.iter().map(grant).filter(is_keyword).collect())
}

/// Returns the statements that copy the grants of each replaced table to its new table. They first
/// revoke grants that only default privileges have added. `fresh` are the grants of the new tables,
/// under their final names.
///
/// # Errors
///
/// Returns an error if a name cannot be quoted.
pub fn copy_grants(
    schema: &str,
    old: &[Grant],
    fresh: &[Grant],
    replaced: &[&str],
) -> Result<Vec<String>> {
    let had = |grant: &Grant| old.iter().any(|o| o.table == grant.table && o.is_like(grant));
    let beyond = fresh.iter().filter(|g| replaced.contains(&g.table.as_str()) && !had(g));
    let revoked = beyond.map(|grant| grant.revoke_statement(schema));
    revoked.chain(old.iter().map(|grant| grant.grant_statement(schema))).collect()
}

/// Returns the grantees in the tables' access lists that are missing from `seen`. In Redshift,
/// SVV_RELATION_PRIVILEGES shows users only the grants that concern them, unless they are
/// superusers.
///
/// # Errors
///
/// Returns an error if the connection is lost. If the query is rejected, logs a warning and returns
/// an empty list.
pub async fn unseen(
    session: &Session,
    model: &Model,
    schema: &str,
    seen: &[Grant],
) -> Result<Vec<String>> {
    if session.dialect() == Dialect::Postgres {
        return Ok(Vec::new());
    }
    let sql = format!(
        "SELECT c.relname, pg_get_userbyid(c.relowner), array_to_string(c.relacl, '\n') \
         FROM pg_class c INNER JOIN pg_namespace n ON n.oid = c.relnamespace \
         WHERE n.nspname = {} AND c.relkind = 'r' AND c.relacl IS NOT NULL",
        literal(schema, session.dialect())?
    );
    let rows = match session.rows("list the grants", &sql).await {
        Err(error) if error.server_error().is_some() => {
            tracing::warn!(%error, "cannot query whether other users have grants on the tables");
            return Ok(Vec::new());
        }
        rows => rows?,
    };
    let mut unseen = Vec::new();
    for row in rows {
        let [table, owner, list] = [0, 1, 2].map(|i| text(&row, i));
        if model.table(&table).is_none() {
            continue;
        }
        for grantee in list.lines().filter_map(acl_grantee).filter(|grantee| *grantee != owner) {
            let is_seen = |g: &Grant| {
                g.table == table
                    && (g.grantee == grantee || grantee.is_empty() && g.kind == "public")
            };
            if !seen.iter().any(is_seen) {
                unseen.push(format!("grants of {grantee:?} on {table}"));
            }
        }
    }
    Ok(unseen)
}

/// Returns the grantee of an item of an access list: `ann=arw/owner`, `"group bi"=r/owner`, or
/// `=r/owner` for PUBLIC, whose name is empty.
fn acl_grantee(item: &str) -> Option<String> {
    let (grantee, _) = item.rsplit_once('/')?.0.rsplit_once('=')?;
    let name = grantee.trim_matches('"').replace("\"\"", "\"").replace("\\\"", "\"");
    let name = name.strip_prefix("group ").unwrap_or(&name);
    Some(name.trim_matches('"').to_owned())
}

/// Source: Redshift Developer Guide, SVV_RELATION_PRIVILEGES. Column grants are in another view.
const REDSHIFT_GRANTS: &str = "SELECT relation_name, privilege_type, identity_type, identity_name, \
    CASE WHEN admin_option THEN 't' ELSE 'f' END, '' FROM svv_relation_privileges \
    WHERE namespace_name = {schema} AND relation_name IN ({tables}) \
    ORDER BY relation_name, identity_name, privilege_type";

const POSTGRES_GRANTS: &str = "SELECT c.relname, x.privilege_type, \
    CASE WHEN x.grantee = 0 THEN 'public' ELSE 'user' END, \
    CASE WHEN x.grantee = 0 THEN '' ELSE pg_get_userbyid(x.grantee) END, x.is_grantable::text, x.attname \
    FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace, LATERAL ( \
        SELECT grantee, privilege_type, is_grantable, '' AS attname FROM aclexplode(c.relacl) \
        UNION ALL SELECT e.grantee, e.privilege_type, e.is_grantable, a.attname \
        FROM pg_attribute a, aclexplode(a.attacl) e WHERE a.attrelid = c.oid AND NOT a.attisdropped \
    ) x WHERE n.nspname = {schema} AND c.relname IN ({tables}) AND x.grantee <> c.relowner \
    ORDER BY 1, 4, 2, 6";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn access_lists_name_their_grantees() {
        for (item, grantee) in [
            ("ann=arwdRxt/owner", "ann"),
            ("=r/owner", ""),
            ("\"group bi\"=r/owner", "bi"),
            ("group bi=r/owner", "bi"),
            ("\"An=n\"=r*/owner", "An=n"),
        ] {
            assert_eq!(acl_grantee(item).as_deref(), Some(grantee), "{item}");
        }
        assert_eq!(acl_grantee("nonsense"), None);
    }

    #[test]
    fn a_new_table_has_only_the_grants_of_the_old_one() {
        let grant = |table: &str, privilege: &str, grantee: &str| Grant {
            table: table.to_owned(),
            privilege: privilege.to_owned(),
            kind: "user".to_owned(),
            grantee: grantee.to_owned(),
            column: String::new(),
            with_option: false,
        };
        let old = [grant("users", "SELECT", "ann")];
        let fresh = [
            grant("users", "SELECT", "bob"),
            grant("users", "SELECT", "ann"),
            grant("songs", "SELECT", "bob"),
        ];
        assert_eq!(
            copy_grants("star", &old, &fresh, &["users"]).unwrap(),
            [
                "REVOKE SELECT ON TABLE \"star\".\"users\" FROM \"bob\"",
                "GRANT SELECT ON TABLE \"star\".\"users\" TO \"ann\"",
            ]
        );
    }
}
