//! `starlift shell`: an SQL prompt on a star or a warehouse.

mod command;
mod complete;
mod describe;
mod history;
mod prompt;
mod script;
mod source;
mod split;

use std::io::{self, IsTerminal};
use std::time::{Duration, Instant};

use super::args::{PagerArgs, QueryFormat, ShellArgs};
use super::destination::Destination;
use super::output::note;
use super::settings::WarehouseOptions;
use super::settings::{GlobalOptions, StarOptions};
use super::signals::{ctrl_c, terminated, unless_interrupted};
use super::{chart, query, rows, star, suggest};
use crate::cli::error::{Code, Error, Result};
use crate::model::Model;
use crate::pipeline::queries;
use crate::star::{Group, Queries};
use command::Command;
use source::{Source, Warehouse};

/// Reads statements and commands from a prompt or from a pipe, and runs them.
///
/// # Errors
///
/// Returns an error if there is no such star or warehouse, a statement of a pipe fails, or the terminal fails.
pub async fn run(
    args: &ShellArgs,
    options: &StarOptions,
    on: Option<WarehouseOptions>,
    global: &GlobalOptions,
) -> Result<()> {
    if args.format == QueryFormat::Parquet {
        return Err(Error::Usage(
            "the shell shows text; `starlift query --format parquet --output FILE` writes Parquet"
                .to_owned(),
        ));
    }
    let queries = queries(&options.model, options.queries.as_deref())?;
    let open = async {
        Ok::<_, Error>(match on {
            Some(warehouse) => {
                Source::Warehouse(Box::new(Warehouse::open(warehouse, &global.stores).await?))
            }
            None => Source::Star(Box::new(star::open(options, global).await?)),
        })
    };
    let source = unless_interrupted(open, crate::error::Error::Stopped).await?;
    let mut shell = Shell {
        source,
        queries,
        format: args.format,
        chart: args.chart,
        timing: false,
        pager: args.pager,
        is_terminated: false,
    };
    if io::stdin().is_terminal() && io::stdout().is_terminal() {
        prompt::run(&mut shell, !args.no_history, global.quiet).await
    } else {
        script::run(&mut shell).await
    }
}

/// State of the shell.
struct Shell {
    source: Source,
    queries: Queries,
    format: QueryFormat,
    chart: bool,
    timing: bool,
    pager: PagerArgs,
    /// `true` once the process has received SIGTERM or SIGHUP.
    is_terminated: bool,
}

/// Continuation after a command.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Flow {
    Continue,
    Quit,
}

impl Shell {
    fn model(&self) -> &Model {
        self.queries.model()
    }

    /// Runs a statement and shows its result.
    ///
    /// # Errors
    ///
    /// Returns an error if the statement fails, or an interruption if it is cancelled.
    async fn statement(&mut self, sql: &str) -> Result<()> {
        let started = Instant::now();
        // The destination outlives the query: after a cancellation, the pager must end first.
        let mut to = Destination::paged(self.pager);
        let (model, form) = (self.queries.model().clone(), (self.chart, self.format));
        let outcome = tokio::select! {
            outcome = show(&mut self.source, sql, &model, form, &mut to) => outcome,
            () = ctrl_c() => Err(crate::error::Error::Stopped.into()),
            () = terminated() => {
                self.is_terminated = true;
                Err(crate::error::Error::Stopped.into())
            }
        };
        if outcome.as_ref().is_err_and(|error| error.code() == Code::Interrupted) {
            self.source.cancel().await;
        }
        let elapsed = started.elapsed();
        to.finish(outcome).await?;
        if self.timing {
            note(&format!("time: {}\n", shown(elapsed)));
        }
        Ok(())
    }

    /// Runs a command.
    ///
    /// # Errors
    ///
    /// Returns an error if the command is unknown, or its query fails.
    async fn command(&mut self, text: &str) -> Result<Flow> {
        match Command::parse(text)? {
            Command::Quit => return Ok(Flow::Quit),
            Command::Help => self.print(command::HELP).await?,
            Command::Describe(None) => {
                self.print(&describe::tables(&self.source, self.model())).await?;
            }
            Command::Describe(Some(table)) => {
                let columns = describe::columns(&table, &self.source, self.model()).await?;
                self.print(&columns).await?;
            }
            Command::Query(None) => self.print(&query::list(&self.queries)).await?,
            Command::Query(Some(name)) => {
                let query = suggest::query(&self.queries, Group::Analytics, &name)?;
                self.statement(&query.sql.clone()).await?;
            }
            Command::Chart(on) => {
                self.chart = on.unwrap_or(!self.chart);
                note(&format!("charts are {}\n", on_or_off(self.chart)));
            }
            Command::Timing(on) => {
                self.timing = on.unwrap_or(!self.timing);
                note(&format!("times are {}\n", on_or_off(self.timing)));
            }
            Command::Format(format) => {
                self.format = format.unwrap_or(self.format);
                note(&format!("the format is {}\n", command::format_name(self.format)));
            }
        }
        Ok(Flow::Continue)
    }

    /// Prints text of the shell itself.
    async fn print(&self, text: &str) -> Result<()> {
        let mut to = Destination::paged(self.pager);
        let written = to.text(text, super::output::TextFormat::Text).await;
        to.finish(written).await
    }
}

/// Runs a statement, and writes its rows or its chart.
async fn show(
    source: &mut Source,
    sql: &str,
    model: &Model,
    (draws_chart, format): (bool, QueryFormat),
    to: &mut Destination,
) -> Result<()> {
    let name = crate::api::shown(sql);
    let written = async {
        let found = source.run(&name, sql, model).await?;
        match draws_chart {
            true => chart::write(&name, found, to).await,
            false => rows::write(&name, found, format, to).await,
        }
    };
    written.await.map(drop).map_err(|error| suggest::in_sql(error, sql, model))
}

fn on_or_off(on: bool) -> &'static str {
    if on { "on" } else { "off" }
}

/// Returns a duration in milliseconds, or in seconds from one second on.
fn shown(elapsed: Duration) -> String {
    match elapsed.as_secs_f64() {
        seconds if seconds < 1.0 => format!("{:.1} ms", seconds * 1000.0),
        seconds => format!("{seconds:.2} s"),
    }
}
