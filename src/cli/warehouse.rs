//! Warehouses: what the configuration file and the command line say of one, and how to log in.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use serde::Deserialize;

use super::args::{AuthArg, LoadHow, WarehouseArgs, range};
use crate::cloud::clients::Clients;
use crate::cloud::lookup::{FoundCluster, find};
use crate::error::{Error, Result};
use crate::storage::{StoreOptions, aws_config};
use crate::warehouse::Dialect;
use crate::warehouse::iam::IamLogin;
use crate::warehouse::load::LoadOptions;
use crate::warehouse::quote;
use crate::warehouse::secret::{self, PasswordFor};
use crate::warehouse::session::{Access, Login, Session};
use crate::warehouse::tables::TableSettings;
use crate::warehouse::target::Target;

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
    auth: Option<AuthArg>,
    cluster: Option<String>,
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
        self.url.is_some() || self.cluster.is_some()
    }

    /// Whether it is a Redshift.
    pub fn is_redshift(&self) -> bool {
        self.url.as_deref().is_none_or(|url| url.starts_with(Dialect::Redshift.scheme()))
    }

    /// The cluster that it is, and the role in which it is to read, as far as they are named.
    ///
    /// # Errors
    ///
    /// If the URL cannot be understood.
    pub fn cluster_and_role(
        &self,
        args: &WarehouseArgs,
    ) -> Result<(Option<String>, Option<String>)> {
        let target = self.url.as_deref().map(Target::parse).transpose()?;
        let own = || target.as_ref().and_then(Target::cluster).map(str::to_owned);
        let named = args.cluster.clone().or_else(|| self.cluster.clone());
        Ok((named.or_else(own), self.iam_role.clone()))
    }

    /// The same, a Redshift cluster of this name where neither URL nor cluster is given.
    #[must_use]
    pub fn or_cluster(mut self, cluster: String) -> WarehouseSettings {
        if self.url.is_none() {
            self.cluster.get_or_insert(cluster);
        }
        self
    }
}

/// A warehouse, and how it is reached.
#[derive(Debug)]
pub struct WarehouseOptions {
    /// The warehouse.
    pub target: Target,
    /// The schema of the tables.
    pub schema: String,
    password_file: Option<PathBuf>,
    auth: AuthArg,
    cluster: Option<String>,
    region: Option<String>,
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
        let cluster = args.cluster.clone().or(file.cluster);
        let (mut target, role, region) = match (&file.url, &cluster) {
            (Some(url), _) => (Target::parse(url)?, None, None),
            (None, Some(cluster)) => {
                let found = find(&Clients::connect(stores).await?, cluster).await?;
                let FoundCluster { host, port, database, user, iam_role, region } = found;
                (Target::redshift(host, port, database, user), iam_role, Some(region))
            }
            (None, None) => {
                return Err(Error::Usage(
                    "a warehouse needs `url`, or `cluster` with the name of a Redshift cluster"
                        .to_owned(),
                ));
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
        let by_default = if region.is_some() { AuthArg::Iam } else { AuthArg::default() };
        let seconds = args.statement_timeout.or(file.statement_timeout);
        Ok(WarehouseOptions {
            target,
            schema: args
                .schema
                .clone()
                .or(file.schema)
                .unwrap_or_else(|| LoadOptions::SCHEMA.to_owned()),
            password_file: args.password_file.clone().or(file.password_file),
            auth: args.auth.or(file.auth).unwrap_or(by_default),
            cluster,
            region,
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
        let Target { host, port, database, user, .. } = &self.target;
        let login = match self.auth {
            AuthArg::Password => {
                let whose = PasswordFor { host, port: *port, database, user };
                Login::Password(secret::find(self.password_file.as_deref(), whose)?)
            }
            AuthArg::Iam if self.target.dialect != Dialect::Redshift => {
                return Err(Error::Usage("--auth iam is for Redshift only".to_owned()));
            }
            AuthArg::Iam => Login::Iam(Box::new(IamLogin {
                sdk: aws_config(stores).await,
                cluster: self.cluster.clone(),
                region: self.region.clone().or_else(|| stores.region.clone()),
            })),
        };
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
