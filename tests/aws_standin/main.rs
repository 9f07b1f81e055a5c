//! The AWS stand-in: its additions to moto and the requests it rejects, tested over HTTP.

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
