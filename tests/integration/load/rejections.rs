//! Rejected targets, passwords, certificates and broken stars, and their error messages.

use super::*;
use crate::support::postgres::{SECRET_PASSWORD, SECRET_USER};

#[tokio::test]
async fn passwords_come_from_the_environment_or_a_private_file_and_are_never_shown() {
    use std::os::unix::fs::PermissionsExt;
    let (here, database) = (with_star(), database());
    let client = database.client().await;
    let create = format!("CREATE SCHEMA IF NOT EXISTS star AUTHORIZATION {SECRET_USER}");
    client.batch_execute(&create).await.unwrap();
    let url = database.url().replacen("starlift@", &format!("{SECRET_USER}@"), 1);
    load(&here, &url, &[]).fails_with("login-failed").naming(&["--password-file"]);
    let with = |variable: &str, value: &str| {
        let mut command = here.command();
        command
            .env(variable, value)
            .args(["-vv", "load", "--force", "--star", "star", "--to", &url]);
        let outcome = here.outcome(&mut command);
        let all = format!("{}{}", outcome.stdout, outcome.stderr);
        assert!(!all.contains(SECRET_PASSWORD), "the password is shown\n{outcome}");
        outcome
    };
    with("STARLIFT_PASSWORD", SECRET_PASSWORD).exits(0);
    with("PGPASSWORD", SECRET_PASSWORD).exits(0);
    with("STARLIFT_PASSWORD", "wrong")
        .fails_with("statement-rejected")
        .naming(&["28P01", "STARLIFT_PASSWORD"]);
    let file = here.write("password", format!("{SECRET_PASSWORD}\n"));
    let allow = |mode| {
        std::fs::set_permissions(&file, std::fs::Permissions::from_mode(mode)).unwrap();
    };
    allow(0o644);
    load(&here, &url, &["--password-file", "password"])
        .fails_with("invalid-option")
        .naming(&["chmod 600"]);
    allow(0o600);
    load(&here, &url, &["--password-file", "password"]).exits(0);
    let pgpass = here.write("pgpass", format!("*:*:*:{SECRET_USER}:{SECRET_PASSWORD}\n"));
    std::fs::set_permissions(&pgpass, std::fs::Permissions::from_mode(0o600)).unwrap();
    with("PGPASSFILE", pgpass.to_str().unwrap()).exits(0);
    let record = here.read("star/_starlift.json");
    assert!(!record.contains(SECRET_PASSWORD));
    let ledger = value(&client, "SELECT string_agg(l::text, ' ') FROM star.starlift_loads l").await;
    assert!(ledger.contains("songplays") && !ledger.contains(SECRET_PASSWORD));
}

#[tokio::test]
async fn server_must_present_a_certificate_for_its_name() {
    let (here, database) = (with_star(), database());
    let (port, name) = (Postgres::shared().port(), database.name().to_owned());
    let ca = Postgres::shared().ca_file();
    let at = |host: &str, more: &str| format!("postgres://starlift@{host}:{port}/{name}?{more}");
    let root = format!("sslrootcert={}", ca.display());
    load(&here, &at("localhost", &root), &[]).exits(0);
    // Without the CA certificate the server is not trusted.
    let outcome = load(&here, &at("localhost", "sslmode=verify-full"), &[]);
    outcome.fails_with("tls-failed").naming(&["sslrootcert"]);
    let other = here.write("other.pem", "no certificate\n");
    let root = format!("sslrootcert={}", other.display());
    load(&here, &at("localhost", &root), &[]).fails_with("tls-failed").naming(&["other.pem"]);
}

#[test]
fn invalid_targets_are_rejected_before_any_connection() {
    let here = Workspace::new();
    for (to, says) in [
        ("postgres://u:sesame@h/d", "STARLIFT_PASSWORD"),
        ("mysql://u@h/d", "redshift://USER@HOST"),
        ("nowhere", "[warehouse.NAME]"),
        ("redshift://u@h/d?sslmode=disable", "always encrypted"),
    ] {
        let outcome = load(&here, to, &[]);
        outcome.exits(2).complains(says);
        assert!(!outcome.stderr.contains("sesame"), "{outcome}");
    }
    let url = "postgres://u@localhost:1/d";
    load(&here, url, &["--auth", "iam"]).fails_with("invalid-option").naming(&["Redshift only"]);
}

