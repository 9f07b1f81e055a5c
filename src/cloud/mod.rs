//! AWS resources for a load: a role that reads the star, a security group that admits a client, a Redshift
//! cluster or workgroup, and a schedule that pauses the cluster.
//!
//! [`plan`] derives the full specification without sending a request. [`role`], [`network`], [`cluster`] and
//! [`schedule`] each build the requests for their resource and change it to match the plan. [`survey`] finds
//! the existing resources. [`provision`], [`power`] and [`teardown`] combine these steps. No resource changes
//! unless it carries the tags of [`tags`].

pub mod access;
pub mod address;
pub mod clients;
pub mod cluster;
pub mod data_api;
pub mod ec2;
pub mod error;
pub mod journal;
mod json;
pub mod keys;
pub mod lookup;
pub mod names;
pub mod network;
pub mod plan;
pub mod policy;
pub mod power;
pub mod price;
pub mod provision;
pub mod role;
pub mod schedule;
pub mod secrets;
pub mod serverless;
mod signed;
pub mod survey;
pub mod tags;
pub mod teardown;
mod wait;

#[cfg(test)]
mod tests;
