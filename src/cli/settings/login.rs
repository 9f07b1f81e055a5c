//! The login to a warehouse: its options, and the credentials that they select.

use std::path::PathBuf;

use secrecy::ExposeSecret;

use crate::cli::args::{AuthArg, WarehouseArgs};
use crate::cli::error::{Error, Result};
use crate::cloud::data_api::{DataApi, Database};
use crate::cloud::error::CloudError;
use crate::cloud::secrets;
use crate::storage::{StoreOptions, aws_config};
use crate::warehouse::Dialect;
use crate::warehouse::connection::iam::{IamLogin, IamUser};
use crate::warehouse::connection::secret::{self, PasswordFor, Secret};
use crate::warehouse::connection::session::{DataApiLogin, Login};
use crate::warehouse::connection::target::{Target, Via};

/// Login settings of the command line and the configuration file, not yet resolved.
#[derive(Debug, Default)]
pub struct LoginOptions {
    /// Login method, if specified.
    pub auth: Option<AuthArg>,
    /// File that contains the password.
    pub password_file: Option<PathBuf>,
    /// ARN of the AWS Secrets Manager secret that contains the password.
    pub password_secret: Option<String>,
    /// Name of the Redshift cluster.
    pub cluster: Option<String>,
    /// Name of the Redshift Serverless workgroup.
    pub workgroup: Option<String>,
    /// Database groups that the user joins for the session.
    pub db_groups: Vec<String>,
    /// AWS region of the cluster or workgroup.
    pub region: Option<String>,
}

impl LoginOptions {
    /// Returns these options with those of the command line and the environment, which take precedence.
    #[must_use]
    pub fn overridden(self, args: &WarehouseArgs) -> LoginOptions {
        let given = !args.db_groups.is_empty();
        // A password file or secret on the command line replaces both settings of the file.
        let (password_file, password_secret) = match (&args.password_file, &args.password_secret) {
            (None, None) => (self.password_file, self.password_secret),
            (file, secret) => (file.clone(), secret.clone()),
        };
        let (cluster, workgroup) = match (&args.cluster, &args.workgroup) {
            (None, None) => (self.cluster, self.workgroup),
            (cluster, workgroup) => (cluster.clone(), workgroup.clone()),
        };
        LoginOptions {
            auth: args.auth.or(self.auth),
            password_file,
            password_secret,
            cluster,
            workgroup,
            db_groups: if given { args.db_groups.clone() } else { self.db_groups },
            region: self.region,
        }
    }

    /// Checks that the options fit together.
    ///
    /// # Errors
    ///
    /// Returns an error if options exclude each other, or do not apply to the target.
    pub fn check(&self, target: &Target) -> Result<()> {
        let reject = |reason: &str| Err(Error::Usage(reason.to_owned()));
        let auth = self.auth(target);
        if auth != AuthArg::Password && target.dialect != Dialect::Redshift {
            return reject("--auth iam and iam-identity are for Redshift only");
        }
        if self.cluster.is_some() && self.workgroup.is_some() {
            return reject("specify a cluster or a workgroup, not both");
        }
        if self.password_file.is_some() && self.password_secret.is_some() {
            return reject("specify a password file or a password secret, not both");
        }
        if auth != AuthArg::Password && self.password_secret.is_some() {
            return reject(
                "a password secret requires --auth password; the other methods request a password from AWS",
            );
        }
        if !self.db_groups.is_empty() && auth != AuthArg::Iam {
            return reject("database groups require --auth iam");
        }
        if target.via == Via::DataApi {
            self.check_data_api(auth)?;
        }
        match self.password_secret.as_deref() {
            Some(arn) if secrets::region_of(arn).is_none() => reject(&format!(
                "{arn:?} is not the ARN of a secret; write \
                 arn:aws:secretsmanager:REGION:ACCOUNT:secret:NAME"
            )),
            _ => Ok(()),
        }
    }

