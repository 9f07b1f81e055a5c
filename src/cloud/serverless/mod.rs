//! Redshift Serverless: a workgroup, which computes, and its namespace, which keeps the data.
//!
//! [`plan`] says what is wanted; [`namespace`], [`workgroup`] and [`limit`] each bring their resource
//! to it; [`provision`] and [`teardown`] put these in order, and [`survey`] finds what is there.
//! [`lookup`] is what a load needs to know of a workgroup that exists, whoever created it.
//!
//! A workgroup costs nothing while no query runs, so that nothing pauses it: a usage limit, at which
//! AWS turns queries off, bounds what it costs.

mod api;
pub mod limit;
pub mod lookup;
pub mod namespace;
pub mod plan;
pub mod provision;
mod resource;
pub mod survey;
pub mod teardown;
mod wait;
pub mod workgroup;

pub use lookup::{Credentials, credentials, find};

#[cfg(test)]
mod tests;
