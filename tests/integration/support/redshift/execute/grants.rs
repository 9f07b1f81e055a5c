//! Users, groups, GRANT and REVOKE.

use crate::support::redshift::command::{Grant, GrantOn, Grantee, Principal};
use crate::support::redshift::error::SqlError;
use crate::support::redshift::lex::{Name, literal, quoted};
use crate::support::redshift::session::{Reply, Session, Stop};

impl Session {
    pub(in super::super) async fn grant(&mut self, grant: Grant) -> Result<Reply, Stop> {
        let privileges = grant.privileges.join(", ");
        let on = match &grant.on {
            GrantOn::Tables(tables) => {
                let tables: Vec<String> = tables.iter().map(Name::sql).collect();
                format!("TABLE {}", tables.join(", "))
            }
            GrantOn::AllTables(schemas) => format!("ALL TABLES IN SCHEMA {}", names(schemas)),
            GrantOn::Schemas(schemas) => format!("SCHEMA {}", names(schemas)),
        };
        let mut grantees = Vec::new();
        for grantee in &grant.grantees {
            grantees.push(match grantee {
                Grantee::User(name) => self.principal_role("user", name).await?,
                Grantee::Group(name) => self.principal_role("group", name).await?,
                Grantee::Public => "PUBLIC".to_owned(),
            });
        }
        let grantees = grantees.join(", ");
        let (statement, tag) = match (grant.grant, grant.grant_option) {
            (true, false) => (format!("GRANT {privileges} ON {on} TO {grantees}"), "GRANT"),
            (true, true) => {
                (format!("GRANT {privileges} ON {on} TO {grantees} WITH GRANT OPTION"), "GRANT")
            }
            (false, false) => (format!("REVOKE {privileges} ON {on} FROM {grantees}"), "REVOKE"),
            (false, true) => {
                let option = "GRANT OPTION FOR";
                (format!("REVOKE {option} {privileges} ON {on} FROM {grantees}"), "REVOKE")
            }
        };
        self.utility(&statement, tag).await
    }

    pub(in super::super) async fn principal(&mut self, made: Principal) -> Result<Reply, Stop> {
        if !self.superuser {
            let message = format!("permission denied: {} is not a superuser", self.user);
            return Err(SqlError::new("42501", message).into());
        }
        match made {
            Principal::User { name, password, superuser, groups } => {
                self.is_new("user", &name).await?;
                let role = self.server.role_name("user", &name);
                let power = if superuser { "SUPERUSER" } else { "NOSUPERUSER" };
                let password = password.map_or_else(|| "NULL".into(), |text| literal(&text));
                let mut statements = format!(
                    "CREATE ROLE {} LOGIN {power}; \
                     INSERT INTO rs.principals VALUES ('user', {}, {}, {password}, {superuser})",
                    quoted(&role),
                    literal(&name),
                    literal(&role)
                );
                for group in groups {
                    let group = self.principal_role("group", &group).await?;
                    statements += &format!("; GRANT {group} TO {}", quoted(&role));
                }
                self.utility(&statements, "CREATE USER").await
            }
            Principal::Group { name, users } => {
                self.is_new("group", &name).await?;
                let role = self.server.role_name("group", &name);
                let mut statements = format!(
                    "CREATE ROLE {} NOLOGIN; \
                     INSERT INTO rs.principals VALUES ('group', {}, {}, NULL, false)",
                    quoted(&role),
                    literal(&name),
                    literal(&role)
                );
                for user in users {
                    let user = self.principal_role("user", &user).await?;
                    statements += &format!("; GRANT {} TO {user}", quoted(&role));
                }
                self.utility(&statements, "CREATE GROUP").await
            }
            Principal::Members { group, add, users } => self.members(&group, add, &users).await,
        }
    }

    async fn members(&self, group: &str, add: bool, users: &[String]) -> Result<Reply, Stop> {
        let group = self.principal_role("group", group).await?;
        let mut statements = Vec::new();
        for user in users {
            let user = self.principal_role("user", user).await?;
            statements.push(if add {
                format!("GRANT {group} TO {user}")
            } else {
                format!("REVOKE {group} FROM {user}")
            });
        }
        self.utility(&statements.join("; "), "ALTER GROUP").await
    }

    async fn is_new(&self, kind: &str, name: &str) -> Result<(), Stop> {
        if self.principal_role(kind, name).await.is_err() {
            return Ok(());
        }
        Err(SqlError::new("42710", format!("{kind} \"{name}\" already exists")).into())
    }

    /// Returns the quoted PostgreSQL role of a user or group.
    async fn principal_role(&self, kind: &str, name: &str) -> Result<String, Stop> {
        let found = self
            .select(&format!(
                "SELECT role FROM rs.principals WHERE kind = '{kind}' AND name = {}",
                literal(name)
            ))
            .await?;
        match found.rows.first().map(Vec::as_slice) {
            Some([Some(role)]) => Ok(quoted(role)),
            _ => Err(SqlError::new("42704", format!("{kind} \"{name}\" does not exist")).into()),
        }
    }
}

fn names(names: &[String]) -> String {
    names.iter().map(|name| quoted(name)).collect::<Vec<_>>().join(", ")
}
