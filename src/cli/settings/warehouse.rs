//! Warehouse settings of the configuration file and the command line, and the connection options that
//! they resolve to.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use serde::Deserialize;

use super::login::LoginOptions;
use crate::cli::args::{AuthArg, CopyAuthArg, LoadFlags, WarehouseArgs, range};
use crate::cli::error::{Error, Result};
use crate::cloud::clients::Clients;
use crate::cloud::lookup::{FoundCluster, find};
use crate::cloud::serverless;
use crate::storage::{StoreOptions, aws_config};
use crate::warehouse::Dialect;
use crate::warehouse::connection::session::{Access, Limits, Session};
use crate::warehouse::connection::target::{Target, TlsMode, Via};
use crate::warehouse::copy::CopyAuth;
use crate::warehouse::load::LoadOptions;
use crate::warehouse::sql::ddl::TableSettings;
use crate::warehouse::sql::quote;

/// A Redshift warehouse that the AWS API can describe, by its name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum NamedRedshift {
    /// A provisioned cluster.
    Cluster(String),
    /// A workgroup of Redshift Serverless.
    Workgroup(String),
}

impl NamedRedshift {
    fn of(cluster: Option<&str>, workgroup: Option<&str>) -> Option<NamedRedshift> {
        let cluster = cluster.map(|name| NamedRedshift::Cluster(name.to_owned()));
        cluster.or_else(|| Some(NamedRedshift::Workgroup(workgroup?.to_owned())))
    }
}

/// A `[warehouse.NAME]` table of the configuration file.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct WarehouseSettings {
    url: Option<String>,
    database: Option<String>,
    user: Option<String>,
    via: Option<String>,
    sslmode: Option<String>,
    sslrootcert: Option<PathBuf>,
    tls_name: Option<String>,
    channel_binding: Option<String>,
    connect_timeout: Option<u64>,
    options: Option<String>,
    schema: Option<String>,
    password_file: Option<PathBuf>,
    password_secret: Option<String>,
    auth: Option<AuthArg>,
    cluster: Option<String>,
    workgroup: Option<String>,
    #[serde(default)]
    db_groups: Vec<String>,
    iam_role: Option<String>,
    copy_auth: Option<CopyAuthArg>,
    statement_timeout: Option<u64>,
    lock_timeout: Option<u64>,
    #[serde(default)]
    tables: BTreeMap<String, TableSettings>,
}

impl WarehouseSettings {
    /// Returns the connection settings of the file as URL parameters.
    fn parameters(&self) -> Result<Vec<(&'static str, String)>> {
        let file = match &self.sslrootcert {
            Some(file) => Some(file.to_str().map(str::to_owned).ok_or_else(|| {
                Error::Usage(format!("the path of sslrootcert is not UTF-8: {}", file.display()))
            })?),
            None => None,
        };
        let parameters = [
            ("via", self.via.clone()),
            ("sslmode", self.sslmode.clone()),
            ("sslrootcert", file),
            ("tls_name", self.tls_name.clone()),
            ("channel_binding", self.channel_binding.clone()),
            ("connect_timeout", self.connect_timeout.map(|seconds| seconds.to_string())),
            ("options", self.options.clone()),
        ];
        Ok(parameters.into_iter().filter_map(|(name, value)| Some((name, value?))).collect())
    }

    /// Returns settings that contain only a URL.
    pub fn of_url(url: &str) -> WarehouseSettings {
        WarehouseSettings { url: Some(url.to_owned()), ..WarehouseSettings::default() }
    }

    /// Returns `true` if the settings contain a URL, a cluster or a workgroup.
    pub fn is_named(&self) -> bool {
        self.url.is_some() || self.cluster.is_some() || self.workgroup.is_some()
    }

    /// Returns `true` if there is no URL, or its scheme is that of Redshift.
    pub fn is_redshift(&self) -> bool {
        self.url.as_deref().is_none_or(|url| url.starts_with(Dialect::Redshift.scheme()))
    }

