//! Connects to a warehouse: its address, the login, sessions, and a check of each step.

pub(crate) mod connectivity;
pub(crate) mod iam;
pub mod secret;
pub mod session;
pub mod target;
