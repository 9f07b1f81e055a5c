//! The result of each command.

use serde::Serialize;
use serde_json::{Value, json};

use super::schema::{Definitions, Described};
use super::{
    ChangeResult, CheckResult, DiffResult, DoctorResult, GenerateResult, HistoryResult, LoadResult,
    ProvisionResult, QueryResult, RejectsResult, ReportResult, Results, RollbackResult, RunResult,
    SelftestResult, StatusResult, TeardownResult, TransformResult,
};
use crate::cli::args::Command;

/// Declares the reports: commands with the type of their result, and commands whose result is not a report.
macro_rules! reports {
    (
        results { $($variant:ident $name:tt $type:ty;)+ }
        others { $($other:ident $other_name:tt;)+ }
    ) => {
        /// The command and its result. The result is null if the command failed before there was one, or if the
        /// command prints something other than a report.
        #[derive(Debug, Clone, Serialize)]
        #[serde(tag = "command", content = "result")]
        #[expect(clippy::large_enum_variant, reason = "there are few of them")]
        pub enum Report {
            $(#[serde(rename = $name)] $variant(Option<$type>),)+
            $(#[serde(rename = $other_name)] $other(()),)+
        }

        impl Report {
            /// Returns the report, without a result, of the command with a name.
            fn of_name(name: &str) -> Option<Report> {
                match name {
                    $($name => Some(Report::$variant(None)),)+
                    $($other_name => Some(Report::$other(())),)+
                    _ => None,
                }
            }

            /// Returns the names of the commands with the schemas of their results.
            pub fn schemas(definitions: &mut Definitions) -> Vec<(&'static str, Value)> {
                vec![
                    $(($name, Option::<$type>::schema(definitions)),)+
                    $(($other_name, json!({ "type": "null" })),)+
                ]
            }
        }
    };
}

reports! {
    results {
        Transform "transform" TransformResult;
        Run "run" RunResult;
        Load "load" LoadResult;
        Check "check" CheckResult;
        Query "query" QueryResult;
        Rejects "rejects" RejectsResult;
        History "history" HistoryResult;
        Diff "diff" DiffResult;
        Rollback "rollback" RollbackResult;
        Selftest "selftest" SelftestResult;
        Doctor "doctor" DoctorResult;
        Provision "provision" ProvisionResult;
        Status "status" StatusResult;
        Pause "pause" ChangeResult;
        Resume "resume" ChangeResult;
        Teardown "teardown" TeardownResult;
        Generate "generate" GenerateResult;
        Page "report" ReportResult;
    }
    others {
        Init "init";
        Demo "demo";
        Schema "schema";
        Shell "shell";
        Cluster "cluster";
        Model "model";
        Completions "completions";
        Man "man";
        Starlift "starlift";
    }
}

impl Report {
    /// Returns the report of a command with the results that it has stored.
    pub fn new(command: &Command, results: &Results) -> Report {
        let run = results.run();
        match command {
            Command::Transform(_) => return Report::Transform(run.transform),
            Command::Load(_) => return Report::Load(run.load),
            Command::Run(_) => {
                let has_begun = run.transform.is_some() || run.load.is_some();
                return Report::Run(has_begun.then_some(run));
            }
            _ => {}
        }
        let empty = Report::of(command);
        match results.report() {
            Some(report) if std::mem::discriminant(&report) == std::mem::discriminant(&empty) => {
                report
            }
            _ => empty,
        }
    }

    /// Returns the report, without a result, of the command that arguments name.
    pub fn of_arguments(arguments: &[String]) -> Report {
        let found = arguments.iter().find_map(|argument| Report::of_name(argument));
        found.unwrap_or(Report::Starlift(()))
    }

    /// Returns the report of a command without a result.
    fn of(command: &Command) -> Report {
        match command {
            Command::Init(_) => Report::Init(()),
            Command::Transform(_) => Report::Transform(None),
            Command::Query(_) => Report::Query(None),
            Command::Check(_) => Report::Check(None),
            Command::Rejects(_) => Report::Rejects(None),
            Command::History(_) => Report::History(None),
            Command::Diff(_) => Report::Diff(None),
            Command::Rollback(_) => Report::Rollback(None),
            Command::Load(_) => Report::Load(None),
            Command::Run(_) => Report::Run(None),
            Command::Selftest(_) => Report::Selftest(None),
            Command::Provision(_) => Report::Provision(None),
            Command::Doctor(_) => Report::Doctor(None),
            Command::Status(_) => Report::Status(None),
            Command::Pause(_) => Report::Pause(None),
            Command::Resume(_) => Report::Resume(None),
            Command::Teardown(_) => Report::Teardown(None),
            Command::Generate(_) => Report::Generate(None),
            Command::Demo(_) => Report::Demo(()),
            Command::Schema(_) => Report::Schema(()),
            Command::Shell(_) => Report::Shell(()),
            Command::Report(_) => Report::Page(None),
            Command::Cluster(_) => Report::Cluster(()),
            Command::Model(_) => Report::Model(()),
            Command::Completions { .. } => Report::Completions(()),
            Command::Man { .. } => Report::Man(()),
        }
    }
}

/// Returns `true` if the result of the command is a document with `--output-format json`. Other commands print rows,
/// files or text for people; `--format` selects rows.
pub fn is_document(command: &Command) -> bool {
    match command {
        Command::Query(args) => args.compare,
        Command::History(args) => args.format.is_none(),
        Command::Status(args) => args.format.is_none(),
        Command::Init(_)
        | Command::Demo(_)
        | Command::Schema(_)
        | Command::Shell(_)
        | Command::Cluster(_)
        | Command::Model(_)
        | Command::Completions { .. }
        | Command::Man { .. } => false,
        Command::Transform(_)
        | Command::Check(_)
        | Command::Rejects(_)
        | Command::Diff(_)
        | Command::Rollback(_)
        | Command::Load(_)
        | Command::Run(_)
        | Command::Selftest(_)
        | Command::Provision(_)
        | Command::Doctor(_)
        | Command::Pause(_)
        | Command::Resume(_)
        | Command::Teardown(_)
        | Command::Generate(_)
        | Command::Report(_) => true,
    }
}
