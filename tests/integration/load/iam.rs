//! Temporary passwords: the requests to AWS and the use of the responses.

use std::io::{Read, Write};
use std::net::TcpListener;
use std::thread::JoinHandle;

use super::*;

/// Starts a server that answers one request with `status` and `body`, and returns the request.
fn answers_once(status: &str, body: &str) -> (String, JoinHandle<String>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let answer = format!(
        "HTTP/1.1 {status}\r\ncontent-type: text/xml\r\ncontent-length: {}\r\nconnection: close\r\n\r\n{body}",
        body.len()
    );
    let thread = std::thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        let mut request = Vec::new();
        let mut buffer = [0; 4096];
        loop {
            let read = stream.read(&mut buffer).unwrap();
            request.extend_from_slice(&buffer[..read]);
            let text = String::from_utf8_lossy(&request).into_owned();
            if read == 0 || text.contains("Version=2012-12-01") {
                stream.write_all(answer.as_bytes()).unwrap();
                return text;
            }
        }
    });
    (url, thread)
}

fn ask(here: &Workspace, endpoint: &str, target: &str, more: &[&str]) -> Outcome {
    let mut command = here.command();
    command
        .env("AWS_ENDPOINT_URL_REDSHIFT", endpoint)
        .env("AWS_ACCESS_KEY_ID", "AKIDEXAMPLE")
        .env("AWS_SECRET_ACCESS_KEY", "open barley")
        .env("AWS_REGION", "eu-west-1")
        .env("AWS_MAX_ATTEMPTS", "1")
        .args(["-vv", "query", "months_present", "--auth", "iam", "--on", target])
        .args(more);
    here.outcome(&mut command)
}

#[test]
fn credentials_are_requested_for_the_user_of_the_cluster() {
    let here = Workspace::new();
    let body = "<GetClusterCredentialsResponse xmlns=\"http://redshift.amazonaws.com/doc/2012-12-01/\">\
        <GetClusterCredentialsResult><DbUser>IAM:ann</DbUser><DbPassword>open sesame</DbPassword>\
        </GetClusterCredentialsResult></GetClusterCredentialsResponse>";
    let (endpoint, request) = answers_once("200 OK", body);
    // No server listens there; the test only checks that the load used the response of AWS.
    let target = "redshift://ann@127.0.0.1:1/dev";
    let outcome = ask(&here, &endpoint, target, &["--cluster", "stars"]);
    outcome.fails_with("connection-failed").naming(&["redshift://ann@127.0.0.1:1/dev"]);
    let request = request.join().unwrap();
    for part in [
        "Action=GetClusterCredentials&",
        "ClusterIdentifier=stars",
        "DbUser=ann",
        "DbName=dev",
        "AutoCreate=false",
        "DurationSeconds=900",
    ] {
        assert!(request.contains(part), "{part}\n{request}");
    }
    for secret in ["open sesame", "open barley"] {
        assert!(!outcome.stderr.contains(secret) && !outcome.stdout.contains(secret), "{outcome}");
    }
}

#[test]
fn error_of_aws_names_the_missing_permission() {
    let here = Workspace::new();
    let body = "<ErrorResponse><Error><Type>Sender</Type><Code>AccessDenied</Code><Message>User ann is \
        not authorized to perform: redshift:GetClusterCredentials</Message></Error></ErrorResponse>";
    let (endpoint, request) = answers_once("403 Forbidden", body);
    let target = "redshift://ann@stars.abc.eu-west-1.redshift.amazonaws.com/dev";
    let outcome = ask(&here, &endpoint, target, &[]);
    outcome
        .fails_with("login-failed")
        .naming(&["GetClusterCredentials for cluster stars", "not authorized"]);
    assert!(request.join().unwrap().contains("ClusterIdentifier=stars"));
}

#[test]
fn host_outside_of_aws_requires_a_cluster_name() {
    let here = Workspace::new();
    let target = "redshift://ann@tunnel.example.com/dev";
    let outcome = ask(&here, "http://127.0.0.1:1", target, &[]);
    outcome.fails_with("login-failed").naming(&["--cluster or --workgroup"]);
}
