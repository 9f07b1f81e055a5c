//! Loads and queries through PgBouncer in transaction mode.

use super::*;
use crate::support::pgbouncer::PgBouncer;
use tokio_postgres::NoTls;

async fn client(url: &str) -> Client {
    let (client, connection) = tokio_postgres::connect(url, NoTls).await.unwrap();
    tokio::spawn(connection);
    client
}

/// State that a session could leave behind in its server connection.
const STATE: &str = "SELECT pg_backend_pid() || '', current_setting('search_path'), \
    current_setting('default_transaction_read_only'), current_setting('transaction_read_only'), current_setting('statement_timeout'), \
    current_setting('lock_timeout'), current_setting('idle_in_transaction_session_timeout'), \
    current_setting('datestyle'), current_setting('timezone'), \
    (SELECT COALESCE(string_agg(name, ' '), '') FROM pg_settings WHERE source = 'session' \
        AND name NOT IN ('client_encoding', 'application_name', 'DateStyle', 'TimeZone', \
        'standard_conforming_strings', 'transaction_read_only')), \
    (SELECT COUNT(*) FROM pg_prepared_statements), (SELECT COUNT(*) FROM pg_cursors), \
    (SELECT COUNT(*) FROM pg_listening_channels()), \
    (SELECT COUNT(*) FROM pg_locks WHERE locktype = 'advisory' AND pid = pg_backend_pid()), \
    (SELECT COUNT(*) FROM pg_class WHERE relpersistence = 't')";

#[tokio::test(flavor = "multi_thread")]
async fn session_leaves_no_state_in_a_pool() {
    let (here, database) = (with_star(), database());
    let Some(pooler) = PgBouncer::start(Postgres::shared(), 2) else { return };
    let url = pooler.url(database.name());
    load(&here, &url, &["--statement-timeout", "500", "--lock-timeout", "60"]).exits(0);
    load(&here, &url, &["--force"]).exits(0).says("load 2)");
    let on = ["--on", &url, "--statement-timeout", "400"];
    here.run(["query", "--sql", "SELECT COUNT(*) FROM songplays"].iter().chain(&on)).exits(0);
    here.run(["query", "--compare", "--star", "star"].iter().chain(&on)).exits(0);
    here.run(["check", "--star", "star"].iter().chain(&on)).exits(0);
    let wrong = here.run(["query", "--sql", "SELECT 1 / 0"].iter().chain(&on));
    wrong.fails_with("statement-rejected").naming(&["division by zero"]);
    here.run(["doctor", "--to", &url]);
    here.run(["selftest", "--to", &url]).exits(0);

    let fresh = value(&database.client().await, STATE).await;
    let (_, fresh) = fresh.split_once('|').unwrap();
    // Inspect both connections of the pool, each held by a transaction.
    let (first, second) = (client(&url).await, client(&url).await);
    let mut seen = Vec::new();
    for client in [&first, &second] {
        client.batch_execute("BEGIN").await.unwrap();
        let state = value(client, STATE).await;
        let (process, state) = state.split_once('|').unwrap();
        assert_eq!(state, fresh);
        seen.push(process.to_owned());
    }
    assert_ne!(seen[0], seen[1]);
    first.batch_execute("COMMIT").await.unwrap();
    // The next client can write.
    first.batch_execute("CREATE TABLE public.mine (x INT); DROP TABLE public.mine").await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn settings_of_other_clients_do_not_matter() {
    let (here, database) = (with_star(), database());
    let Some(pooler) = PgBouncer::start(Postgres::shared(), 2) else { return };
    let url = pooler.url(database.name());
    // Leave settings in both connections that would break a load.
    let (first, second) = (client(&url).await, client(&url).await);
    for client in [&first, &second] {
        client
            .batch_execute("BEGIN; SET search_path TO nowhere; SET lock_timeout TO 1")
            .await
            .unwrap();
    }
    for client in [&first, &second] {
        client
            .batch_execute("SET idle_in_transaction_session_timeout TO 50; COMMIT")
            .await
            .unwrap();
    }
    load(&here, &url, &[]).exits(0);
    here.run(["query", "--compare", "--star", "star", "--on", &url]).exits(0);
}

#[tokio::test(flavor = "multi_thread")]
async fn pool_of_one_connection_is_reported_with_a_remedy() {
    let (here, database) = (with_star(), database());
    let Some(pooler) = PgBouncer::start(Postgres::shared(), 1) else { return };
    let outcome = load(&here, &pooler.url(database.name()), &[]);
    outcome.fails_with("statement-rejected").naming(&["default_pool_size", "two at a time"]);
}
