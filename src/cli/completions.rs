//! Completions of shells. The script that a shell runs asks this program for candidates, so that they include the
//! names in the configuration file, the model and the record of a local star.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use clap::{CommandFactory, ValueEnum};
use clap_complete::engine::{ArgValueCandidates, CompletionCandidate};
use clap_complete::env::{CompleteEnv, Shells};

use super::args::{Cli, ModelArgs};
use super::output::{TextFormat, print_exact};
use super::settings::Settings;
use crate::cli::error::{Error, Result};
use crate::model::Model;
use crate::pipeline;
use crate::star::{EarlierStar, Group, RECORD, RunRecord};

/// The variable that a script sets to ask for candidates.
const VARIABLE: &str = "STARLIFT_COMPLETE";

/// A shell with completions.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Shell {
    /// Bash.
    Bash,
    /// Elvish.
    Elvish,
    /// Fish.
    Fish,
    /// PowerShell.
    Powershell,
    /// Zsh.
    Zsh,
}

/// Prints candidates and exits, if a completion script has started the program.
pub fn answer() {
    CompleteEnv::with_factory(Cli::command).var(VARIABLE).complete();
}

/// Prints the completion script of a shell.
///
/// # Errors
///
/// Returns an error if it cannot be printed.
pub fn print_script(shell: Shell) -> Result<()> {
    let name = shell.to_possible_value();
    let name = name.as_ref().map(clap::builder::PossibleValue::get_name).unwrap_or_default();
    let mut script = Vec::new();
    if let Some(shell) = Shells::builtins().completer(name) {
        shell
            .write_registration(VARIABLE, "starlift", "starlift", "starlift", &mut script)
            .map_err(|e| Error::io("cannot write the completion script", e))?;
    }
    print_exact(&String::from_utf8_lossy(&script), TextFormat::Text)
}

/// Completes names of analytics queries.
pub fn queries() -> ArgValueCandidates {
    queries_of(Group::Analytics)
}

/// Completes names of checks.
pub fn checks() -> ArgValueCandidates {
    queries_of(Group::Check)
}

fn queries_of(group: Group) -> ArgValueCandidates {
    ArgValueCandidates::new(move || {
        let Some(typed) = Typed::read() else { return Vec::new() };
        let folder = typed.path("--queries").or_else(|| typed.settings.queries().cloned());
        let Ok(queries) = pipeline::queries(&typed.model, folder.as_deref()) else {
            return Vec::new();
        };
        let candidate = |query: &crate::star::Query| {
            let question = query.header_entry("Question").unwrap_or_else(|| query.header());
            CompletionCandidate::new(query.name.to_string()).help(Some(question.into()))
        };
        queries.of(group).map(candidate).collect()
    })
}

/// Completes names of datasets, each followed by `suffix`.
pub fn datasets(suffix: &'static str) -> ArgValueCandidates {
    ArgValueCandidates::new(move || {
        let Some(typed) = Typed::read() else { return Vec::new() };
        let datasets = typed.model.datasets.iter();
        datasets.map(|found| CompletionCandidate::new(format!("{}{suffix}", found.name))).collect()
    })
}

/// Completes names of warehouses in the configuration file.
pub fn warehouses() -> ArgValueCandidates {
    ArgValueCandidates::new(|| {
        let settings = Typed::settings().unwrap_or_default();
        let names = settings.warehouse_names();
        names.into_iter().map(CompletionCandidate::new).collect()
    })
}

/// Completes IDs of runs whose stars a local output keeps.
pub fn runs() -> ArgValueCandidates {
    ArgValueCandidates::new(|| {
        let Some(record) = local_record() else { return Vec::new() };
        let current = EarlierStar::of(&record, true);
        let kept = std::iter::once(&current).chain(record.history.iter().filter(|star| star.kept));
        let candidate = |star: &EarlierStar| {
            let time = star.finished_at.clone();
            CompletionCandidate::new(star.run_id.clone()).help(Some(time.into()))
        };
        kept.map(candidate).collect()
    })
}

/// Returns the record of the star, if it is in a local folder.
fn local_record() -> Option<RunRecord> {
    let typed = typed_value("--star").or_else(|| std::env::var_os("STARLIFT_STAR"));
    let star = match typed {
        Some(star) => PathBuf::from(star),
        None => PathBuf::from(Typed::settings()?.require_star(None).ok()?),
    };
    serde_json::from_slice(&std::fs::read(star.join(RECORD)).ok()?).ok()
}

/// The settings and the model that the command line, the environment and the configuration file select.
struct Typed {
    settings: Settings,
    model: Arc<Model>,
}

impl Typed {
    fn read() -> Option<Typed> {
        let settings = Typed::settings()?;
        let model = typed_value("--model").or_else(|| std::env::var_os("STARLIFT_MODEL"));
        let model = settings.model(&ModelArgs { model: model.map(PathBuf::from) }).ok()?;
        Some(Typed { settings, model })
    }

    fn settings() -> Option<Settings> {
        let file = typed_value("--config").or_else(|| std::env::var_os("STARLIFT_CONFIG"));
        Settings::load(file.as_ref().map(Path::new)).ok()
    }

    fn path(&self, option: &str) -> Option<PathBuf> {
        typed_value(option).map(PathBuf::from)
    }
}

/// Returns the value of an option among the words of the command line.
fn typed_value(option: &str) -> Option<OsString> {
    let words: Vec<OsString> = std::env::args_os().collect();
    let at = words.iter().position(|word| {
        word.to_str().is_some_and(|word| word.split('=').next() == Some(option))
    })?;
    match words[at].to_str()?.split_once('=') {
        Some((_, value)) => Some(value.into()),
        None => words.get(at + 1).cloned(),
    }
}
