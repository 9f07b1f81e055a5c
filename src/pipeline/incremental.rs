//! The steps that a run adds if it is incremental, and the verification of a star.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::time::Instant;

use super::recorded::run_options;
use super::run::{Prepared, Run};
use crate::error::{Error, Result};
use crate::incremental::{IncrementalOptions, Latest, Removed, Update, ensure_none_kept};
use crate::ingest::{Input, Staging};
use crate::star::{Content, find_files, register_star};
use crate::star::{FileRecord, ModelRecord, RunOptions, RunRecord, StateRecord};

impl Run<'_> {
    /// Opens the state of the previous run if this run is incremental, and lets `inputs` use it.
    pub(super) async fn open_update(&mut self, inputs: &mut [Input]) -> Result<()> {
        if self.options.verify {
            self.verifiable()?;
        }
        let base = self.publication.base();
        let verification = IncrementalOptions { full: true, removed: Removed::Stop };
        let options = match self.options.verify {
            true => base.and_then(|base| base.state.as_ref()).map(|_| verification),
            false => self.options.incremental,
        };
        let Some(options) = options.filter(|_| self.options.remote.is_none()) else {
            return ensure_none_kept(base);
        };
        let model = &self.options.model;
        let update = Update::open(&self.publication.out, base, inputs, model, options).await?;
        for (at, input) in inputs.iter_mut().enumerate() {
            input.columns = input.columns.clone().with_object_numbers();
            input.known = Some(update.known(at));
        }
        self.update = Some(update);
        Ok(())
    }

    /// Stages the rows of unchanged objects. Returns `true` if the star is up to date instead.
    pub(super) async fn take_unchanged(&mut self, staging: &Staging) -> Result<bool> {
        let Some(update) = &self.update else { return Ok(false) };
        if self.report.is_partial() {
            return Ok(false);
        }
        let changes = update.changes()?;
        let is_unchanged = changes.is_empty();
        self.report.changes = (!self.options.verify).then_some(changes);
        if is_unchanged && !self.options.verify && self.has_star_of_these_options().await? {
            return Ok(true);
        }
        let begun = Instant::now();
        let touched = self.find_touched(staging).await?;
        if let (Some(changes), Some(touched)) = (&mut self.report.changes, &touched) {
            changes.partitions = Some(touched.days.len() as u64);
        }
        if touched.is_some() {
            self.report.timed("find days that have changed", begun, None);
        }
        let begun = Instant::now();
        if let Some(update) = &self.update {
            let (out, counts) = (&self.publication.out, &mut self.report.datasets);
            update.restore(out, staging, counts, self.engine.threads, touched.as_ref()).await?;
        }
        self.touched = touched;
        self.report.timed("restore unchanged rows", begun, None);
        Ok(false)
    }

    /// Returns `true` if the star would not change if it was built from the same objects once more.
    async fn has_star_of_these_options(&self) -> Result<bool> {
        let Some(base) = self.publication.base() else { return Ok(false) };
        if !self.has_definition_of(base) || base.options != run_options(self.options) {
            return Ok(false);
        }
        let session = self.engine.session();
        match register_star(&session, &self.publication.out, base, &self.options.model).await {
            Ok(()) => Ok(true),
            Err(error) => {
                tracing::info!(%error, "the existing star cannot be read; building it again");
                Ok(false)
            }
        }
    }

    /// Returns `true` if the run of `base` would have the same result from the same objects: it had the same
    /// version, model and queries, and the same options except those that select objects.
    pub(super) fn has_definition_of(&self, base: &RunRecord) -> bool {
        base.version == env!("CARGO_PKG_VERSION")
            && base.model == Some(ModelRecord::from(&*self.options.model))
            && base.definition_hash == self.definition_hash
            && without_selection(base.options.clone())
                == without_selection(run_options(self.options))
    }

    /// Returns the latest records of the columns that tables depend on, for the next run and for tables that
    /// need no others.
    pub(super) async fn find_latest(&mut self, staging: &Staging) -> Result<Latest> {
        let Some(update) = self.update.as_ref().filter(|_| !self.options.verify) else {
            return Ok(Latest::new());
        };
        let begun = Instant::now();
        let (out, touched) = (&self.publication.out, self.touched.as_ref());
        let latest = update.latest(out, self.engine, staging, touched).await?;
        self.report.timed("find latest records", begun, None);
        Ok(latest)
    }

    /// Writes the state for the next run.
    pub(super) async fn write_state(
        &mut self,
        staging: &Staging,
        latest: &Latest,
    ) -> Result<Option<StateRecord>> {
        let Some(update) = self.update.as_ref().filter(|_| !self.options.verify) else {
            return Ok(None);
        };
        let begun = Instant::now();
        let (engine, longest) = (self.engine, self.longest_text());
        let has_all_rows = self.touched.is_none();
        let publication = self.publication;
        let state =
            update.write(publication, engine, staging, latest, has_all_rows, longest).await?;
        self.report.timed("write state", begun, None);
        Ok(Some(state))
    }

    /// Replaces the files of tables that have not changed by those of the previous run.
    pub(super) async fn reuse_files(&self, record: &mut RunRecord) -> Result<()> {
        let Some(base) = self.publication.base().filter(|_| self.update.is_some()) else {
            return Ok(());
        };
        let out = &self.publication.out;
        for (name, table) in &mut record.tables {
            let Some(earlier) = base.tables.get(name) else { continue };
            let known = earlier.contents().into_iter();
            let known: HashMap<_, _> = known.map(|c| ((c.from, c.hash), c.files)).collect();
            let reused = |content: &Content| {
                let files = known.get(&(content.from, content.hash));
                files.filter(|_| !content.hash.is_empty()).copied()
            };
            let contents = table.contents();
            let files: Vec<FileRecord> =
                contents.iter().filter_map(reused).flatten().cloned().collect();
            if files.is_empty() || find_files(out, &files).await.is_err() {
                continue;
            }
            let files = contents.iter().flat_map(|c| reused(c).unwrap_or(c.files)).cloned();
            table.files = files.collect();
        }
        Ok(())
    }
}

