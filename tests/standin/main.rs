//! The fixtures of the load tests: a separate PostgreSQL per process, and the Redshift stand-in.
//! The stand-in must reject what Redshift rejects, or a load test that passes proves nothing.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a broken fixture fails the test"
)]

mod cluster;
mod copy;
mod faults;
mod files;
mod manifest;
mod parquet_files;
mod postgres;
mod queries;
mod statements;
mod tables;
mod transactions;
mod wire;

#[path = "../support/mod.rs"]
mod support;
