//! Scheduled actions.

use super::caller::{Caller, text};

const PAUSE: &str = "TargetAction.PauseCluster.ClusterIdentifier";
const NIGHTLY: &str = "cron(0 22 * * ? *)";

fn arranged() -> Option<(Caller, String)> {
    let aws = Caller::start()?;
    aws.cluster("w");
    let role = aws.role("scheduler", "scheduler.redshift.amazonaws.com");
    Some((aws, role))
}

fn params<'a>(name: &'a str, schedule: &'a str, role: &'a str) -> Vec<(&'a str, &'a str)> {
    vec![("ScheduledActionName", name), ("Schedule", schedule), ("IamRole", role), (PAUSE, "w")]
}

#[test]
fn schedules_are_stored() {
    let Some((aws, role)) = arranged() else { return };
    let time = "at(2099-01-02T03:04:05)";
    let made = aws.send("redshift", "CreateScheduledAction", &params("once", time, &role));
    assert_eq!((text(&made, "ScheduledActionName"), text(&made, "Schedule")), ("once", time));
    assert_eq!((text(&made, "IamRole"), text(&made, "State")), (role.as_str(), "ACTIVE"));
    let target = "<PauseCluster><ClusterIdentifier>w</ClusterIdentifier></PauseCluster>";
    assert_eq!(text(&made, "TargetAction"), target);
    assert_eq!(text(&made, "ScheduledActionTime"), "2099-01-02T03:04:05Z");

    let mut nightly = params("nightly", NIGHTLY, &role);
    nightly.extend([("Enable", "false"), ("ScheduledActionDescription", "at ten")]);
    let made = aws.send("redshift", "CreateScheduledAction", &nightly);
    assert_eq!((text(&made, "State"), text(&made, "NextInvocations")), ("DISABLED", ""));
    assert_eq!(text(&made, "ScheduledActionDescription"), "at ten");

    let names = |params: &[(&str, &str)]| {
        let list = aws.send("redshift", "DescribeScheduledActions", params);
        let names = list.split("<ScheduledActionName>").skip(1);
        names.map(|rest| rest.split('<').next().unwrap().to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(names(&[]), ["nightly", "once"]);
    assert_eq!(names(&[("ScheduledActionName", "once")]), ["once"]);
    assert_eq!(names(&[("Active", "true")]), ["once"]);
    assert_eq!(names(&[("TargetActionType", "ResumeCluster")]), [""; 0]);
    let filter = |value| {
        [
            ("Filters.ScheduledActionFilter.1.Name", "cluster-identifier"),
            ("Filters.ScheduledActionFilter.1.Values.item.1", value),
        ]
    };
    assert_eq!(names(&filter("w")), ["nightly", "once"]);
    assert_eq!(names(&filter("x")), [""; 0]);

    aws.send("redshift", "DeleteScheduledAction", &[("ScheduledActionName", "once")]);
    assert_eq!(names(&[]), ["nightly"]);
}

#[test]
fn schedules_are_modified() {
    let Some((aws, role)) = arranged() else { return };
    aws.send("redshift", "CreateScheduledAction", &params("a", NIGHTLY, &role));
    let name = ("ScheduledActionName", "a");
    let resume = ("TargetAction.ResumeCluster.ClusterIdentifier", "w");
    let changed =
        aws.send("redshift", "ModifyScheduledAction", &[name, resume, ("Enable", "false")]);
    assert!(changed.contains("<ModifyScheduledActionResult>"), "{changed}");
    assert!(text(&changed, "TargetAction").starts_with("<ResumeCluster>"), "{changed}");
    assert_eq!((text(&changed, "State"), text(&changed, "Schedule")), ("DISABLED", NIGHTLY));
    let wrong = [name, ("Schedule", "daily")];
    aws.rejects("redshift", "ModifyScheduledAction", &wrong, 400, "InvalidSchedule");
    let list = aws.send("redshift", "DescribeScheduledActions", &[name]);
    assert_eq!(text(&list, "Schedule"), NIGHTLY);
}

#[test]
fn unknown_names_are_rejected() {
    let Some(aws) = Caller::start() else { return };
    let none = [("ScheduledActionName", "none")];
    for action in ["ModifyScheduledAction", "DeleteScheduledAction", "DescribeScheduledActions"] {
        aws.rejects("redshift", action, &none, 400, "ScheduledActionNotFound");
    }
}

#[test]
fn invalid_requests_are_rejected() {
    let Some((aws, role)) = arranged() else { return };
    let create = "CreateScheduledAction";
    aws.send("redshift", create, &params("taken", NIGHTLY, &role));
    let taken = params("taken", NIGHTLY, &role);
    aws.rejects("redshift", create, &taken, 400, "ScheduledActionAlreadyExists");
    let wrong = [
        "daily",
        "rate(1 day)",
        "cron(0 22 * * *)",
        "at(2099-01-02)",
        "at(2099-01-02T03:04)",
        "at(2099-02-30T03:04:05)",
        "at(2020-01-02T03:04:05)",
    ];
    for schedule in wrong {
        let params = params("a", schedule, &role);
        aws.rejects("redshift", create, &params, 400, "InvalidSchedule");
    }
    let copy = aws.role("copy", "redshift.amazonaws.com");
    for role in ["arn:aws:iam::123456789012:role/missing", &copy] {
        let params = params("a", NIGHTLY, role);
        let error = aws.rejects("redshift", create, &params, 400, "InvalidParameterValue");
        let why = "The IAM role must delegate access to Amazon Redshift scheduler";
        assert!(text(&error, "Message").starts_with(why), "{error}");
    }
    let mut reboot = params("a", NIGHTLY, &role);
    reboot[3] = ("TargetAction.RebootCluster.ClusterIdentifier", "w");
    aws.rejects("redshift", create, &reboot, 400, "ScheduledActionTypeUnsupported");
    let mut both = params("a", NIGHTLY, &role);
    both.push(("TargetAction.ResumeCluster.ClusterIdentifier", "w"));
    aws.rejects("redshift", create, &both, 400, "ScheduledActionTypeUnsupported");
    let mut unknown = params("a", NIGHTLY, &role);
    unknown[3] = (PAUSE, "x");
    aws.rejects("redshift", create, &unknown, 404, "ClusterNotFound");
    let list = aws.send("redshift", "DescribeScheduledActions", &[]);
    assert_eq!(list.matches("<ScheduledAction>").count(), 1, "{list}");
}
