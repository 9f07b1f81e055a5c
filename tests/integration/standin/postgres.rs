//! The PostgreSQL server that the tests start.

use std::fs;

use tokio_postgres::NoTls;

use super::cluster::connector;
use crate::support::postgres::{Postgres, SECRET_PASSWORD, SECRET_USER};

#[tokio::test]
async fn databases_are_empty_and_separate() {
    let (one, other) = (Postgres::shared().database(), Postgres::shared().database());
    assert_ne!(one.name(), other.name());
    one.client().await.batch_execute("CREATE TABLE t (x int)").await.unwrap();
    other.client().await.batch_execute("CREATE TABLE t (x text)").await.unwrap();
    let row = one.client().await.query_one("SELECT current_database()", &[]).await.unwrap();
    assert_eq!(row.get::<_, &str>(0), one.name());
}

#[tokio::test]
async fn postgres_requires_a_password_of_one_role() {
    let database = Postgres::shared().database();
    let mut config: tokio_postgres::Config = database.url().parse().unwrap();
    config.user(SECRET_USER).password("open barley");
    let rejected = config.connect(NoTls).await.err().unwrap();
    assert_eq!(rejected.code().unwrap().code(), "28P01");
    config.password(SECRET_PASSWORD);
    assert!(config.connect(NoTls).await.is_ok());
}

#[tokio::test]
async fn postgres_proves_that_it_is_localhost() {
    let server = Postgres::shared();
    let database = server.database();
    let authority = fs::read(server.ca_file()).unwrap();
    let url = database.url().replace("sslmode=disable", "sslmode=require");
    let by_name = url.replace("127.0.0.1", "localhost");
    assert!(tokio_postgres::connect(&by_name, connector(&authority)).await.is_ok());
    assert!(tokio_postgres::connect(&url, connector(&authority)).await.is_err());
}
