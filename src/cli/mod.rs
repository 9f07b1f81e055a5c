//! The command line: parses the arguments, resolves the settings, runs the command, and picks the exit
//! code.

mod args;
mod chart;
mod check;
mod cloud;
mod compare;
mod completions;
mod demo;
mod demo_folder;
mod destination;
mod doctor;
mod engine;
mod env_file;
mod error;
mod generate;
mod history;
mod init;
mod json;
mod load;
mod logging;
mod man;
mod model;
mod output;
mod place_file;
mod progress;
mod query;
mod rejects;
mod report;
mod report_files;
mod rows;
mod run;
mod schema;
mod selftest;
mod settings;
mod shell;
mod signals;
mod star;
mod suggest;
mod summary;
mod table;
mod transform;
mod verify;

#[doc(hidden)]
pub use init::configuration_of;
#[doc(hidden)]
pub use json::schema_text as output_schema;

use std::path::Path;
use std::process::ExitCode;

use clap::Parser;
use clap::error::{ContextKind, ContextValue};

use crate::cli::error::{Error, Result};
use crate::cli::json::Results;
use args::{
    CheckArgs, Cli, Command, HistoryArgs, LoadArgs, ProvisionArgs, QueryArgs, ReportArgs, RunArgs,
    SelftestArgs, ShellArgs, StarArgs, TransformArgs,
};
use report_files::ReportFiles;
use settings::{GlobalOptions, Settings, StarOptions};

/// Runs the program with the arguments of this process.
pub fn main() -> ExitCode {
    completions::answer();
    if let Err(error) = env_file::load() {
        return early_exit_code(error);
    }
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(usage) => return report_parse_failure(&usage),
    };
    let results = Results::default();
    results.set_format(cli.global.output_format.unwrap_or_default());
    let outcome = ReportFiles::open(&cli.command)
        .and_then(|files| files.write(&cli.command, &results, run(&cli, &results)));
    let printed = json::finish(&cli.command, &results, &outcome);
    exit_code(outcome.and(printed))
}

/// Returns the exit code of an error that occurred before the options were known, and prints the error.
fn early_exit_code(error: Error) -> ExitCode {
    // The exit code is that of the error, even if the document cannot be printed.
    let _ = json::print_early(&error);
    exit_code(Err(error))
}

/// Returns the exit code of an outcome, and prints the error if there is one.
fn exit_code(outcome: Result<()>) -> ExitCode {
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            output::print_error(&error);
            ExitCode::from(error.exit_code())
        }
    }
}

/// Prints the error of the command line, or the requested help or version, and returns the exit code.
fn report_parse_failure(usage: &clap::Error) -> ExitCode {
    let printed = output::print_usage(usage);
    if let Some(variable) = rejected_variable(usage) {
        output::note(&format!("the value comes from {variable} in the environment\n"));
    }
    if !usage.use_stderr() {
        return exit_code(printed);
    }
    let text = usage.render().to_string();
    let message = text.trim_start_matches("error: ").split("\n\n").next().unwrap_or_default();
    match json::print_early(&Error::Usage(message.to_owned())) {
        Ok(()) => ExitCode::from(2),
        failed => exit_code(failed),
    }
}

/// Returns the environment variable that a rejected value came from, if any: clap names only the flag.
fn rejected_variable(error: &clap::Error) -> Option<String> {
    let ContextValue::String(argument) = error.get(ContextKind::InvalidArg)? else { return None };
    let flag = argument.split([' ', '[', '=']).next()?;
    let is_typed = std::env::args().any(|typed| typed.split('=').next() == Some(flag));
    let name = flag.strip_prefix("--")?.replace('-', "_").to_uppercase();
    let variable = format!("STARLIFT_{name}");
    (!is_typed && std::env::var_os(&variable).is_some()).then_some(variable)
}

