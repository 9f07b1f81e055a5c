//! Checks of the Redshift Serverless workgroup and its role, as AWS describes them.

use super::{Doctor, Failed, Passed, Subject, check_result};
use crate::cli::error::Result;
use crate::cloud::clients::Clients;
use crate::cloud::policy::REDSHIFT;
use crate::cloud::serverless;

const AWS_REMEDY: &str = "check that AWS can be reached, and run the command again";

impl Doctor<'_> {
    /// Checks that the workgroup is available, is in the bucket's region and can read the star with its
    /// role. Returns `true` if a login can be tried.
    pub(super) async fn workgroup(
        &mut self,
        clients: &Clients,
        name: &str,
        iam_role: Option<&str>,
        subject: &Subject,
    ) -> Result<bool> {
        let found = match serverless::find(clients, name).await {
            Ok(found) => found,
            Err(error) => {
                return self.note("workgroup", check_result(Err(error.into()), AWS_REMEDY));
            }
        };
        let (host, port, database) = (&found.host, found.port, &found.database);
        let message = format!("{name} is available at {host}:{port}, with the database {database}");
        self.note("workgroup", Passed(message))?;
        self.regions(clients, subject).await?;
        let named = iam_role.filter(|role| *role != "default").map(str::to_owned);
        let Some(arn) = named.or(found.iam_role) else {
            let message = "the namespace has no default role, and none is specified".to_owned();
            let remedy = "`starlift provision --serverless` attaches one, --iam-role specifies one"
                .to_owned();
            self.note("role", Failed(message, remedy))?;
            return Ok(true);
        };
        // The workgroup assumes the first role of a chain.
        let arn = arn.split(',').next().unwrap_or(&arn);
        self.role(clients, arn, REDSHIFT[1]).await?;
        self.reading(clients, arn, subject).await?;
        Ok(true)
    }
}
