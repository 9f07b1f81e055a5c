//! The DataFusion engine of a run, with its limits on memory and threads and its temporary folder.

use std::sync::Arc;

use crate::decode::BATCH_ROWS;
use crate::error::{Error, Result};
use crate::staging::StagingSpace;
use crate::temporary::TemporaryFolder;
use datafusion::execution::disk_manager::{DiskManagerBuilder, DiskManagerMode};
use datafusion::execution::memory_pool::{FairSpillPool, MemoryPool, TrackConsumersPool};
use datafusion::execution::runtime_env::{RuntimeEnv, RuntimeEnvBuilder};
use datafusion::prelude::{SessionConfig, SessionContext};

/// Number of memory consumers that an out-of-memory error names.
const NAMED_CONSUMERS: std::num::NonZeroUsize = std::num::NonZeroUsize::MIN.saturating_add(4);

/// Share of the machine's memory that a run uses without `--memory-limit`.
const DEFAULT_MEMORY_SHARE: f64 = 0.7;

/// Memory limit on a machine that does not report its memory.
const UNKNOWN_MACHINE_BYTES: usize = 2 * 1024 * 1024 * 1024;

/// Minimum memory per thread. With less, a thread's sorts and aggregations fail before they can spill.
const MEMORY_PER_THREAD: usize = 64 * 1024 * 1024;

/// Maximum reservation per sort for merging: DataFusion's default, 10 MiB.
const MAX_SORT_RESERVATION: usize = 10 * 1024 * 1024;

/// Divisor of a thread's share of the memory limit; the result is reserved for merging spilled runs.
const SORT_RESERVATION_SHARE: usize = 32;

/// Divisor of a thread's share of the memory limit; the result is the maximum size of a column of a batch.
const BATCH_SHARE: usize = 64;

/// Maximum size of a column of a batch, regardless of the memory limit.
const MAX_BATCH_BYTES: usize = 32 * 1024 * 1024;

/// Minimum number of rows per batch, regardless of their size.
const MIN_BATCH_ROWS: usize = 16;

/// Divisor of the memory limit; the result is the maximum memory of staged batches. The queries need the
/// rest.
const STAGING_SHARE: usize = 4;

/// Divisor of the memory limit; the result is set aside for memory that the pool does not track: buffers for
/// reading and writing, and freed memory that the allocator retains.
const UNACCOUNTED_SHARE: usize = 8;

/// Limits on the threads and the memory of a run.
#[derive(Debug, Clone, Copy, Default)]
pub struct EngineOptions {
    /// Threads for decoding, queries and writing. By default one per core, or fewer if the memory limit is
    /// low.
    pub threads: Option<usize>,
    /// Memory for staged batches and queries together, in bytes. By default 70 % of the memory of the machine
    /// or the container.
    pub memory_limit: Option<usize>,
}

impl EngineOptions {
    /// Minimum memory limit, 128 MiB: sorts and joins on a few threads need that much.
    pub const MIN_MEMORY: usize = 128 * 1024 * 1024;
    /// Maximum memory limit, 1 PiB on 64-bit machines. A larger value is a typing error.
    pub const MAX_MEMORY: usize = 1 << (usize::BITS - 14);
    /// Maximum number of threads. Each thread needs its own memory, and the system limits their number.
    pub const MAX_THREADS: usize = 1024;
}

/// Creates DataFusion sessions that share one memory limit and one temporary folder.
pub struct Engine {
    /// Number of threads for decoding, queries and writing.
    pub threads: usize,
    memory_limit: usize,
    runtime: Arc<RuntimeEnv>,
    staging_space: StagingSpace,
    _folder: TemporaryFolder,
}

