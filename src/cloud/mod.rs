//! AWS resources for a load: a role that reads the star, a security group that admits a client, a Redshift
//! cluster or workgroup, and a schedule that pauses the cluster.
//!
//! [`plan`] derives the full specification without sending a request. [`role`], [`network`], [`cluster`] and
//! [`schedule`] each build the requests for their resource and change it to match the plan. [`inventory`] finds
//! the existing resources. [`provision`], [`pause`] and [`teardown`] combine these steps. No resource changes
//! unless it has the tags of [`tags`].

pub mod cidr;
pub mod clients;
pub mod cluster;
pub mod data_api;
pub mod ec2;
pub mod error;
pub mod inventory;
mod json;
pub mod keys;
pub mod lookup;
pub mod names;
pub mod network;
pub mod pause;
pub mod permissions;
pub mod plan;
pub mod policy;
pub mod price;
pub mod progress;
pub mod provision;
mod retry;
pub mod role;
pub mod schedule;
pub mod secrets;
pub mod serverless;
mod signed;
pub mod tags;
pub mod teardown;

#[cfg(test)]
mod tests;
