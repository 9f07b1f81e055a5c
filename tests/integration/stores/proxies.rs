//! The proxy of the environment variables, for every client that accesses AWS.

use super::*;
use crate::support::objects::Conditions;

const IDENTITY: &str = "<GetCallerIdentityResponse><GetCallerIdentityResult>\
    <Arn>arn:aws:iam::123456789012:user/ann</Arn><UserId>A</UserId><Account>123456789012</Account>\
    </GetCallerIdentityResult></GetCallerIdentityResponse>";

/// Starts a proxy that answers for S3 and STS itself, with a bucket that contains a song and a log.
fn proxy() -> MemoryStore {
    let sts = |asked: &stub::StubRequest| {
        String::from_utf8_lossy(&asked.body)
            .contains("Action=GetCallerIdentity")
            .then(|| stub::answer(200, IDENTITY))
    };
    let store = MemoryStore::rejecting(Conditions::Tags, sts);
    store.put("songs/a.json", SONG);
    store.put("logs/a.json", LOG);
    store
}

#[test]
fn every_client_uses_the_proxy_of_any_variable() {
    for variable in ["HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"] {
        let (workspace, store) = (with_data(), proxy());
        let mut command = on_s3(&workspace, "http://s3.example.test");
        command.env_remove("AWS_REGION").env(variable, &store.stub.url);
        command.args(["transform", "--songs", "s3://bucket/songs", "--logs", "s3://bucket/logs"]);
        workspace.outcome(command.args(["--out", "s3://bucket/star"])).exits(0);
        let asked = store.stub.asked();
        assert!(asked.iter().all(|asked| asked.proxied && asked.host == "s3.example.test"));
        // Separate clients request the region, the listings and the objects.
        for (method, path) in
            [("HEAD", "/bucket"), ("GET", "/bucket"), ("PUT", "/bucket/star/_lock")]
        {
            assert!(asked.iter().any(|a| a.method == method && a.path == path), "{method} {path}");
        }
        let mut doctor = on_s3(&workspace, "http://aws.example.test");
        doctor.env(variable, &store.stub.url);
        let doctor = workspace.outcome(doctor.args(["doctor", "--songs", "s3://bucket/songs"]));
        doctor.says("arn:aws:iam::123456789012:user/ann");
    }
}

#[test]
fn https_goes_through_a_tunnel() {
    for variable in ["HTTPS_PROXY", "https_proxy", "ALL_PROXY"] {
        let (workspace, store) = (with_data(), proxy());
        let mut command = on_s3(&workspace, "https://s3.example.test");
        command.env(variable, &store.stub.url).args(["--retries", "0", "doctor"]);
        workspace
            .outcome(command.args(["--songs", "s3://bucket/songs"]))
            .fails_with("doctor-failed");
        let mut own = on_s3(&workspace, "");
        own.env_remove("AWS_ENDPOINT_URL").env(variable, &store.stub.url);
        own.args(["--retries", "0", "--region", "cn-north-1", "doctor"]);
        workspace.outcome(own.args(["--songs", "s3://bucket/songs"])).fails_with("doctor-failed");
        let asked = store.stub.asked();
        for host in
            ["s3.example.test", "s3.cn-north-1.amazonaws.com.cn", "sts.cn-north-1.amazonaws.com.cn"]
        {
            let found = asked.iter().any(|asked| asked.method == "CONNECT" && asked.host == host);
            assert!(found, "{variable}: no tunnel to {host}: {asked:?}");
        }
    }
}

#[test]
fn hosts_in_no_proxy_are_contacted_directly() {
    for variable in ["NO_PROXY", "no_proxy"] {
        let (workspace, store, other) = (with_data(), proxy(), proxy());
        let mut command = on_s3(&workspace, &store.stub.url);
        command.env("ALL_PROXY", &other.stub.url).env(variable, "127.0.0.1,.example.test");
        command.args(["doctor", "--songs", "s3://bucket/songs", "--logs", "s3://bucket/logs"]);
        workspace.outcome(&mut command).says("arn:aws:iam::123456789012:user/ann");
        assert_eq!(other.stub.asked().len(), 0);
        assert!(store.stub.asked().iter().all(|asked| !asked.proxied));
    }
}

#[test]
fn instance_credentials_are_never_requested_through_a_proxy() {
    let (workspace, store) = (with_data(), proxy());
    let mut command = on_s3(&workspace, "http://s3.example.test");
    command.env_remove("AWS_ACCESS_KEY_ID").env_remove("AWS_SECRET_ACCESS_KEY");
    command.env_remove("AWS_EC2_METADATA_DISABLED");
    command.env("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI", "/credentials");
    command.env("ALL_PROXY", &store.stub.url).args(["--retries", "0", "doctor"]);
    let outcome = workspace.outcome(command.args(["--songs", "s3://bucket/songs"]));
    outcome.fails_with("doctor-failed");
    let asked = store.stub.asked();
    assert!(!asked.is_empty() && asked.iter().all(|asked| !asked.host.starts_with("169.254.")));
}
