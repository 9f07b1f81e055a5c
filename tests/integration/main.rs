//! The integration tests, one module per subject. They are one program, so that the support code is
//! compiled once and the library is linked once.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test fails by panicking"
)]

mod support;

mod aws_standin;
mod cli;
mod cloud;
#[cfg(feature = "cluster")]
mod cluster;
mod crash;
mod deploy;
mod fuzz_corpora;
mod incremental;
mod large_objects;
mod layers;
mod listing;
mod load;
mod machines;
mod models;
mod reading;
mod readme;
mod real_data;
mod reference;
mod report;
mod s3;
mod semantics;
mod standin;
mod stores;
mod tutorial;
