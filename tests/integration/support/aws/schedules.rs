//! Scheduled actions of Redshift, which moto does not implement. They are stored and never run.

use std::collections::BTreeMap;

use chrono::{NaiveDateTime, Utc};

use super::cloud::Cloud;
use super::query::{Answer, ErrorReply, Params, Request, Service};
use super::xml::Element;

const TARGETS: [&str; 3] = ["PauseCluster", "ResumeCluster", "ResizeCluster"];

const SHOWN: [&str; 6] = [
    "ScheduledActionName",
    "Schedule",
    "IamRole",
    "ScheduledActionDescription",
    "StartTime",
    "EndTime",
];

/// The parameters of scheduled actions by name.
#[derive(Default)]
pub(super) struct Schedules(BTreeMap<String, Params>);

impl Schedules {
    pub async fn answer(&mut self, cloud: &Cloud, request: &Request) -> Result<Answer, ErrorReply> {
        match request.action.as_str() {
            "CreateScheduledAction" => self.create(cloud, request).await,
            "ModifyScheduledAction" => self.modify(cloud, request).await,
            "DeleteScheduledAction" => {
                let name = request.require("ScheduledActionName")?;
                self.0.remove(name).ok_or_else(|| not_found(name))?;
                Ok(request.answer(vec![]))
            }
            "DescribeScheduledActions" => self.describe(request),
            _ => Ok(cloud.moto.ask(request).await),
        }
    }

    async fn create(&mut self, cloud: &Cloud, request: &Request) -> Result<Answer, ErrorReply> {
        let name = request.require("ScheduledActionName")?;
        if self.0.contains_key(name) {
            let code = "ScheduledActionAlreadyExists";
            let message = format!("The scheduled action {name} already exists.");
            return Err(ErrorReply::new(400, code, message));
        }
        check(cloud, request).await?;
        let kept = self.0.entry(name.to_owned()).or_insert_with(|| request.params.clone());
        Ok(request.answer(to_xml(kept)))
    }

    async fn modify(&mut self, cloud: &Cloud, request: &Request) -> Result<Answer, ErrorReply> {
        let name = request.require("ScheduledActionName")?;
        let kept = self.0.get_mut(name).ok_or_else(|| not_found(name))?;
        let mut params = kept.clone();
        if target_of(&request.params).is_some() {
            params.retain(|key, _| !key.starts_with("TargetAction."));
        }
        params.extend(request.params.clone());
        let changed = Request { params, ..request.clone() };
        check(cloud, &changed).await?;
        *kept = changed.params;
        Ok(request.answer(to_xml(kept)))
    }

    fn describe(&self, request: &Request) -> Result<Answer, ErrorReply> {
        let named = request.get("ScheduledActionName");
        if let Some(name) = named.filter(|name| !self.0.contains_key(*name)) {
            return Err(not_found(name));
        }
        let matches = |params: &&Params| {
            named.is_none_or(|name| params["ScheduledActionName"] == name)
                && request.get("TargetActionType").is_none_or(|it| target_of(params) == Some(it))
                && request.get("Active").is_none_or(|it| (it == "true") == is_active(params))
                && filters(request).iter().all(|(name, values)| {
                    values.iter().any(|value| value_of(params, name) == Some(value))
                })
        };
        let found = self.0.values().filter(matches);
        let found = found.map(|params| Element::with("ScheduledAction", to_xml(params)));
        Ok(request.answer(vec![Element::with("ScheduledActions", found.collect())]))
    }
}