    fn check_data_api(&self, auth: AuthArg) -> Result<()> {
        let reject = |reason: &str| Err(Error::Usage(reason.to_owned()));
        if auth == AuthArg::Password && self.password_secret.is_none() {
            return reject(
                "the Data API does not accept a password; use --auth iam, --auth iam-identity, or \
                 --password-secret with the ARN of a secret",
            );
        }
        if !self.db_groups.is_empty() {
            return reject("the Data API does not accept database groups");
        }
        Ok(())
    }

    /// Returns the login method; by default IAM for the Data API without a secret, and a password
    /// otherwise.
    fn auth(&self, target: &Target) -> AuthArg {
        let usual = match target.via {
            Via::DataApi if self.password_secret.is_none() => AuthArg::Iam,
            Via::DataApi | Via::Port => AuthArg::default(),
        };
        self.auth.unwrap_or(usual)
    }

    /// Returns the credentials: a password, or the means to request one from AWS.
    ///
    /// # Errors
    ///
    /// Returns an error if the password file or the secret cannot be used, or the Data API lacks a region
    /// or the name of a cluster or workgroup.
    pub async fn login(&self, target: &Target, stores: &StoreOptions) -> Result<Login> {
        if target.via == Via::DataApi {
            return self.data_api(target, stores).await;
        }
        let user = match self.auth(target) {
            AuthArg::Password => return Ok(Login::Password(self.password(target, stores).await?)),
            AuthArg::Iam => IamUser::Named { groups: self.db_groups.clone() },
            AuthArg::IamIdentity => IamUser::Identity,
        };
        Ok(Login::Iam(Box::new(IamLogin {
            sdk: aws_config(stores).await,
            cluster: self.cluster.clone(),
            workgroup: self.workgroup.clone(),
            region: self.region.clone().or_else(|| stores.region.clone()),
            user,
        })))
    }

    async fn data_api(&self, target: &Target, stores: &StoreOptions) -> Result<Login> {
        let sdk = aws_config(stores).await;
        let (cluster, workgroup) = match (&self.cluster, &self.workgroup) {
            (None, None) => (target.cluster(), target.workgroup()),
            (cluster, workgroup) => (cluster.as_deref(), workgroup.as_deref()),
        };
        if cluster.is_none() && workgroup.is_none() {
            return Err(Error::Usage(
                "the Data API needs the name of a cluster or workgroup: specify one with --cluster or --workgroup, or use the host of its endpoint in the URL"
                    .to_owned(),
            ));
        }
        let region = self.region.as_deref().or(stores.region.as_deref()).or(target.region());
        let region = region.or(sdk.region().map(AsRef::as_ref)).ok_or(CloudError::NoRegion)?;
        let is_named = self.auth(target) == AuthArg::Iam && cluster.is_some();
        let database = Database {
            cluster_identifier: cluster.map(str::to_owned),
            workgroup_name: workgroup.map(str::to_owned),
            database: target.database.clone(),
            db_user: is_named.then(|| target.user.clone()),
            secret_arn: self.password_secret.clone(),
        };
        let api = DataApi { region: region.to_owned(), sdk };
        Ok(Login::DataApi(Box::new(DataApiLogin::new(api, database))))
    }

    async fn password(&self, target: &Target, stores: &StoreOptions) -> Result<Option<Secret>> {
        let Target { host, port, database, user, .. } = target;
        let Some(arn) = &self.password_secret else {
            let whose = PasswordFor { host, port: *port, database, user };
            return Ok(secret::find(self.password_file.as_deref(), whose)?);
        };
        let login = secrets::login(&aws_config(stores).await, arn).await?;
        match login.user {
            Some(other) if other != *user => Err(Error::Usage(format!(
                "the secret {arn} is for user {other}, but the warehouse login is for user {user}"
            ))),
            _ => Ok(Some(Secret::new(login.password.expose_secret().to_owned()))),
        }
    }
}
