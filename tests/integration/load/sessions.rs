//! Time limits of servers and roles, schema names, and authentication methods.

use super::*;
use starlift::warehouse::connection::session::{Access, Limits, Login, Session};
use starlift::warehouse::connection::target::Target;

/// Creates a role for the database with these settings, and returns its name and URL.
async fn role(database: &Database, settings: &[&str]) -> (String, String) {
    let name = format!("limited_{}", database.name());
    let client = database.client().await;
    client
        .batch_execute(&format!(
            "CREATE ROLE {name} LOGIN; GRANT CREATE ON DATABASE {} TO {name}",
            database.name()
        ))
        .await
        .unwrap();
    for setting in settings {
        client.batch_execute(&format!("ALTER ROLE {name} SET {setting}")).await.unwrap();
    }
    let url = database.url().replacen("starlift@", &format!("{name}@"), 1);
    (name, url)
}

#[tokio::test(flavor = "multi_thread")]
async fn role_limit_is_reported_as_such_and_an_option_overrides_it() {
    let (here, database) = (with_star(), database());
    let (name, url) = role(&database, &["statement_timeout = '90ms'"]).await;
    let ask = |more: &[&str]| {
        let sql = "SELECT COUNT(*) AS n FROM songplays, songplays b, songplays c, songplays d";
        here.run(["query", "--on", &url, "--sql", sql].iter().chain(more))
    };
    load(&here, &url, &["--statement-timeout", "600"]).exits(0);
    ask(&[]).fails_with("statement-rejected").naming(&[
        &format!("statement_timeout is 90ms, set for role \"{name}\""),
        "--statement-timeout",
        &format!("ALTER ROLE \"{name}\" SET statement_timeout"),
    ]);
    let own = ask(&["--statement-timeout", "1"]);
    own.fails_with("statement-rejected").naming(&["--statement-timeout"]);
    assert!(!own.stderr.contains("set for role"), "{own}");
    let doctor = here.run(["doctor", "--to", &url]);
    doctor.says("statement_timeout is 90ms, set for role");
}

#[tokio::test(flavor = "multi_thread")]
async fn load_overrides_limits_that_would_break_it() {
    let (here, database) = (with_star(), database());
    let (_, url) =
        role(&database, &["lock_timeout = 1", "idle_in_transaction_session_timeout = 20"]).await;
    let client = database.client().await;
    load(&here, &url, &[]).exits(0);
    let sql =
        format!("ALTER DATABASE {} SET idle_in_transaction_session_timeout = 10", database.name());
    client.batch_execute(&sql).await.unwrap();
    load(&here, &url, &["--force"]).exits(0);
}

#[tokio::test(flavor = "multi_thread")]
async fn load_overrides_the_transaction_timeout_and_a_query_reports_it() {
    let (here, database) = (with_star(), database());
    let client = database.client().await;
    // PostgreSQL 17 introduced the setting.
    let known = "SELECT COUNT(*) FROM pg_settings WHERE name = 'transaction_timeout'";
    if value(&client, known).await == "0" {
        println!("skipped: this PostgreSQL has no transaction_timeout");
        return;
    }
    let (name, url) = role(&database, &["transaction_timeout = 90"]).await;
    load(&here, &url, &[]).exits(0);
    let sql = "SELECT COUNT(*) AS n FROM songplays, songplays b, songplays c, songplays d";
    here.run(["query", "--on", &url, "--sql", sql])
        .exits(1)
        .complains(&format!("transaction_timeout is 90ms, set for role \"{name}\""))
        .complains(&format!("ALTER ROLE \"{name}\" SET transaction_timeout"));
}

