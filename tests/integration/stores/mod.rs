//! All kinds of object stores: their features, their connection settings, and their errors.

mod conditions;
mod keys;
mod local;
mod proxies;
mod requests;
mod trials;
mod web;

use std::process::Command;

use crate::support::objects::MemoryStore;
use crate::support::{Outcome, Workspace, stub};

const SONG: &str =
    r#"{"song_id":"SO1","title":"T","artist_id":"AR1","artist_name":"A","year":0,"duration":1.5}"#;
const LOG: &str = r#"{"ts":1541044398796,"page":"NextSong","userId":"8","sessionId":1,"itemInSession":1,"artist":"A","song":"T","length":1.5,"level":"free"}"#;

/// Creates a folder with one song and one log.
fn with_data() -> Workspace {
    let workspace = Workspace::new();
    workspace.write("songs/a.json", SONG);
    workspace.write("logs/a.json", LOG);
    workspace
}

/// Returns a command that accesses S3 at an endpoint.
fn on_s3(workspace: &Workspace, endpoint: &str) -> Command {
    let mut command = workspace.command();
    command.env("AWS_ENDPOINT_URL", endpoint).env("AWS_REGION", "us-east-1");
    command.env("AWS_ACCESS_KEY_ID", "AKIAIOSFODNN7EXAMPLE");
    command.env("AWS_SECRET_ACCESS_KEY", "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY");
    command.env("AWS_CONFIG_FILE", "/nowhere").env("AWS_SHARED_CREDENTIALS_FILE", "/nowhere");
    for variable in ["HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY"] {
        command.env_remove(variable).env_remove(variable.to_lowercase());
    }
    command
}

/// Returns a command that accesses Google Cloud Storage at an endpoint.
fn on_gcs(workspace: &Workspace, endpoint: &str) -> Command {
    let account = format!(
        r#"{{"gcs_base_url":"{endpoint}","disable_oauth":true,"client_email":"","private_key":"","private_key_id":""}}"#
    );
    let mut command = workspace.command();
    command.env("GOOGLE_SERVICE_ACCOUNT_KEY", account).env("GOOGLE_ALLOW_HTTP", "true");
    command
}

/// Returns a command that accesses Azure at an endpoint.
fn on_azure(workspace: &Workspace, endpoint: &str) -> Command {
    let mut command = workspace.command();
    command.env("AZURE_STORAGE_ACCOUNT_NAME", "account").env("AZURE_STORAGE_ENDPOINT", endpoint);
    command.env("AZURE_SKIP_SIGNATURE", "true").env("AZURE_ALLOW_HTTP", "true");
    command
}

/// Adds the arguments that build a star from local data, and runs the command.
fn transform(mut command: Command, workspace: &Workspace, out: &str, more: &[&str]) -> Outcome {
    command.args(["transform", "--songs", "songs", "--logs", "logs", "--out", out]).args(more);
    workspace.outcome(&mut command)
}
