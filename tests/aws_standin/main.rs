//! The stand-in for AWS: what it adds to moto and what it refuses, each asked for over HTTP as a
//! client would.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a broken fixture fails the test"
)]

mod caller;
mod clusters;
mod create;
mod faults;
mod groups;
mod identity;
mod roles;
mod schedules;
mod sdk;
mod simulate;

#[path = "../support/mod.rs"]
mod support;
