//! Plans queries on this machine, and turns those that read files into jobs.

use std::sync::Arc;

use async_trait::async_trait;
use datafusion::catalog::Session;
use datafusion::error::Result;
use datafusion::execution::context::QueryPlanner;
use datafusion::execution::object_store::ObjectStoreUrl;
use datafusion::logical_expr::LogicalPlan;
use datafusion::physical_plan::ExecutionPlan;
use datafusion::physical_planner::{DefaultPhysicalPlanner, PhysicalPlanner};

use super::connection::Connection;
use super::job::{JobExec, reads_files, with_shared_files};
use crate::publish::RunFiles;

/// Name of the jobs of queries without a name of their own.
const QUERY: &str = "query";

/// Plans queries as usual. A plan that reads files becomes a job; others are computed on this machine.
///
/// The scheduler receives physical plans, because its own planner for logical plans does not end on some queries.
#[derive(Debug)]
pub(super) struct JobPlanner {
    /// The connection to the scheduler.
    pub connection: Arc<Connection>,
    /// URL of the store of all files.
    pub base: ObjectStoreUrl,
    /// The files of the run.
    pub files: Arc<RunFiles>,
}

#[async_trait]
impl QueryPlanner for JobPlanner {
    async fn create_physical_plan(
        &self,
        logical_plan: &LogicalPlan,
        session: &dyn Session,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        let planner = DefaultPhysicalPlanner::default();
        let plan = planner.create_physical_plan(logical_plan, session).await?;
        if !reads_files(&plan) {
            return Ok(plan);
        }
        let plan = with_shared_files(plan, &self.base)?;
        Ok(Arc::new(JobExec::new(QUERY, plan, self.connection.clone(), self.files.clone())))
    }
}
