//! Redshift Serverless and Secrets Manager, whose requests and answers are JSON. What the tests
//! arrange is there; nothing is created by a request.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::query::{Answer, Refusal, Request};

#[derive(Default)]
pub(super) struct Serverless {
    pub workgroups: BTreeMap<String, Workgroup>,
    /// The texts of secrets by their ARNs.
    pub secrets: BTreeMap<String, String>,
}

/// A workgroup and the namespace that it serves.
#[derive(Clone, Debug)]
pub struct Workgroup {
    /// Such as `AVAILABLE`.
    pub status: &'static str,
    pub address: String,
    pub port: u16,
    pub database: &'static str,
    /// The roles of the namespace.
    pub roles: Vec<String>,
    pub default_role: Option<String>,
    /// The user and the password that GetCredentials returns.
    pub credentials: (String, String),
}

impl Serverless {
    pub fn workgroup(&self, request: &Request) -> Result<Answer, Refusal> {
        let key = match request.action.as_str() {
            "GetNamespace" => "namespaceName",
            _ => "workgroupName",
        };
        let name = request.require(key)?;
        let Some(found) = self.workgroups.get(name) else {
            let message = format!("The {key} {name} was not found.");
            return Err(Refusal::new(400, "ResourceNotFoundException", message));
        };
        Ok(answer(match request.action.as_str() {
            "GetWorkgroup" => json!({ "workgroup": {
                "workgroupName": name,
                "namespaceName": name,
                "status": found.status,
                "baseCapacity": 8,
                "endpoint": { "address": found.address, "port": found.port, "vpcEndpoints": [] },
            }}),
            // As the service lists them: text of its own language, not ARNs.
            "GetNamespace" => json!({ "namespace": {
                "namespaceName": name,
                "dbName": found.database,
                "status": "AVAILABLE",
                "defaultIamRoleArn": found.default_role,
                "iamRoles": found.roles.iter().map(|arn| {
                    format!("IamRole(applyStatus=in-sync, iamRoleArn={arn})")
                }).collect::<Vec<_>>(),
            }}),
            "GetCredentials" => json!({
                "dbUser": found.credentials.0,
                "dbPassword": found.credentials.1,
                "expiration": 1.8e9,
            }),
            other => return Err(Refusal::new(400, "UnknownOperationException", other)),
        }))
    }

    pub fn secret(&self, request: &Request) -> Result<Answer, Refusal> {
        let arn = request.require("SecretId")?;
        match self.secrets.get(arn) {
            Some(text) => Ok(answer(json!({ "ARN": arn, "SecretString": text }))),
            None => Err(Refusal::new(
                400,
                "ResourceNotFoundException",
                "Secrets Manager can't find the specified secret.",
            )),
        }
    }
}

fn answer(body: Value) -> Answer {
    Answer { status: 200, body: body.to_string() }
}
