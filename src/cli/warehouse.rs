//! Warehouses: what the configuration file and the command line say of one, and how to log in.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use serde::Deserialize;

use super::args::{AuthArg, LoadHow, WarehouseArgs};
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
    schema: Option<String>,
    password_file: Option<PathBuf>,
    auth: Option<AuthArg>,
    cluster: Option<String>,
    #[allow(dead_code, reason = "so far the key is known, and nothing is made of it")]
    database: Option<String>,
    #[allow(dead_code, reason = "so far the key is known, and nothing is made of it")]
    user: Option<String>,
    #[allow(dead_code, reason = "so far the key is known, and nothing is made of it")]
    sslrootcert: Option<PathBuf>,
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
    statement_timeout: Option<Duration>,
    iam_role: Option<String>,
    lock_timeout: Option<Duration>,
    /// How an analyst would have the tables.
    pub tables: BTreeMap<String, TableSettings>,
}

impl WarehouseOptions {
    /// What the file says, the command line and the environment before it.
    ///
    /// # Errors
    ///
    /// If neither URL nor cluster is named, or the URL cannot be understood.
    pub fn new(file: WarehouseSettings, args: &WarehouseArgs) -> Result<WarehouseOptions> {
        let url = match (&file.url, &file.cluster) {
            (Some(url), _) => url,
            (None, Some(_)) => {
                return Err(Error::Usage(
                    "a warehouse cannot be found by its cluster yet; give its url".to_owned(),
                ));
            }
            (None, None) => {
                return Err(Error::Usage(
                    "the warehouse has neither url nor cluster; give one of them".to_owned(),
                ));
            }
        };
        let seconds = args.statement_timeout.or(file.statement_timeout);
        Ok(WarehouseOptions {
            target: Target::parse(url)?,
            schema: args
                .schema
                .clone()
                .or(file.schema)
                .unwrap_or_else(|| LoadOptions::SCHEMA.to_owned()),
            password_file: args.password_file.clone().or(file.password_file),
            auth: args.auth.or(file.auth).unwrap_or_default(),
            cluster: args.cluster.clone().or(file.cluster),
            statement_timeout: seconds.map(Duration::from_secs),
            iam_role: file.iam_role,
            lock_timeout: file.lock_timeout.map(Duration::from_secs),
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
                region: stores.region.clone(),
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
