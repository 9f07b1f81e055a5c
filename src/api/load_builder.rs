//! A load with options.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use super::star::Star;
use crate::storage::aws_config;
use crate::warehouse::Dialect;
use crate::warehouse::connection::iam::{IamLogin, IamUser};
use crate::warehouse::connection::secret::{self, PasswordFor, Secret};
use crate::warehouse::connection::session::{Access, Limits, Login};
use crate::warehouse::connection::target::{Target, Via};
use crate::warehouse::copy::CopyAuth;
use crate::warehouse::error::{Error, Result};
use crate::warehouse::load::{LoadOptions, LoadReport, Prepared};
use crate::warehouse::load::{check_contract, dry_run, ensure_passes, load, prepare_open};
use crate::warehouse::progress::LoadProgress;
use crate::warehouse::sql::ddl::TableSettings;
use crate::warehouse::sql::quote;

/// A load into Redshift or PostgreSQL that is ready to run.
///
/// ```no_run
/// use starlift::{Load, Star};
///
/// # async fn example() -> Result<(), starlift::LoadError> {
/// let star = Star::open("s3://music/star").await?;
/// let load = Load::builder()
///     .target("redshift://loader@music.abc123.eu-west-1.redshift.amazonaws.com:5439/dev")
///     .iam_login(["loaders"])
///     .schema("music")
///     .iam_role("arn:aws:iam::123456789012:role/read-music")
///     .build()?;
/// let report = load.run(&star).await?;
/// for (table, rows) in &report.tables {
///     println!("{table}: {rows} rows");
/// }
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct Load {
    target: Target,
    options: LoadBuilder,
}

impl Load {
    /// Returns a builder with default options. The target must be set.
    pub fn builder() -> LoadBuilder {
        LoadBuilder::default()
    }

    /// Checks the star, creates new tables, loads and verifies them, and replaces the old tables in one
    /// transaction. Does nothing if the star is already loaded.
    ///
    /// # Errors
    ///
    /// Returns [`Error::Contract`] if Redshift would reject the files, and other errors if a check or
    /// another step fails. The tables are then unchanged or, if the load failed after it replaced the
    /// tables, those of the new star; the ledger shows which.
    ///
    /// # Cancellation
    ///
    /// If the future is dropped, the server rolls back uncommitted work, and the next load drops the tables
    /// that are left.
    pub async fn run(&self, star: &Star) -> Result<LoadReport> {
        let options = self.load_options(star).await?;
        let prepared = prepare(star, &options).await?;
        load(&prepared, &options, &self.options.progress).await
    }

    /// Returns every statement of the load in order, as SQL with comments. Does not connect to the
    /// warehouse. Statements that depend on its state are shown as if all tables existed.
    ///
    /// # Errors
    ///
    /// Returns [`Error::Contract`] if Redshift would reject the files, and other errors if a check fails.
    pub async fn dry_run(&self, star: &Star) -> Result<String> {
        let options = self.load_options(star).await?;
        let prepared = prepare(star, &options).await?;
        prepared.ensure_checked().await?;
        dry_run(&prepared, &options)
    }

    async fn load_options(&self, star: &Star) -> Result<LoadOptions> {
        let LoadBuilder { schema, force, cascade, lock_timeout, retries, tables, .. } =
            &self.options;
        let copy_auth = match &self.options.copy_from {
            CopyFrom::Role(role) => CopyAuth::Role(role.clone()),
            CopyFrom::OwnKeys => CopyAuth::Session(Box::new(aws_config(&star.store_options).await)),
        };
        let limits =
            Limits { statement: self.options.statement_timeout, lock: Some(*lock_timeout) };
        Ok(LoadOptions {
            access: Access { target: self.target.clone(), login: self.login(star).await?, limits },
            schema: schema.clone(),
            copy_auth,
            force: *force,
            cascade: *cascade,
            lock_timeout: *lock_timeout,
            retries: *retries,
            tables: tables.clone(),
        })
    }

    async fn login(&self, star: &Star) -> Result<Login> {
        Ok(match &self.options.login {
            LoginMethod::Password(password) => Login::Password(Some(password.clone())),
            LoginMethod::FoundPassword => {
                let Target { host, port, database, user, .. } = &self.target;
                let login = PasswordFor { host, port: *port, database, user };
                Login::Password(secret::find(None, login)?)
            }
            LoginMethod::Iam(groups) => Login::Iam(Box::new(IamLogin {
                sdk: aws_config(&star.store_options).await,
                cluster: None,
                workgroup: None,
                region: star.store_options.region.clone(),
                user: IamUser::Named { groups: groups.clone() },
            })),
        })
    }
}

/// Checks the star as far as possible without a warehouse.
async fn prepare(star: &Star, options: &LoadOptions) -> Result<Prepared> {
    let Star { place, record, session, queries, stores, .. } = star;
    if options.access.target.dialect == Dialect::Redshift {
        ensure_passes(check_contract(place, queries.model(), record, stores, options).await?)?;
    }
    prepare_open(place.clone(), record.clone(), session.clone(), queries, options).await
}

#[derive(Debug, Clone)]
enum LoginMethod {
    FoundPassword,
    Password(Secret),
    Iam(Vec<String>),
}

#[derive(Debug, Clone)]
enum CopyFrom {
    Role(String),
    OwnKeys,
}

