//! `starlift doctor`: prints one line per check, and a remedy for each failure.

mod cluster;
mod places;
mod store;
mod warehouse;
mod workgroup;

use std::fmt::Write;
use std::path::Path;
use std::sync::Arc;

use super::args::DoctorArgs;
use super::json::{DoctorCheck, DoctorOutcome, DoctorResult, Report};
use super::output::{BAD, GOOD, STRONG, print, styled};
use super::settings::{self, GlobalOptions, Settings};
use crate::cli::error::{Error, Result};
use crate::cloud::clients::Clients;
use crate::cloud::error::CloudError;
use crate::error::{causes, count};
use crate::model::Model;
use crate::storage::{ListOptions, Location, StoreKey, Stores};

/// State of the checks and their results.
pub struct Doctor<'a> {
    global: &'a GlobalOptions,
    stores: Stores,
    result: DoctorResult,
}

/// Outcome of a check, with the text to print.
pub enum CheckResult {
    /// Passed, with a description.
    Passed(String),
    /// Failed: the problem and the remedy.
    Failed(String, String),
    /// Skipped, with the reason.
    Skipped(String),
}

use CheckResult::{Failed, Passed, Skipped};

const SIGN_IN_REMEDY: &str = "sign in: environment variables, `aws sso login`, a profile or a role; check that the endpoint is that of AWS";

/// The settings that the checks examine.
struct Subject {
    /// Locations by dataset, for each dataset of the model.
    inputs: Vec<(String, Vec<String>)>,
    jsonpaths: Vec<String>,
    listing: ListOptions,
    star: Option<String>,
    /// The model; `None` if it is not valid.
    model: Option<Arc<Model>>,
    /// KMS key that encrypts the star.
    kms_key: Option<String>,
    /// Name or URL of a warehouse.
    to: Option<String>,
}

/// Runs all applicable checks and prints one line per check.
///
/// # Errors
///
/// Returns an error if a check failed.
pub async fn run(
    args: &DoctorArgs,
    settings: &Settings,
    file: Option<&Path>,
    broken: Option<&Error>,
    global: &GlobalOptions,
) -> Result<()> {
    let stores = global.open_stores();
    let mut doctor = Doctor { global, stores, result: DoctorResult::default() };
    doctor.configuration(settings::file(file), broken)?;
    if let Some(store) = &args.store {
        doctor.store(store).await?;
        return doctor.conclude();
    }
    let model = doctor.model(settings.model(&args.model))?;
    let mut locations = settings.locations();
    locations.extend(args.inputs.locations());
    let datasets = model.iter().flat_map(|model| &model.datasets);
    let inputs: Vec<_> = datasets
        .map(|dataset| (dataset.name.clone(), locations.remove(&dataset.name).unwrap_or_default()))
        .collect();
    let subject = Subject {
        inputs,
        jsonpaths: settings.resolve_jsonpaths(&args.inputs)?,
        listing: settings.listing(),
        star: args.star.clone().or_else(|| settings.star_place().map(str::to_owned)),
        model,
        kms_key: settings.cloud().kms_key().map(str::to_owned),
        to: args.to.clone().or_else(|| settings.default_warehouse(&args.warehouse)),
    };
    let clients = doctor.credentials(&subject, settings, args).await?;
    doctor.places(&subject).await?;
    doctor.warehouse(&subject, settings, args, clients.as_ref()).await?;
    doctor.conclude()
}

