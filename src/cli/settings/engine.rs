//! The engine of a transform, in the file and on the command line.

use std::time::Duration;

use super::Settings;
use crate::cli::args::{EngineArg, EngineArgs, TlsArgs};
use crate::cli::error::{Error, Result};

/// Time without progress after which a run on a cluster fails.
const DEFAULT_TIMEOUT: Duration = Duration::from_secs(30 * 60);

/// The engine of a transform.
#[derive(Debug)]
#[cfg_attr(not(feature = "cluster"), expect(dead_code, reason = "the build has no engine"))]
pub struct EngineSettings {
    /// The machines.
    pub engine: EngineArg,
    /// Time without progress after which the run fails.
    pub timeout: Duration,
    /// Certificates of this process.
    pub tls: TlsArgs,
}

impl Settings {
    /// Returns the engine of a transform, or `None` if this process carries it out.
    ///
    /// # Errors
    ///
    /// Returns an error if the command line has an option of an engine, and there is none.
    pub fn engine_of(&self, args: &EngineArgs) -> Result<Option<EngineSettings>> {
        let file = &self.transform;
        let Some(engine) = args.engine.clone().or_else(|| file.engine.clone()) else {
            let typed = args.engine_timeout.map(|_| "--engine-timeout");
            return match typed.or(args.tls.tls_ca.as_ref().map(|_| "--tls-ca")) {
                Some(option) => {
                    Err(Error::Usage(format!("{option} has no effect without --engine")))
                }
                None => Ok(None),
            };
        };
        let timeout = args.engine_timeout.or_else(|| file.engine_timeout.map(Into::into));
        Ok(Some(EngineSettings {
            engine,
            timeout: timeout.unwrap_or(DEFAULT_TIMEOUT),
            tls: TlsArgs {
                tls_ca: args.tls.tls_ca.clone().or_else(|| file.tls_ca.clone()),
                tls_cert: args.tls.tls_cert.clone().or_else(|| file.tls_cert.clone()),
                tls_key: args.tls.tls_key.clone().or_else(|| file.tls_key.clone()),
            },
        }))
    }
}
