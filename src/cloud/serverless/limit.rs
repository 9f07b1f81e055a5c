//! The usage limit of a workgroup, which bounds what it can cost.
//!
//! Sources: Redshift Serverless API Reference, CreateUsageLimit, UpdateUsageLimit (neither the type nor
//! the period of a limit can be changed); Redshift Management Guide, Billing for on-demand compute
//! capacity, Maximum RPU hours usage limit.

use std::fmt;
use std::str::FromStr;

use serde::Deserialize;
use serde_json::{Value, json};

use super::api::{self, CONFLICT, Empty, call, existing};
use crate::cloud::clients::Clients;
use crate::cloud::error::{ApiError, CloudError};
use crate::cloud::progress::OperationProgress;

/// Maximum number of RPU-hours per period, after which AWS disables queries.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RpuLimit {
    /// Number of RPU-hours.
    pub amount: u32,
    /// Time after which the count starts again.
    pub period: Period,
}

/// The period after which the usage counts from zero again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Period {
    /// A calendar day.
    Day,
    /// A week, which begins on Sunday.
    Week,
    /// A calendar month.
    Month,
}

impl RpuLimit {
    /// Three hours of the smallest usual capacity a day: more than a load takes.
    pub const DEFAULT: RpuLimit = RpuLimit { amount: 24, period: Period::Day };
    /// The largest amount that can be named.
    pub const MAX: u32 = 1_000_000;

    /// The most RPU-hours that the limit allows in a calendar month. A month has up to 31 days, which
    /// can lie in six weeks: the first of them may be a Saturday, and each Sunday begins a new week.
    pub fn in_a_month(self) -> f64 {
        let periods = match self.period {
            Period::Day => 31.0,
            Period::Week => 6.0,
            Period::Month => 1.0,
        };
        f64::from(self.amount) * periods
    }
}

impl fmt::Display for RpuLimit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} RPU-hours per {}", self.amount, self.period)
    }
}

/// The reason why a text is not a limit.
#[derive(Debug, thiserror::Error)]
#[error("{0:?} is not AMOUNT/PERIOD, such as 24/day, 100/week or 300/month, with an amount from 1 to {max}",
    max = RpuLimit::MAX)]
pub struct LimitError(String);

impl FromStr for RpuLimit {
    type Err = LimitError;

    fn from_str(text: &str) -> Result<RpuLimit, LimitError> {
        let parse = || {
            let (amount, period) = text.split_once('/')?;
            let is_number = !amount.is_empty() && amount.bytes().all(|b| b.is_ascii_digit());
            let amount =
                amount.parse().ok().filter(|n| is_number && (1..=RpuLimit::MAX).contains(n));
            let period = match period {
                "day" => Period::Day,
                "week" => Period::Week,
                "month" => Period::Month,
                _ => return None,
            };
            Some(RpuLimit { amount: amount?, period })
        };
        parse().ok_or_else(|| LimitError(text.to_owned()))
    }
}

impl fmt::Display for Period {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl Period {
    fn name(self) -> &'static str {
        match self {
            Period::Day => "day",
            Period::Week => "week",
            Period::Month => "month",
        }
    }

    /// Returns the name that the service uses.
    fn code(self) -> &'static str {
        match self {
            Period::Day => "daily",
            Period::Week => "weekly",
            Period::Month => "monthly",
        }
    }

    fn of_code(code: &str) -> Option<Period> {
        [Period::Day, Period::Week, Period::Month].into_iter().find(|period| period.code() == code)
    }
}

/// An existing limit of the use of compute.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct FoundLimit {
    /// Identifier that AWS has assigned.
    pub usage_limit_id: String,
    /// ARN of the workgroup that it limits.
    pub resource_arn: String,
    amount: u64,
    period: String,
    breach_action: String,
}

const COMPUTE: &str = "serverless-compute";
const TURN_OFF: &str = "deactivate";

