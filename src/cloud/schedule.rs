//! The scheduled action that pauses the cluster at the end of its lifetime. It runs again every hour, because
//! a cluster that is being changed, or has no backup yet, rejects the pause.
//!
//! Redshift's scheduled actions pause, resume and resize; none deletes (Redshift API Reference,
//! ScheduledActionType). A paused cluster costs only its storage.

use aws_sdk_redshift::operation::create_scheduled_action::builders::CreateScheduledActionInputBuilder;
use aws_sdk_redshift::operation::modify_scheduled_action::builders::ModifyScheduledActionInputBuilder;
use aws_sdk_redshift::types::{
    PauseClusterMessage, ScheduledAction, ScheduledActionState, ScheduledActionType,
};
use aws_smithy_types::DateTime as SdkTime;
use chrono::{DateTime, Timelike, Utc};

use super::clients::Clients;
use super::cluster::is_unknown_role;
use super::error::{ApiError, CloudError};
use super::names::Name;
use super::progress::OperationProgress;
use super::retry::retry_while;
use super::tags::moment;

/// The specification of a scheduled action.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ScheduleSpec {
    /// The name of the action.
    pub name: String,
    /// The identifier of the cluster that it pauses.
    pub cluster: String,
    /// The time of the first run.
    pub at: DateTime<Utc>,
    /// The ARN of the role that AWS assumes.
    pub role_arn: String,
}

impl ScheduleSpec {
    /// Returns the cron expression: every hour, at the minute of the first run.
    ///
    /// Source: Redshift API Reference, CreateScheduledAction, Schedule: invocations must be separated by
    /// at least one hour.
    pub fn expression(&self) -> String {
        format!("cron({} * * * ? *)", self.at.minute())
    }

    /// Returns the start time: a minute before the first run, in case the start is exclusive.
    fn start(&self) -> SdkTime {
        SdkTime::from_secs(self.at.timestamp() - i64::from(self.at.second()) - 60)
    }

    fn action(&self) -> ScheduledActionType {
        let pause = PauseClusterMessage::builder().cluster_identifier(&self.cluster).build();
        ScheduledActionType::builder().pause_cluster(pause).build()
    }
}

/// Returns the request that creates the scheduled action.
pub fn create_request(spec: &ScheduleSpec) -> CreateScheduledActionInputBuilder {
    CreateScheduledActionInputBuilder::default()
        .scheduled_action_name(&spec.name)
        .scheduled_action_description(
            "Pauses the cluster at the end of its lifetime; made by starlift",
        )
        .target_action(spec.action())
        .schedule(spec.expression())
        .start_time(spec.start())
        .iam_role(&spec.role_arn)
        .enable(true)
}

/// Returns the request that replaces the time, role and cluster of the scheduled action.
pub fn modify(spec: &ScheduleSpec) -> ModifyScheduledActionInputBuilder {
    ModifyScheduledActionInputBuilder::default()
        .scheduled_action_name(&spec.name)
        .target_action(spec.action())
        .schedule(spec.expression())
        .start_time(spec.start())
        .iam_role(&spec.role_arn)
        .enable(true)
}

/// Returns the scheduled action with this name, if it exists.
///
/// # Errors
///
/// Returns an error if AWS rejects the request or cannot be reached.
pub async fn find(clients: &Clients, name: &str) -> Result<Option<ScheduledAction>, CloudError> {
    let request = clients.redshift.describe_scheduled_actions().scheduled_action_name(name);
    match request.send().await {
        Ok(answer) => Ok(answer.scheduled_actions.unwrap_or_default().into_iter().next()),
        Err(error) => {
            let error = ApiError::new("redshift:DescribeScheduledActions", &error);
            if error.is("ScheduledActionNotFound") {
                return Ok(None);
            }
            Err(error.during(format!("look up the scheduled action {name}")))
        }
    }
}

/// Returns all scheduled actions. They have no tags; their names identify the owner.
///
/// # Errors
///
/// Returns an error if AWS rejects the request or cannot be reached.
pub async fn list(clients: &Clients) -> Result<Vec<ScheduledAction>, CloudError> {
    let pages = clients.redshift.describe_scheduled_actions().into_paginator().items().send();
    let actions: Result<Vec<ScheduledAction>, _> = pages.try_collect().await;
    actions.map_err(|e| {
        ApiError::new("redshift:DescribeScheduledActions", &e).during("list the scheduled actions")
    })
}

/// Returns the start time of an action, or `None` if the action is disabled.
pub fn begins(action: &ScheduledAction) -> Option<DateTime<Utc>> {
    let is_on = action.state.as_ref().is_none_or(|state| *state == ScheduledActionState::Active);
    let start = action.start_time.as_ref().filter(|_| is_on)?;
    DateTime::from_timestamp(start.secs(), 0)
}

/// Returns the cluster that an action pauses, if it is a pause.
pub fn paused_cluster(action: &ScheduledAction) -> Option<&str> {
    action.target_action.as_ref()?.pause_cluster.as_ref()?.cluster_identifier.as_deref()
}

/// Returns the name that owns an action: the one in the action's own name, if it pauses the cluster of that
/// name.
pub fn owner(action: &ScheduledAction) -> Option<Name> {
    let name: Name = paused_cluster(action)?.parse().ok()?;
    (action.scheduled_action_name.as_deref()? == name.schedule()).then_some(name)
}

/// Creates the scheduled action, or changes an existing one to match the specification.
///
/// # Errors
///
/// Returns an error if AWS rejects the request or cannot be reached.
pub async fn ensure(
    clients: &Clients,
    spec: &ScheduleSpec,
    found: Option<&ScheduledAction>,
    progress: &OperationProgress,
) -> Result<(), CloudError> {
    let (name, cluster) = (&spec.name, &spec.cluster);
    progress.set_step(format!("scheduling the pause of cluster {cluster}"));
    // A new role takes a while to propagate to Redshift.
    let scheduled = retry_while(is_unknown_role, || async {
        if found.is_none() {
            let sent = create_request(spec).send_with(&clients.redshift).await;
            let sent = sent.map_err(|e| ApiError::new("redshift:CreateScheduledAction", &e));
            match sent {
                // An earlier request whose response was lost created it.
                Err(error) if error.is("ScheduledActionAlreadyExists") => {}
                sent => return sent.map(|_| ()),
            }
        }
        let sent = modify(spec).send_with(&clients.redshift).await;
        sent.map(|_| ()).map_err(|e| ApiError::new("redshift:ModifyScheduledAction", &e))
    });
    scheduled.await.map_err(|e| e.during(format!("schedule the pause of cluster {cluster}")))?;
    let at = moment(spec.at);
    progress.note(format!("schedule {name}: pauses cluster {cluster} at {at}"));
    Ok(())
}

/// Deletes a scheduled action. Succeeds if it does not exist.
///
/// # Errors
///
/// Returns an error if AWS rejects the request or cannot be reached.
pub async fn delete(
    clients: &Clients,
    name: &str,
    progress: &OperationProgress,
) -> Result<(), CloudError> {
    progress.set_step(format!("removing the schedule {name}"));
    let sent = clients.redshift.delete_scheduled_action().scheduled_action_name(name).send().await;
    match sent.map_err(|e| ApiError::new("redshift:DeleteScheduledAction", &e)) {
        Err(error) if !error.is("ScheduledActionNotFound") => {
            Err(error.during(format!("remove the schedule {name}")))
        }
        _ => {
            progress.note(format!("schedule {name}: removed"));
            Ok(())
        }
    }
}
