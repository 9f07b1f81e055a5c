//! Checks of the warehouse: port, certificate, login, permissions.

use super::{
    CheckResult, Doctor, DoctorArgs, Failed, Passed, Settings, Skipped, Subject, check_result,
};
use crate::cli::error::{Error, Result};
use crate::cli::settings::{NamedRedshift, WarehouseOptions};
use crate::cloud::clients::Clients;
use crate::model::Model;
use crate::warehouse::Dialect;
use crate::warehouse::connection::connectivity;
use crate::warehouse::connection::session::Session;
use crate::warehouse::connection::target::{Target, TlsMode, Via};
use crate::warehouse::load::obstacles;
use crate::warehouse::sql::quote;

const REMEDY: &str =
    "check that the warehouse is running and is the intended one, and run the command again";

impl Doctor<'_> {
    /// Checks the warehouse, from its description in AWS to the permissions of the user.
    pub(super) async fn warehouse(
        &mut self,
        subject: &Subject,
        settings: &Settings,
        args: &DoctorArgs,
        clients: Option<&Clients>,
    ) -> Result<()> {
        let Some(to) = subject.to.as_deref() else {
            let why = "no warehouse is specified; --to specifies one".to_owned();
            return self.note("warehouse", Skipped(why)).map(|_| ());
        };
        let (redshift, iam_role) = match settings.redshift_of(to, &args.warehouse) {
            Ok(of) => of,
            Err(error) => {
                return self.note("warehouse", check_result(Err(error), REMEDY)).map(|_| ());
            }
        };
        if settings.is_redshift(to, &args.warehouse) {
            let role = args.iam_role.as_deref().or(iam_role.as_deref());
            let may_log_in = match (clients, &redshift) {
                (Some(clients), Some(NamedRedshift::Cluster(id))) => {
                    self.cluster(clients, id, role, subject).await?
                }
                (Some(clients), Some(NamedRedshift::Workgroup(name))) => {
                    self.workgroup(clients, name, role, subject).await?
                }
                (Some(_), None) => {
                    let why = "the host contains neither a cluster nor a workgroup; --cluster or --workgroup specifies one";
                    self.note("cluster", Skipped(why.to_owned()))?;
                    true
                }
                (None, _) => {
                    self.note("cluster", Skipped("AWS cannot be queried".to_owned()))?;
                    true
                }
            };
            if !may_log_in {
                let why = match redshift {
                    Some(NamedRedshift::Workgroup(_)) => "the workgroup is not available",
                    _ => "the cluster is not running",
                };
                return self.note("warehouse", Skipped(why.to_owned())).map(|_| ());
            }
        }
        let warehouse = settings.warehouse(to, &args.warehouse, &self.global.stores).await;
        match warehouse {
            Ok(warehouse) => self.session(&warehouse, subject.model.as_deref()).await,
            Err(error) => self.note("warehouse", check_result(Err(error), REMEDY)).map(|_| ()),
        }
    }

    async fn session(&mut self, warehouse: &WarehouseOptions, model: Option<&Model>) -> Result<()> {
        let target = &warehouse.target;
        if target.via == Via::DataApi {
            let why = "the warehouse is reached through the Data API".to_owned();
            self.note("port", Skipped(why))?;
        } else if !self.port(target).await? || !self.certificate(target).await? {
            return Ok(());
        }
        let opened = async {
            let access = warehouse.access(&self.global.stores).await?;
            Ok::<_, Error>(Session::open(&access).await?)
        };
        let session = match opened.await {
            Ok(session) => session,
            Err(error) => return self.note("login", check_result(Err(error), REMEDY)).map(|_| ()),
        };
        let user = session.value("query the current user", "SELECT current_user").await;
        let message =
            user.map(|user| format!("{} logs in to {}", user.unwrap_or_default(), target.database));
        self.note_outcome("login", message.map_err(Error::from), REMEDY)?;
        let rights = describe(rights(&session, &warehouse.schema).await, &warehouse.schema);
        if !self.note("rights", rights)? {
            return Ok(());
        }
        let Some(model) = model else {
            self.note("tables", Skipped("the model is not valid".to_owned()))?;
            return self.limits(&session, warehouse);
        };
        let found = obstacles(&session, model, &warehouse.schema).await;
        let tables = match found {
            Ok(found) if found.is_empty() => {
                Passed("the user can replace the existing tables, if any".to_owned())
            }
            Ok(found) => Failed(
                found.join("; "),
                "load as their owner, or grant the owner's role to the user; the owner needs CREATE on the schema"
                    .to_owned(),
            ),
            Err(error) => check_result(Err(error.into()), REMEDY),
        };
        self.note("tables", tables)?;
        self.limits(&session, warehouse)
    }

    /// Checks the server's port. Returns `true` to continue.
    async fn port(&mut self, target: &Target) -> Result<bool> {
        if target.is_socket() {
            return Ok(true);
        }
        let reached = connectivity::connect(target).await;
        let reached =
            reached.map(|_| format!("{}:{} accepts connections", target.host, target.port));
        let result = match reached {
            Ok(message) => Passed(message),
            Err(error) if target.dialect == Dialect::Redshift => Failed(
                super::one_line(&error),
                "allow this machine's address (`starlift provision` does so; from outside its network the cluster also needs --public), and check that nothing in between blocks the port; if no port can be reached, ?via=data-api in the URL loads through the Data API"
                    .to_owned(),
            ),
            Err(error) => check_result(Err(error.into()), REMEDY),
        };
        self.note("port", result)
    }

    /// Checks the server's certificate. Returns `true` to continue.
    async fn certificate(&mut self, target: &Target) -> Result<bool> {
        let host = &target.host;
        let message = match target.tls {
            TlsMode::Disable if target.is_local() => {
                let why = "according to its host, the connection stays on this machine; a tunnel must encrypt it itself";
                return self.note("certificate", Skipped(why.to_owned())).map(|_| true);
            }
            TlsMode::Disable => {
                let why = format!("sslmode=disable: the connection to {host} is not encrypted");
                let remedy = "remove sslmode=disable, or open a tunnel to the server and connect to its end on this machine";
                return self.note("certificate", Failed(why, remedy.to_owned())).map(|_| true);
            }
            TlsMode::Require => {
                let why =
                    format!("sslmode=require: the identity of the server {host} is not verified");
                return self.note("certificate", Skipped(why)).map(|_| true);
            }
            TlsMode::VerifyCa => {
                format!("{host} has a trusted certificate; its name is not verified")
            }
            TlsMode::VerifyFull => {
                format!("the server is {}", target.tls_name.as_deref().unwrap_or(host))
            }
        };
        let verified = connectivity::verify_certificate(target).await.map_err(Error::from);
        self.note_outcome("certificate", verified.map(|()| message), REMEDY)
    }

    /// Reports the time limits of the server, the database or the role.
    fn limits(&mut self, session: &Session, warehouse: &WarehouseOptions) -> Result<()> {
        let limits = session.server_limits().iter().filter(|limit| limit.is_set());
        let limits: Vec<String> = limits.map(ToString::to_string).collect();
        if warehouse.target.dialect == Dialect::Redshift {
            return Ok(());
        }
        let message = match limits[..] {
            [] => "the server has no time limits".to_owned(),
            _ => limits.join("; "),
        };
        self.note("time limits", Passed(message)).map(|_| ())
    }
}

