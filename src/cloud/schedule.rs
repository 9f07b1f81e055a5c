//! The schedule that AWS keeps: a scheduled action that pauses the cluster when its time is over, and
//! tries again every hour: a cluster that is being changed, or has no backup yet, refuses.
//!
//! Redshift's scheduled actions pause, resume and resize; none deletes (Redshift API Reference,
//! ScheduledActionType). A paused cluster costs its storage alone.

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
use super::journal::Journal;
use super::names::Name;
use super::tags::moment;
use super::wait::while_settling;

/// A scheduled action as it should be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ScheduleSpec {
    /// Its name.
    pub name: String,
    /// The cluster that it pauses.
    pub cluster: String,
    /// When.
    pub at: DateTime<Utc>,
    /// The role in which AWS does it.
    pub role_arn: String,
}

impl ScheduleSpec {
    /// Every hour, at the minute at which the time is over.
    ///
    /// Source: Redshift API Reference, CreateScheduledAction, Schedule: invocations must be separated by
    /// at least one hour.
    pub fn expression(&self) -> String {
        format!("cron({} * * * ? *)", self.at.minute())
    }

    /// From when on: a minute before the first time, in case the start itself does not count.
    fn start(&self) -> SdkTime {
        SdkTime::from_secs(self.at.timestamp() - i64::from(self.at.second()) - 60)
    }

    fn action(&self) -> ScheduledActionType {
        let pause = PauseClusterMessage::builder().cluster_identifier(&self.cluster).build();
        ScheduledActionType::builder().pause_cluster(pause).build()
    }
}

/// Makes the scheduled action.
pub fn create(spec: &ScheduleSpec) -> CreateScheduledActionInputBuilder {
    CreateScheduledActionInputBuilder::default()
        .scheduled_action_name(&spec.name)
        .scheduled_action_description(
            "Pauses a cluster that was made for a while; made by starlift",
        )
        .target_action(spec.action())
        .schedule(spec.expression())
        .start_time(spec.start())
        .iam_role(&spec.role_arn)
        .enable(true)
}

/// Puts another moment, role or cluster in place of those of the scheduled action.
pub fn modify(spec: &ScheduleSpec) -> ModifyScheduledActionInputBuilder {
    ModifyScheduledActionInputBuilder::default()
        .scheduled_action_name(&spec.name)
        .target_action(spec.action())
        .schedule(spec.expression())
        .start_time(spec.start())
        .iam_role(&spec.role_arn)
        .enable(true)
}

/// The scheduled action of this name, if there is one.
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
            Err(error.during(format!("look for the scheduled action {name}")))
        }
    }
}

/// All scheduled actions. They have no tags: their names say whose they are.
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

/// When an action begins to take place, and whether it will.
pub fn begins(action: &ScheduledAction) -> Option<DateTime<Utc>> {
    let is_on = action.state.as_ref().is_none_or(|state| *state == ScheduledActionState::Active);
    let start = action.start_time.as_ref().filter(|_| is_on)?;
    DateTime::from_timestamp(start.secs(), 0)
}

/// The cluster that an action pauses, if that is what it does.
pub fn paused_cluster(action: &ScheduledAction) -> Option<&str> {
    action.target_action.as_ref()?.pause_cluster.as_ref()?.cluster_identifier.as_deref()
}

/// Whose an action is: that of the name that it has, if it pauses the cluster of that name.
pub fn owner(action: &ScheduledAction) -> Option<Name> {
    let name: Name = paused_cluster(action)?.parse().ok()?;
    (action.scheduled_action_name.as_deref()? == name.schedule()).then_some(name)
}

/// Makes the scheduled action, or puts the one that is there right.
///
/// # Errors
///
/// Returns an error if AWS rejects the request or cannot be reached.
pub async fn ensure(
    clients: &Clients,
    spec: &ScheduleSpec,
    found: Option<&ScheduledAction>,
    journal: &Journal,
) -> Result<(), CloudError> {
    let (name, cluster) = (&spec.name, &spec.cluster);
    journal.enter(format!("scheduling the pause of cluster {cluster}"));
    // A role that was only just made may not be known yet to Redshift.
    let scheduled = while_settling(is_unknown_role, || async {
        if found.is_none() {
            let sent = create(spec).send_with(&clients.redshift).await;
            let sent = sent.map_err(|e| ApiError::new("redshift:CreateScheduledAction", &e));
            match sent {
                // A try whose answer was lost made it.
                Err(error) if error.is("ScheduledActionAlreadyExists") => {}
                sent => return sent.map(|_| ()),
            }
        }
        let sent = modify(spec).send_with(&clients.redshift).await;
        sent.map(|_| ()).map_err(|e| ApiError::new("redshift:ModifyScheduledAction", &e))
    });
    scheduled.await.map_err(|e| e.during(format!("schedule the pause of cluster {cluster}")))?;
    let at = moment(spec.at);
    journal.note(format!("schedule {name}: pauses cluster {cluster} at {at}"));
    Ok(())
}

/// Removes a scheduled action; one that is not there is well gone.
///
/// # Errors
///
/// Returns an error if AWS rejects the request or cannot be reached.
pub async fn delete(clients: &Clients, name: &str, journal: &Journal) -> Result<(), CloudError> {
    journal.enter(format!("removing the schedule {name}"));
    let sent = clients.redshift.delete_scheduled_action().scheduled_action_name(name).send().await;
    match sent.map_err(|e| ApiError::new("redshift:DeleteScheduledAction", &e)) {
        Err(error) if !error.is("ScheduledActionNotFound") => {
            Err(error.during(format!("remove the schedule {name}")))
        }
        _ => {
            journal.note(format!("schedule {name}: removed"));
            Ok(())
        }
    }
}
