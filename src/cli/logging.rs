//! Log lines on standard error.

use std::io::{self, IsTerminal, Write};

use tracing_subscriber::EnvFilter;

use super::args::{ColorWhen, LogFormat};
use super::settings::GlobalOptions;
use crate::escape;

/// Returns `true` if progress is drawn as a bar: on a terminal, without --quiet, --verbose and JSON logs.
pub fn draws_progress(global: &GlobalOptions) -> bool {
    !global.quiet
        && global.verbose == 0
        && global.log_format == LogFormat::Text
        && std::io::stderr().is_terminal()
}

/// Sets up logging and colours according to the options.
pub fn start(global: &GlobalOptions) {
    let choice = match global.color {
        ColorWhen::Auto => anstream::ColorChoice::Auto,
        ColorWhen::Always => anstream::ColorChoice::Always,
        ColorWhen::Never => anstream::ColorChoice::Never,
    };
    choice.write_global();
    let ansi = anstream::AutoStream::choice(&std::io::stderr()) != anstream::ColorChoice::Never;
    let log_format = global.log_format;
    let lines = tracing_subscriber::fmt()
        .with_env_filter(EnvFilter::new(filter(global)))
        .with_writer(move || SafeStderr(log_format))
        // The subscriber's own message about a closed standard error would panic.
        .log_internal_errors(false)
        .with_ansi(ansi)
        .with_target(global.verbose > 1);
    match log_format {
        LogFormat::Text => lines.init(),
        LogFormat::Json => lines.json().init(),
    }
}

/// Levels of the libraries whose warnings are no use. The AWS credential chain warns about each source without
/// credentials; if all of them are empty, the error reports it. Ballista warns about what it repeats, and the errors of
/// its jobs are reported; an error of its stages can have no other trace.
const LIBRARIES: &str = "aws_config=error,ballista_core=off,ballista_executor=off,ballista_scheduler=off,\
     ballista_scheduler::scheduler_server::query_stage_scheduler=error";

fn filter(global: &GlobalOptions) -> String {
    match global.verbose {
        _ if global.quiet => "error".to_owned(),
        // The progress bar replaces the info lines.
        0 if draws_progress(global) => format!("warn,{LIBRARIES}"),
        0 => format!("warn,{LIBRARIES},starlift=info"),
        1 => "info,starlift=debug".to_owned(),
        // At debug level the driver logs whole statements, and a COPY may contain keys.
        _ => "debug,tokio_postgres=info,starlift=trace".to_owned(),
    }
}

/// Standard error with control characters escaped, except for the colours of log lines.
struct SafeStderr(LogFormat);

impl Write for SafeStderr {
    /// Writes a whole event: the subscriber passes each event in a single call.
    fn write(&mut self, event: &[u8]) -> io::Result<usize> {
        let text = String::from_utf8_lossy(event);
        let shown = match self.0 {
            LogFormat::Text => escape::coloured(&text).into(),
            LogFormat::Json => escape::json(&text),
        };
        io::stderr().lock().write_all(shown.as_bytes())?;
        Ok(event.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
