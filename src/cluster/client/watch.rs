//! Finds jobs that do not end.

use std::time::{Duration, Instant};

use crate::cluster::status::JobState;
use crate::error::{EngineError, Error};

/// Interval at which lost executors and progress are looked for.
const CHECK_AFTER: Duration = Duration::from_secs(2);

/// Time after which a job is stuck if it has no task that runs or waits for an executor. The scheduler plans a job
/// before its first task exists, and the next stage after the last task of one.
const STUCK_AFTER: Duration = Duration::from_secs(30);

/// The reason why a job has no result.
pub(super) enum RunError {
    /// The job or a request failed.
    Failed(Error),
    /// An executor was lost while the job ran, which was cancelled.
    ExecutorLost,
    /// The scheduler has nothing left to run and does not end the job, which was cancelled. Has the state of the job.
    Stuck(String),
    /// The rows cannot be fetched, because the executor that has them is gone.
    NotFetched(Error),
}

impl From<Error> for RunError {
    fn from(error: Error) -> RunError {
        RunError::Failed(error)
    }
}

/// The progress of a job.
pub(super) struct Watch {
    timeout: Duration,
    stuck_after: Duration,
    checked: Instant,
    progressed: Instant,
    /// Number of tasks that were done at the last progress.
    done: u64,
    /// Time at which the job was last seen to have tasks that run or wait for an executor.
    busy: Instant,
}

impl Watch {
    /// Creates a watch on a job that has just begun. A job without progress fails after `timeout`.
    pub fn new(timeout: Duration) -> Watch {
        let now = Instant::now();
        Watch {
            timeout,
            stuck_after: STUCK_AFTER,
            checked: now,
            progressed: now,
            done: 0,
            busy: now,
        }
    }

    /// Returns `true` at intervals, when the state of the job should be observed.
    pub fn is_due(&mut self) -> bool {
        let is_due = self.checked.elapsed() > CHECK_AFTER;
        if is_due {
            self.checked = Instant::now();
        }
        is_due
    }

    /// Observes the state of a job that has not ended; `None` if the scheduler plans it or has forgotten it.
    ///
    /// # Errors
    ///
    /// Returns an error if the job is stuck, or if it has made no progress for too long.
    pub fn observe(&mut self, name: &str, job: Option<&JobState>) -> Result<(), RunError> {
        let (now, done) = (Instant::now(), job.map_or(0, JobState::tasks_done));
        if done > self.done {
            (self.done, self.progressed) = (done, now);
        }
        if job.is_some_and(|job| job.tasks() > job.tasks_done()) {
            self.busy = now;
        }
        if now.duration_since(self.busy) > self.stuck_after {
            return Err(RunError::Stuck(described(job)));
        }
        if now.duration_since(self.progressed) > self.timeout {
            let (step, seconds) = (name.to_owned(), self.timeout.as_secs());
            let state = described(job);
            return Err(Error::from(EngineError::Stalled { step, seconds, state }).into());
        }
        Ok(())
    }
}

/// Returns the state of a job in one line.
fn described(job: Option<&JobState>) -> String {
    let Some(job) = job else { return "the scheduler has no tasks of it".to_owned() };
    format!(
        "{} of {} stages and {} of {} tasks are done, {} run",
        job.stages_done(),
        job.stages.len(),
        job.tasks_done(),
        job.tasks(),
        job.running()
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cluster::status::StageState;

    fn job(tasks: u64, running: u64, done: u64) -> JobState {
        let stage =
            StageState { number: 1, tasks, running, done, is_done: false, seconds_left: None };
        JobState { id: "j".to_owned(), name: "n".to_owned(), stages: vec![stage], seconds: 1 }
    }

    /// Returns a watch for which no time is too short.
    fn impatient(timeout: Duration, stuck_after: Duration) -> Watch {
        Watch { stuck_after, ..Watch::new(timeout) }
    }

    const HOUR: Duration = Duration::from_secs(3600);

    #[test]
    fn a_job_with_nothing_left_to_run_is_stuck() {
        for state in [Some(job(6, 0, 6)), None] {
            let mut watch = impatient(HOUR, Duration::ZERO);
            let verdict = watch.observe("songs", state.as_ref());
            assert!(matches!(verdict, Err(RunError::Stuck(_))), "{state:?}");
        }
        for state in [job(6, 1, 5), job(6, 0, 5)] {
            assert!(impatient(HOUR, Duration::ZERO).observe("songs", Some(&state)).is_ok());
        }
    }

    #[test]
    fn a_job_without_progress_fails_with_its_state() {
        let mut watch = impatient(Duration::ZERO, HOUR);
        let Err(RunError::Failed(error)) = watch.observe("songs", Some(&job(6, 2, 0))) else {
            panic!("the job has made no progress");
        };
        assert!(error.to_string().contains("0 of 6 tasks are done, 2 run"), "{error}");
    }
}