    /// Returns the cluster or workgroup, and the IAM role that reads the star, each if it is known. The
    /// command line overrides the file, and the file overrides the host in the URL.
    ///
    /// # Errors
    ///
    /// Returns an error if the URL is invalid.
    pub fn redshift_and_role(
        &self,
        args: &WarehouseArgs,
    ) -> Result<(Option<NamedRedshift>, Option<String>)> {
        let target = self.url.as_deref().map(Target::parse).transpose()?;
        let given = NamedRedshift::of(args.cluster.as_deref(), args.workgroup.as_deref());
        let of_file = || NamedRedshift::of(self.cluster.as_deref(), self.workgroup.as_deref());
        let of_host = || {
            let target = target.as_ref()?;
            NamedRedshift::of(target.cluster(), target.workgroup())
        };
        Ok((given.or_else(of_file).or_else(of_host), self.iam_role.clone()))
    }

    /// Sets the cluster or workgroup to `named`, unless a URL, a cluster or a workgroup is already set.
    #[must_use]
    pub fn or_named(mut self, named: NamedRedshift) -> WarehouseSettings {
        if !self.is_named() {
            match named {
                NamedRedshift::Cluster(name) => self.cluster = Some(name),
                NamedRedshift::Workgroup(name) => self.workgroup = Some(name),
            }
        }
        self
    }
}

/// Looks up a cluster or a workgroup by its name in the AWS API.
async fn look_up(login: &LoginOptions, stores: &StoreOptions) -> Result<FoundCluster> {
    let (cluster, workgroup) = (&login.cluster, &login.workgroup);
    if cluster.is_none() && workgroup.is_none() {
        return Err(Error::Usage(
            "a warehouse needs `url`, or `cluster` or `workgroup` with the name of a Redshift \
             cluster or of a workgroup of Redshift Serverless"
                .to_owned(),
        ));
    }
    let clients = Clients::connect(stores).await?;
    Ok(match (cluster, workgroup) {
        (Some(cluster), _) => find(&clients, cluster).await?,
        (None, workgroup) => {
            serverless::find(&clients, workgroup.as_deref().unwrap_or_default()).await?
        }
    })
}

/// Warns about `sslmode=require`, which does not verify the server's certificate.
fn warn_unverified(target: &Target) {
    if target.tls == TlsMode::Require {
        tracing::warn!(
            "sslmode=require: the connection to {} is encrypted, but its certificate is not \
             verified, and another server could pose as it; use verify-full, with sslrootcert for a \
             certificate that is not public",
            target.host
        );
    }
}

/// A warehouse and the options for connecting to it.
#[derive(Debug)]
pub struct WarehouseOptions {
    /// Host, port, database, user and TLS options.
    pub target: Target,
    /// Schema of the tables.
    pub schema: String,
    login: LoginOptions,
    statement_timeout: Option<Duration>,
    iam_role: Option<String>,
    copy_auth: Option<CopyAuthArg>,
    lock_timeout: Option<Duration>,
    /// Distribution and sort keys that the user chose, by table name.
    pub tables: BTreeMap<String, TableSettings>,
}

impl WarehouseOptions {
    /// Resolves the options. The command line and the environment override the file. A warehouse without
    /// a URL is looked up in the AWS API by the name of its cluster or workgroup.
    ///
    /// # Errors
    ///
    /// Returns an error if the URL or an option is invalid, or the cluster or workgroup is not found.
    pub async fn new(
        file: WarehouseSettings,
        args: &WarehouseArgs,
        stores: &StoreOptions,
    ) -> Result<WarehouseOptions> {
        let parameters = file.parameters()?;
        let mut login = LoginOptions {
            auth: file.auth,
            password_file: file.password_file,
            password_secret: file.password_secret,
            cluster: file.cluster,
            workgroup: file.workgroup,
            db_groups: file.db_groups,
            region: None,
        }
        .overridden(args);
        let mut role = None;
        let mut target = match &file.url {
            Some(url) => Target::parse(url)?,
            None => {
                let found = look_up(&login, stores).await?;
                let FoundCluster { host, port, database, user, iam_role, region } = found;
                (login.region, role) = (Some(region), iam_role);
                if login.password_secret.is_none() {
                    login.auth.get_or_insert(AuthArg::Iam);
                }
                Target::redshift(host, port, database, user)
            }
        };
        target.database = file.database.unwrap_or(target.database);
        target.user = file.user.unwrap_or(target.user);
        let parameters = parameters.iter().map(|(name, value)| (*name, value.as_str()));
        let target = target.with(parameters)?;
        warn_unverified(&target);
        login.check(&target)?;
        let seconds = args.statement_timeout.or(file.statement_timeout);
        let schema = args.schema.clone().or(file.schema);
        let schema = schema.unwrap_or_else(|| LoadOptions::SCHEMA.to_owned());
        quote::schema(&schema, target.dialect)?;
        Ok(WarehouseOptions {
            target,
            schema,
            login,
            statement_timeout: range::seconds("statement_timeout", seconds)?,
            iam_role: file.iam_role.or(role),
            copy_auth: file.copy_auth,
            lock_timeout: range::seconds("lock_timeout", file.lock_timeout)?,
            tables: file.tables,
        })
    }

