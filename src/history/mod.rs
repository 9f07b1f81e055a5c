//! The earlier stars of an output whose files are kept: selecting, comparing and restoring them.

mod compare;
mod restore;
mod select;

pub use compare::{Comparison, Difference, compare};
pub use restore::{Restored, find_restorable, restore};
pub use select::{CURRENT, find_star};
