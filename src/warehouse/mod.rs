//! The warehouses that a star is loaded into.

pub mod contract;
