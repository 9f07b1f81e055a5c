//! Options and inputs that a cluster cannot use.

use super::{Cluster, executor, generate, scheduler};
use crate::support::Workspace;

#[test]
fn local_files_need_permission() {
    let here = Workspace::new();
    generate(&here, 200, "0");
    let mut cluster = Cluster::start(&here, 0, 1);
    let elsewhere = Workspace::new();
    cluster.add_executor(&elsewhere, 1, &[]);
    let outcome = cluster.transform(&here, "star", &[]);
    outcome.fails_with("engine-failed").naming(&["--allow"]);
}

#[test]
fn options_that_exclude_each_other_are_rejected() {
    let here = Workspace::new();
    for (options, fact) in [
        (&["--engine", "local[1]", "--incremental"][..], "--incremental"),
        (&["--engine", "spark://host"], "ballista://"),
        (&["--engine", "local[0]"], "from 1 to"),
        (&["--engine-timeout", "5m"], "--engine"),
        (&["--tls-ca", "ca.pem"], "--engine"),
        (&["--engine", "local[1]", "--tls-ca", "ca.pem"], "--tls-cert"),
    ] {
        here.write("data/song_data/a.json", "");
        here.write("data/log_data/a.json", "");
        let outcome = here.outcome(&mut here.transform("star", options));
        outcome.exits(2).complains(fact);
    }
}

#[test]
fn urls_with_secrets_are_not_passed_on() {
    let here = Workspace::new();
    here.write("data/song_data/a.json", "");
    let stub = crate::support::stub::Stub::start(|_| crate::support::stub::answer(200, "{}"));
    let logs = format!("{}?signature=1", stub.url);
    let mut command = here.command();
    command.args(["transform", "--songs", "data/song_data", "--logs", &logs, "--out", "star"]);
    let outcome = here.outcome(command.args(["--engine", "local[1]"]));
    outcome.fails_with("engine-input");
    assert!(!outcome.stderr.contains("signature=1"), "{outcome}");
}

#[test]
fn other_machines_are_not_served_without_certificates() {
    let here = Workspace::new();
    let all_addresses = ["--bind", "0.0.0.0:0"];
    let open = here.outcome(&mut scheduler(&here, &all_addresses));
    open.exits(2).complains("--insecure");
    let open = here.outcome(&mut executor(&here, "127.0.0.1:1", &all_addresses));
    open.exits(2).complains("--tls-ca");
}

#[test]
fn a_port_that_is_used_is_named() {
    let here = Workspace::new();
    let cluster = Cluster::start(&here, 0, 1);
    let mut second = here.command();
    second.args(["cluster", "scheduler", "--bind", &cluster.address]);
    here.outcome(&mut second).exits(1).complains(&cluster.address);
}
