//! Log lines on standard error.

use std::io::{self, IsTerminal, Write};

use tracing_subscriber::EnvFilter;

use super::args::{ColorWhen, LogFormat};
use super::settings::GlobalOptions;
use crate::escape;

/// Whether progress is drawn: on a terminal, when nobody asked for lines.
pub fn draws_progress(global: &GlobalOptions) -> bool {
    !global.quiet
        && global.verbose == 0
        && global.log_format == LogFormat::Text
        && std::io::stderr().is_terminal()
}

/// Starts logging and colours as the options say.
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
        // Its own complaint about a closed standard error would be a panic.
        .log_internal_errors(false)
        .with_ansi(ansi)
        .with_target(global.verbose > 1);
    match log_format {
        LogFormat::Text => lines.init(),
        LogFormat::Json => lines.json().init(),
    }
}

fn filter(global: &GlobalOptions) -> &'static str {
    match global.verbose {
        _ if global.quiet => "error",
        // The bar says what the lines would. The AWS chain warns of each place in which it finds
        // nothing; where it finds nothing at all, the error says so.
        0 if draws_progress(global) => "warn,aws_config=error",
        0 => "warn,aws_config=error,starlift=info",
        1 => "info,starlift=debug",
        // The driver logs whole statements, and a COPY may hold keys.
        _ => "debug,tokio_postgres=info,starlift=trace",
    }
}

/// Standard error, with what a terminal would act on escaped apart from the colours of log lines.
struct SafeStderr(LogFormat);

impl Write for SafeStderr {
    /// Writes a whole event: the subscriber passes each in one piece.
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
