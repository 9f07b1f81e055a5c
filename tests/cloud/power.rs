//! `pause` and `resume`.

use super::*;

#[test]
fn a_cluster_is_paused_and_resumed_twice_each() {
    let Some(account) = Account::new() else { return };
    account.provision(&[]).exits(0);
    account.aws.polls(2);
    let pause = || account.run(&["pause", "--name", "sparkify"]);
    let resume = || account.run(&["resume", "--name", "sparkify"]);
    pause().exits(0).says("cluster sparkify: paused").says("its storage alone");
    pause().exits(0).says("paused already");
    assert_eq!(account.asked("PauseCluster"), 1);
    account.run(&["status"]).exits(0).says("paused");
    resume().exits(0).says("cluster sparkify: available").says("it costs until");
    resume().exits(0).says("available already");
    assert_eq!(account.asked("ResumeCluster"), 1);
}

#[test]
fn a_life_that_has_ended_begins_anew_with_the_cluster() {
    let Some(account) = Account::new() else { return };
    account.provision(&["--expires", "8h"]).exits(0);
    let schedule = || {
        let actions = account.aws.call("redshift", "DescribeScheduledActions", &[]);
        texts(&actions, "Schedule").concat()
    };
    let first = schedule();
    account.run(&["pause", "--name", "sparkify"]).exits(0);
    // The schedule is told in whole seconds.
    std::thread::sleep(std::time::Duration::from_millis(1100));
    account.run(&["resume", "--name", "sparkify"]).exits(0).says("AWS pauses it at");
    let second = schedule();
    assert!(second > first, "{first} {second}");
    account.run(&["resume", "--name", "sparkify", "--expires", "2days"]).exits(0);
    assert!(schedule() > second);
    account
        .run(&["resume", "--name", "sparkify", "--expires", "never"])
        .exits(0)
        .says("it costs until");
    assert_eq!(schedule(), "");
    account.run(&["status"]).exits(0).says("never");
}

#[test]
fn a_cluster_of_others_is_not_paused() {
    let Some(account) = Account::new() else { return };
    account.aws.call(
        "redshift",
        "CreateCluster",
        &[
            ("ClusterIdentifier", "sparkify"),
            ("NodeType", "ra3.large"),
            ("ClusterType", "single-node"),
            ("MasterUsername", "ann"),
            ("MasterUserPassword", "Str0ngEnough"),
        ],
    );
    for command in ["pause", "resume"] {
        account
            .run(&[command, "--name", "sparkify"])
            .exits(1)
            .complains("nothing in us-east-1 is tagged starlift:name=sparkify");
    }
    assert_eq!(account.asked("PauseCluster") + account.asked("ResumeCluster"), 0);
}

#[test]
fn a_pause_that_aws_refuses_says_why_it_may_be() {
    let Some(account) = Account::new() else { return };
    account.provision(&[]).exits(0);
    account.aws.script(Rule::new(
        "PauseCluster",
        What::Refuse {
            status: 400,
            code: "UnsupportedOperation",
            message: "The cluster has no snapshot.".to_owned(),
        },
    ));
    account
        .run(&["pause", "--name", "sparkify"])
        .exits(1)
        .complains("The cluster has no snapshot.")
        .complains("first snapshot");
}