/// Returns the result of the check of a user's permissions in a schema.
fn describe(rights: Result<Rights>, schema: &str) -> CheckResult {
    match rights {
        Ok(Rights::Schema) => Passed(format!("the user can create tables in {schema}")),
        Ok(Rights::Database) => {
            Passed(format!("schema {schema} does not exist, and the user can create it"))
        }
        Ok(Rights::Neither(grant)) => {
            let message = format!("the user cannot create tables in {schema}");
            Failed(message, format!("as the owner or a superuser: {grant}"))
        }
        Err(error) => check_result(Err(error), REMEDY),
    }
}

/// The permissions of a user that loads depend on.
enum Rights {
    /// The schema exists, and the user can create tables in it.
    Schema,
    /// The user can create the schema.
    Database,
    /// Neither; contains the statement that grants the permission.
    Neither(String),
}

async fn rights(session: &Session, schema: &str) -> Result<Rights> {
    let (name, text) = (quote::name(schema)?, quote::literal(schema, session.dialect())?);
    let action = "query the user's permissions";
    let is = |value: Option<String>| value.as_deref() == Some("t");
    let sql = format!("SELECT nspname FROM pg_namespace WHERE nspname = {text}");
    if session.rows(action, &sql).await?.is_empty() {
        let sql = "SELECT has_database_privilege(current_database(), 'CREATE')";
        if is(session.value(action, sql).await?) {
            return Ok(Rights::Database);
        }
        return Ok(Rights::Neither(format!(
            "CREATE SCHEMA {name} AUTHORIZATION …, or GRANT CREATE ON DATABASE …"
        )));
    }
    for right in ["USAGE", "CREATE"] {
        let sql = format!("SELECT has_schema_privilege({text}, '{right}')");
        if !is(session.value(action, &sql).await?) {
            return Ok(Rights::Neither(format!("GRANT USAGE, CREATE ON SCHEMA {name} TO …")));
        }
    }
    Ok(Rights::Schema)
}