impl FoundLimit {
    /// Returns the limit if AWS disables queries at it, or `None` if AWS only reports it.
    pub fn guard(&self) -> Option<RpuLimit> {
        let amount = u32::try_from(self.amount).unwrap_or(u32::MAX);
        let period = Period::of_code(&self.period)?;
        (self.breach_action == TURN_OFF).then_some(RpuLimit { amount, period })
    }

    /// Returns `true` if the other limit has the same effect.
    fn is_like(&self, other: &FoundLimit) -> bool {
        let effect = |of: &FoundLimit| (of.amount, of.period.clone(), of.breach_action.clone());
        effect(self) == effect(other)
    }
}

impl fmt::Display for FoundLimit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} RPU-hours {}, then {}", self.amount, self.period, self.breach_action)
    }
}

/// Creates a limit.
pub fn create_request(workgroup_arn: &str, limit: RpuLimit) -> Value {
    request(workgroup_arn, limit.amount.into(), limit.period.code(), TURN_OFF)
}

fn request(workgroup_arn: &str, amount: u64, period: &str, breach_action: &str) -> Value {
    json!({
        "resourceArn": workgroup_arn,
        "usageType": COMPUTE,
        "amount": amount,
        "period": period,
        "breachAction": breach_action,
    })
}

/// Returns the compute limits of a workgroup, or of all workgroups if none is given.
///
/// # Errors
///
/// Returns an error if AWS rejects the request or cannot be reached.
pub async fn list(clients: &Clients, arn: Option<&str>) -> Result<Vec<FoundLimit>, CloudError> {
    let mut request = json!({ "usageType": COMPUTE });
    if let Some(arn) = arn {
        request["resourceArn"] = arn.into();
    }
    let found = api::list(clients, &api::LIST_USAGE_LIMITS, "usageLimits", request).await;
    let found = existing(found).map_err(|e| e.during("list the usage limits"))?;
    Ok(found.unwrap_or_default())
}

/// Changes the limits of a workgroup to `wanted`. Without it, creates the default limit if the workgroup has
/// none.
///
/// Limits that AWS only reports stay: they are alerts that a user has set.
///
/// # Errors
///
/// Returns an error if AWS rejects the request or cannot be reached.
pub async fn ensure(
    clients: &Clients,
    workgroup: &str,
    arn: &str,
    wanted: Option<RpuLimit>,
    progress: &OperationProgress,
) -> Result<(), CloudError> {
    progress.set_step(format!("limiting the use of workgroup {workgroup}"));
    let found = list(clients, Some(arn)).await?;
    let guards: Vec<_> = found.iter().filter_map(|found| Some((found, found.guard()?))).collect();
    if wanted.is_none() && !guards.is_empty() {
        return Ok(());
    }
    let wanted = wanted.unwrap_or(RpuLimit::DEFAULT);
    let current = guards.iter().find(|(_, guard)| guard.period == wanted.period);
    match current {
        Some((_, guard)) if *guard == wanted => {}
        Some((found, guard)) => {
            change(clients, workgroup, found, wanted).await?;
            progress
                .note(format!("workgroup {workgroup}: limited to {wanted} (previously {guard})"));
        }
        None => {
            create(clients, workgroup, arn, wanted).await?;
            progress.note(format!("workgroup {workgroup}: limited to {wanted}"));
        }
    }
    // Create the new limit before an old one is deleted.
    let kept = current.map(|(found, _)| &found.usage_limit_id);
    for (found, guard) in guards.iter().filter(|(found, _)| Some(&found.usage_limit_id) != kept) {
        delete(clients, workgroup, found).await?;
        progress.note(format!("workgroup {workgroup}: no longer limited to {guard}"));
    }
    Ok(())
}

async fn change(
    clients: &Clients,
    workgroup: &str,
    found: &FoundLimit,
    wanted: RpuLimit,
) -> Result<(), CloudError> {
    let request = json!({ "usageLimitId": found.usage_limit_id, "amount": wanted.amount });
    let sent: Result<Empty, _> = call(clients, &api::UPDATE_USAGE_LIMIT, &request).await;
    sent.map_err(|e| e.during(format!("change the usage limit of workgroup {workgroup}")))?;
    Ok(())
}