impl Engine {
    /// Creates an engine with its own temporary folder.
    ///
    /// # Errors
    ///
    /// Returns an error if the folder cannot be created.
    pub fn new(options: EngineOptions) -> Result<Engine> {
        let folder = TemporaryFolder::create()?;
        let memory_limit = options.memory_limit.unwrap_or_else(default_memory_limit);
        let accounted = memory_limit - memory_limit / UNACCOUNTED_SHARE;
        let pool: Arc<dyn MemoryPool> =
            Arc::new(TrackConsumersPool::new(FairSpillPool::new(accounted), NAMED_CONSUMERS));
        let disk = DiskManagerBuilder::default()
            .with_mode(DiskManagerMode::Directories(vec![folder.path().to_owned()]))
            .with_max_temp_directory_size(u64::MAX);
        let runtime = RuntimeEnvBuilder::new()
            .with_memory_pool(pool)
            .with_disk_manager_builder(disk)
            .build_arc()
            .map_err(|e| Error::query("set-up", e))?;
        let threads = options.threads.unwrap_or_else(|| default_threads(memory_limit));
        let staging_space = StagingSpace::new(
            &runtime.memory_pool,
            memory_limit / STAGING_SHARE,
            folder.path().to_owned(),
        );
        Ok(Engine { threads, memory_limit, runtime, staging_space, _folder: folder })
    }

    /// Returns a new session without tables.
    pub fn session(&self) -> SessionContext {
        self.session_for(0)
    }

    /// Returns a new session without tables, for rows with texts of at most `longest_text` bytes. If the
    /// texts are long, batches have few rows, so that a batch does not fill the memory.
    pub fn session_for(&self, longest_text: usize) -> SessionContext {
        self.session_with(longest_text, self.threads)
    }

    /// Returns a new session without tables that uses one thread, to sort rows of which many do not fit in
    /// memory. The merges of several sorts cannot spill, so they can take the memory from each other.
    pub fn sorting_session(&self) -> SessionContext {
        self.session_with(0, 1)
    }

    fn session_with(&self, longest_text: usize, threads: usize) -> SessionContext {
        let batch_bytes = self.memory_limit / self.threads.max(1) / BATCH_SHARE;
        let rows = batch_bytes.min(MAX_BATCH_BYTES) / longest_text.max(1);
        let config = keep_join_sides(SessionConfig::new())
            .with_batch_size(rows.clamp(MIN_BATCH_ROWS, BATCH_ROWS))
            .with_target_partitions(threads)
            .with_sort_spill_reservation_bytes(self.sort_reservation())
            .with_information_schema(true);
        SessionContext::new_with_config_rt(config, self.runtime.clone())
    }

    /// Returns the bytes that each sort reserves for merging its spilled runs. DataFusion's default of 10 MiB
    /// would use up a small limit.
    fn sort_reservation(&self) -> usize {
        (self.memory_limit / self.threads.max(1) / SORT_RESERVATION_SHARE).min(MAX_SORT_RESERVATION)
    }

    /// Returns the space for staged batches, which all callers share.
    pub fn staging_space(&self) -> StagingSpace {
        self.staging_space.clone()
    }
}

/// Configures a session not to exchange the sides of a join because of a filter. DataFusion guesses that a filter keeps a
/// fifth of the rows; the side that it holds in memory could then be the plays instead of the songs.
pub(crate) fn keep_join_sides(mut config: SessionConfig) -> SessionConfig {
    config.options_mut().optimizer.default_filter_selectivity = 100;
    config
}

/// Returns the number of cores, or fewer if `memory_limit` does not suffice for one thread per core.
fn default_threads(memory_limit: usize) -> usize {
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    cores.min((memory_limit / MEMORY_PER_THREAD).max(1))
}

/// Returns a share of the memory that this process can use: the container's limit if there is one, otherwise
/// the machine's memory.
pub(crate) fn default_memory_limit() -> usize {
    let Ok(mut system) = sysinfo::System::new() else { return UNKNOWN_MACHINE_BYTES };
    system.refresh_memory();
    let limit = system.cgroup_limits().map_or(u64::MAX, |limits| limits.total_memory);
    let total = system.total_memory().min(limit);
    (total as f64 * DEFAULT_MEMORY_SHARE) as usize
}
