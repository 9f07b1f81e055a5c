//! Checks of the cluster and its role, as AWS describes them.

use aws_sdk_redshift::types::Cluster;

use super::{Doctor, Failed, Passed, Skipped, Subject, check_result};
use crate::cli::error::Result;
use crate::cloud::clients::Clients;
use crate::cloud::permissions::{Permission, check_read};
use crate::cloud::policy::{REDSHIFT, StarLocation, trusts};
use crate::cloud::{cluster, lookup, role};
use crate::storage::Location;

const AWS_REMEDY: &str = "check that AWS can be reached, and run the command again";

const REATTACH_REMEDY: &str = "`starlift provision`, with its original options, repairs a role that it created; otherwise use the Redshift console";

impl Doctor<'_> {
    /// Checks that the cluster exists, is available, is in the bucket's region and can read the star
    /// with its role. Returns `true` if a login can be tried.
    pub(super) async fn cluster(
        &mut self,
        clients: &Clients,
        id: &str,
        iam_role: Option<&str>,
        subject: &Subject,
    ) -> Result<bool> {
        let found = match cluster::find(clients, id).await {
            Err(error) => return self.note("cluster", check_result(Err(error.into()), AWS_REMEDY)),
            Ok(None) => {
                let message = format!("there is no cluster {id} in {}", clients.region);
                let remedy = "create it with `starlift provision`, or specify another with --cluster, or its region with --region";
                return self.note("cluster", Failed(message, remedy.to_owned()));
            }
            Ok(Some(found)) => found,
        };
        let is_up = self.state(id, &found)?;
        self.regions(clients, subject).await?;
        self.roles(clients, &found, iam_role, subject).await?;
        Ok(is_up)
    }

    fn state(&mut self, id: &str, found: &Cluster) -> Result<bool> {
        let state = cluster::status(found);
        let result = match state {
            "available" => Passed(format!("{id} is available")),
            "paused" => Failed(
                format!("{id} is paused"),
                "`starlift resume` starts it; it then incurs compute costs".to_owned(),
            ),
            _ => Failed(
                format!("{id} is {state}"),
                "wait until `starlift status` shows it available".to_owned(),
            ),
        };
        self.note("cluster", result)
    }

    pub(super) async fn regions(&mut self, clients: &Clients, subject: &Subject) -> Result<()> {
        let Some(star) = subject.star.as_deref() else { return Ok(()) };
        let region = match Location::parse_single(star) {
            Ok(location) => self.stores.region(&location).await,
            Err(_) => None,
        };
        let cluster = &clients.region;
        let result = match region {
            Some(bucket) if bucket == *cluster => {
                Passed(format!("bucket and cluster are in {cluster}"))
            }
            Some(bucket) => Failed(
                format!("the bucket of {star} is in {bucket}, but the cluster in {cluster}"),
                "COPY reads Parquet only from the region of the cluster: write the star to a bucket in the cluster's region, or create a cluster in the bucket's"
                    .to_owned(),
            ),
            None => Skipped(format!("cannot determine the region of {star}")),
        };
        self.note("regions", result)?;
        Ok(())
    }

    async fn roles(
        &mut self,
        clients: &Clients,
        found: &Cluster,
        iam_role: Option<&str>,
        subject: &Subject,
    ) -> Result<()> {
        let named = iam_role.filter(|role| *role != "default").map(str::to_owned);
        let Some(arn) = named.or_else(|| lookup::reading_role(found)) else {
            let message = "the cluster has no default role, and none is specified".to_owned();
            let remedy = "`starlift provision` attaches one, --iam-role specifies one".to_owned();
            return self.note("role", Failed(message, remedy)).map(|_| ());
        };
        // The cluster assumes the first role of a chain.
        let arn = arn.split(',').next().unwrap_or(&arn).to_owned();
        self.role(clients, &arn, REDSHIFT[0]).await?;
        let result = match cluster::role_status(found, &arn) {
            Some("in-sync") => Passed("it is attached to the cluster, in-sync".to_owned()),
            Some(status) => Failed(
                format!("it is attached to the cluster, but still {status}"),
                "wait a minute".to_owned(),
            ),
            None => {
                Failed("it is not attached to the cluster".to_owned(), REATTACH_REMEDY.to_owned())
            }
        };
        self.note("role: attached", result)?;
        self.reading(clients, &arn, subject).await
    }

    /// Checks that the role exists and that `service` can assume it.
    pub(super) async fn role(&mut self, clients: &Clients, arn: &str, service: &str) -> Result<()> {
        let name = arn.rsplit('/').next().unwrap_or(arn);
        match role::find(clients, name).await {
            Err(error) => {
                self.note("role", check_result(Err(error.into()), AWS_REMEDY))?;
            }
            Ok(found) if found.as_ref().is_none_or(|role| role.arn != arn) => {
                let account = |arn: &str| arn.split(':').nth(4).unwrap_or_default().to_owned();
                let result = match found {
                    Some(role) if account(&role.arn) != account(arn) => {
                        Skipped(format!("{arn} is in another account"))
                    }
                    _ => Failed(format!("there is no role {arn}"), REATTACH_REMEDY.to_owned()),
                };
                self.note("role", result)?;
            }
            Ok(None) => {}
            Ok(Some(role)) => {
                self.note("role", Passed(format!("{arn} exists")))?;
                let result = if trusts(&role.trust, service) {
                    Passed(format!("{} can assume it", service))
                } else {
                    Failed(
                        format!("the trust policy does not allow {} to assume it", service),
                        format!(
                            "allow sts:AssumeRole for the service {}; `starlift provision` does so for a role that it created",
                            service
                        ),
                    )
                };
                self.note("role: trust", result)?;
            }
        }
        Ok(())
    }

    pub(super) async fn reading(
        &mut self,
        clients: &Clients,
        arn: &str,
        subject: &Subject,
    ) -> Result<()> {
        let star = subject.star.as_deref().and_then(|star| Location::parse_single(star).ok());
        let Some(place) = star.as_ref().and_then(StarLocation::of) else {
            let why = "no star in S3 is specified".to_owned();
            return self.note("role: policy", Skipped(why)).map(|_| ());
        };
        let result = match check_read(clients, arn, &place, subject.kms_key.as_deref()).await {
            Ok(Permission::Granted) => Passed(match subject.kms_key {
                Some(_) => "it can read, list and decrypt the star".to_owned(),
                None => "it can read and list the star; no KMS key is specified".to_owned(),
            }),
            Ok(Permission::Missing(actions)) => Failed(
                format!(
                    "it lacks {} for s3://{}/{}",
                    actions.join(", "),
                    place.bucket,
                    place.prefix
                ),
                "`starlift provision --star …`, with its original options, repairs the policy of a role that it created; otherwise allow them there"
                    .to_owned(),
            ),
            Err(error) if error.is_denied() => Skipped(format!("{error}")),
            Err(error) => {
                let error = error.during("query the permissions of the role");
                check_result(Err(error.into()), AWS_REMEDY)
            }
        };
        self.note("role: policy", result).map(|_| ())
    }
}
