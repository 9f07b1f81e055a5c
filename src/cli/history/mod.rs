//! `starlift history`, `starlift diff` and `starlift rollback`: the earlier stars of an output.

mod diff;
mod list;
mod rollback;

pub use diff::run as diff;
pub use list::run as list;
pub use rollback::run as rollback;
