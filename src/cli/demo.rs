//! `starlift demo`: all of it on sample data, with nothing configured.

use std::path::{Path, PathBuf};

use super::args::DemoArgs;
use super::output::{STRONG, print, styled};
use super::settings::{GlobalOptions, StarOptions};
use super::{check, generate, query, transform};
use crate::engine::EngineOptions;
use crate::error::{Error, Result};
use crate::generate::GenerateOptions;
use crate::limits::MaxRejects;
use crate::pipeline::TransformOptions;
use crate::storage::{Location, Stores};

/// Small enough to be read by eye, large enough for every analytics query to have an answer.
const SAMPLE: GenerateOptions = GenerateOptions {
    songs: 120,
    events: 5_000,
    users: 60,
    days: 14,
    seed: GenerateOptions::SEED,
    bad_rate: 0.001,
    duplicate_rate: 0.01,
};

/// The sample's bad records are there to be seen; they must not stop the demo.
const MAX_REJECTS: MaxRejects = MaxRejects::Percent(1.0);

const QUESTIONS: [&str; 3] = ["most_played_songs", "plays_by_gender_level", "activity_by_weekday"];

/// Rows of each answer.
const SHOWN_ROWS: usize = 7;

const DEFAULT_FOLDER: &str = "starlift-demo";

/// Writes sample data, transforms and checks it, and answers a few questions.
///
/// # Errors
///
/// If the folder cannot be written, or any step fails.
pub async fn run(args: &DemoArgs, global: &GlobalOptions) -> Result<()> {
    let folder = folder(args.out.as_deref())?;
    let data = folder.join("data");
    let star = folder.join("star");
    // The demo is local: a bucket's settings in the environment have no part in it.
    let stores = Stores::new(global.stores.clone());
    heading("Sample data: JSON as an application writes it")?;
    remove(&data)?;
    let place = stores.place(Location::parse_single(&data.to_string_lossy())?).await?;
    generate::write(&SAMPLE, &place).await?;
    print(&format!("{}\n", data.display()))?;

    heading("Transform: the star, as Parquet")?;
    let options = TransformOptions {
        max_rejects: MAX_REJECTS,
        ..TransformOptions::new(
            &data.join("song_data").to_string_lossy(),
            &data.join("log_data").to_string_lossy(),
            &star.to_string_lossy(),
        )
    };
    transform::run(&options, global).await?;

    heading("Check: the invariants of the star")?;
    let star_options = StarOptions {
        star: Some(star.to_string_lossy().into_owned()),
        queries: None,
        engine: EngineOptions::default(),
    };
    check::run(&star_options, None, global).await?;
    for name in QUESTIONS {
        heading(&format!("Query: {name} (the first {SHOWN_ROWS} rows)"))?;
        query::show_first(name, SHOWN_ROWS, &star_options, global).await?;
    }
    print(&format!(
        "\nThe sample data is in {}, the star in {}.\nNext: starlift query --list; \
         starlift query --star {} evening_artists\n",
        data.display(),
        star.display(),
        star.display(),
    ))
}

fn heading(text: &str) -> Result<()> {
    print(&format!("\n{}\n", styled(STRONG, text)))
}

/// The folder asked for, or one that can be written.
fn folder(asked: Option<&Path>) -> Result<PathBuf> {
    // A folder that is there is never taken for a glob, whatever its name.
    let create = |folder: &Path| {
        std::fs::create_dir_all(folder.join("data"))
            .and_then(|()| std::fs::create_dir_all(folder.join("star")))
    };
    if let Some(folder) = asked {
        let failed = |e| Error::io(format!("cannot create {}", folder.display()), e);
        return create(folder).map(|()| folder.to_owned()).map_err(failed);
    }
    let here = PathBuf::from(DEFAULT_FOLDER);
    if create(&here).is_ok() {
        return Ok(here);
    }
    let elsewhere = std::env::temp_dir().join(DEFAULT_FOLDER);
    let failed = |e| Error::io(format!("cannot create {}", elsewhere.display()), e);
    create(&elsewhere).map(|()| elsewhere.clone()).map_err(failed)
}

/// Removes the sample data of an earlier demo; only folders that a demo makes.
fn remove(data: &Path) -> Result<()> {
    for folder in ["song_data", "log_data"] {
        let folder = data.join(folder);
        if folder.exists() {
            std::fs::remove_dir_all(&folder)
                .map_err(|e| Error::io(format!("cannot remove {}", folder.display()), e))?;
        }
    }
    Ok(())
}