    /// Returns the access to the warehouse: target, limits, and the password or the means to request one.
    ///
    /// # Errors
    ///
    /// Returns an error if the login options are incomplete, or the password file or the secret cannot be
    /// read.
    pub async fn access(&self, stores: &StoreOptions) -> Result<Access> {
        let login = self.login.login(&self.target, stores).await?;
        let limits = Limits { statement: self.statement_timeout, lock: None };
        Ok(Access { target: self.target.clone(), login, limits })
    }

    /// Opens a session that uses the schema of the tables.
    ///
    /// # Errors
    ///
    /// Returns an error under the conditions of [`WarehouseOptions::access`], or if the warehouse cannot
    /// be reached.
    pub async fn open_session(&self, stores: &StoreOptions) -> Result<Session> {
        let mut session = Session::open(&self.access(stores).await?).await?;
        session.use_schema(&self.schema).await?;
        Ok(session)
    }

    /// Returns the options of a load.
    ///
    /// # Errors
    ///
    /// Returns an error under the conditions of [`WarehouseOptions::access`], or if the options of COPY's
    /// authorization conflict.
    pub async fn load(&self, flags: &LoadFlags, stores: &StoreOptions) -> Result<LoadOptions> {
        let lock_timeout = flags.lock_timeout.map(Duration::from_secs).or(self.lock_timeout);
        let copy_auth = self.copy_auth(flags, stores).await?;
        let lock_timeout = lock_timeout.unwrap_or(LoadOptions::LOCK_TIMEOUT);
        let mut access = self.access(stores).await?;
        access.limits.lock = Some(lock_timeout);
        Ok(LoadOptions {
            access,
            schema: self.schema.clone(),
            copy_auth,
            force: flags.force,
            cascade: flags.cascade,
            lock_timeout,
            retries: LoadOptions::RETRIES,
            tables: self.tables.clone(),
        })
    }

    /// Returns the role or the temporary keys that authorize COPY.
    async fn copy_auth(&self, flags: &LoadFlags, stores: &StoreOptions) -> Result<CopyAuth> {
        if flags.copy_auth.or(self.copy_auth) != Some(CopyAuthArg::Session) {
            let role = flags.iam_role.as_ref().or(self.iam_role.as_ref());
            let role = role.map_or("default", String::as_str);
            // Reject a role that cannot be quoted in a statement before any connection is opened.
            quote::iam_role(role)?;
            return Ok(CopyAuth::Role(role.to_owned()));
        }
        if self.target.dialect != Dialect::Redshift {
            return Err(Error::Usage("--copy-auth is for Redshift only".to_owned()));
        }
        if self.target.via == Via::DataApi {
            return Err(Error::Usage(
                "--copy-auth session puts keys into statements, and the Data API shows statements to every user who can list them; load through the port, or attach a role"
                    .to_owned(),
            ));
        }
        if flags.iam_role.is_some() {
            return Err(Error::Usage(
                "--iam-role cannot be combined with --copy-auth session, which uses no role"
                    .to_owned(),
            ));
        }
        Ok(CopyAuth::Session(Box::new(aws_config(stores).await)))
    }
}
