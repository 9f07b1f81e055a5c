//! A reader that runs while tables are replaced: it must never see part of a star.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use tokio_util::task::AbortOnDropHandle;

use crate::cli::error::Result;
use crate::star::RunRecord;
use crate::warehouse::connection::session::{Access, Session};
use crate::warehouse::error::Error as WarehouseError;
use crate::warehouse::sql::quote;

/// Time between two reads.
const PAUSE: Duration = Duration::from_millis(5);

/// Number of times in a row that a read is repeated after a conflict. In Redshift, a statement that began before
/// the tables were replaced may have to be restarted (error 1018).
const MAX_RESTARTS: u32 = 3;

/// A reader in its own session, which runs until it is stopped or dropped.
pub struct Reader {
    stop: Arc<AtomicBool>,
    reads: AbortOnDropHandle<Result<u64>>,
}

impl Reader {
    /// Starts reading the tables of a schema, which must contain the star that `record` describes.
    ///
    /// # Errors
    ///
    /// Returns an error if a name cannot be quoted, or the warehouse cannot be reached.
    pub async fn start(access: &Access, schema: &str, record: &RunRecord) -> Result<Reader> {
        let mut counts = Vec::new();
        let mut expected = Vec::new();
        for (table, published) in &record.tables {
            let from = quote::qualified(schema, table)?;
            counts.push(format!("SELECT '{table}' AS table_name, COUNT(*) FROM {from}"));
            expected.push(format!("{table} {}", published.rows));
        }
        expected.sort();
        let session = Session::open(access).await?;
        let stop = Arc::new(AtomicBool::new(false));
        let reads = read_until_stopped(session, counts.join(" UNION ALL "), expected, stop.clone());
        Ok(Reader { stop, reads: AbortOnDropHandle::new(tokio::spawn(reads)) })
    }

    /// Stops reading, and returns the number of times the tables were read.
    ///
    /// # Errors
    ///
    /// Returns an error if a read failed, or saw other row counts than those of the star.
    pub async fn finish(self) -> Result<u64> {
        self.stop.store(true, Ordering::Relaxed);
        self.reads.await?
    }
}

async fn read_until_stopped(
    session: Session,
    sql: String,
    expected: Vec<String>,
    stop: Arc<AtomicBool>,
) -> Result<u64> {
    let (mut reads, mut restarts) = (0, 0);
    loop {
        let rows = match session.rows("read the tables while they are replaced", &sql).await {
            Err(error) if error.is_conflict() && restarts < MAX_RESTARTS => {
                restarts += 1;
                tokio::time::sleep(PAUSE).await;
                continue;
            }
            rows => rows?,
        };
        restarts = 0;
        let count =
            |row: &Vec<Option<String>>| row.iter().flatten().cloned().collect::<Vec<_>>().join(" ");
        let mut seen: Vec<String> = rows.iter().map(count).collect();
        seen.sort();
        reads += 1;
        if seen != expected {
            let differences = vec![format!(
                "a reader saw {} rows while the tables were replaced, and the star has {}",
                seen.join(", "),
                expected.join(", ")
            )];
            return Err(WarehouseError::Mismatch { differences }.into());
        }
        if stop.load(Ordering::Relaxed) {
            return Ok(reads);
        }
        tokio::time::sleep(PAUSE).await;
    }
}