/// Creates a limit. Succeeds if an earlier request, whose response was lost, has created it.
///
/// # Errors
///
/// Returns an error if AWS rejects the request or cannot be reached.
async fn create(
    clients: &Clients,
    workgroup: &str,
    arn: &str,
    limit: RpuLimit,
) -> Result<(), CloudError> {
    let request = create_request(arn, limit);
    send(clients, workgroup, arn, &request, |found| found.guard() == Some(limit)).await
}

/// Recreates a limit as it was found, with the same breach action.
///
/// # Errors
///
/// Returns an error if AWS rejects the request or cannot be reached.
pub(super) async fn restore(
    clients: &Clients,
    workgroup: &str,
    found: &FoundLimit,
) -> Result<(), CloudError> {
    let arn = found.resource_arn.as_str();
    let request = request(arn, found.amount, &found.period, &found.breach_action);
    send(clients, workgroup, arn, &request, |other| other.is_like(found)).await
}

/// Sends a request that creates a limit. A conflict with a limit that `is_wanted` is a success.
async fn send(
    clients: &Clients,
    workgroup: &str,
    arn: &str,
    request: &Value,
    is_wanted: impl Fn(&FoundLimit) -> bool,
) -> Result<(), CloudError> {
    let sent: Result<Empty, _> = call(clients, &api::CREATE_USAGE_LIMIT, request).await;
    match sent {
        Ok(Empty {}) => Ok(()),
        Err(error) => {
            let is_there =
                error.is(CONFLICT) && list(clients, Some(arn)).await?.iter().any(is_wanted);
            let action = || format!("limit the use of workgroup {workgroup}");
            if is_there { Ok(()) } else { Err(error.during(action())) }
        }
    }
}

/// Deletes a limit. Succeeds if it does not exist.
///
/// # Errors
///
/// Returns an error if AWS rejects the request or cannot be reached.
pub(super) async fn delete(
    clients: &Clients,
    workgroup: &str,
    found: &FoundLimit,
) -> Result<(), CloudError> {
    let request = json!({ "usageLimitId": found.usage_limit_id });
    let sent: Result<Empty, ApiError> = call(clients, &api::DELETE_USAGE_LIMIT, &request).await;
    existing(sent)
        .map_err(|e| e.during(format!("remove the usage limit of workgroup {workgroup}")))?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_limit_is_an_amount_and_a_period() {
        for (text, said) in [
            ("24/day", "24 RPU-hours per day"),
            ("100/week", "100 RPU-hours per week"),
            ("1000000/month", "1000000 RPU-hours per month"),
        ] {
            assert_eq!(text.parse::<RpuLimit>().unwrap().to_string(), said);
        }
        for text in ["", "24", "24/", "/day", "0/day", "-1/day", "+1/day", "1.5/day", "24/days"] {
            let error = text.parse::<RpuLimit>().unwrap_err().to_string();
            assert!(error.contains("24/day, 100/week or 300/month"), "{text}: {error}");
        }
        assert!("1000001/day".parse::<RpuLimit>().is_err());
    }

    #[test]
    fn a_limit_that_is_only_reported_guards_nothing() {
        let found = |period: &str, action: &str| FoundLimit {
            usage_limit_id: "1".to_owned(),
            resource_arn: "arn".to_owned(),
            amount: 24,
            period: period.to_owned(),
            breach_action: action.to_owned(),
        };
        assert_eq!(found("daily", "deactivate").guard(), Some(RpuLimit::DEFAULT));
        assert_eq!(found("daily", "log").guard(), None);
        assert_eq!(found("hourly", "deactivate").guard(), None);
    }

    #[test]
    fn a_month_has_at_most_so_many() {
        let month = |text: &str| text.parse::<RpuLimit>().unwrap().in_a_month();
        assert!((month("24/day") - 744.0).abs() < 1e-9);
        assert!((month("300/month") - 300.0).abs() < 1e-9);
        assert!((month("7/week") - 42.0).abs() < 1e-9);
    }
}