/// Returns the settings of a command. If the file is broken and the command works without it, returns the default
/// settings and the error.
fn load_settings(file: Option<&Path>, command: &Command) -> Result<(Settings, Option<Error>)> {
    match (Settings::load(file), command) {
        (Ok(settings), _) => Ok((settings, None)),
        // `init` replaces the file, `doctor` reports its error, and the others do not use it.
        (
            Err(error),
            Command::Init(_)
            | Command::Doctor(_)
            | Command::Completions { .. }
            | Command::Man { .. },
        ) => Ok((Settings::default(), Some(error))),
        (Err(error), _) => Err(error),
    }
}

fn run(cli: &Cli, results: &Results) -> Result<()> {
    let file = cli.global.config.as_deref();
    let (settings, broken) = load_settings(file, &cli.command)?;
    let mut global = settings.global(&cli.global)?;
    global.results = results.clone();
    json::begin(&cli.command, &global);
    logging::start(&global);
    match &cli.command {
        Command::Init(args) => init::run(args, &cli.global, global.quiet),
        Command::Schema(args) => block_on(None, schema::run(args, &settings, &global)),
        Command::Model(args) => block_on(None, model::run(args, &settings, &global)),
        Command::Completions { shell } => completions::print_script(*shell),
        Command::Man { folder } => man::run(folder, global.quiet),
        Command::Transform(args) => run_transform(args, &settings, &global),
        Command::Query(args) => run_query(args, &settings, &global),
        Command::Shell(args) => run_shell(args, &settings, &global),
        Command::Check(args) => run_check(args, &settings, &global),
        Command::Report(args) => run_report(args, &settings, &global),
        Command::Rejects(args) => {
            run_on_star(&args.star, &settings, async |star| rejects::run(args, star, &global).await)
        }
        Command::History(args) => run_history(args, &settings, &global),
        Command::Diff(args) => run_on_star(&args.star, &settings, async |star| {
            history::diff(args, star, &global).await
        }),
        Command::Rollback(args) => block_on(None, history::rollback(args, &settings, &global)),
        Command::Load(args) => run_load(args, &settings, &global),
        Command::Run(args) => run_all(args, &settings, &global),
        Command::Selftest(args) => run_selftest(args, &settings, &global),
        Command::Doctor(args) => {
            block_on(None, doctor::run(args, &settings, file, broken.as_ref(), &global))
        }
        Command::Provision(args) => run_provision(args, &settings, &global),
        Command::Status(args) => block_on(None, cloud::status(args, &global)),
        Command::Pause(args) => {
            let name = settings.cloud().name(args.name.as_ref())?;
            block_on(None, cloud::pause(&name, args.wait.timeout, &global))
        }
        Command::Resume(args) => {
            let name = settings.cloud().name(args.name.as_ref())?;
            let expires = args.expires.unwrap_or_default();
            expires.check()?;
            block_on(None, cloud::resume(&name, expires, args.wait.timeout, &global))
        }
        Command::Teardown(args) => {
            let name = settings.cloud().name(args.name.as_ref())?;
            block_on(None, cloud::teardown(args, &name, &global))
        }
        Command::Cluster(args) => engine::run(args, &global),
        Command::Generate(args) => block_on(None, generate::run(args, &global)),
        Command::Demo(args) => block_on(None, demo::run(args, &global)),
    }
}

fn run_transform(args: &TransformArgs, settings: &Settings, global: &GlobalOptions) -> Result<()> {
    let options = engine::with_engine(settings.transform(args)?, args, settings, global)?;
    let threads = options.engine.threads;
    if args.dry_run {
        block_on(threads, transform::dry_run(&options, global))
    } else {
        block_on(threads, transform::run(&options, args.report.as_deref(), global))
    }
}

fn run_query(args: &QueryArgs, settings: &Settings, global: &GlobalOptions) -> Result<()> {
    let star = settings.star(&args.star)?;
    block_on(star.engine.threads, async {
        let on = settings.optional_warehouse(args.on.as_deref(), &args.warehouse, global).await?;
        query::run(args, &star, on, global).await
    })
}

