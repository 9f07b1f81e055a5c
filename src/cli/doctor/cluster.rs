//! Checks of the cluster and its role, as AWS describes them.

use aws_sdk_redshift::types::Cluster;

use super::{Bad, Doctor, Good, Skipped, Subject, verdict};
use crate::cli::error::Result;
use crate::cloud::clients::Clients;
use crate::cloud::permissions::{Permission, check_read};
use crate::cloud::policy::{REDSHIFT, StarLocation, trusts};
use crate::cloud::{cluster, lookup, role};
use crate::storage::Location;

const ASK: &str = "see that AWS can be reached, and run it again";

const REATTACH: &str = "`starlift provision`, with the options it was made with, puts it right where it \
                        made the role; else do it in the Redshift console";

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
            Err(error) => return self.note("cluster", verdict(Err(error.into()), ASK)),
            Ok(None) => {
                let said = format!("there is no cluster {id} in {}", clients.region);
                let cure = "make it with `starlift provision`, or name another with --cluster, or \
                            its region with --region";
                return self.note("cluster", Bad(said, cure.to_owned()));
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
        let verdict = match state {
            "available" => Good(format!("{id} is available")),
            "paused" => Bad(
                format!("{id} is paused"),
                "`starlift resume` starts it, and it costs from then on".to_owned(),
            ),
            _ => Bad(
                format!("{id} is {state}"),
                "wait until `starlift status` shows it available".to_owned(),
            ),
        };
        self.note("cluster", verdict)
    }

    pub(super) async fn regions(&mut self, clients: &Clients, subject: &Subject) -> Result<()> {
        let Some(star) = subject.star.as_deref() else { return Ok(()) };
        let region = match Location::parse_single(star) {
            Ok(location) => self.stores.region(&location).await,
            Err(_) => None,
        };
        let cluster = &clients.region;
        let verdict = match region {
            Some(bucket) if bucket == *cluster => {
                Good(format!("bucket and cluster are in {cluster}"))
            }
            Some(bucket) => Bad(
                format!("the bucket of {star} is in {bucket}, and the cluster in {cluster}"),
                "COPY of Parquet reads from its own region only: write the star to a bucket in the \
                 cluster's, or make a cluster in the bucket's"
                    .to_owned(),
            ),
            None => Skipped(format!("the region of {star} cannot be told")),
        };
        self.note("region of both", verdict)?;
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
            let said = "the cluster has no default role, and none is named".to_owned();
            let cure = "`starlift provision` attaches one, --iam-role names one".to_owned();
            return self.note("role", Bad(said, cure)).map(|_| ());
        };
        // The cluster assumes the first role of a chain.
        let arn = arn.split(',').next().unwrap_or(&arn).to_owned();
        self.role(clients, &arn, REDSHIFT[0]).await?;
        let verdict = match cluster::role_status(found, &arn) {
            Some("in-sync") => Good("it is attached to the cluster, in-sync".to_owned()),
            Some(status) => Bad(
                format!("it is attached to the cluster, but still {status}"),
                "wait a minute".to_owned(),
            ),
            None => Bad("it is not attached to the cluster".to_owned(), REATTACH.to_owned()),
        };
        self.note("role: attached", verdict)?;
        self.reading(clients, &arn, subject).await
    }

    /// Checks that the role exists and that `service` can assume it.
    pub(super) async fn role(&mut self, clients: &Clients, arn: &str, service: &str) -> Result<()> {
        let name = arn.rsplit('/').next().unwrap_or(arn);
        match role::find(clients, name).await {
            Err(error) => {
                self.note("role", verdict(Err(error.into()), ASK))?;
            }
            Ok(found) if found.as_ref().is_none_or(|role| role.arn != arn) => {
                let account = |arn: &str| arn.split(':').nth(4).unwrap_or_default().to_owned();
                let verdict = match found {
                    Some(role) if account(&role.arn) != account(arn) => {
                        Skipped(format!("{arn} is in another account"))
                    }
                    _ => Bad(format!("there is no role {arn}"), REATTACH.to_owned()),
                };
                self.note("role", verdict)?;
            }
            Ok(None) => {}
            Ok(Some(role)) => {
                self.note("role", Good(format!("{arn} is there")))?;
                let verdict = if trusts(&role.trust, service) {
                    Good(format!("{} may take it on", service))
                } else {
                    Bad(
                        format!("the trust policy does not let {} take it on", service),
                        format!(
                            "allow sts:AssumeRole to the service {}; `starlift provision` does so \
                             for the role it made",
                            service
                        ),
                    )
                };
                self.note("role: trust", verdict)?;
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
            let why = "no star in S3 is named".to_owned();
            return self.note("role: policy", Skipped(why)).map(|_| ());
        };
        let verdict = match check_read(clients, arn, &place, subject.kms_key.as_deref()).await {
            Ok(Permission::Granted) => Good(match subject.kms_key {
                Some(_) => "it may read, list and decrypt the star".to_owned(),
                None => "it may read and list the star; no KMS key is named".to_owned(),
            }),
            Ok(Permission::Missing(actions)) => Bad(
                format!(
                    "it lacks {} for s3://{}/{}",
                    actions.join(", "),
                    place.bucket,
                    place.prefix
                ),
                "`starlift provision --star …`, with the options it was made with, puts its policy \
                 right where it made the role; else allow it there"
                    .to_owned(),
            ),
            Err(error) if error.is_denied() => Skipped(format!("{error}")),
            Err(error) => verdict(Err(error.during("ask what the role may do").into()), ASK),
        };
        self.note("role: policy", verdict).map(|_| ())
    }
}
