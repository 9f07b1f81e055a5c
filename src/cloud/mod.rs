//! The cloud around a load: a role that reads the star, a rule that lets a client in, a Redshift
//! cluster, and a schedule that stops it.
//!
//! [`plan`] says what is wanted, in full and without asking anybody; [`role`], [`network`],
//! [`cluster`] and [`schedule`] each build the requests for their resource and bring it to what the
//! plan says; [`survey`] finds what is there. [`provision`], [`power`] and [`teardown`] put these in
//! order. Nothing is touched that does not carry the tags of [`tags`].

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
