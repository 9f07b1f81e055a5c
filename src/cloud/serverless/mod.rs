//! Redshift Serverless: a workgroup, which computes, and its namespace, which keeps the data.
//!
//! [`plan`] describes the wanted resources; [`namespace`], [`workgroup`] and [`limit`] create and change one
//! kind each; [`provision`] and [`teardown`] call them in order, and [`inventory`] finds existing resources.
//! [`lookup`] finds a workgroup for a load, regardless of who created it.
//!
//! A workgroup costs nothing while no query runs, so it is never paused. A usage limit, at which AWS turns
//! queries off, bounds its cost.

mod api;
pub mod inventory;
pub mod limit;
pub mod lookup;
pub mod namespace;
pub mod plan;
pub mod provision;
mod resource;
pub mod teardown;
mod wait;
pub mod workgroup;

pub use lookup::{credentials, find};

#[cfg(test)]
mod tests;
