//! Results of `load`.

use super::schema::{document_enums, document_structs};
use super::{PhaseResult, phases};
use crate::warehouse::load::{LoadMode, LoadReport};

document_structs! {
    /// Result of `starlift load`.
    @Default
    pub struct LoadResult {
        /// URL of the warehouse, without a password.
        pub warehouse: String,
        /// Schema of the tables.
        pub schema: String,
        /// Outcome of the load.
        pub status: LoadStatus,
        /// ID of the run whose star is loaded; null if the load failed.
        pub run_id: Option<String>,
        /// Number of the load in the ledger of the warehouse; null if the load failed.
        pub load_number: Option<i64>,
        /// The reason why all tables were replaced; null if they were not.
        pub replaced_because: Option<String>,
        /// The partitions that were updated; null if all tables were replaced.
        pub update: Option<UpdateResult>,
        /// The tables of the star with their numbers of rows.
        pub tables: Vec<LoadedTable>,
        /// Number of statistics of the tables that equal those of the files.
        pub equal_statistics: u64,
        /// Objects that were dropped because they depended on the old tables.
        pub dropped: Vec<String>,
        /// Tables that are not needed and could not be dropped, with the reason.
        pub not_dropped: Vec<String>,
        /// Number of views that were created again over the new tables.
        pub views_recreated: u64,
        /// Durations of the phases.
        pub phases: Vec<PhaseResult>,
        /// Wall-clock time of all phases.
        pub seconds: f64,
        /// The statements of a dry run of `starlift load`, as text; null otherwise.
        pub plan_text: Option<String>,
    }
}

document_enums! {
    /// Outcome of a load.
    pub enum LoadStatus {
        /// All tables were replaced.
        Replaced = "replaced",
        /// The partitions that differ were updated.
        Updated = "updated",
        /// The star of the run was loaded already.
        AlreadyLoaded = "already_loaded",
        /// The tables are unchanged, because of an error.
        Failed = "failed",
        /// The warehouse was not contacted, because of `--dry-run`.
        Planned = "planned",
    }
}

document_structs! {
    /// The partitions that a load has updated.
    pub struct UpdateResult {
        /// Number of partitions of the star.
        pub partitions: u64,
        /// Number of partitions that differed.
        pub partitions_changed: u64,
        /// Number of rows deleted.
        pub rows_deleted: u64,
        /// Number of rows copied.
        pub rows_copied: u64,
    }

    /// A table in the warehouse.
    pub struct LoadedTable {
        /// Name of the table.
        pub name: String,
        /// Number of rows.
        pub rows: u64,
    }
}

/// A load that has not reported anything else has failed.
impl Default for LoadStatus {
    fn default() -> LoadStatus {
        LoadStatus::Failed
    }
}

impl LoadResult {
    /// Returns the result of a load that has not succeeded.
    pub fn failed(warehouse: String, schema: &str) -> LoadResult {
        LoadResult { warehouse, schema: schema.to_owned(), ..LoadResult::default() }
    }

    /// Returns the result of a dry run.
    pub fn planned(warehouse: String, schema: &str) -> LoadResult {
        LoadResult { status: LoadStatus::Planned, ..LoadResult::failed(warehouse, schema) }
    }

    /// Returns the result with the plan of a dry run.
    #[must_use]
    pub fn with_plan(self, plan_text: String) -> LoadResult {
        LoadResult { plan_text: Some(plan_text), ..self }
    }

    /// Returns the result of a load.
    pub fn of_report(report: &LoadReport, warehouse: String, schema: &str) -> LoadResult {
        let (mut status, mut replaced_because, mut update) = (LoadStatus::Replaced, None, None);
        match &report.mode {
            _ if report.already_loaded => status = LoadStatus::AlreadyLoaded,
            LoadMode::Swap(reason) => replaced_because = Some(reason.to_string()),
            LoadMode::Update { changed, partitions, deleted, copied } => {
                status = LoadStatus::Updated;
                update = Some(UpdateResult {
                    partitions: *partitions as u64,
                    partitions_changed: *changed as u64,
                    rows_deleted: *deleted,
                    rows_copied: *copied,
                });
            }
        }
        let table = |(name, rows): &(String, u64)| LoadedTable { name: name.clone(), rows: *rows };
        LoadResult {
            status,
            run_id: Some(report.run_id.clone()),
            load_number: Some(report.number),
            replaced_because,
            update,
            tables: report.tables.iter().map(table).collect(),
            equal_statistics: report.statistics as u64,
            dropped: report.dropped.clone(),
            not_dropped: report.not_dropped.clone(),
            views_recreated: report.views as u64,
            phases: phases(&report.phases),
            seconds: report.phases.iter().map(|phase| phase.elapsed.as_secs_f64()).sum(),
            ..LoadResult::failed(warehouse, schema)
        }
    }
}
