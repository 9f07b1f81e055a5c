//! The record of a run, and the checks of the written star.

use std::time::Instant;

use chrono::Utc;

use super::recorded::{dataset_record, run_options};
use super::run::Run;
use crate::error::{Error, Result};
use crate::ingest::Phase;
use crate::star::{FORMAT, ModelRecord, RunRecord};
use crate::star::{ensure_passed, register_run, run_checks, run_checks_as_sql};
use crate::transform::count;

impl Run<'_> {
    /// Returns a record with the options and the input counts. The other fields have default values.
    pub(super) fn record(&self) -> RunRecord {
        RunRecord {
            format: FORMAT,
            run_id: self.publication.run_id.clone(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
            started_at: RunRecord::time(self.publication.started_at),
            finished_at: RunRecord::time(Utc::now()),
            model: Some(ModelRecord::from(&*self.options.model)),
            options: run_options(self.options),
            datasets: self
                .report
                .datasets
                .iter()
                .map(|(name, counts)| (name.clone(), dataset_record(counts)))
                .collect(),
            accounting: self.report.counts(),
            definition_hash: self.definition_hash.clone(),
            ..RunRecord::default()
        }
    }

    /// Fails unless the counts of the run are consistent with each other.
    fn reconcile(&self, record: &RunRecord) -> Result<()> {
        let listed = self.report.total(|counts| counts.objects_listed);
        let rejected = self.report.total(|counts| counts.rejected);
        let totals = [
            ("objects listed", listed, "objects read", record.inputs.rows),
            ("records rejected", rejected, "rejects kept", record.rejects.rows),
        ];
        for (one, count, other, expected) in totals {
            if count != expected {
                return Err(Error::Unbalanced(format!("{count} {one}, but {expected} {other}")));
            }
        }
        let balances = self.report.accounting.iter().filter_map(|found| found.balance.as_ref());
        balances.into_iter().try_for_each(|balance| balance.verify(&record.accounting))
    }

    /// Runs the accounting queries on the written star, reconciles the counts and runs the checks. Returns
    /// the complete record.
    pub(super) async fn check(
        &mut self,
        mut record: RunRecord,
        accounting: &[String],
    ) -> Result<RunRecord> {
        let begun = Instant::now();
        self.progress.enter(Phase::Checking);
        let session = self.star_session(&record).await?;
        for name in accounting {
            let counted = count(&session, self.queries, name, self.options.rules).await?;
            self.report.accounting.push(counted);
            record.accounting = self.report.counts();
            register_run(&session, &record)?;
        }
        self.sort_accounting();
        self.reconcile(&record)?;
        self.report.checks = match &self.touched {
            None if self.remote.is_some() => run_checks_as_sql(&session, self.queries).await?,
            None => run_checks(&session, self.queries).await?,
            Some(touched) => self.check_touched(&session, &record, touched).await?,
        };
        self.report.timed("check", begun, None);
        ensure_passed(&self.report.checks)?;
        record.checks = self.report.checks.iter().map(|check| check.name.clone()).collect();
        record.checks_hash = self.queries.checks_hash();
        Ok(record)
    }
}
