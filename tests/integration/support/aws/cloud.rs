//! Dispatch of requests, which either moto or the stand-in answers.

use std::sync::Arc;

use tokio::sync::Mutex;

use super::clusters::Clusters;
use super::moto::Moto;
use super::query::{Answer, ErrorReply, Request, Service};
use super::schedules::Schedules;
use super::serverless::Serverless;
use super::xml::Element;
use super::{USER, create, groups, simulate};
use crate::support::redshift::DataApi;

/// The pace of state transitions.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Pace {
    /// One step per poll.
    Real,
    /// Transitions complete at once, and polls do not advance others.
    AtOnce,
}

pub(super) struct Cloud {
    pub moto: Moto,
    /// Stays locked from the check to the change, as requests can arrive concurrently.
    pub clusters: Mutex<Clusters>,
    pub schedules: Mutex<Schedules>,
    pub serverless: Mutex<Serverless>,
    pub data_api: Mutex<Option<Arc<DataApi>>>,
}

impl Cloud {
    pub fn new(moto: Moto) -> Cloud {
        Cloud {
            moto,
            clusters: Mutex::default(),
            schedules: Mutex::default(),
            serverless: Mutex::default(),
            data_api: Mutex::default(),
        }
    }

    pub async fn answer(&self, request: &Request, pace: Pace) -> Answer {
        let answered = match request.service {
            Service::Sts => self.sts(request).await,
            Service::Iam => self.iam(request).await,
            Service::Ec2 => groups::answer(self, request).await,
            Service::Redshift => self.redshift(request, pace).await,
            Service::Serverless => self.serverless.lock().await.answer(self, request, pace).await,
            Service::Secrets => self.serverless.lock().await.secret(request),
            Service::DataApi => self.data_api(request).await,
        };
        answered.unwrap_or_else(|rejection| rejection.answer(request.service))
    }

    async fn data_api(&self, request: &Request) -> Result<Answer, ErrorReply> {
        let api = self.data_api.lock().await.clone();
        let missing = || ErrorReply::new(400, "ValidationException", "Cluster doesn't exist.");
        let answered = api.ok_or_else(missing)?.answer(&request.action, &request.json()).await;
        let body = answered.map_err(|(code, message)| ErrorReply::new(400, code, message))?;
        Ok(Answer { status: 200, body: body.to_string() })
    }

    /// Sends moto a request on behalf of a check.
    pub async fn ask_moto(
        &self,
        service: Service,
        action: &str,
        params: &[(&str, &str)],
    ) -> Answer {
        self.moto.ask(&Request::new(service, action, params)).await
    }

    /// Looks up a role by its ARN.
    pub async fn role(&self, arn: &str) -> Option<Element> {
        let (_, name) = arn.split_once(":role/")?;
        let name = name.rsplit('/').next()?;
        let answer = self.ask_moto(Service::Iam, "GetRole", &[("RoleName", name)]).await;
        let xml = (!answer.is_error()).then(|| answer.xml())?;
        (xml.text_of("Arn") == arn).then_some(xml)
    }

    /// Returns true if the role exists and the service may assume it.
    pub async fn trusts(&self, role: &str, service: &str) -> bool {
        let Some(role) = self.role(role).await else { return false };
        let document = role.text_of("AssumeRolePolicyDocument");
        simulate::decoded(document).contains(&format!("\"{service}\""))
    }

    /// Replaces the user that moto reports for an account in which no user was created.
    async fn sts(&self, request: &Request) -> Result<Answer, ErrorReply> {
        let answer = self.moto.ask(request).await;
        let mut xml = answer.xml();
        if request.action == "GetCallerIdentity" && xml.text_of("Arn").ends_with("user/moto") {
            let result = xml.find_mut("GetCallerIdentityResult").expect("of a GetCallerIdentity");
            result.put(Element::with_text("Arn", USER));
            result.put(Element::with_text("UserId", "AIDAIOSFODNN7EXAMPLE"));
            return Ok(answer.with(&xml));
        }
        Ok(answer)
    }

    async fn iam(&self, request: &Request) -> Result<Answer, ErrorReply> {
        match request.action.as_str() {
            "SimulatePrincipalPolicy" => simulate::answer(self, request).await,
            _ => Ok(self.moto.ask(request).await),
        }
    }

    async fn redshift(&self, request: &Request, pace: Pace) -> Result<Answer, ErrorReply> {
        if request.action.contains("ScheduledAction") {
            return self.schedules.lock().await.answer(self, request).await;
        }
        let mut clusters = self.clusters.lock().await;
        match request.action.as_str() {
            "CreateCluster" => {
                create::check(request)?;
                self.check_roles(&request.list("IamRoles.IamRoleArn")).await?;
                self.check_groups(request).await?;
                clusters.create(self, request, pace).await
            }
            "DescribeClusters" => clusters.describe(self, request, pace).await,
            "PauseCluster" => {
                clusters
                    .pause_or_resume(self, request, pace, "available", "pausing", "paused")
                    .await
            }
            "ResumeCluster" => {
                clusters
                    .pause_or_resume(self, request, pace, "paused", "resuming", "available")
                    .await
            }
            "DeleteCluster" => clusters.delete(self, request, pace).await,
            "ModifyCluster" => {
                create::check_password(request)?;
                self.check_groups(request).await?;
                clusters.modify(self, request).await
            }
            "ModifyClusterIamRoles" => {
                self.check_roles(&request.list("AddIamRoles.IamRoleArn")).await?;
                clusters.modify_roles(self, request, pace).await
            }
            "CreateTags" => {
                clusters.check_tagging(request)?;
                Ok(self.moto.ask(request).await)
            }
            "GetClusterCredentials" | "GetClusterCredentialsWithIAM" => {
                clusters.credentials(self, request).await
            }
            _ => Ok(self.moto.ask(request).await),
        }
    }

    /// Checks that roles trust Redshift (5-11). moto accepts any text as a role.
    async fn check_roles(&self, roles: &[String]) -> Result<(), ErrorReply> {
        for role in roles {
            if !self.trusts(role, "redshift.amazonaws.com").await {
                return Err(ErrorReply::value(format!(
                    "The IAM role {role} is not valid. The IAM role must delegate access to an \
                     Amazon Redshift account."
                )));
            }
        }
        Ok(())
    }

    /// Checks that security groups exist. moto ignores unknown groups.
    async fn check_groups(&self, request: &Request) -> Result<(), ErrorReply> {
        for group in request.list("VpcSecurityGroupIds.VpcSecurityGroupId") {
            let params = [("GroupId.1", group.as_str())];
            if self.ask_moto(Service::Ec2, "DescribeSecurityGroups", &params).await.is_error() {
                return Err(ErrorReply::value(format!("Invalid security group: {group}")));
            }
        }
        Ok(())
    }
}
