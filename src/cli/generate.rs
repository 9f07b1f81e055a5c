//! `starlift generate`.

use futures::{StreamExt, TryStreamExt, stream};
use indicatif::HumanCount;

use super::args::GenerateArgs;
use super::json::{GenerateResult, Report};
use super::output::print;
use super::settings::GlobalOptions;
use super::summary::counted;
use crate::cli::error::{Error, Result};
use crate::generate::{GenerateOptions, Generated, LogFile, log_files, song_objects};
use crate::storage::{Place, Upload};

/// Maximum number of concurrent writes of small objects.
const PUTS_IN_FLIGHT: usize = 64;

/// Maximum number of log files that are generated concurrently.
const LOGS_IN_FLIGHT: usize = 4;

/// Generates data, and prints its counts.
///
/// # Errors
///
/// Returns an error if the output already contains data, or cannot be written.
pub async fn run(args: &GenerateArgs, global: &GlobalOptions) -> Result<()> {
    let options = GenerateOptions {
        songs: args.songs,
        events: args.events,
        users: args.users,
        days: args.days,
        seed: args.seed,
        bad_rate: args.bad_rate,
        duplicate_rate: args.duplicate_rate,
    };
    let out = global.place(&args.out).await?;
    ensure_empty(&out).await?;
    let counts = write(&options, &out).await?;
    let result = GenerateResult::new(
        &counts,
        out.child("song_data").to_string(),
        out.child("log_data").to_string(),
    );
    global.results.set(Report::Generate(Some(result)));
    if !global.quiet {
        print(&describe(&counts, &out))?;
    }
    Ok(())
}

/// Fails if the output contains objects: they would be read as part of the new data.
async fn ensure_empty(out: &Place) -> Result<()> {
    for folder in ["song_data", "log_data"] {
        let folder = out.child(folder);
        if folder.location.local_path().is_some_and(|path| !path.exists()) {
            continue;
        }
        let listed = folder.store.list(Some(folder.path())).try_next().await;
        let found = listed
            .map_err(|e| Error::io(format!("cannot list {folder}"), std::io::Error::other(e)))?;
        if found.is_some() {
            return Err(Error::Usage(format!(
                "{folder} already contains objects; specify another location, or remove them"
            )));
        }
    }
    Ok(())
}

/// Writes generated data below `out`, and returns its counts.
///
/// # Errors
///
/// Returns an error if an object cannot be written.
pub async fn write(options: &GenerateOptions, out: &Place) -> Result<Generated> {
    let songs = stream::iter(song_objects(options)).map(|object| async move {
        out.child(&object.path).write(object.bytes).await?;
        Ok::<_, Error>(object.counts)
    });
    let mut counts = Generated::default();
    let mut written = std::pin::pin!(songs.buffer_unordered(PUTS_IN_FLIGHT));
    while let Some(object) = written.try_next().await? {
        counts += object;
    }
    let logs = stream::iter(log_files(options)).map(|file| write_log(file, out.clone()));
    let mut written = std::pin::pin!(logs.buffer_unordered(LOGS_IN_FLIGHT));
    while let Some(file) = written.try_next().await? {
        counts += file;
    }
    Ok(counts)
}

async fn write_log(mut file: LogFile, out: Place) -> Result<Generated> {
    let task = tokio::spawn(async move {
        let upload = Upload::new(out.child(&file.path()));
        let written = write_chunks(&mut file, upload).await;
        if written.is_err() {
            out.settle().await;
        }
        written.map(|_| file.counts())
    });
    task.await?
}

async fn write_chunks(file: &mut LogFile, mut upload: Upload) -> Result<u64> {
    let mut chunk = Vec::new();
    while file.next_chunk(&mut chunk) {
        upload.write(&mut chunk).await?;
    }
    Ok(upload.finish().await?)
}

fn describe(counts: &Generated, out: &Place) -> String {
    format!(
        "songs     {} at {}: {}, {} repeated, {} bad\n\
         logs      {} at {}: {} ({}), {} repeated, {} bad\n",
        counted(counts.song_files, "object"),
        out.child("song_data"),
        counted(counts.songs, "song"),
        HumanCount(counts.song_duplicates),
        HumanCount(counts.bad_songs),
        counted(counts.log_files, "object"),
        out.child("log_data"),
        counted(counts.events, "event"),
        counted(counts.plays, "play"),
        HumanCount(counts.play_duplicates),
        HumanCount(counts.bad_events),
    )
}