impl Doctor<'_> {
    /// Prints the result of a check. Returns `true` if it passed.
    fn note(&mut self, check: &str, result: CheckResult) -> Result<bool> {
        let mut text = String::new();
        let has_passed = matches!(result, Passed(_));
        self.result.add(recorded(check, &result));
        self.global.results.set(Report::Doctor(Some(self.result.clone())));
        match result {
            Passed(message) => {
                if !self.global.quiet {
                    let _ = writeln!(text, "{}  {check:<16} {message}", styled(GOOD, "ok    "));
                }
            }
            Failed(message, remedy) => {
                let _ = writeln!(text, "{}  {check:<16} {message}", styled(BAD, "FAILED"));
                let _ = writeln!(text, "        {} {remedy}", styled(STRONG, "what to do:"));
            }
            Skipped(why) => {
                if !self.global.quiet {
                    let _ = writeln!(text, "–       {check:<16} not checked: {why}");
                }
            }
        }
        print(&text)?;
        Ok(has_passed)
    }

    /// Prints the result of a check that returns a description or an error. `remedy` is the remedy if the
    /// error has no advice. Returns `true` if the check passed.
    fn note_outcome(&mut self, check: &str, outcome: Result<String>, remedy: &str) -> Result<bool> {
        self.note(check, check_result(outcome, remedy))
    }

    fn configuration(&mut self, path: &Path, broken: Option<&Error>) -> Result<()> {
        let place = path.display();
        let result = match broken {
            Some(error) => {
                let remedy = "correct the file, or write a new one with `starlift init --force`";
                Failed(one_line(error), remedy.to_owned())
            }
            None if path.exists() => Passed(format!("{place} is valid")),
            None => Passed(format!("there is no {place}: only flags and the environment apply")),
        };
        self.note("configuration", result).map(|_| ())
    }

    /// Checks the model unless it is the built-in one, and returns it if it is valid.
    fn model(&mut self, model: Result<Arc<Model>>) -> Result<Option<Arc<Model>>> {
        let remedy = "correct the problems, or leave out --model to use the built-in model";
        let shown = |model: &Arc<Model>| {
            format!("{} is valid and has {}", model.name, count(model.tables.len(), "table"))
        };
        match model {
            Ok(model) => {
                if !Arc::ptr_eq(&model, &Model::built_in()) {
                    self.note("model", Passed(shown(&model)))?;
                }
                Ok(Some(model))
            }
            Err(error) => {
                self.note("model", check_result(Err(error), remedy))?;
                Ok(None)
            }
        }
    }

    fn conclude(self) -> Result<()> {
        let DoctorResult { passed, skipped, .. } = self.result;
        let is_failed = |check: &DoctorCheck| check.outcome == DoctorOutcome::Failed;
        let failed = self.result.checks.into_iter().filter(is_failed).map(|check| check.name);
        let failed: Vec<String> = failed.collect();
        if failed.is_empty() {
            let text = format!("\n{passed} passed, {skipped} not checked\n");
            return if self.global.quiet { Ok(()) } else { print(&text) };
        }
        Err(Error::DoctorFailed { failed })
    }
}

/// Returns the result of a check in a document.
fn recorded(check: &str, result: &CheckResult) -> DoctorCheck {
    let (outcome, message, advice) = match result {
        Passed(message) => (DoctorOutcome::Passed, message, None),
        Failed(message, remedy) => (DoctorOutcome::Failed, message, Some(remedy.clone())),
        Skipped(why) => (DoctorOutcome::Skipped, why, None),
    };
    DoctorCheck { name: check.to_owned(), outcome, message: message.clone(), advice }
}

/// Converts an outcome to the result of a check: an error is shown with its causes, and with its own advice
/// or else `remedy`.
fn check_result(outcome: Result<String>, remedy: &str) -> CheckResult {
    match outcome {
        Ok(message) => Passed(message),
        Err(error) => Failed(one_line(&error), error.hint().unwrap_or_else(|| remedy.to_owned())),
    }
}

/// Formats an error and its causes on one line.
fn one_line(error: &(dyn std::error::Error + 'static)) -> String {
    let mut text = error.to_string();
    for cause in causes(error) {
        let reason = cause.to_string();
        if !text.contains(&reason) {
            text += &format!(": {reason}");
        }
    }
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

fn is_s3(url: &str) -> bool {
    Location::parse(url).is_ok_and(|location| matches!(location.store, StoreKey::S3(_)))
}

impl Doctor<'_> {
    /// Reports the identity of the credentials, if AWS is used at all.
    async fn credentials(
        &mut self,
        subject: &Subject,
        settings: &Settings,
        args: &DoctorArgs,
    ) -> Result<Option<Clients>> {
        let places = subject.inputs.iter().flat_map(|(_, urls)| urls).chain(&subject.star);
        let is_signed = !self.global.stores.no_sign_request;
        let in_s3 = is_signed && places.chain(&subject.jsonpaths).any(|url| is_s3(url));
        let warehouse = subject.to.as_deref();
        let on_redshift = warehouse.is_some_and(|to| settings.is_redshift(to, &args.warehouse));
        if !in_s3 && !on_redshift {
            self.note("credentials", Skipped("AWS is not used".to_owned()))?;
            return Ok(None);
        }
        let clients = match Clients::connect(&self.global.stores).await {
            // Only S3 looks up regions by itself.
            Err(CloudError::NoRegion) if !on_redshift => {
                let why =
                    "no region is configured; the region of each bucket is looked up".to_owned();
                self.note("region", Skipped(why))?;
                return Ok(None);
            }
            Err(error) => {
                self.note_outcome("region", Err(error.into()), "specify one with --region")?;
                return Ok(None);
            }
            Ok(clients) => clients,
        };
        self.note("region", Passed(clients.region.clone()))?;
        let caller = clients.caller().await.map_err(Error::from);
        let known =
            self.note_outcome("credentials", caller.map(|caller| caller.arn), SIGN_IN_REMEDY)?;
        Ok(known.then_some(clients))
    }
}
