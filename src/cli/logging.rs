//! Log lines on standard error.

use std::io::IsTerminal;

use tracing_subscriber::EnvFilter;

use super::args::{ColorWhen, LogFormat};
use super::settings::GlobalOptions;

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
    let lines = tracing_subscriber::fmt()
        .with_env_filter(EnvFilter::new(filter(global)))
        .with_writer(std::io::stderr)
        .with_ansi(ansi)
        .with_target(global.verbose > 1);
    match global.log_format {
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
        _ => "debug,starlift=trace",
    }
}
