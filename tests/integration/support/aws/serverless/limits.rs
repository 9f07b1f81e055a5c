//! Usage limits.

use serde_json::{Value, json};

use super::super::query::ErrorReply;
use super::checks::{conflict, invalid, missing, text};
use super::{Serverless, arn};

#[derive(Clone)]
pub struct Limit {
    resource: String,
    kind: String,
    amount: u64,
    period: String,
    action: String,
}

impl Limit {
    fn to_json(&self, id: &str) -> Value {
        json!({
            "usageLimitId": id,
            "usageLimitArn": arn("usagelimit", id),
            "resourceArn": self.resource,
            "usageType": self.kind,
            "amount": self.amount,
            "period": self.period,
            "breachAction": self.action,
        })
    }
}

impl Serverless {
    pub(super) fn create_limit(&mut self, body: &Value) -> Result<Value, ErrorReply> {
        let or = |key: &str, default: &str| body[key].as_str().unwrap_or(default).to_owned();
        let limit = Limit {
            resource: text(body, "resourceArn")?.to_owned(),
            kind: text(body, "usageType")?.to_owned(),
            amount: amount(body)?,
            period: or("period", "monthly"),
            action: or("breachAction", "log"),
        };
        self.check_workgroup(&limit.resource)?;
        if !["daily", "weekly", "monthly"].contains(&limit.period.as_str()) {
            return Err(invalid(format!("Value '{}' at 'period' is not valid", limit.period)));
        }
        let own = self.limits.values().filter(|other| other.resource == limit.resource);
        let own: Vec<&Limit> = own.filter(|other| other.kind == limit.kind).collect();
        let same = |other: &&Limit| other.period == limit.period && other.action == limit.action;
        if own.iter().copied().any(|other| same(&other)) {
            return Err(conflict("A usage limit with the same period and action exists already."));
        }
        if own.len() >= 4 {
            let message = "The workgroup has the largest number of usage limits.";
            return Err(ErrorReply::new(402, "ServiceQuotaExceededException", message));
        }
        self.last_limit += 1;
        let id = format!("limit-{}", self.last_limit);
        let answer = json!({ "usageLimit": limit.to_json(&id) });
        self.limits.insert(id, limit);
        Ok(answer)
    }

    pub(super) fn update_limit(&mut self, body: &Value) -> Result<Value, ErrorReply> {
        if ["period", "usageType"].iter().any(|key| !body[*key].is_null()) {
            return Err(invalid("The usage type and the period can't be updated."));
        }
        let id = text(body, "usageLimitId")?;
        let limit = self.limits.get_mut(id).ok_or_else(|| unknown(id))?;
        if !body["amount"].is_null() {
            limit.amount = amount(body)?;
        }
        if let Some(action) = body["breachAction"].as_str() {
            limit.action = action.to_owned();
        }
        Ok(json!({ "usageLimit": limit.to_json(id) }))
    }

    pub(super) fn delete_limit(&mut self, body: &Value) -> Result<Value, ErrorReply> {
        let id = text(body, "usageLimitId")?;
        let limit = self.limits.remove(id).ok_or_else(|| unknown(id))?;
        Ok(json!({ "usageLimit": limit.to_json(id) }))
    }

    pub(super) fn list_limits(&self, body: &Value) -> Result<Vec<Value>, ErrorReply> {
        let resource = body["resourceArn"].as_str();
        if let Some(resource) = resource {
            self.check_workgroup(resource)?;
        }
        let kind = body["usageType"].as_str();
        let is_requested = |limit: &Limit| {
            resource.is_none_or(|arn| limit.resource == arn)
                && kind.is_none_or(|kind| limit.kind == kind)
        };
        let found = self.limits.iter().filter(|(_, limit)| is_requested(limit));
        Ok(found.map(|(id, limit)| limit.to_json(id)).collect())
    }

    pub(super) fn remove_limits(&mut self, resource: &str) {
        self.limits.retain(|_, limit| limit.resource != resource);
    }

    fn check_workgroup(&self, resource: &str) -> Result<(), ErrorReply> {
        match self.workgroups.keys().any(|name| arn("workgroup", name) == resource) {
            true => Ok(()),
            false => Err(missing(format!("The resource {resource} was not found."))),
        }
    }
}

fn amount(body: &Value) -> Result<u64, ErrorReply> {
    let amount = body["amount"].as_u64().filter(|amount| *amount > 0);
    amount.ok_or_else(|| invalid("The amount must be a positive number."))
}

fn unknown(id: &str) -> ErrorReply {
    missing(format!("The usage limit {id} was not found."))
}
