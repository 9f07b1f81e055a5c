//! `starlift cluster`, and the engine of a transform.

#[cfg(feature = "cluster")]
mod processes;

use super::args::{ClusterArgs, TransformArgs};
use super::settings::{GlobalOptions, Settings};
use crate::cli::error::Result;
#[cfg(not(feature = "cluster"))]
use crate::error::{EngineError, Error as StarError};
use crate::pipeline::TransformOptions;

/// Returns the options of a transform with the engine that carries it out, if there is one.
///
/// # Errors
///
/// Returns an error if an option has no effect, or this build has no engine.
pub fn with_engine(
    options: TransformOptions,
    args: &TransformArgs,
    settings: &Settings,
    global: &GlobalOptions,
) -> Result<TransformOptions> {
    let Some(engine) = settings.engine_of(&args.engine)? else { return Ok(options) };
    #[cfg(feature = "cluster")]
    return Ok(TransformOptions { remote: Some(processes::engine(engine, global)), ..options });
    #[cfg(not(feature = "cluster"))]
    {
        let _ = (engine, global);
        Err(StarError::from(EngineError::NotBuilt("for --engine".to_owned())).into())
    }
}

/// Runs a subcommand of `cluster`.
///
/// # Errors
///
/// Returns the error of the subcommand, or that this build has no engine.
pub fn run(args: &ClusterArgs, global: &GlobalOptions) -> Result<()> {
    #[cfg(feature = "cluster")]
    return processes::run(args, global);
    #[cfg(not(feature = "cluster"))]
    {
        let _ = (args, global);
        Err(StarError::from(EngineError::NotBuilt("for a cluster".to_owned())).into())
    }
}
