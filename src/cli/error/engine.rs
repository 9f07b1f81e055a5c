//! Codes and advice for errors of engines that carry out runs on other machines.

use super::Code;
use crate::error::EngineError;

/// Returns the code of an error.
pub(super) fn code(error: &EngineError) -> Code {
    match error {
        EngineError::NotBuilt(_) => Code::EngineNotBuilt,
        EngineError::Unreachable { .. } => Code::EngineUnreachable,
        EngineError::OtherVersion { .. } => Code::EngineVersion,
        EngineError::NotShared { .. } => Code::EngineInput,
        EngineError::StepFailed { .. } => Code::EngineFailed,
        EngineError::OutOfMemory { .. } => Code::EngineMemory,
        EngineError::Stalled { .. } => Code::EngineStalled,
        EngineError::Miscounted(_) => Code::EngineMiscounted,
    }
}

/// Returns the advice on an error, if there is any.
pub(super) fn hint(error: &EngineError) -> Option<&'static str> {
    Some(match error {
        EngineError::NotBuilt(_) => {
            "build it with `cargo build --release --features cluster`, or leave out --engine"
        }
        EngineError::Unreachable { .. } => {
            "check its address and that `starlift cluster scheduler` runs there; nothing was published"
        }
        EngineError::OtherVersion { .. } => {
            "copy the same binary to the scheduler, the executors and this machine"
        }
        EngineError::NotShared { .. } => {
            "copy the object to a bucket that the executors can read, or run without --engine"
        }
        EngineError::StepFailed { .. } => {
            "the logs of the executors have more details; the previous star, if any, is unchanged"
        }
        EngineError::OutOfMemory { .. } => {
            "start executors with fewer --cores or a larger --memory-limit"
        }
        EngineError::Stalled { .. } => {
            "`starlift cluster status` shows the executors; raise --engine-timeout if the step is slow"
        }
        EngineError::Miscounted(_) => {
            "nothing was published; run again, and report it as a defect of starlift if it happens again"
        }
    })
}
