//! Plans the queries before any data is read, to validate them and to determine which columns they need
//! from the staging tables.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use datafusion::arrow::datatypes::SchemaRef;
use datafusion::common::TableReference;
use datafusion::datasource::empty::EmptyTable;
use datafusion::prelude::SessionContext;

use super::accounting::{Balance, ENCODING, Measure, reject, summary_names};
use super::columns_read::columns_read;
use super::functions::{RepairEncoding, register_functions};
use super::parameters::plan_query;
use super::rules::Rules;
use super::run::register_view;
use super::schema::ensure_columns;
use crate::decode::{StagedColumns, rejects_schema, staging_schema};
use crate::error::{Error, Result};
use crate::ingest::inputs_schema;
use crate::model::{Dataset, Model};
use crate::star::model::table_schema;
use crate::star::{Group, ListHeader, Queries, Query, run_schema};

/// Columns and tables that the queries of a transform read.
pub struct RequiredColumns {
    /// The columns read of each staging table, in the order of the datasets.
    pub datasets: Vec<StagedColumns>,
    /// The last star table whose query reads a staging table; after it they can be dropped.
    pub last_reader: Option<String>,
    /// Accounting queries on the staging and intermediate tables.
    pub staged_accounting: Vec<String>,
    /// Accounting queries on the tables of the star and the earlier counts.
    pub star_accounting: Vec<String>,
    /// Names of the tables that each query of an intermediate or star table reads.
    pub reads: BTreeMap<String, BTreeSet<String>>,
    /// Names of the tables that each accounting query on the staging and intermediate tables reads, including
    /// [`ENCODING`].
    pub accounting_reads: BTreeMap<String, BTreeSet<String>>,
    /// `true` if an accounting query on the staging tables returns other numbers than counts.
    pub has_staged_rates: bool,
    /// Names of the tables that the query of each list reads.
    pub list_reads: BTreeMap<String, BTreeSet<String>>,
}

/// Plans every query that builds or checks the star and returns what they read.
///
/// # Errors
///
/// Returns an error if a query cannot be planned or does not return what it must. This way, a mistake in a
/// query is reported before any object is read.
pub async fn required_columns(queries: &Queries, rules: Rules) -> Result<RequiredColumns> {
    Ok(plan_run(queries, rules).await?.finish())
}

/// Plans every query, also those that a transform does not run.
///
/// # Errors
///
/// As for [`required_columns`].
pub async fn plan_all(queries: &Queries, rules: Rules) -> Result<()> {
    let mut planning = plan_run(queries, rules).await?;
    for query in queries.of(Group::Analytics).chain(queries.of(Group::Report)) {
        planning.plan(query).await?;
    }
    Ok(())
}

/// Plans the queries that a transform runs, in their order.
async fn plan_run(queries: &Queries, rules: Rules) -> Result<Planning<'_>> {
    rules.ensure_used(queries)?;
    let mut planning = Planning::new(queries, rules)?;
    for query in queries.of(Group::Intermediate) {
        planning.intermediate(query).await?;
    }
    for query in queries.of(Group::Star) {
        planning.star(query).await?;
    }
    planning.register("inputs", inputs_schema())?;
    planning.register("rejects", rejects_schema())?;
    for query in queries.of(Group::Accounting) {
        planning.accounting(query).await?;
    }
    planning.ensure_names_known(queries)?;
    planning.lists(queries).await?;
    planning.register_run()?;
    for query in queries.of(Group::Check) {
        planning.plan(query).await?;
    }
    Ok(planning)
}

/// The queries planned so far.
struct Planning<'a> {
    model: &'a Model,
    rules: Rules,
    session: SessionContext,
    /// Names of the staging and intermediate tables.
    staged: BTreeSet<String>,
    /// Columns read, with their tables.
    read: BTreeSet<(String, String)>,
    last_reader: Option<String>,
    staged_accounting: Vec<String>,
    star_accounting: Vec<String>,
    reads: BTreeMap<String, BTreeSet<String>>,
    accounting_reads: BTreeMap<String, BTreeSet<String>>,
    has_staged_rates: bool,
    list_reads: BTreeMap<String, BTreeSet<String>>,
    /// Counts of accounting queries, in the order of the columns of the table `run`.
    counts: BTreeMap<String, BTreeSet<String>>,
    /// Names of all counts and rates.
    measures: BTreeSet<String>,
}

