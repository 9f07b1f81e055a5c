//! `starlift selftest`: loads a small star into the user's warehouse, verifies it, and prints a report
//! that can be attached to a bug report.

mod reader;

use std::fmt::Write;
use std::sync::Arc;
use std::time::Instant;

use futures::{StreamExt, TryStreamExt};

use self::reader::Reader;
use super::args::{LoadFlags, NamedUrl, SelftestArgs};
use super::json::{Report, SelftestResult, SelftestStep};
use super::output::{note, print, print_error};
use super::settings::WarehouseOptions;
use super::settings::{GlobalOptions, StarOptions};
use super::signals::unless_interrupted;
use super::star;
use super::{generate, load, verify};
use crate::api::Transform;
use crate::cli::error::{Error, Result};
use crate::engine::EngineOptions;
use crate::error::causes;
use crate::generate::GenerateOptions;
use crate::limits::MaxRejects;
use crate::model::Model;
use crate::pipeline::queries;
use crate::star::RunRecord;
use crate::storage::Place;
use crate::temporary::TemporaryFolder;
use crate::warehouse::Dialect;
use crate::warehouse::check::{check_warehouse, ensure_passed};
use crate::warehouse::connection::session::Session;
use crate::warehouse::error::Error as WarehouseError;
use crate::warehouse::load::execute_alone;
use crate::warehouse::sql::quote;

/// Covers every type, nulls, matches and text in many scripts, and takes about a second.
const SAMPLE: GenerateOptions = GenerateOptions {
    songs: 200,
    events: 4_000,
    users: 50,
    days: 14,
    seed: GenerateOptions::SEED,
    bad_rate: 0.0,
    duplicate_rate: 0.01,
};

/// Facts about the server for the report, as pairs of label and query. A query that fails is left out.
const FACTS: [(&str, &str); 5] = [
    ("version", "SELECT version()"),
    ("server_version", "SHOW server_version"),
    (
        "isolation",
        "SELECT isolation_level FROM stv_db_isolation_level WHERE db_name = current_database()",
    ),
    ("case sensitive identifiers", "SHOW enable_case_sensitive_identifier"),
    ("timezone", "SHOW timezone"),
];

/// Runs the self-test and prints its report.
///
/// # Errors
///
/// Returns the error of the step that failed; the report names the step.
pub async fn run(
    args: &SelftestArgs,
    model: Arc<Model>,
    warehouse: WarehouseOptions,
    global: &GlobalOptions,
) -> Result<()> {
    ensure_inputs(&model, args)?;
    let mut test = Selftest::new(args, model, warehouse, global).await?;
    test.result = SelftestResult {
        warehouse: test.warehouse.target.dialect.name().to_owned(),
        region: test.warehouse.target.region().map(str::to_owned),
        schema: test.warehouse.schema.clone(),
        steps: Vec::new(),
    };
    let outcome = unless_interrupted(test.run(), Error::LoadInterrupted).await;
    let cleaned = test.clean_up(args.keep).await;
    global.results.set(Report::Selftest(Some(test.result.clone())));
    print(&test.report(outcome.is_ok() && cleaned.is_ok()))?;
    match (outcome, cleaned) {
        (Err(error), Err(second)) => {
            print_error(&second);
            Err(error)
        }
        (outcome, cleaned) => outcome.and(cleaned),
    }
}

struct Selftest<'a> {
    warehouse: WarehouseOptions,
    global: &'a GlobalOptions,
    flags: LoadFlags,
    data: TemporaryFolder,
    star: Place,
    star_options: StarOptions,
    inputs: &'a [NamedUrl],
    lines: String,
    result: SelftestResult,
}