/// Options of a [`Load`].
#[derive(Debug, Clone)]
#[must_use = "a builder does nothing until `build` is called"]
pub struct LoadBuilder {
    target: Option<String>,
    login: LoginMethod,
    schema: String,
    copy_from: CopyFrom,
    force: bool,
    cascade: bool,
    lock_timeout: Duration,
    statement_timeout: Option<Duration>,
    retries: usize,
    tables: BTreeMap<String, TableSettings>,
    progress: Arc<LoadProgress>,
}

impl Default for LoadBuilder {
    fn default() -> LoadBuilder {
        LoadBuilder {
            target: None,
            login: LoginMethod::FoundPassword,
            schema: LoadOptions::SCHEMA.to_owned(),
            copy_from: CopyFrom::Role("default".to_owned()),
            force: false,
            cascade: false,
            lock_timeout: LoadOptions::LOCK_TIMEOUT,
            statement_timeout: None,
            retries: LoadOptions::RETRIES,
            tables: BTreeMap::new(),
            progress: Arc::default(),
        }
    }
}

impl LoadBuilder {
    /// Sets the warehouse: `redshift://USER@HOST:5439/DATABASE` or `postgres://USER@HOST:5432/DATABASE`,
    /// with libpq parameters such as `sslmode`. The URL must not contain a password, nor `via=data-api`: a
    /// library load uses the port of the warehouse.
    pub fn target(mut self, url: impl Into<String>) -> Self {
        self.target = Some(url.into());
        self
    }

    /// Sets the password. By default it is read from `STARLIFT_PASSWORD`, `PGPASSWORD` or the password file
    /// of PostgreSQL's own tools; a server that trusts its users needs none.
    pub fn password(mut self, password: impl Into<String>) -> Self {
        self.login = LoginMethod::Password(Secret::new(password.into()));
        self
    }

    /// Requests a temporary password from AWS for each login, as a member of the given database groups.
    /// Redshift only. The host of the target must be the endpoint of a cluster or workgroup.
    pub fn iam_login<T: Into<String>>(mut self, groups: impl IntoIterator<Item = T>) -> Self {
        self.login = LoginMethod::Iam(groups.into_iter().map(Into::into).collect());
        self
    }

    /// Sets the schema of the tables. It is created if it does not exist. Default: `star`.
    pub fn schema(mut self, schema: impl Into<String>) -> Self {
        self.schema = schema.into();
        self
    }

    /// Sets the IAM role with which Redshift reads the files: an ARN, several ARNs joined by commas, or
    /// `default` for the default role of the cluster. Default: `default`.
    pub fn iam_role(mut self, role: impl Into<String>) -> Self {
        self.copy_from = CopyFrom::Role(role.into());
        self
    }

    /// Lets Redshift read the files with temporary keys of the caller instead of a role. The keys become
    /// part of the COPY statements.
    pub fn copy_with_own_keys(mut self) -> Self {
        self.copy_from = CopyFrom::OwnKeys;
        self
    }

    /// Loads the star even if it is already loaded. Default: `false`.
    pub fn force(mut self, force: bool) -> Self {
        self.force = force;
        self
    }

    /// Drops objects that depend on the old tables and cannot be carried over. Default: `false`, so that a
    /// load fails if there are any.
    pub fn cascade(mut self, cascade: bool) -> Self {
        self.cascade = cascade;
        self
    }

    /// Sets the time to wait for other loads, and for readers to release the tables. Default: 600 s.
    pub fn lock_timeout(mut self, timeout: Duration) -> Self {
        self.lock_timeout = timeout;
        self
    }

    /// Sets the time after which the server cancels a statement. By default the limit of the server, the
    /// database or the role applies.
    pub fn statement_timeout(mut self, timeout: Duration) -> Self {
        self.statement_timeout = Some(timeout);
        self
    }

    /// Sets the number of times to retry a transaction after a transient error. Default: 3.
    pub fn retries(mut self, retries: usize) -> Self {
        self.retries = retries;
        self
    }

    /// Sets the distribution and the sort key of a table of the star. Redshift only.
    pub fn table(mut self, name: impl Into<String>, settings: TableSettings) -> Self {
        self.tables.insert(name.into(), settings);
        self
    }

    /// Sets the object that the load updates with its current step. Another task can read it with
    /// [`LoadProgress::snapshot`].
    pub fn progress(mut self, progress: Arc<LoadProgress>) -> Self {
        self.progress = progress;
        self
    }

    /// Validates the options. Does not connect to the warehouse.
    ///
    /// # Errors
    ///
    /// Returns an error if the target is not set or invalid, a schema or role cannot be part of a
    /// statement, or options do not apply to the target.
    pub fn build(self) -> Result<Load> {
        let usage = |reason: &str| Err(Error::Usage(reason.to_owned()));
        let Some(url) = &self.target else { return usage("a load needs a target") };
        let target = Target::parse(url)?;
        quote::schema(&self.schema, target.dialect)?;
        if let CopyFrom::Role(role) = &self.copy_from {
            quote::iam_role(role)?;
        }
        let is_redshift = target.dialect == Dialect::Redshift;
        if !is_redshift && matches!(self.login, LoginMethod::Iam(_)) {
            return usage("a login with IAM is for Redshift only");
        }
        if !is_redshift && matches!(self.copy_from, CopyFrom::OwnKeys) {
            return usage("temporary keys for COPY are for Redshift only");
        }
        if target.via == Via::DataApi {
            return usage("the library loads through the port of the warehouse, not the Data API");
        }
        Ok(Load { target, options: self })
    }
}