impl<'a> Planning<'a> {
    fn new(queries: &'a Queries, rules: Rules) -> Result<Planning<'a>> {
        let session = SessionContext::new();
        register_functions(&session, rules.repair_encoding);
        let model: &Model = queries.model();
        let mut planning = Planning {
            model,
            rules,
            session,
            staged: BTreeSet::new(),
            read: BTreeSet::new(),
            last_reader: None,
            staged_accounting: Vec::new(),
            star_accounting: Vec::new(),
            reads: BTreeMap::new(),
            accounting_reads: BTreeMap::new(),
            has_staged_rates: false,
            list_reads: BTreeMap::new(),
            counts: BTreeMap::new(),
            measures: BTreeSet::new(),
        };
        for dataset in &model.datasets {
            planning.register(&dataset.table, staging_schema(dataset))?;
            planning.staged.insert(dataset.table.clone());
        }
        Ok(planning)
    }

    fn register(&self, name: &str, schema: SchemaRef) -> Result<()> {
        let table = Arc::new(EmptyTable::new(schema));
        let reference = TableReference::bare(name);
        self.session.register_table(reference, table).map_err(|e| Error::query(name, e))?;
        Ok(())
    }

    /// Plans a query. Returns the schema of its result and the tables that it names.
    async fn plan(&mut self, query: &Query) -> Result<(SchemaRef, BTreeSet<String>)> {
        let failed = |e| Error::query(query.file(), e);
        let rows = plan_query(&self.session, query, self.rules).await?;
        let schema = Arc::new(rows.schema().as_arrow().clone());
        // Optimization can remove tables and columns whose rows and values are not needed.
        let (_, tables) = columns_read(rows.logical_plan()).map_err(failed)?;
        let plan = rows.into_optimized_plan().map_err(failed)?;
        let (columns, _) = columns_read(&plan).map_err(failed)?;
        self.read.extend(columns);
        Ok((schema, tables))
    }

    async fn intermediate(&mut self, query: &Query) -> Result<()> {
        if query.is_view() {
            // The plans of the queries that read it contain its plan, and determine which columns are needed.
            let rows = plan_query(&self.session, query, self.rules).await?;
            return register_view(&self.session, query, rows);
        }
        let (schema, tables) = self.plan(query).await?;
        self.reads.insert(query.name.clone(), tables);
        self.staged.insert(query.name.clone());
        self.register(&query.name, schema)
    }

    async fn star(&mut self, query: &Query) -> Result<()> {
        let (schema, tables) = self.plan(query).await?;
        let Some(table) = self.model.table(&query.name) else { return Ok(()) };
        ensure_columns(&query.file(), table, &schema)?;
        if tables.iter().any(|name| self.model.dataset_of_staging(name).is_some()) {
            self.last_reader = Some(table.name.clone());
        }
        self.reads.insert(table.name.clone(), tables);
        // Later queries can read the table.
        self.register(&table.name, table_schema(table))
    }

    async fn accounting(&mut self, query: &Query) -> Result<()> {
        self.register_run()?;
        let (schema, tables) = self.plan(query).await?;
        let is_staged = |table: &&String| self.staged.contains(*table);
        let (staged, star) =
            (tables.iter().find(is_staged), tables.iter().find(|table| !is_staged(table)));
        if let (Some(staged), Some(star)) = (staged, star) {
            let reason = format!(
                "it reads {staged} and {star}; an accounting query reads either staging and \
                 intermediate tables or the tables of the star and `run`"
            );
            return Err(reject(query, &reason));
        }
        if star.is_none() {
            self.accounting_reads.insert(query.name.clone(), tables.clone());
        }
        let counts = self.measures(query, &schema)?;
        if query.name == ENCODING {
            return match star {
                Some(star) => Err(reject(
                    query,
                    &format!("it reads {star}, but runs before the star is built"),
                )),
                // The counts of a query that does not always run are not part of the record.
                None => Ok(()),
            };
        }
        let fixed = run_schema([]);
        if let Some(count) = counts.iter().find(|count| fixed.index_of(count).is_ok()) {
            return Err(reject(
                query,
                &format!("{count} is a column of the table `run`; rename it"),
            ));
        }
        let known = self.counts.iter().find_map(|(name, known)| {
            known.intersection(&counts).next().map(|count| (name.clone(), count.clone()))
        });
        if let Some((other, count)) = known {
            return Err(reject(query, &format!("accounting/{other}.sql returns {count} as well")));
        }
        self.has_staged_rates |= star.is_none() && counts.len() < schema.fields().len();
        self.counts.insert(query.name.clone(), counts);
        let list =
            if star.is_some() { &mut self.star_accounting } else { &mut self.staged_accounting };
        list.push(query.name.clone());
        Ok(())
    }

    /// Plans the lists, and registers them as tables.
    async fn lists(&mut self, queries: &Queries) -> Result<()> {
        let mut planned = Vec::new();
        for query in queries.of(Group::List) {
            let (found, tables) = self.plan(query).await?;
            if let Some(table) = tables.iter().find(|table| !self.staged.contains(*table)) {
                let reason = format!(
                    "it reads {table}; a list reads staging and intermediate tables, and a query on other tables \
                     belongs in analytics or report"
                );
                return Err(reject(query, &reason));
            }
            let schema = ListHeader::of(query)?.schema(query, &found)?;
            self.list_reads.insert(query.name.clone(), tables);
            planned.push((&query.name, schema));
        }
        planned.into_iter().try_for_each(|(name, schema)| self.register(name, schema))
    }

    /// Returns the names of the counts of an accounting query, and adds all of its columns to the measures.
    fn measures(&mut self, query: &Query, schema: &SchemaRef) -> Result<BTreeSet<String>> {
        let mut counts = BTreeSet::new();
        for field in schema.fields() {
            let name = field.name();
            match Measure::of(field.data_type()) {
                Some(Measure::Count) => {
                    counts.insert(name.clone());
                }
                Some(Measure::Rate) => {}
                None => {
                    let reason = format!("{name} is {}, not a number", field.data_type());
                    return Err(reject(query, &reason));
                }
            }
            self.measures.insert(name.clone());
        }
        Ok(counts)
    }

    /// Registers the table `run` with the counts so far.
    fn register_run(&self) -> Result<()> {
        self.session.deregister_table("run").map_err(|e| Error::query("run", e))?;
        self.register("run", run_schema(self.counts.values().flatten().map(String::as_str)))
    }

    /// Fails if a balance names a count, or a summary a number, that no query returns.
    fn ensure_names_known(&self, queries: &Queries) -> Result<()> {
        for query in queries.of(Group::Accounting) {
            let mut named = summary_names(query).into_iter();
            if let Some(unknown) = named.find(|name| !self.measures.contains(name)) {
                let reason = format!("the summary names {{{unknown}}}, which no query returns");
                return Err(reject(query, &reason));
            }
            let Some(balance) = Balance::of(query)? else { continue };
            let is_known = |name: &str| self.counts.values().any(|counts| counts.contains(name));
            if let Some(unknown) = balance.names().find(|name| !is_known(name)) {
                return Err(reject(query, &format!("no query returns the count {unknown}")));
            }
        }
        Ok(())
    }

    fn finish(self) -> RequiredColumns {
        let needs = |dataset: &Arc<Dataset>| {
            let is_read =
                |column: &str| self.read.contains(&(dataset.table.clone(), column.to_owned()));
            let repairs = self.rules.repair_encoding == RepairEncoding::Store;
            StagedColumns::of(dataset, is_read).with_repaired_encoding(repairs)
        };
        RequiredColumns {
            datasets: self.model.datasets.iter().map(needs).collect(),
            last_reader: self.last_reader,
            staged_accounting: self.staged_accounting,
            star_accounting: self.star_accounting,
            reads: self.reads,
            accounting_reads: self.accounting_reads,
            has_staged_rates: self.has_staged_rates,
            list_reads: self.list_reads,
        }
    }
}

#[cfg(test)]
mod tests;
