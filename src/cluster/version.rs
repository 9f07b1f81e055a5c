//! The version of this program, which must be the same in all processes of a cluster.

use datafusion::error::{DataFusionError, Result};

/// Returns the version of this program.
pub(super) fn own() -> String {
    env!("CARGO_PKG_VERSION").to_owned()
}

/// Fails unless `found` is the version of this program.
///
/// # Errors
///
/// Returns an error that names both versions.
pub(super) fn ensure_same(found: &str) -> Result<()> {
    let own = own();
    if found == own {
        return Ok(());
    }
    Err(DataFusionError::Execution(format!(
        "the plan is of version {found} of starlift, and this process has version {own}; copy the same binary to all \
         machines"
    )))
}
