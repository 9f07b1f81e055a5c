//! Progress of transforms, loads and changes in the cloud: a bar on a terminal, log lines elsewhere.

use std::sync::Arc;
use std::time::{Duration, Instant};

use indicatif::{BinaryBytes, HumanCount, ProgressBar, ProgressStyle};
use tokio_util::task::AbortOnDropHandle;

use crate::cloud::progress::OperationProgress;
use crate::escape;
use crate::ingest::{Phase, ProgressSnapshot, TransformProgress};
use crate::warehouse::progress::LoadProgress;

const REFRESH: Duration = Duration::from_millis(100);

/// Interval of the log lines of an unchanged step: a run of hours should not fill a log.
const LOG_EVERY: Duration = Duration::from_secs(30);

/// Shows progress until it is dropped.
pub struct Progress {
    bar: ProgressBar,
    _task: AbortOnDropHandle<()>,
}

impl Progress {
    /// Starts showing the progress of a transform, as a bar if `drawn`, else in log lines.
    pub fn start(counters: &Arc<TransformProgress>, drawn: bool) -> Progress {
        let bar = if drawn { ProgressBar::new(0) } else { ProgressBar::hidden() };
        let task = tokio::spawn({
            let (counters, bar) = (counters.clone(), bar.clone());
            async move { if drawn { draw(&counters, &bar).await } else { log(&counters).await } }
        });
        Progress { bar, _task: AbortOnDropHandle::new(task) }
    }
}

impl Progress {
    /// Starts showing the progress of a load, as a spinner if `drawn`, else in log lines.
    pub fn of_load(load: &Arc<LoadProgress>, drawn: bool) -> Progress {
        let bar = if drawn { ProgressBar::new_spinner() } else { ProgressBar::hidden() };
        bar.set_style(style(Phase::Checking));
        let task = tokio::spawn({
            let (load, bar) = (load.clone(), bar.clone());
            async move { watch(|| load.snapshot(), &bar, drawn).await }
        });
        Progress { bar, _task: AbortOnDropHandle::new(task) }
    }

    /// Starts showing the progress of changes in the cloud, as a spinner if `drawn`, else in log lines.
    pub fn of_cloud(progress: &Arc<OperationProgress>, drawn: bool) -> Progress {
        let bar = if drawn { ProgressBar::new_spinner() } else { ProgressBar::hidden() };
        bar.set_style(style(Phase::Checking));
        let task = tokio::spawn({
            let (progress, bar) = (progress.clone(), bar.clone());
            async move { watch(|| (progress.current_step(), 0, 0), &bar, drawn).await }
        });
        Progress { bar, _task: AbortOnDropHandle::new(task) }
    }
}

/// Shows the current step, with the rows done and the total if the step counts rows. `snapshot` returns
/// the three; a total of 0 means that rows are not counted.
async fn watch(snapshot: impl Fn() -> (String, u64, u64), bar: &ProgressBar, drawn: bool) {
    let mut last = String::new();
    let mut logged = Instant::now();
    let mut entered = Instant::now();
    loop {
        let (step, rows, of) = snapshot();
        let step = escape::line(&step).into_owned();
        let rows_of = format!("{} of {} rows", HumanCount(rows), HumanCount(of));
        if drawn {
            let message = if of > 0 { format!("{step}: {rows_of}") } else { step.clone() };
            bar.set_message(message);
            bar.tick();
        } else if !step.is_empty() && (step != last || logged.elapsed() >= LOG_EVERY) {
            logged = Instant::now();
            match of {
                0 if step == last => {
                    tracing::info!("{step}, for {} s now", entered.elapsed().as_secs());
                }
                0 => tracing::info!("{step}"),
                _ => tracing::info!(rows, of, "{step}"),
            }
        }
        if step != last {
            entered = Instant::now();
            bar.reset_elapsed();
            last = step;
        }
        tokio::time::sleep(REFRESH).await;
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        self.bar.finish_and_clear();
    }
}

async fn draw(counters: &TransformProgress, bar: &ProgressBar) {
    let mut phase = None;
    loop {
        let now = counters.snapshot();
        if phase != Some(now.phase) {
            phase = Some(now.phase);
            bar.set_style(style(now.phase));
            bar.reset_elapsed();
        }
        if now.phase == Phase::Reading {
            bar.set_length(now.bytes_listed);
            bar.set_position(now.bytes_read);
        }
        bar.set_message(message(&now));
        bar.tick();
        tokio::time::sleep(REFRESH).await;
    }
}

fn style(phase: Phase) -> ProgressStyle {
    let template = match phase {
        Phase::Reading => {
            "{spinner} {msg} [{wide_bar}] {binary_bytes}/{binary_total_bytes} \
             {binary_bytes_per_sec} {eta} left"
        }
        _ => "{spinner} {msg} {elapsed}",
    };
    ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar())
}

fn message(now: &ProgressSnapshot) -> String {
    let tasks = match now.tasks {
        0 => String::new(),
        all => format!(", {} of {} tasks", HumanCount(now.tasks_done), HumanCount(all)),
    };
    let message = match now.phase {
        Phase::Reading => {
            let more = if now.listing_done { "" } else { "+" };
            format!(
                "reading {}/{}{more} objects",
                HumanCount(now.objects_read),
                HumanCount(now.objects_listed)
            )
        }
        Phase::Writing => {
            format!("transforming and writing: {} rows", HumanCount(now.rows_written))
        }
        Phase::Checking => "checking".to_owned(),
        Phase::Publishing => "publishing".to_owned(),
    };
    message + &tasks
}

async fn log(counters: &TransformProgress) {
    let mut phase = None;
    let mut logged = Instant::now();
    loop {
        let now = counters.snapshot();
        if phase != Some(now.phase) || logged.elapsed() >= LOG_EVERY {
            phase = Some(now.phase);
            logged = Instant::now();
            let tasks = (now.tasks > 0).then(|| format!("{} of {}", now.tasks_done, now.tasks));
            match now.phase {
                Phase::Reading => tracing::info!(
                    objects = now.objects_read,
                    of = now.objects_listed,
                    bytes = %BinaryBytes(now.bytes_read),
                    tasks,
                    "reading"
                ),
                Phase::Writing => tracing::info!(
                    objects = now.objects_read,
                    rows = now.rows_written,
                    tasks,
                    "transforming and writing"
                ),
                Phase::Checking => tracing::info!(rows = now.rows_written, tasks, "checking"),
                Phase::Publishing => tracing::info!("publishing"),
            }
        }
        tokio::time::sleep(REFRESH).await;
    }
}
