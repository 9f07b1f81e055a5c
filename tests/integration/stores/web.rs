//! Error responses of web servers, and the information that a redirect target receives.

use super::*;
use crate::support::stub::{Stub, answer};

#[test]
fn the_body_of_an_error_is_never_shown() {
    for status in [400, 401, 403, 404, 410, 500, 503] {
        let server = Stub::start(move |asked| {
            answer(status, format!("<html>bodytext X-Amz-Signature {}</html>", asked.query))
        });
        let workspace = with_data();
        let mut command = workspace.command();
        let songs = format!("{}/songs.json?X-Amz-Signature=secretsig", server.url);
        command.args(["--retries", "1", "transform", "--logs", "logs", "--out", "star", "--songs"]);
        let outcome = workspace.outcome(command.arg(songs));
        outcome.exits(1).complains("songs.json");
        let shown = format!("{}{}", outcome.stdout, outcome.stderr);
        assert!(!shown.contains("bodytext") && !shown.contains("secretsig"), "{outcome}");
    }
}

#[test]
fn redirect_target_does_not_learn_the_original_url() {
    let behind = Stub::start(|_| answer(200, SONG));
    let url = behind.url.clone();
    let front = Stub::start(move |_| {
        let mut redirect = answer(302, "");
        redirect.headers_mut().insert("location", format!("{url}/real.json").parse().unwrap());
        redirect
    });
    let workspace = with_data();
    let songs = format!("{}/songs.json?X-Amz-Signature=secretsig", front.url);
    let args = ["transform", "--logs", "logs", "--out", "star", "--songs", &songs];
    workspace.run(args).exits(0).says("songs     1 object listed = 1 read");
    let asked = behind.asked();
    assert!(!asked.is_empty());
    for asked in asked {
        assert_eq!(asked.header("referer"), None);
        assert!(!format!("{asked:?}").contains("secretsig"), "{asked:?}");
    }
}