impl<'a> Selftest<'a> {
    async fn new(
        args: &'a SelftestArgs,
        model: Arc<Model>,
        mut warehouse: WarehouseOptions,
        global: &'a GlobalOptions,
    ) -> Result<Selftest<'a>> {
        let name = format!("starlift_selftest_{:08x}", rand::random::<u32>());
        let data = TemporaryFolder::create()?;
        let star = match (&args.scratch, warehouse.target.dialect) {
            (Some(scratch), _) => format!("{}/{name}", scratch.trim_end_matches('/')),
            (None, Dialect::Postgres) => data.path().join("star").to_string_lossy().into_owned(),
            (None, Dialect::Redshift) => {
                return Err(Error::Usage(
                    "Redshift reads from S3: specify a location for the star with --scratch s3://BUCKET/PREFIX"
                        .to_owned(),
                ));
            }
        };
        warehouse.schema = name;
        Ok(Selftest {
            star: global.place(&star).await?,
            star_options: StarOptions {
                star: Some(star),
                model,
                queries: None,
                engine: EngineOptions::default(),
            },
            flags: LoadFlags {
                iam_role: args.iam_role.clone(),
                copy_auth: args.copy_auth,
                force: false,
                cascade: false,
                lock_timeout: None,
            },
            warehouse,
            global,
            data,
            inputs: &args.input,
            lines: String::new(),
            result: SelftestResult::default(),
        })
    }

    async fn run(&mut self) -> Result<()> {
        let begun = Instant::now();
        let created = self.create_star().await;
        self.note("create a star", begun, created)?;
        let begun = Instant::now();
        let connected = self.server_facts().await;
        self.note("log in", begun, connected)?;
        for (step, is_loaded) in [("load", false), ("load again: nothing to do", true)] {
            let begun = Instant::now();
            let loaded = self.load(false, is_loaded).await;
            self.note(step, begun, loaded)?;
        }
        let begun = Instant::now();
        let replaced = self.replace().await;
        self.note("replace the tables", begun, replaced)?;
        let begun = Instant::now();
        let checked = self.check().await;
        self.note("checks", begun, checked)?;
        let begun = Instant::now();
        let compared = self.compare_queries().await;
        self.note("queries", begun, compared)
    }

    /// Adds a line for a step to the report, and returns the error of the step, if any.
    fn note(&mut self, step: &str, begun: Instant, outcome: Result<String>) -> Result<()> {
        let seconds = begun.elapsed().as_secs_f64();
        let (word, message) = match &outcome {
            Ok(message) => ("ok", message.clone()),
            Err(error) => ("FAILED", self.masked(&table_cell(error))),
        };
        let _ = writeln!(self.lines, "| {step} | {word} | {seconds:.2} s | {message} |");
        let (name, succeeded) = (step.to_owned(), outcome.is_ok());
        self.result.steps.push(SelftestStep { name, succeeded, seconds, message });
        outcome.map(|_| ())
    }

    async fn create_star(&self) -> Result<String> {
        let mut transform = Transform::builder()
            .out(self.star_options.require_star()?)
            .model(self.star_options.model.clone())
            .store_options(self.global.stores.clone());
        if self.inputs.is_empty() {
            let folder = self.data.path().join("data");
            let data = self.global.place(&folder.to_string_lossy()).await?;
            generate::write(&SAMPLE, &data).await?;
            let below = |name: &str| folder.join(name).to_string_lossy().into_owned();
            transform =
                transform.input("songs", below("song_data")).input("logs", below("log_data"));
        } else {
            // The test is of the warehouse, not of the records.
            transform = transform.max_rejects(MaxRejects::Percent(100.0));
        }
        for input in self.inputs {
            transform = transform.input(&input.name, &input.url);
        }
        let report = transform.build()?.run().await?;
        let rows = report.record.map_or(0, |r| r.tables.values().map(|t| t.rows).sum::<u64>());
        Ok(format!("{rows} rows in {} tables", report.model.tables.len()))
    }

    async fn server_facts(&mut self) -> Result<String> {
        let session = self.session().await?;
        let mut facts = Vec::new();
        for (what, sql) in FACTS {
            // Run each query separately: not every kind of server supports all of them.
            if let Ok(value) = session.value("query the server", sql).await {
                facts.push(format!("{what}: {}", value.unwrap_or_default().trim_matches('\0')));
            }
        }
        Ok(facts.join("; "))
    }

    async fn session(&self) -> Result<Session> {
        Ok(Session::open(&self.warehouse.access(&self.global.stores).await?).await?)
    }

    async fn load(&mut self, force: bool, is_loaded: bool) -> Result<String> {
        self.flags.force = force;
        let report =
            load::perform(&self.flags, &self.star_options, &self.warehouse, self.global).await?;
        if report.already_loaded != is_loaded {
            let differences = vec!["the ledger does not match the loaded tables".to_owned()];
            return Err(WarehouseError::Mismatch { differences }.into());
        }
        let phases =
            report.phases.iter().map(|s| format!("{} {:.2} s", s.name, s.elapsed.as_secs_f64()));
        Ok(format!("{} statistics; {}", report.statistics, phases.collect::<Vec<_>>().join(", ")))
    }

    /// Loads the star again while a reader reads the tables.
    async fn replace(&mut self) -> Result<String> {
        let access = self.warehouse.access(&self.global.stores).await?;
        let record = RunRecord::require(&self.star).await?;
        let reader = Reader::start(&access, &self.warehouse.schema, &record).await?;
        let loaded = self.load(true, false).await;
        let reads = reader.finish().await;
        let (loaded, reads) = (loaded?, reads?);
        Ok(format!("{loaded}; read {reads} times meanwhile, always a complete star"))
    }

    async fn check(&self) -> Result<String> {
        let session = self.warehouse.open_session(&self.global.stores).await?;
        let record = RunRecord::require(&self.star).await?;
        let checks =
            check_warehouse(&session, &queries(&self.star_options.model, None)?, Some(&record))
                .await?;
        ensure_passed(&checks.outcomes)?;
        Ok(format!("{} passed", checks.outcomes.len()))
    }

    async fn compare_queries(&self) -> Result<String> {
        let session = self.warehouse.open_session(&self.global.stores).await?;
        let open = star::open(&self.star_options, self.global).await?;
        let compared =
            verify::compare_queries(&session, &queries(&self.star_options.model, None)?, &open)
                .await?;
        Ok(format!("{compared} return the same rows as the files"))
    }

    /// Drops the schema and removes the star. Prints the names of both if either cannot be removed.
    async fn clean_up(&mut self, keep: bool) -> Result<()> {
        let schema = self.warehouse.schema.clone();
        if keep {
            let _ = writeln!(self.lines, "| clean up | kept | | schema {schema} |");
            return Ok(());
        }
        let begun = Instant::now();
        // Try to remove each even if the other cannot be removed.
        let (star, tables) = (self.remove_star().await, self.drop_schema().await);
        let cleaned = match (star, tables) {
            (Ok(objects), Ok(())) => Ok(format!("schema dropped, {objects} objects removed")),
            (star, tables) => star.and(tables).map(|()| String::new()),
        };
        let noted = self.note("clean up", begun, cleaned);
        if noted.is_err() {
            note(&format!("check for remains: schema {schema}, star {}\n", self.star));
        }
        noted
    }

    async fn drop_schema(&self) -> Result<()> {
        let session = self.session().await?;
        let schema = quote::name(&self.warehouse.schema)?;
        let sql = format!("DROP SCHEMA IF EXISTS {schema} CASCADE");
        Ok(execute_alone(&session, "drop the scratch schema", &sql).await?)
    }

    async fn remove_star(&self) -> Result<u64> {
        let removed =
            |e| Error::io(format!("cannot remove {}", self.star), std::io::Error::other(e));
        let listed =
            self.star.store.list(Some(self.star.path())).map_ok(|meta| meta.location).boxed();
        let deleted = self.star.store.delete_stream(listed);
        deleted.try_fold(0, |count, _| async move { Ok(count + 1) }).await.map_err(removed)
    }

    /// Masks the names of the warehouse, host, star and role in an error message: the report is intended to
    /// be shared.
    fn masked(&self, text: &str) -> String {
        let target = &self.warehouse.target;
        let role = self.flags.iam_role.clone().unwrap_or_default();
        let star = self.star.to_string();
        let names = [
            (target.to_string(), "WAREHOUSE"),
            (target.host.clone(), "HOST"),
            (star, "STAR"),
            (role, "ROLE"),
        ];
        names
            .iter()
            .filter(|(name, _)| name.len() > 3)
            .fold(text.to_owned(), |text, (name, mask)| text.replace(name.as_str(), mask))
    }

    fn report(&self, passed: bool) -> String {
        let outcome = if passed { "passed" } else { "FAILED" };
        let target = &self.warehouse.target;
        let region = target.region().map(|region| format!(" in {region}")).unwrap_or_default();
        format!(
            "## starlift selftest: {outcome}\n\nstarlift {}, {} {}; {}{region}; {}\n\n\
             | step | outcome | time | |\n| --- | --- | --- | --- |\n{}",
            env!("CARGO_PKG_VERSION"),
            std::env::consts::OS,
            std::env::consts::ARCH,
            target.dialect.name(),
            chrono::Utc::now().format("%Y-%m-%d %H:%M UTC"),
            self.lines,
        )
    }
}

/// Fails if the test can neither generate records of the model nor read those of the user.
fn ensure_inputs(model: &Model, args: &SelftestArgs) -> Result<()> {
    if !args.input.is_empty() || model.datasets == Model::built_in().datasets {
        return Ok(());
    }
    let names: Vec<String> =
        model.datasets.iter().map(|dataset| format!("--input {}=URL", dataset.name)).collect();
    Err(Error::Usage(format!(
        "the self-test generates records of the built-in datasets only; specify objects of those of the \
         model {:?}: {}",
        model.name,
        names.join(" ")
    )))
}

/// Formats an error and its causes as a single table cell.
fn table_cell(error: &Error) -> String {
    let mut text = error.to_string();
    for cause in causes(error) {
        text += &format!(": {cause}");
    }
    text.replace('|', "\\|").split_whitespace().collect::<Vec<_>>().join(" ")
}