async fn check(cloud: &Cloud, request: &Request) -> Result<(), ErrorReply> {
    check_schedule(request.require("Schedule")?)?;
    let target = target_of(&request.params).filter(|target| TARGETS.contains(target));
    let Some(target) = target else {
        let code = "ScheduledActionTypeUnsupported";
        return Err(ErrorReply::new(400, code, "The action type specified is not supported."));
    };
    let cluster = request.require(&format!("TargetAction.{target}.ClusterIdentifier"))?;
    let params = [("ClusterIdentifier", cluster)];
    if cloud.ask_moto(Service::Redshift, "DescribeClusters", &params).await.is_error() {
        let message = format!("Cluster {cluster} not found.");
        return Err(ErrorReply::new(404, "ClusterNotFound", message));
    }
    let role = request.require("IamRole")?;
    // Terraform's provider retries on this code and text after it has created a role.
    if !cloud.trusts(role, "scheduler.redshift.amazonaws.com").await {
        return Err(ErrorReply::value(format!(
            "The IAM role must delegate access to Amazon Redshift scheduler: {role}"
        )));
    }
    Ok(())
}

fn check_schedule(schedule: &str) -> Result<(), ErrorReply> {
    let reject = |why: &str| {
        Err(ErrorReply::new(400, "InvalidSchedule", format!("The schedule {schedule} {why}.")))
    };
    if let Some(time) = at(schedule) {
        let past = time <= Utc::now().naive_utc();
        return if past { reject("is in the past") } else { Ok(()) };
    }
    let fields = schedule.strip_prefix("cron(").and_then(|rest| rest.strip_suffix(')'));
    let field = |field: &str| {
        field.chars().all(|char| char.is_ascii_alphanumeric() || "*?,-/#".contains(char))
    };
    match fields {
        Some(fields) if fields.split(' ').count() == 6 && fields.split(' ').all(field) => Ok(()),
        _ => reject("is not valid"),
    }
}

fn at(schedule: &str) -> Option<NaiveDateTime> {
    let time = schedule.strip_prefix("at(")?.strip_suffix(')')?;
    NaiveDateTime::parse_from_str(time, "%Y-%m-%dT%H:%M:%S").ok()
}

/// The target action; `None` if there is not exactly one.
fn target_of(params: &Params) -> Option<&str> {
    let mut targets =
        params.keys().filter_map(|key| key.strip_prefix("TargetAction.")?.split('.').next());
    let target = targets.next()?;
    targets.all(|other| other == target).then_some(target)
}

fn is_active(params: &Params) -> bool {
    params.get("Enable").is_none_or(|enable| enable == "true")
}

fn filters(request: &Request) -> Vec<(String, Vec<String>)> {
    let prefix = "Filters.ScheduledActionFilter";
    let numbers = (1..).map(|number| format!("{prefix}.{number}"));
    let filters = numbers.map_while(|filter| {
        let name = request.get(&format!("{filter}.Name"))?.to_owned();
        Some((name, request.list(&format!("{filter}.Values.item"))))
    });
    filters.collect()
}

fn value_of<'a>(params: &'a Params, filter: &str) -> Option<&'a String> {
    match filter {
        "iam-role" => params.get("IamRole"),
        "cluster-identifier" => {
            params.get(&format!("TargetAction.{}.ClusterIdentifier", target_of(params)?))
        }
        _ => None,
    }
}

fn to_xml(params: &Params) -> Vec<Element> {
    let shown = SHOWN.iter().filter_map(|name| Some(Element::with_text(name, params.get(*name)?)));
    let mut fields: Vec<Element> = shown.collect();
    if let Some(target) = target_of(params) {
        let prefix = format!("TargetAction.{target}.");
        let target_params = params
            .iter()
            .filter_map(|(key, value)| Some(Element::with_text(key.strip_prefix(&prefix)?, value)));
        let target = Element::with(target, target_params.collect());
        fields.push(Element::with("TargetAction", vec![target]));
    }
    let state = if is_active(params) { "ACTIVE" } else { "DISABLED" };
    fields.push(Element::with_text("State", state));
    if let Some(time) = at(&params["Schedule"]).filter(|_| is_active(params)) {
        let time = time.format("%Y-%m-%dT%H:%M:%SZ").to_string();
        let time = Element::with_text("ScheduledActionTime", time);
        fields.push(Element::with("NextInvocations", vec![time]));
    }
    fields
}

fn not_found(name: &str) -> ErrorReply {
    let message = format!("The scheduled action {name} does not exist.");
    ErrorReply::new(400, "ScheduledActionNotFound", message)
}
