//! The accounting queries of a run.

use datafusion::prelude::SessionContext;

use super::run::Run;
use crate::error::Result;
use crate::star::Group;
use crate::transform::{ENCODING, RepairEncoding, count};

impl Run<'_> {
    /// Runs the accounting queries that read the staging and the intermediate tables.
    pub(super) async fn count_staged(
        &mut self,
        session: &SessionContext,
        accounting: &[String],
    ) -> Result<()> {
        for name in accounting {
            let counted = count(session, self.queries, name, self.options.rules).await?;
            self.report.accounting.push(counted);
        }
        self.count_encoded_twice(session).await
    }

    /// Orders the results of accounting queries as the model does, not as they ran.
    pub(super) fn sort_accounting(&mut self) {
        let names: Vec<&str> =
            self.queries.of(Group::Accounting).map(|query| query.name.as_str()).collect();
        self.report
            .accounting
            .sort_by_key(|found| names.iter().position(|name| *name == found.name));
    }

    /// Runs the accounting query for text that was encoded twice. Skips it if there is no such text, if it
    /// was repaired when it was staged, or if the model has no such query.
    async fn count_encoded_twice(&mut self, session: &SessionContext) -> Result<()> {
        let rules = self.options.rules;
        if self.counts_encoding() {
            self.report.accounting.push(count(session, self.queries, ENCODING, rules).await?);
        }
        self.report.repair_encoding = rules.repair_encoding;
        Ok(())
    }

    /// Returns `true` if there are texts that were encoded twice, and a query counts them.
    pub(super) fn counts_encoding(&self) -> bool {
        self.counts_encoding_of(self.report.total(|counts| counts.notes.encoded_twice))
    }

    /// Returns `true` if a query counts texts that were encoded twice, and there are `texts` of them.
    pub(super) fn counts_encoding_of(&self, texts: u64) -> bool {
        let is_kept = self.options.rules.repair_encoding != RepairEncoding::Store;
        let mut accounting = self.queries.of(Group::Accounting);
        texts > 0 && is_kept && accounting.any(|query| query.name == ENCODING)
    }
}