/// Returns options without those that select the objects to read or limit the rejects.
fn without_selection(options: RunOptions) -> RunOptions {
    RunOptions {
        inputs: BTreeMap::new(),
        include_hidden: false,
        suffix: String::new(),
        jsonpaths: BTreeMap::new(),
        max_rejects: String::new(),
        ..options
    }
}

impl Run<'_> {
    /// Returns the outcome of a run that verifies the star: that it is up to date.
    ///
    /// # Errors
    ///
    /// Returns [`Error::StarDiffers`] if tables or lists of the star differ from those that were built for the comparison.
    pub(super) fn verified(&self, prepared: Prepared) -> Result<Prepared> {
        match prepared {
            Prepared::Star(again) if self.options.verify => {
                ensure_equal(self.verifiable()?, &again)?;
                Ok(Prepared::UpToDate)
            }
            prepared => Ok(prepared),
        }
    }

    /// Returns the record of the star to verify.
    fn verifiable(&self) -> Result<&RunRecord> {
        let out = &self.publication.out;
        let Some(base) = self.publication.base() else {
            return Err(Error::NothingFound(format!("cannot verify {out}: it contains no star")));
        };
        base.ensure_model(out, &self.options.model)?;
        let reason = if base.star_hash.is_empty() {
            "it was made by a version that recorded no hashes; run `starlift transform` again"
        } else if base.options != run_options(self.options) {
            "it was made with other options; repeat those"
        } else {
            return Ok(base);
        };
        Err(Error::Usage(format!("the star at {out} cannot be verified: {reason}")))
    }
}

/// Fails unless the tables and lists of two stars are equal.
fn ensure_equal(base: &RunRecord, again: &RunRecord) -> Result<()> {
    let names = again.tables.keys().chain(base.tables.keys());
    let hash = |record: &RunRecord, name: &String| record.tables.get(name).map(|t| t.hash.clone());
    let differing = names.filter(|name| hash(base, name) != hash(again, name)).cloned();
    let mut tables: BTreeSet<String> = differing.collect();
    // Earlier versions have recorded no lists.
    let lists = again.lists.keys().chain(base.lists.keys()).filter(|_| !base.lists.is_empty());
    let hash = |record: &RunRecord, name: &String| record.lists.get(name).map(|l| l.hash.clone());
    tables.extend(lists.filter(|name| hash(base, name) != hash(again, name)).cloned());
    match tables.is_empty() {
        true => Ok(()),
        false => {
            let tables = tables.into_iter().collect();
            Err(Error::StarDiffers { run_id: base.run_id.clone(), tables })
        }
    }
}
