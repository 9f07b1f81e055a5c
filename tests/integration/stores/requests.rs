//! Requests to S3: encryption, checksums, requester pays, and the position of the bucket name.

use super::*;
use crate::support::objects::Conditions;
use crate::support::s3::{Op, Request, S3Server};

/// Returns the requests of two runs whose inputs and output are in one bucket.
fn requests(args: &[&str], toml: &str) -> Vec<Request> {
    let (workspace, server) = (with_data(), S3Server::start());
    server.put("songs/a.json", SONG);
    server.put("logs/a.json", LOG);
    workspace.write("starlift.toml", toml);
    let run = |more: &[&str]| {
        let mut command = workspace.command();
        server.apply(&mut command).args(more).args(args);
        workspace.outcome(&mut command).exits(0);
    };
    for _ in 0..2 {
        run(&[
            "transform",
            "--songs",
            "s3://sparkify/songs",
            "--logs",
            "s3://sparkify/logs",
            "--out",
            "s3://sparkify/star",
        ]);
    }
    // This command also writes an object in parts.
    run(&["doctor", "--store", "s3://sparkify/trial"]);
    assert!(server.keys("trial/").is_empty());
    server.requests()
}

/// Returns the requests that create an object: single puts, except the one with a wrong checksum,
/// and the initiations of multipart uploads.
fn writes(requests: &[Request]) -> Vec<&Request> {
    let writes = requests.iter().filter(|r| matches!(r.op, Op::Put | Op::CreateUpload));
    let writes: Vec<_> = writes.filter(|r| !r.target.ends_with("/checksum")).collect();
    let is = |op, target: &str| writes.iter().any(|r| r.op == op && r.target.contains(target));
    assert!(is(Op::Put, "_lock") && is(Op::Put, "_starlift.json") && is(Op::CreateUpload, "parts"));
    writes
}

#[track_caller]
fn assert_encrypted(requests: &[Request], wanted: &[(&str, Option<&str>)]) {
    for write in writes(requests) {
        for (header, value) in wanted {
            let header = format!("x-amz-server-side-encryption{header}");
            assert_eq!(write.header(&header), *value, "{header} of {}", write.target);
        }
    }
}

const KEY: &str = "arn:aws:kms:us-east-1:123456789012:key/1234";

#[test]
fn writes_are_encrypted_as_requested() {
    let kms = [
        ("", Some("aws:kms")),
        ("-aws-kms-key-id", Some(KEY)),
        ("-bucket-key-enabled", Some("true")),
    ];
    let args = ["--sse", "kms", "--sse-kms-key-id", KEY, "--sse-bucket-key"];
    assert_encrypted(&requests(&args, ""), &kms);
    let toml = format!("[s3]\nsse = \"kms\"\nsse_kms_key_id = \"{KEY}\"\nsse_bucket_key = true\n");
    assert_encrypted(&requests(&[], &toml), &kms);
    let none = [("-aws-kms-key-id", None), ("-bucket-key-enabled", None)];
    assert_encrypted(
        &requests(&["--sse", "s3"], ""),
        &[&[("", Some("AES256"))], &none[..]].concat(),
    );
    assert_encrypted(&requests(&[], ""), &[&[("", None)], &none[..]].concat());
}

#[test]
fn every_write_has_the_requested_checksum() {
    for (args, toml) in
        [(&["--checksum", "sha256"][..], ""), (&[], "[s3]\nchecksum = \"sha256\"\n")]
    {
        let requests = requests(args, toml);
        for write in writes(&requests).iter().filter(|write| write.op == Op::Put) {
            assert_eq!(
                write.header("x-amz-checksum-sha256").unwrap().len(),
                44,
                "{}",
                write.target
            );
        }
        let uploads = writes(&requests).into_iter().filter(|write| write.op == Op::CreateUpload);
        assert!(
            uploads.into_iter().all(|r| r.header("x-amz-checksum-algorithm") == Some("SHA256"))
        );
        let mut parts = requests.iter().filter(|request| request.op == Op::UploadPart);
        assert!(parts.all(|part| part.header("x-amz-checksum-sha256").is_some()));
    }
    assert!(writes(&requests(&[], "")).iter().all(|w| w.header("x-amz-checksum-sha256").is_none()));
}

