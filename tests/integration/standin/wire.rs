//! The protocol: authentication, and the behavior that drivers see.

use tokio_postgres::NoTls;
use tokio_postgres::config::SslMode;

use super::cluster::{Cluster, connector};
use crate::support::redshift::{Auth, Config, Fault, Gate, On, What, When};
use crate::support::tls::Certificates;

#[tokio::test]
async fn version_is_that_of_redshift() {
    let cluster = Cluster::start().await;
    let session = cluster.session().await;
    let version = session.value("SELECT version()").await;
    assert!(version.starts_with("PostgreSQL 8.0.2 on i686-pc-linux-gnu"), "{version}");
    assert!(version.contains("Redshift 1.0."), "{version}");
    assert_eq!(session.value("SHOW server_version").await, "8.0.2");
}

#[tokio::test]
async fn connection_without_tls_is_rejected() {
    let cluster = Cluster::start().await;
    let mut config = cluster.config();
    let rejected = config.ssl_mode(SslMode::Disable).connect(NoTls).await.err().unwrap();
    assert_eq!(rejected.code().unwrap().code(), "28000");
    assert!(rejected.as_db_error().unwrap().message().ends_with("SSL off"), "{rejected:?}");
}

#[tokio::test]
async fn the_certificate_is_for_localhost_and_from_its_own_authority() {
    let cluster = Cluster::start().await;
    let mut config = cluster.config();
    let stranger = Certificates::for_localhost().authority;
    assert!(config.connect(connector(stranger.as_bytes())).await.is_err());
    let mut by_number = tokio_postgres::Config::new();
    by_number.host("127.0.0.1").port(cluster.redshift.port()).dbname("dev").user("loader");
    by_number.password(cluster.redshift.password()).ssl_mode(SslMode::Require);
    assert!(by_number.connect(cluster.tls()).await.is_err());
    assert!(config.ssl_mode(SslMode::Require).connect(cluster.tls()).await.is_ok());
}

#[tokio::test]
async fn a_wrong_password_is_rejected() {
    for auth in [Auth::Md5, Auth::Cleartext] {
        let cluster = Cluster::start_with(Config { auth, ..Config::default() }).await;
        let mut config = cluster.config();
        cluster.session().await.run("SELECT 1").await;
        let rejected = config.password("wrong").connect(cluster.tls()).await.err().unwrap();
        assert_eq!(rejected.code().unwrap().code(), "28000");
        let rejected = config.user("missing").connect(cluster.tls()).await.err().unwrap();
        assert_eq!(rejected.code().unwrap().code(), "28000");
    }
}

#[tokio::test]
async fn password_stored_as_sha256_fails_the_login() {
    let config = Config { auth: Auth::Sha256, ..Config::default() };
    let cluster = Cluster::start_with(config).await;
    let error = cluster.config().connect(cluster.tls()).await.err().unwrap();
    let cause = format!("{error:?}");
    assert!(cause.contains("unknown authentication tag `13`"), "{cause}");
}

#[tokio::test]
async fn only_one_database_exists() {
    let cluster = Cluster::start().await;
    let rejected = cluster.config().dbname("prod").connect(cluster.tls()).await.err().unwrap();
    assert_eq!(rejected.code().unwrap().code(), "3D000");
}

#[tokio::test]
async fn only_simple_queries_are_accepted() {
    let cluster = Cluster::start().await;
    let session = cluster.session().await;
    let error = session.client.query("SELECT 1", &[]).await.err().unwrap();
    assert_eq!(error.code().unwrap().code(), "0A000");
    assert_eq!(session.value("SELECT 1").await, "1");
}

#[tokio::test]
async fn only_one_statement_per_query_is_accepted() {
    let cluster = Cluster::start().await;
    let session = cluster.session().await;
    session.rejects("BEGIN; COMMIT", "0A000", "several statements").await;
    session.run("SELECT 1;").await;
    session.run("").await;
}

#[tokio::test]
async fn missing_catalog_relations_and_functions_are_rejected() {
    let cluster = Cluster::start().await;
    let session = cluster.session().await;
    session.rejects("SELECT * FROM pg_catalog.pg_range", "42P01", "pg_range").await;
    session.rejects("SELECT * FROM pg_enum", "42P01", "pg_enum").await;
    session.rejects("SELECT pg_advisory_lock(1)", "42883", "pg_advisory_lock").await;
}

#[tokio::test]
async fn settings_are_validated() {
    let cluster = Cluster::start().await;
    let session = cluster.session().await;
    let unknown = "unrecognized configuration parameter \"standard_conforming_strings\"";
    session.rejects("SET standard_conforming_strings = on", "42704", unknown).await;
    session.rejects("SET extra_float_digits TO 3", "22023", "(-15 .. 2)").await;
    session.run("SET extra_float_digits TO 2").await;
    session.run("SET application_name TO 'starlift'").await;
    session.run("SET query_group TO 'load'").await;
    session.run("SET statement_timeout TO 60000").await;
    assert_eq!(session.value("SHOW statement_timeout").await, "60000");
}

#[tokio::test]
async fn a_statement_ends_at_its_timeout() {
    let cluster = Cluster::start().await;
    let session = cluster.session().await;
    session.run("SET statement_timeout TO 50").await;
    let what = What::Hold(Gate::new());
    let on = On::Containing("SELECT 1".into());
    cluster.redshift.inject(Fault { on, skip: 0, when: When::Before, what });
    session.rejects("SELECT 1", "57014", "cancelled on user's request").await;
    assert_eq!(session.value("SELECT 2").await, "2");
}

#[tokio::test]
async fn client_cancels_a_statement() {
    let cluster = Cluster::start().await;
    let session = cluster.session().await;
    let gate = Gate::new();
    let what = What::Hold(gate.clone());
    let on = On::Containing("SELECT 1".into());
    cluster.redshift.inject(Fault { on, skip: 0, when: When::Before, what });
    let cancel = async {
        gate.reached().await;
        session.client.cancel_token().cancel_query(cluster.tls()).await.unwrap();
    };
    tokio::join!(session.rejects("SELECT 1", "57014", "cancelled"), cancel);
}

#[tokio::test]
async fn client_cancels_a_lock_wait() {
    let cluster = Cluster::start().await;
    let (holder, session) = (cluster.session().await, cluster.session().await);
    holder.run("CREATE TABLE t (a INTEGER)").await;
    holder.run("BEGIN").await;
    holder.run("LOCK t").await;
    session.run("BEGIN").await;
    let cancel = async {
        tokio::time::sleep(std::time::Duration::from_millis(200)).await;
        session.client.cancel_token().cancel_query(cluster.tls()).await.unwrap();
    };
    tokio::join!(session.rejects("SELECT * FROM t", "57014", "cancelled"), cancel);
    session.rejects("SELECT 1", "25P02", "aborted").await;
    session.run("ROLLBACK").await;
    assert_eq!(session.value("SELECT 1").await, "1");
}

#[tokio::test]
async fn every_statement_is_recorded() {
    let cluster = Cluster::start().await;
    cluster.session().await.run("SELECT 1").await;
    let _ = cluster.session().await.error_of("SELEC 2").await;
    assert_eq!(cluster.redshift.statements(), ["SELECT 1", "SELEC 2"]);
}
