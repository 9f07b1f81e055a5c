//! Connects to a warehouse: its address, the login, sessions, and a check of each step.

pub mod connectivity;
pub mod iam;
pub mod secret;
pub mod session;
pub mod target;