#[test]
fn unreachable_server_is_named() {
    let here = with_star();
    let outcome = load(&here, "postgres://u@127.0.0.1:1/d", &[]);
    outcome.fails_with("connection-failed").naming(&["postgres://u@127.0.0.1:1/d"]);
}

#[tokio::test]
async fn broken_star_is_not_loaded() {
    let (here, database) = (with_star(), database());
    load(&here, &database.url(), &[]).exits(0);
    let client = database.client().await;
    let before = loaded_run(&client).await;
    transform(&here, "star", &["--unmatched", "drop"]).exits(0);
    let songs = crate::support::files(&here.join("star/songs"));
    std::fs::remove_file(here.join("star/songs").join(&songs[0])).unwrap();
    load(&here, &database.url(), &[]).fails_with("damaged-star").naming(&[&songs[0]]);
    assert_eq!(loaded_run(&client).await, before);
    here.run(["load", "--star", "nowhere", "--to", &database.url()])
        .fails_with("nothing-found")
        .naming(&["nowhere"]);
}

#[tokio::test]
async fn dry_run_shows_every_statement_without_connecting() {
    let here = with_star();
    let outcome = load(&here, "postgres://u@127.0.0.1:1/d", &["--dry-run", "--schema", "mart"]);
    outcome.exits(0).says("CREATE SCHEMA IF NOT EXISTS \"mart\";").says("COPY \"mart\".");
    outcome
        .says("FROM STDIN (FORMAT binary, FREEZE);")
        .says("INSERT INTO \"mart\".\"starlift_loads\"");
    let position =
        |text: &str| outcome.stdout.find(text).unwrap_or_else(|| panic!("{text}\n{outcome}"));
    assert!(
        position("EXCLUSIVE MODE") < position("COPY ") && position("COPY ") < position("RENAME TO")
    );
}

#[tokio::test]
async fn configuration_file_defines_named_warehouses() {
    let (here, database) = (with_star(), database());
    here.write(
        "starlift.toml",
        format!(
            "star = \"star\"\n[warehouse.local]\nurl = \"{}\"\nschema = \"mart\"\n\
             statement_timeout = 60\nlock_timeout = 5\n\
             [warehouse.wide]\nurl = \"redshift://u@h/d\"\n\
             [warehouse.wide.tables.songplays]\ndistribution = \"user_id\"\nsort_key = [\"user_id\"]\n",
            database.url()
        ),
    );
    here.run(["load", "--to", "local"]).exits(0).says("schema mart");
    here.run(["query", "--on", "local", "months_present"]).exits(0);
    here.run(["load", "--to", "locla"]).fails_with("invalid-option").naming(&["local, wide"]);
}

#[tokio::test]
async fn sessions_have_a_name_and_statements_a_timeout() {
    let (here, database) = (Workspace::new(), database());
    let ask = |sql: &str| {
        here.run([
            "query",
            "--on",
            &database.url(),
            "--schema",
            "public",
            "--format",
            "csv",
            "--statement-timeout",
            "1",
            "--sql",
            sql,
        ])
    };
    let name = "SELECT application_name FROM pg_stat_activity WHERE pid = pg_backend_pid()";
    ask(name).exits(0).says(concat!("starlift ", env!("CARGO_PKG_VERSION")));
    ask("SELECT pg_sleep(20)")
        .fails_with("statement-rejected")
        .naming(&["57014", "--statement-timeout"]);
}

#[test]
fn text_that_could_be_a_password_is_not_repeated() {
    let here = with_star();
    for to in ["u:sesame@h/d", "host=h password=sesame", "mysql://u@h/d?password=sesame"] {
        let outcome = load(&here, to, &[]);
        outcome.exits(2);
        assert!(!outcome.stderr.contains("sesame"), "{outcome}");
    }
    here.write(
        "starlift.toml",
        "star = \"star\"\n[warehouse.x]\nurl = \"postgres://u@h/d\"\npassword = \"sesame\"\n",
    );
    let outcome = here.run(["load", "--to", "x"]);
    outcome.fails_with("invalid-option").naming(&["starlift.toml:4", "password"]);
    assert!(!outcome.stderr.contains("sesame"), "{outcome}");
}
