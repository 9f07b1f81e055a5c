//! Mutual TLS between all processes.

use std::process::Command;

use super::{Process, assert_equal, executor, generate, scheduler};
use crate::support::Workspace;

/// Creates certificates for localhost with the script of the deployment. Returns the options that name them.
fn certificates(here: &Workspace, folder: &str) -> Vec<String> {
    let script = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("deploy/certificates.sh");
    let mut command = Command::new(script);
    command.current_dir(here.path()).args([folder, "localhost", "127.0.0.1"]);
    assert!(command.output().unwrap().status.success());
    let option = |name: &str, file: &str| [format!("--tls-{name}"), format!("{folder}/{file}")];
    [option("ca", "ca.crt"), option("cert", "tls.crt"), option("key", "tls.key")].concat()
}

#[test]
fn processes_with_certificates_admit_each_other_only() {
    let here = Workspace::new();
    generate(&here, 1000, "0");
    let (own, others) = (certificates(&here, "own"), certificates(&here, "others"));
    let with = |mut command: Command, certificates: &[String]| {
        command.args(certificates);
        command
    };
    let process = Process::start(with(scheduler(&here, &[]), &own));
    let allow = here.path().to_string_lossy().into_owned();
    let more = ["--allow", &allow, "--cores", "1"];
    let _executors =
        [0, 1].map(|_| Process::start(with(executor(&here, &process.address, &more), &own)));
    let engine = format!("ballista://{}", process.address);
    let transform = |certificates: &[String], out: &str| {
        let options = ["--engine", &engine, "--partition", "day"];
        here.outcome(&mut with(here.transform(out, &options), certificates))
    };
    here.outcome(&mut here.transform("here", &["--partition", "day"])).exits(0);
    transform(&own, "there").exits(0);
    assert_equal(&here, "there", "here");
    transform(&others, "stranger").fails_with("engine-unreachable");
    transform(&[], "stranger").fails_with("engine-unreachable");
    assert!(!here.join("stranger/_starlift.json").exists());
    let status = ["cluster", "status", "--scheduler", &process.address].map(str::to_owned);
    here.run(status.iter().chain(&own)).exits(0).says("2 executors");
    here.run(status.iter().chain(&others)).fails_with("engine-unreachable");
    let mut stranger = executor(&here, &process.address, &["--connect-timeout", "2s"]);
    here.outcome(stranger.args(&others)).fails_with("engine-unreachable");
}
