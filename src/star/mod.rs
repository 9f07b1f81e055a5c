//! The star.

pub mod model;
