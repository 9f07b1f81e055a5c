//! What the tests of loading stand on: a PostgreSQL of their own.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a broken fixture fails the test"
)]

mod support;

use support::postgres::{Postgres, SECRET_PASSWORD, SECRET_USER};
use tokio_postgres::NoTls;

#[tokio::test]
async fn a_database_is_empty_and_ones_own() {
    let (one, other) = (Postgres::shared().database(), Postgres::shared().database());
    assert_ne!(one.name(), other.name());
    one.client().await.batch_execute("CREATE TABLE t (x int)").await.unwrap();
    other.client().await.batch_execute("CREATE TABLE t (x text)").await.unwrap();
    let row = one.client().await.query_one("SELECT current_database()", &[]).await.unwrap();
    assert_eq!(row.get::<_, &str>(0), one.name());
}

#[tokio::test]
async fn postgres_asks_one_role_for_its_password() {
    let database = Postgres::shared().database();
    let mut config: tokio_postgres::Config = database.url().parse().unwrap();
    config.user(SECRET_USER).password("open barley");
    let refused = config.connect(NoTls).await.err().unwrap();
    assert_eq!(refused.code().unwrap().code(), "28P01");
    config.password(SECRET_PASSWORD);
    assert!(config.connect(NoTls).await.is_ok());
}