#[test]
fn every_request_accepts_charges_if_requested() {
    for (args, toml) in [(&["--request-payer"][..], ""), (&[], "[s3]\nrequest_payer = true\n")] {
        let requests = requests(args, toml);
        for op in [Op::List, Op::Get, Op::Put, Op::UploadPart] {
            let mut of_op = requests.iter().filter(|request| request.op == op).peekable();
            assert!(of_op.peek().is_some(), "{op:?}");
            for request in of_op {
                assert_eq!(request.header("x-amz-request-payer"), Some("requester"), "{request:?}");
            }
        }
    }
    assert!(requests(&[], "").iter().all(|r| r.header("x-amz-request-payer").is_none()));
}

#[test]
fn bucket_can_be_in_the_host_name() {
    for (more, toml) in
        [(&["--addressing", "virtual"][..], ""), (&[], "[s3]\naddressing = \"virtual\"\n")]
    {
        let (workspace, store) = (with_data(), MemoryStore::start(Conditions::Tags));
        workspace.write("starlift.toml", toml);
        store.put("songs/a.json", SONG);
        store.put("logs/a.json", LOG);
        let mut command = on_s3(&workspace, "http://s3.example.test");
        // The proxy answers for a host that does not exist.
        command.env_remove("AWS_REGION").env("HTTP_PROXY", &store.stub.url);
        command.args(["transform", "--songs", "s3://bucket/songs", "--logs", "s3://bucket/logs"]);
        let outcome = workspace.outcome(command.args(["--out", "s3://bucket/star"]).args(more));
        outcome.exits(0);
        let asked = store.stub.asked();
        assert!(asked.iter().all(|asked| asked.host == "bucket.s3.example.test"), "{asked:?}");
        for (method, path) in
            [("HEAD", "/"), ("GET", "/"), ("GET", "/songs/a.json"), ("PUT", "/star/_lock")]
        {
            assert!(asked.iter().any(|a| a.method == method && a.path == path), "{method} {path}");
        }
    }
}

#[test]
fn kms_options_without_kms_are_a_usage_error() {
    let workspace = with_data();
    for args in [&["--sse-kms-key-id", KEY][..], &["--sse", "s3", "--sse-bucket-key"]] {
        let run = ["transform", "--songs", "songs", "--logs", "logs", "--out", "star"];
        workspace.run(run.iter().chain(args)).fails_with("invalid-option").naming(&["--sse kms"]);
    }
}

#[test]
fn rejected_write_names_the_remedy() {
    for (code, message, advice) in [
        (
            "AccessDenied",
            "User is not authorized to perform: kms:GenerateDataKey",
            "--sse-kms-key-id",
        ),
        ("AccessDenied", "Bucket is requester pays bucket", "pass --request-payer"),
        ("AccessDenied", "Access Denied", "s3:PutObject"),
    ] {
        let body = format!("<Error><Code>{code}</Code><Message>{message}</Message></Error>");
        let rejection = move |asked: &stub::StubRequest| {
            (asked.method == "PUT").then(|| stub::answer(403, body.clone()))
        };
        let (workspace, store) = (with_data(), MemoryStore::rejecting(Conditions::Tags, rejection));
        let command = on_s3(&workspace, &store.stub.url);
        transform(command, &workspace, "s3://bucket/star", &[]).exits(1).complains(advice);
    }
    let body = "<Error><Code>InvalidRequest</Code><Message>Content-MD5 OR x-amz-checksum- HTTP header \
                is required for Put Object requests with Object Lock parameters</Message></Error>";
    let rejection =
        move |asked: &stub::StubRequest| (asked.method == "PUT").then(|| stub::answer(400, body));
    let (workspace, store) = (with_data(), MemoryStore::rejecting(Conditions::Tags, rejection));
    let command = on_s3(&workspace, &store.stub.url);
    let outcome = transform(command, &workspace, "s3://bucket/star", &[]);
    outcome.fails_with("checksum-required").naming(&["--checksum sha256"]);
}