fn run_shell(args: &ShellArgs, settings: &Settings, global: &GlobalOptions) -> Result<()> {
    let star = settings.star(&args.star)?;
    block_on(star.engine.threads, async {
        let on = settings.optional_warehouse(args.on.as_deref(), &args.warehouse, global).await?;
        shell::run(args, &star, on, global).await
    })
}

fn run_check(args: &CheckArgs, settings: &Settings, global: &GlobalOptions) -> Result<()> {
    let star = settings.star(&args.star)?;
    block_on(star.engine.threads, async {
        if args.copy_contract {
            return check::copy_contract(&star, global).await;
        }
        let on = settings.optional_warehouse(args.on.as_deref(), &args.warehouse, global).await?;
        check::run(&args.names, &star, on, global).await
    })
}

fn run_report(args: &ReportArgs, settings: &Settings, global: &GlobalOptions) -> Result<()> {
    let star = settings.star(&args.star)?;
    block_on(star.engine.threads, async {
        let on = settings.optional_warehouse(args.on.as_deref(), &args.warehouse, global).await?;
        report::run(args, &star, on, global).await
    })
}

/// Runs `work`, which reads the star that the arguments select.
fn run_on_star(
    args: &StarArgs,
    settings: &Settings,
    work: impl AsyncFnOnce(&StarOptions) -> Result<()>,
) -> Result<()> {
    let star = settings.star(args)?;
    block_on(star.engine.threads, work(&star))
}

fn run_history(args: &HistoryArgs, settings: &Settings, global: &GlobalOptions) -> Result<()> {
    let star = settings.star(&args.star)?;
    block_on(star.engine.threads, async {
        let on = settings.optional_warehouse(args.on.as_deref(), &args.warehouse, global).await?;
        history::list(args, &star, on, global).await
    })
}

fn run_load(args: &LoadArgs, settings: &Settings, global: &GlobalOptions) -> Result<()> {
    let star = settings.star(&args.star)?;
    block_on(star.engine.threads, async {
        let warehouse = settings.warehouse(&args.to, &args.warehouse, &global.stores).await?;
        load::run(args, &star, &warehouse, global).await
    })
}

fn run_all(args: &RunArgs, settings: &Settings, global: &GlobalOptions) -> Result<()> {
    let (transform, options) = (&args.transform, settings.transform(&args.transform)?);
    let options = engine::with_engine(options, transform, settings, global)?;
    block_on(options.engine.threads, async {
        let warehouse = settings.warehouse(&args.to, &args.warehouse, &global.stores).await?;
        run::run(args, &options, &warehouse, global).await
    })
}

fn run_selftest(args: &SelftestArgs, settings: &Settings, global: &GlobalOptions) -> Result<()> {
    let model = settings.model(&args.model)?;
    block_on(None, async {
        let warehouse = settings.warehouse(&args.to, &args.warehouse, &global.stores).await?;
        selftest::run(args, model, warehouse, global).await
    })
}

fn run_provision(args: &ProvisionArgs, settings: &Settings, global: &GlobalOptions) -> Result<()> {
    let cloud_settings = settings.cloud();
    if cloud_settings.is_serverless(args) {
        let options = cloud_settings.serverless(args, settings.star_place())?;
        let cidrs = cloud_settings.cidrs(args)?;
        return block_on(None, cloud::provision_workgroup(args, &options, cidrs, global));
    }
    let options = cloud_settings.provision(args, settings.star_place())?;
    let cidrs = cloud_settings.cidrs(args)?;
    block_on(None, cloud::provision(args, &options, cidrs, global))
}

/// Runs `work` on a new runtime. It is started here, after all checks that do not need it.
pub(crate) fn block_on(
    threads: Option<usize>,
    work: impl Future<Output = Result<()>>,
) -> Result<()> {
    let mut builder = tokio::runtime::Builder::new_multi_thread();
    if let Some(threads) = threads {
        builder.worker_threads(threads);
    }
    let runtime =
        builder.enable_all().build().map_err(|e| Error::io("cannot start the runtime", e))?;
    let outcome = runtime.block_on(work);
    // Do not wait for threads that block in a read of a file.
    runtime.shutdown_background();
    outcome
}
