//! `starlift demo`: generates, transforms, checks and queries sample data, without any configuration.

use std::path::Path;

use super::args::DemoArgs;
use super::demo_folder::DemoFolder;
use super::output::{STRONG, print, styled};
use super::settings::{GlobalOptions, StarOptions};
use super::{check, query, report, transform};
use crate::cli::error::{Error, Result};
use crate::engine::EngineOptions;
use crate::generate::{GenerateOptions, log_files, song_objects};
use crate::limits::MaxRejects;
use crate::model::Model;
use crate::pipeline::TransformOptions;
use crate::star::RunRecord;

/// Small enough to inspect by eye, and large enough for every analytics query to return rows.
const SAMPLE: GenerateOptions = GenerateOptions {
    songs: 120,
    events: 5_000,
    users: 60,
    days: 14,
    seed: GenerateOptions::SEED,
    bad_rate: 0.001,
    duplicate_rate: 0.01,
};

/// The sample contains bad records on purpose; they must not stop the demo.
const MAX_REJECTS: MaxRejects = MaxRejects::Percent(1.0);

const QUESTIONS: [&str; 3] = ["most_played_songs", "plays_by_gender_level", "activity_by_weekday"];

/// Number of rows shown of each answer.
const SHOWN_ROWS: usize = 7;

/// Writes sample data, transforms and checks it, runs the queries in [`QUESTIONS`] and writes a report.
///
/// # Errors
///
/// Returns an error if the folder cannot be written, if it contains files that no demo wrote, or if a
/// step fails.
pub async fn run(args: &DemoArgs, global: &GlobalOptions) -> Result<()> {
    if let Some(out) = &args.out {
        ensure_local_path(out)?;
    }
    let mut folder = DemoFolder::open(args.out.as_deref())?;
    let data = folder.data();
    let star = folder.star();
    let page = folder.report();
    report::ensure_replaceable(&page)?;
    heading("Sample data: JSON as an application writes it")?;
    let sample = sample();
    folder.renew(sample.iter().map(|(path, bytes)| (path.as_str(), bytes.as_slice())))?;
    // The demo is local: settings for buckets in the environment do not affect it.
    let place = global.place(&data.to_string_lossy()).await?;
    for (path, bytes) in sample {
        place.child(&path).write(bytes).await?;
    }
    print(&format!("{}\n", data.display()))?;

    heading("Transform: the star, as Parquet")?;
    let inputs = [("songs", data.join("song_data")), ("logs", data.join("log_data"))];
    let inputs = inputs.map(|(name, folder)| (name, folder.to_string_lossy().into_owned()));
    let inputs = inputs.iter().map(|(name, folder)| (*name, folder.as_str()));
    let options = TransformOptions {
        max_rejects: MAX_REJECTS,
        ..TransformOptions::new(inputs, &star.to_string_lossy())
    };
    transform::run(&options, None, global).await?;
    let place = global.place(&star.to_string_lossy()).await?;
    folder.note_star(&RunRecord::require(&place).await?.run_id)?;

    heading("Check: the invariants of the star")?;
    let star_options = StarOptions {
        star: Some(star.to_string_lossy().into_owned()),
        model: Model::built_in(),
        queries: None,
        engine: EngineOptions::default(),
    };
    check::run(&[], &star_options, None, global).await?;
    for name in QUESTIONS {
        heading(&format!("Query: {name} (the first {SHOWN_ROWS} rows)"))?;
        query::show_first(name, SHOWN_ROWS, &star_options, global).await?;
    }
    heading("Report: one page with charts, data quality and lineage")?;
    let (written, _) = report::write(&page, &star_options, None, global).await?;
    print(&format!(
        "The sample data is in {}, the star in {}.\nNext: open the report in a browser; starlift query --list; \
         starlift query --star {} evening_artists\n{written}",
        data.display(),
        star.display(),
        star.display(),
    ))
}

/// Rejects a path that would be parsed as a URL, or that is not UTF-8 and would name another folder: the
/// folder that is checked must be the folder that is written.
fn ensure_local_path(out: &Path) -> Result<()> {
    match out.to_str() {
        Some(path) if !path.contains("://") => Ok(()),
        _ => Err(Error::Usage(format!(
            "--out {} is not a local path in UTF-8, which the demo needs",
            out.display()
        ))),
    }
}

fn heading(text: &str) -> Result<()> {
    print(&format!("\n{}\n", styled(STRONG, text)))
}

/// Returns the sample files as pairs of path (relative to the data folder) and content.
fn sample() -> Vec<(String, Vec<u8>)> {
    let songs = song_objects(&SAMPLE).map(|object| (object.path, object.bytes));
    let logs = log_files(&SAMPLE).map(|mut file| {
        let mut bytes = Vec::new();
        while file.next_chunk(&mut bytes) {}
        (file.path(), bytes)
    });
    songs.chain(logs).collect()
}
