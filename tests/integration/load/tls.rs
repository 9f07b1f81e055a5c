//! Certificates and host names of PostgreSQL servers.

use super::*;
use crate::support::tls::Certificates;

fn at(server: &Postgres, host: &str, more: &str) -> String {
    format!("postgres://starlift@{host}:{}/postgres?{more}", server.port())
}

fn ask(here: &Workspace, url: &str) -> Outcome {
    here.run(["query", "--on", url, "--sql", "SELECT 1 AS one"])
}

#[tokio::test(flavor = "multi_thread")]
async fn self_signed_certificate_is_trusted_for_its_name() {
    let here = Workspace::new();
    for (common_name, names, is_authority) in [
        ("localhost", &["localhost"][..], false),
        ("localhost", &["localhost"][..], true),
        // Older instructions create a certificate with only a common name.
        ("localhost", &[][..], true),
    ] {
        let server =
            Postgres::showing(&Certificates::self_signed(common_name, names, is_authority));
        let root = format!("sslrootcert={}", server.ca_file().display());
        ask(&here, &at(&server, "localhost", &root)).exits(0);
        // The name must match, unless the mode or `tls_name` says otherwise.
        let other = ask(&here, &at(&server, "127.0.0.1", &root));
        other.fails_with("tls-failed").naming(&["tls_name"]);
        ask(&here, &at(&server, "127.0.0.1", &format!("{root}&sslmode=verify-ca"))).exits(0);
        ask(&here, &at(&server, "127.0.0.1", &format!("{root}&sslmode=require"))).exits(0);
        ask(&here, &at(&server, "127.0.0.1", &format!("{root}&tls_name=localhost"))).exits(0);
        ask(&here, &at(&server, "127.0.0.1", &format!("{root}&sslsni=localhost"))).exits(0);
        ask(&here, &at(&server, "localhost", "sslmode=verify-full"))
            .fails_with("tls-failed")
            .naming(&["sslrootcert"]);
        ask(&here, &at(&server, "localhost", "sslmode=verify-ca")).exits(1);
        let unverified = ask(&here, &at(&server, "localhost", "sslmode=require"));
        unverified.exits(0).complains("is not verified");
        // Another certificate with the same name is not trusted.
        let other = Certificates::self_signed(common_name, names, is_authority);
        let file = here.write("other.pem", &other.server);
        let root = format!("sslrootcert={}", file.display());
        for mode in ["verify-full", "verify-ca", "require"] {
            let url = at(&server, "localhost", &format!("{root}&sslmode={mode}"));
            ask(&here, &url).fails_with("tls-failed");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn modes_match_libpq() {
    let here = Workspace::new();
    let server = Postgres::shared();
    let root = format!("sslrootcert={}", server.ca_file().display());
    let encrypted = |url: &str| {
        let sql = "SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()";
        let outcome = here.run(["query", "--on", url, "--format", "csv", "--sql", sql]);
        outcome.exits(0);
        outcome.stdout.lines().last() == Some("true") || outcome.stdout.lines().last() == Some("t")
    };
    assert!(!encrypted(&at(server, "localhost", "")));
    assert!(encrypted(&at(server, "localhost", "sslmode=require")));
    assert!(encrypted(&at(server, "127.0.0.1", &format!("{root}&sslmode=verify-ca"))));
    assert!(encrypted(&at(server, "localhost", &format!("{root}&channel_binding=prefer"))));
    ask(&here, &at(server, "127.0.0.1", &root)).fails_with("tls-failed").naming(&["tls_name"]);
    ask(&here, &at(server, "localhost", "sslmode=prefer"))
        .fails_with("invalid-target")
        .naming(&["unencrypted"]);
    let both = format!("{root}&sslmode=disable");
    ask(&here, &at(server, "localhost", &both))
        .fails_with("invalid-target")
        .naming(&["contradicts"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn channel_binding_is_honoured() {
    let here = Workspace::new();
    let server = Postgres::shared();
    let root = format!("sslrootcert={}", server.ca_file().display());
    let url = |user: &str, more: &str| {
        format!("postgres://{user}@localhost:{}/postgres?{root}&{more}", server.port())
    };
    let with_password = |url: &str| {
        let mut command = here.command();
        command.env("STARLIFT_PASSWORD", crate::support::postgres::SECRET_PASSWORD);
        command.args(["query", "--on", url, "--sql", "SELECT 1 AS one"]);
        here.outcome(&mut command)
    };
    let secret = crate::support::postgres::SECRET_USER;
    for mode in ["require", "prefer", "disable"] {
        with_password(&url(secret, &format!("channel_binding={mode}"))).exits(0);
    }
    // A server that does not request a password proves nothing.
    with_password(&url("starlift", "channel_binding=require")).exits(1);
}

#[tokio::test(flavor = "multi_thread")]
async fn configuration_file_accepts_the_tls_settings_of_a_url() {
    let here = Workspace::new();
    let server = Postgres::shared();
    let ca = server.ca_file().display().to_string();
    let encrypted = |settings: &str| {
        let url = at(server, "127.0.0.1", "").trim_end_matches('?').to_owned();
        let file = format!("[warehouse.dwh]\nurl = \"{url}\"\n{settings}\n");
        here.write("starlift.toml", file);
        let sql = "SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()";
        here.run(["query", "--on", "dwh", "--format", "csv", "--sql", sql])
    };
    encrypted("").exits(0).says("f");
    // The settings apply to this host too.
    encrypted(&format!("sslrootcert = \"{ca}\"")).fails_with("tls-failed");
    encrypted(&format!("sslrootcert = \"{ca}\"\ntls_name = \"localhost\"")).exits(0).says("t");
    encrypted(&format!("sslrootcert = \"{ca}\"\nsslmode = \"verify-ca\"")).exits(0).says("t");
    encrypted("sslmode = \"require\"\nconnect_timeout = 5").exits(0).says("t");
    encrypted("sslmode = \"prefer\"").fails_with("invalid-target").naming(&["sslmode"]);
    encrypted("channel_binding = \"maybe\"")
        .fails_with("invalid-target")
        .naming(&["channel_binding"]);
    encrypted("connect_timeout = 0").fails_with("invalid-target").naming(&["connect_timeout"]);
}
