//! Warehouses: what the configuration file and the command line say of one, and how to log in.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use serde::Deserialize;

use super::args::{AuthArg, LoadHow, WarehouseArgs, range};
use super::login::LoginOptions;
use crate::cloud::clients::Clients;
use crate::cloud::lookup::{FoundCluster, find};
use crate::cloud::serverless;
use crate::error::{Error, Result};
use crate::storage::StoreOptions;
use crate::warehouse::Dialect;
use crate::warehouse::load::LoadOptions;
use crate::warehouse::quote;
use crate::warehouse::session::{Access, Session};
use crate::warehouse::tables::TableSettings;
use crate::warehouse::target::Target;

/// A Redshift that AWS can describe.
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

/// A warehouse as the file names it.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct WarehouseSettings {
    url: Option<String>,
    database: Option<String>,
    user: Option<String>,
    sslrootcert: Option<PathBuf>,
    schema: Option<String>,
    password_file: Option<PathBuf>,
    password_secret: Option<String>,
    auth: Option<AuthArg>,
    cluster: Option<String>,
    workgroup: Option<String>,
    #[serde(default)]
    db_groups: Vec<String>,
    iam_role: Option<String>,
    statement_timeout: Option<u64>,
    lock_timeout: Option<u64>,
    #[serde(default)]
    tables: BTreeMap<String, TableSettings>,
}

impl WarehouseSettings {
    /// A warehouse of which nothing is known but its URL.
    pub fn of_url(url: &str) -> WarehouseSettings {
        WarehouseSettings { url: Some(url.to_owned()), ..WarehouseSettings::default() }
    }

    /// Whether it says where the warehouse is.
    pub fn is_named(&self) -> bool {
        self.url.is_some() || self.cluster.is_some() || self.workgroup.is_some()
    }

    /// Whether it is a Redshift.
    pub fn is_redshift(&self) -> bool {
        self.url.as_deref().is_none_or(|url| url.starts_with(Dialect::Redshift.scheme()))
    }

    /// The Redshift that it is, and the role in which it reads, as far as they are named.
    ///
    /// # Errors
    ///
    /// If the URL cannot be understood.
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

    /// The same, a Redshift cluster of this name where neither URL nor cluster is given.
    #[must_use]
    pub fn or_cluster(mut self, cluster: String) -> WarehouseSettings {
        if self.url.is_none() && self.workgroup.is_none() {
            self.cluster.get_or_insert(cluster);
        }
        self
    }
}

/// Looks a cluster or a workgroup up by its name.
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

/// A warehouse, and how it is reached.
#[derive(Debug)]
pub struct WarehouseOptions {
    /// The warehouse.
    pub target: Target,
    /// The schema of the tables.
    pub schema: String,
    login: LoginOptions,
    statement_timeout: Option<Duration>,
    iam_role: Option<String>,
    lock_timeout: Option<Duration>,
    /// How an analyst would have the tables.
    pub tables: BTreeMap<String, TableSettings>,
}

impl WarehouseOptions {
    /// What the file says, the command line and the environment before it. A warehouse without a URL
    /// is looked up at AWS by its cluster's name.
    ///
    /// # Errors
    ///
    /// If the URL cannot be understood, or there is no such cluster.
    pub async fn new(
        file: WarehouseSettings,
        args: &WarehouseArgs,
        stores: &StoreOptions,
    ) -> Result<WarehouseOptions> {
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
        if let Some(database) = file.database {
            target.database = database;
        }
        if let Some(user) = file.user {
            target.user = user;
        }
        if file.sslrootcert.is_some() {
            target.root_certificates = file.sslrootcert;
        }
        login.check(target.dialect)?;
        let seconds = args.statement_timeout.or(file.statement_timeout);
        Ok(WarehouseOptions {
            target,
            schema: args
                .schema
                .clone()
                .or(file.schema)
                .unwrap_or_else(|| LoadOptions::SCHEMA.to_owned()),
            login,
            statement_timeout: range::seconds("statement_timeout", seconds)?,
            iam_role: file.iam_role.or(role),
            lock_timeout: range::seconds("lock_timeout", file.lock_timeout)?,
            tables: file.tables,
        })
    }

    /// How to log in, the password or the means to get one in hand.
    ///
    /// # Errors
    ///
    /// If a password file cannot be used.
    pub async fn access(&self, stores: &StoreOptions) -> Result<Access> {
        let login = self.login.login(&self.target, stores).await?;
        Ok(Access { target: self.target.clone(), login, statement_timeout: self.statement_timeout })
    }

    /// A session for questions to the tables of the schema.
    ///
    /// # Errors
    ///
    /// As [`WarehouseOptions::access`], and if the warehouse cannot be reached.
    pub async fn ask(&self, stores: &StoreOptions) -> Result<Session> {
        let session = Session::open(&self.access(stores).await?).await?;
        session.use_schema(&self.schema).await?;
        Ok(session)
    }

    /// The options of a load.
    ///
    /// # Errors
    ///
    /// As [`WarehouseOptions::access`].
    pub async fn load(&self, how: &LoadHow, stores: &StoreOptions) -> Result<LoadOptions> {
        let lock_timeout = how.lock_timeout.map(Duration::from_secs).or(self.lock_timeout);
        let role = how.iam_role.as_ref().or(self.iam_role.as_ref());
        let iam_role = role.map_or("default", String::as_str);
        // What cannot stand in a statement is refused before anything is opened.
        quote::name(&self.schema)?;
        quote::iam_role(iam_role)?;
        Ok(LoadOptions {
            access: self.access(stores).await?,
            schema: self.schema.clone(),
            iam_role: iam_role.to_owned(),
            force: how.force,
            cascade: how.cascade,
            lock_timeout: lock_timeout.unwrap_or(LoadOptions::LOCK_TIMEOUT),
            retries: LoadOptions::RETRIES,
            tables: self.tables.clone(),
        })
    }
}
