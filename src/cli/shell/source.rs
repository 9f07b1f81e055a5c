//! The star or the warehouse that the shell queries.

use std::time::{Duration, Instant};

use datafusion::execution::SendableRecordBatchStream;

use super::split::Syntax;
use crate::api::Star;
use crate::cli::error::{Code, Error, Result};
use crate::cli::settings::WarehouseOptions;
use crate::model::Model;
use crate::storage::StoreOptions;
use crate::warehouse::Dialect;
use crate::warehouse::connection::session::Session;
use crate::warehouse::query::{expected_schema, run_query};

/// Idle time after which a new session is opened. A session of the Data API ends after one minute.
const IDLE: Duration = Duration::from_secs(45);

/// A star or a warehouse.
pub enum Source {
    /// The files of a star.
    Star(Box<Star>),
    /// The tables of a warehouse.
    Warehouse(Box<Warehouse>),
}

/// A warehouse, with a session that is opened again if it has ended.
pub struct Warehouse {
    options: WarehouseOptions,
    stores: StoreOptions,
    session: Option<(Session, Instant)>,
}

impl Warehouse {
    /// Opens a session.
    ///
    /// # Errors
    ///
    /// Returns an error if the warehouse cannot be reached or rejects the login.
    pub async fn open(options: WarehouseOptions, stores: &StoreOptions) -> Result<Warehouse> {
        let stores = stores.clone();
        let session = options.open_session(&stores).await?;
        Ok(Warehouse { options, stores, session: Some((session, Instant::now())) })
    }

    async fn session(&mut self) -> Result<&Session> {
        let session = match self.session.take() {
            Some((session, used)) if used.elapsed() < IDLE => session,
            _ => self.options.open_session(&self.stores).await?,
        };
        Ok(&self.session.insert((session, Instant::now())).0)
    }
}

impl Source {
    /// Returns the syntax of literals.
    pub fn syntax(&self) -> Syntax {
        match self {
            Source::Star(_) => Syntax::default(),
            Source::Warehouse(warehouse) => {
                let session = warehouse.session.as_ref();
                let escapes = session.is_some_and(|(session, _)| session.escapes_backslashes());
                let dollars = warehouse.options.target.dialect == Dialect::Postgres;
                Syntax { escapes, dollars }
            }
        }
    }

    /// Runs a read-only query. `name` identifies it in errors.
    ///
    /// # Errors
    ///
    /// Returns an error if the statement is not a read-only query or is rejected, or the connection is lost.
    pub async fn run(
        &mut self,
        name: &str,
        sql: &str,
        model: &Model,
    ) -> Result<SendableRecordBatchStream> {
        let warehouse = match self {
            Source::Star(star) => return Ok(star.named_stream(name, sql, None).await?),
            Source::Warehouse(warehouse) => warehouse,
        };
        let expected = expected_schema(model, sql).await;
        let rows = run_query(warehouse.session().await?, name, sql, expected).await;
        rows.map_err(|error| {
            let error = Error::from(error);
            if error.code() == Code::ConnectionFailed {
                warehouse.session = None;
            }
            error
        })
    }

    /// Cancels the running query. Its session is closed, because the response is incomplete.
    pub async fn cancel(&mut self) {
        let Source::Warehouse(warehouse) = self else { return };
        if let Some((session, _)) = warehouse.session.take()
            && let Err(error) = session.cancel().await
        {
            tracing::warn!("the query may still be running in the warehouse: {error}");
        }
    }
}
