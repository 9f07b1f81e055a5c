//! The DataFusion engine of a run: its memory, threads and temporary folder.

use std::sync::Arc;

use crate::decode::BATCH_ROWS;
use crate::error::{Error, Result};
use crate::stage::StagingSpace;
use crate::temporary::TemporaryFolder;
use datafusion::execution::disk_manager::{DiskManagerBuilder, DiskManagerMode};
use datafusion::execution::memory_pool::{FairSpillPool, MemoryPool, TrackConsumersPool};
use datafusion::execution::runtime_env::{RuntimeEnv, RuntimeEnvBuilder};
use datafusion::prelude::{SessionConfig, SessionContext};

/// Consumers named in an out-of-memory error.
const BLAMED_CONSUMERS: std::num::NonZeroUsize = std::num::NonZeroUsize::MIN.saturating_add(4);

/// The share of the machine's memory that is used without `--memory-limit`.
const DEFAULT_MEMORY_SHARE: f64 = 0.7;

/// The limit on a machine that does not tell its memory.
const UNKNOWN_MACHINE_BYTES: usize = 2 * 1024 * 1024 * 1024;

/// Below this, the sorts and aggregations of a thread cannot even begin to spill.
const MEMORY_PER_THREAD: usize = 64 * 1024 * 1024;

/// DataFusion's default.
const MAX_SORT_RESERVATION: usize = 10 * 1024 * 1024;

/// Of a thread's share of the limit, the part kept back for merging.
const SORT_RESERVATION_SHARE: usize = 32;

/// Of a thread's share of the limit, the part that one column of a batch may take.
const BATCH_SHARE: usize = 64;

/// The most that one column of a batch may take.
const MAX_BATCH_BYTES: usize = 32 * 1024 * 1024;

/// The fewest rows of a batch, whatever their size.
const MIN_BATCH_ROWS: usize = 16;

/// Staged batches may hold this share of the limit: the queries need the rest.
const STAGING_SHARE: usize = 4;

/// This share of the limit is left to what nobody accounts for: buffers of reading and writing, and
/// what the allocator holds back.
const UNACCOUNTED_SHARE: usize = 8;

/// How much of the machine a run may use.
#[derive(Debug, Clone, Copy, Default)]
pub struct EngineOptions {
    /// Threads for decoding, queries and writing; all cores when not given.
    pub threads: Option<usize>,
    /// Bytes for staged batches and queries together; a share of the machine's when not given.
    pub memory_limit: Option<usize>,
}

impl EngineOptions {
    /// The least memory that sorting and joining on a few threads can work with.
    pub const MIN_MEMORY: usize = 128 * 1024 * 1024;
    /// The largest limit, 1 PiB on 64-bit machines: a larger one is a mistake.
    pub const MAX_MEMORY: usize = 1 << (usize::BITS - 14);
    /// The largest number of threads. Each needs memory of its own, and the system limits their number.
    pub const MAX_THREADS: usize = 1024;
}

/// Runs queries within the limits of its options.
pub struct Engine {
    /// Threads in use.
    pub threads: usize,
    memory_limit: usize,
    runtime: Arc<RuntimeEnv>,
    staging_space: StagingSpace,
    _folder: TemporaryFolder,
}

impl Engine {
    /// An engine with a temporary folder of its own.
    ///
    /// # Errors
    ///
    /// If that folder cannot be made.
    pub fn new(options: EngineOptions) -> Result<Engine> {
        let folder = TemporaryFolder::create()?;
        let memory_limit = options.memory_limit.unwrap_or_else(default_memory_limit);
        let accounted = memory_limit - memory_limit / UNACCOUNTED_SHARE;
        let pool: Arc<dyn MemoryPool> =
            Arc::new(TrackConsumersPool::new(FairSpillPool::new(accounted), BLAMED_CONSUMERS));
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

    /// A fresh session without tables.
    pub fn session(&self) -> SessionContext {
        self.session_for(0)
    }

    /// A fresh session without tables, for rows with texts of at most `longest_text` bytes: where
    /// they are long, batches have few rows, so that no batch fills the memory.
    pub fn session_for(&self, longest_text: usize) -> SessionContext {
        let batch_bytes = self.memory_limit / self.threads.max(1) / BATCH_SHARE;
        let rows = batch_bytes.min(MAX_BATCH_BYTES) / longest_text.max(1);
        let config = SessionConfig::new()
            .with_batch_size(rows.clamp(MIN_BATCH_ROWS, BATCH_ROWS))
            .with_target_partitions(self.threads)
            .with_sort_spill_reservation_bytes(self.sort_reservation())
            .with_information_schema(true);
        SessionContext::new_with_config_rt(config, self.runtime.clone())
    }

    /// What each sorting thread keeps back for merging its spilled runs: DataFusion's own 10 MB
    /// would be all of a small limit.
    fn sort_reservation(&self) -> usize {
        (self.memory_limit / self.threads.max(1) / SORT_RESERVATION_SHARE).min(MAX_SORT_RESERVATION)
    }

    /// Room for staged batches, the same for all who ask.
    pub fn staging_space(&self) -> StagingSpace {
        self.staging_space.clone()
    }
}

/// All cores, or as many as the limit has room for.
fn default_threads(memory_limit: usize) -> usize {
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    cores.min((memory_limit / MEMORY_PER_THREAD).max(1))
}

/// Most of what this process may use: the container's limit where there is one, else the machine's
/// memory.
fn default_memory_limit() -> usize {
    let Ok(mut system) = sysinfo::System::new() else { return UNKNOWN_MACHINE_BYTES };
    system.refresh_memory();
    let limit = system.cgroup_limits().map_or(u64::MAX, |limits| limits.total_memory);
    let total = system.total_memory().min(limit);
    (total as f64 * DEFAULT_MEMORY_SHARE) as usize
}
