//! The stores, the disk and the permissions of an executor, which its plan nodes use.

use std::path::PathBuf;
use std::sync::Arc;

use datafusion::error::{DataFusionError, Result};

use crate::storage::{Location, Stores};

/// The stores, the disk and the permissions of an executor.
#[derive(Debug)]
pub(crate) struct Services {
    /// Stores of objects and outputs, with the credentials of this machine.
    pub stores: Arc<Stores>,
    /// The locations that plans can use.
    pub access: Access,
    /// Folder for spilled rows.
    pub folder: PathBuf,
    /// Memory of an executor in bytes, and the number of its cores.
    pub memory: usize,
    /// Number of tasks at a time.
    pub cores: usize,
}

/// The locations that plans can read and write. A process that can connect to the scheduler can submit any plan, so a
/// plan must not open the files of the machine.
#[derive(Debug, Clone)]
pub(crate) enum Access {
    /// All locations, for executors in the process of the client.
    All,
    /// These locations and those below them. If there are none, all buckets and web servers, but no local files.
    Within(Vec<Location>),
}

impl Access {
    /// Fails unless plans can use the object or folder at `url`.
    ///
    /// # Errors
    ///
    /// Returns an error that names the URL.
    pub fn ensure(&self, url: &str) -> Result<()> {
        let Access::Within(allowed) = self else { return Ok(()) };
        let is_allowed = match Location::parse(url) {
            Ok(location) if allowed.is_empty() => location.local_path().is_none(),
            Ok(location) => allowed.iter().any(|outer| location.below(outer).is_some()),
            Err(_) => false,
        };
        if is_allowed {
            return Ok(());
        }
        Err(DataFusionError::Execution(format!(
            "this executor does not allow access to {url}; start it with --allow and a location that contains it"
        )))
    }
}

/// Returns the services, which only executors have.
///
/// # Errors
///
/// Returns an error in other processes.
pub(super) fn ensure_executor(services: &Option<Arc<Services>>) -> Result<Arc<Services>> {
    services.clone().ok_or_else(|| {
        DataFusionError::Internal("this plan can only run on an executor".to_owned())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plans_use_only_allowed_locations() {
        let within = |allowed: &[&str]| {
            Access::Within(allowed.iter().map(|url| Location::parse(url).unwrap()).collect())
        };
        for (access, url, is_allowed) in [
            (Access::All, "/etc/passwd", true),
            (within(&[]), "/etc/passwd", false),
            (within(&[]), "file:///etc/passwd", false),
            (within(&[]), "s3://b/a.json", true),
            (within(&["s3://b/in"]), "s3://b/in/a.json", true),
            (within(&["s3://b/in"]), "s3://b/input/a.json", false),
            // Keys are literal: this object has the prefix.
            (within(&["s3://b/in"]), "s3://b/in/../out/a.json", true),
            (within(&["s3://b"]), "s3://c/a.json", false),
            (within(&["/mnt/shared"]), "/mnt/shared/a.json", true),
            (within(&["/mnt/shared"]), "/mnt/shared/../a.json", false),
            (within(&["/mnt/shared"]), "s3://b/a.json", false),
        ] {
            assert_eq!(access.ensure(url).is_ok(), is_allowed, "{access:?} {url}");
        }
    }
}
