//! What the tests of loading stand on: a PostgreSQL of their own, and the stand-in for Redshift,
//! which has to refuse what Redshift refuses or a test that passes proves nothing.

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