#[tokio::test(flavor = "multi_thread")]
async fn database_lock_timeout_is_reported_as_such() {
    let (here, database) = (with_star(), database());
    load(&here, &database.url(), &[]).exits(0);
    let client = database.client().await;
    let name = database.name();
    client.batch_execute(&format!("ALTER DATABASE {name} SET lock_timeout = 70")).await.unwrap();
    client.batch_execute("BEGIN; LOCK TABLE star.songs").await.unwrap();
    let args = ["query", "--on", &database.url(), "--sql", "SELECT COUNT(*) FROM songs"];
    here.run(args)
        .fails_with("statement-rejected")
        .naming(&[&format!("lock_timeout is 70ms, set for database \"{name}\""), "ALTER DATABASE"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn session_ended_by_the_idle_timeout_is_reported_as_such() {
    let database = database();
    let (name, url) = role(&database, &["idle_session_timeout = 100"]).await;
    let access = Access {
        target: Target::parse(&url).unwrap(),
        login: Login::Password(None),
        limits: Limits::default(),
    };
    let session = Session::open(&access).await.unwrap();
    tokio::time::sleep(std::time::Duration::from_millis(600)).await;
    let error = session.execute("look", "SELECT 1").await.unwrap_err();
    assert!(error.is_lost());
    let said = error.cause.to_string();
    assert!(
        said.contains(&format!("idle_session_timeout is 100ms, set for role \"{name}\"")),
        "{said}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn schemas_can_have_capitals_in_postgresql_but_not_in_redshift() {
    let (here, database) = (with_star(), database());
    let url = database.url();
    let schema = ["--schema", "Sparkify \"DWH\""];
    load(&here, &url, &schema).exits(0);
    load(&here, &url, &[&schema[..], &["--force"]].concat()).exits(0);
    here.run(["query", "--compare", "--star", "star", "--on", &url].iter().chain(&schema)).exits(0);
    here.run(["check", "--star", "star", "--on", &url].iter().chain(&schema)).exits(0);
    let client = database.client().await;
    let plays = "SELECT COUNT(*) > 0 FROM \"Sparkify \"\"DWH\"\"\".songplays";
    assert_eq!(value(&client, plays).await, "t");
    let redshift = "redshift://u@h.example.com/dev";
    load(&here, redshift, &["--schema", "Star"]).fails_with("invalid-name").naming(&["lowercase"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn url_can_name_a_socket() {
    let (here, database) = (with_star(), database());
    let folder = Postgres::shared().socket_folder().display().to_string();
    let (name, port) = (database.name(), Postgres::shared().port());
    for url in [
        format!("postgresql://starlift@/{name}?host={folder}&port={port}"),
        format!("postgresql:///{name}?host={folder}&port={port}&user=starlift&sslmode=require"),
        format!("postgres://starlift@{}:{port}/{name}", folder.replace('/', "%2F")),
    ] {
        load(&here, &url, &["--force"]).exits(0);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn roles_without_superuser_can_load_and_query() {
    let (here, database) = (with_star(), database());
    let (_, url) = role(&database, &[]).await;
    load(&here, &url, &[]).exits(0);
    load(&here, &url, &["--force"]).exits(0).says("load 2)");
    here.run(["query", "--compare", "--star", "star", "--on", &url]).exits(0);
    here.run(["doctor", "--to", &url]).says("the user can create tables in star");
}

#[tokio::test]
async fn doctor_does_not_mistake_an_unencrypted_host_for_this_machine() {
    let here = Workspace::new();
    let database = database();
    here.run(["doctor", "--to", &database.url()]).says("stays on this machine");
    let Some(address) = own_address() else {
        println!("skipped: this machine has no address but loopback");
        return;
    };
    let url =
        format!("postgres://u@{address}:{}/d?sslmode=disable&connect_timeout=1", listener(address));
    let outcome = here.run(["doctor", "--to", &url]);
    outcome.says("the connection to").says("is not encrypted");
    assert!(!outcome.stdout.contains("stays on this machine"), "{outcome}");
}

/// Returns an address of this host that is not a loopback address.
fn own_address() -> Option<std::net::IpAddr> {
    let socket = std::net::UdpSocket::bind("0.0.0.0:0").ok()?;
    // Connecting a UDP socket sends nothing; the system only selects a route.
    socket.connect("192.0.2.1:9").ok()?;
    socket.local_addr().ok().map(|address| address.ip()).filter(|ip| !ip.is_loopback())
}

/// Opens a port that accepts connections and closes them at once, until the process ends.
fn listener(address: std::net::IpAddr) -> u16 {
    let listener = std::net::TcpListener::bind((address, 0)).unwrap();
    let port = listener.local_addr().unwrap().port();
    std::thread::spawn(move || listener.incoming().for_each(drop));
    port
}

#[tokio::test(flavor = "multi_thread")]
async fn statements_hidden_behind_a_backslash_are_not_sent() {
    let (here, database) = (with_star(), database());
    let (_, url) = role(&database, &["standard_conforming_strings = off"]).await;
    load(&here, &url, &[]).exits(0);
    let ask = |sql: &str| here.run(["query", "--on", &url, "--sql", sql]);
    for sql in [
        r"SELECT 'a\' || '; DROP TABLE songs; --'",
        r"SELECT 'a\' || '; COMMIT; DROP TABLE star.songs CASCADE; --'",
    ] {
        ask(sql).fails_with("invalid-option").naming(&["several statements"]);
    }
    ask(r"SELECT 'C:\\' AS backslash FROM songs").exits(0).says(r"C:\");
    here.run(["query", "--compare", "--star", "star", "--on", &url]).exits(0);
}
