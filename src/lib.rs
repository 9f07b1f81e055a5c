//! Transforms JSON objects in a bucket into a star schema in Parquet, and loads it into Redshift or
//! PostgreSQL.
//!
//! A music service stores song metadata and application events as JSON. Its analysts need the fact table
//! `songplays` and the dimensions `users`, `songs`, `artists` and `time`. This crate converts one into the
//! other, as a library and as the program `starlift`. A model declares the records and the tables; that of the
//! music service is built in.
//!
//! * [`transform()`] reads the objects and publishes a star; [`Transform`] does so with options.
//! * [`Star`] opens a star, runs SQL on it and checks it.
//! * [`load`] loads a star into a warehouse; [`Load`] does so with options.
//!
//! All functions that access a store or a server are asynchronous and need a Tokio runtime with its I/O and
//! time drivers.
//!
//! # Transform, query and check
//!
//! This example writes one song and two events, transforms them into a star and queries it:
//!
//! ```
//! use starlift::Star;
//! use starlift::arrow::util::pretty::pretty_format_batches;
//!
//! # #[tokio::main]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let folder = tempfile::tempdir()?;
//! let path = |name: &str| folder.path().join(name).to_string_lossy().into_owned();
//! std::fs::write(
//!     path("songs.json"),
//!     r#"{"song_id": "SO1", "title": "Lucky Window", "artist_id": "AR1",
//!         "artist_name": "Pale Tide", "year": 2006, "duration": 211.9}"#,
//! )?;
//! std::fs::write(
//!     path("logs.json"),
//!     r#"{"page": "NextSong", "ts": 1541106106796, "userId": "8", "sessionId": 139, "level": "free",
//!         "song": "Lucky Window", "artist": "Pale Tide", "length": 211.9}
//!        {"page": "NextSong", "ts": 1541106352796, "userId": "8", "sessionId": 139, "level": "free",
//!         "song": "Snow", "artist": "Quiet Harbor", "length": 180.0}"#,
//! )?;
//!
//! let (songs, logs) = (path("songs.json"), path("logs.json"));
//! let inputs = [("songs", songs.as_str()), ("logs", logs.as_str())];
//! let report = starlift::transform(inputs, &path("star")).await?;
//! assert_eq!(report.total(|counts| counts.decoded), 3);
//!
//! let star = Star::open(&path("star")).await?;
//! let plays = star
//!     .query(
//!         "SELECT s.title, COUNT(*) AS plays FROM songplays p
//!          LEFT JOIN songs s ON s.song_id = p.song_id GROUP BY s.title ORDER BY s.title",
//!     )
//!     .await?;
//! let expected = "\
//! +--------------+-------+
//! | title        | plays |
//! +--------------+-------+
//! | Lucky Window | 1     |
//! |              | 1     |
//! +--------------+-------+";
//! assert_eq!(pretty_format_batches(&plays)?.to_string(), expected);
//!
//! star.check().await?;
//! # Ok(())
//! # }
//! ```
//!
//! The inputs and the star can be in S3, Google Cloud Storage or Azure, and the inputs on web servers as
//! well: pass URLs such as `s3://bucket/song_data` instead of paths. [`StoreOptions`] selects regions,
//! profiles and endpoints; credentials come from the environment, as for the tools of each cloud.
//!
//! # Models
//!
//! A [`Model`] declares the datasets that are read and the tables that SQL builds from them. The example uses
//! the built-in one. [`Model::read_dir`] reads another from a folder, which contains `model.toml` and SQL files;
//! `docs/model.md` describes them. A star is opened with the model that made it:
//!
//! ```no_run
//! use std::path::Path;
//! use std::sync::Arc;
//!
//! use starlift::{Model, Star, Transform};
//!
//! # async fn example() -> Result<(), Box<dyn std::error::Error>> {
//! let model = Arc::new(Model::read_dir(Path::new("models/shop"))?);
//! let transform = Transform::builder()
//!     .model(model.clone())
//!     .input("orders", "s3://shop/orders")
//!     .input("items", "s3://shop/orders")
//!     .out("s3://shop/star")
//!     .build()?;
//! transform.run().await?;
//!
//! let star = Star::builder().model(model).open("s3://shop/star").await?;
//! star.check().await?;
//! # Ok(())
//! # }
//! ```
//!
//! # Options, progress and interruption
//!
//! Builders set what the functions leave at its default. Here, a run reports its progress and stops on
//! Ctrl-C, without leaving files behind:
//!
//! ```no_run
//! use std::sync::Arc;
//! use std::time::Duration;
//!
//! use starlift::{MaxRejects, Transform, TransformProgress};
//!
//! # async fn example() -> starlift::Result<()> {
//! let progress = Arc::new(TransformProgress::default());
//! let transform = Transform::builder()
//!     .input("songs", "s3://music/song_data")
//!     .input("logs", "s3://music/log_data/2018/11/*.json")
//!     .out("s3://music/star")
//!     .max_rejects(MaxRejects::Percent(0.1))
//!     .memory_limit(4 << 30)
//!     .progress(progress.clone())
//!     .stop(async {
//!         let _ = tokio::signal::ctrl_c().await;
//!     })
//!     .build()?;
//! let run = tokio::spawn(transform.run());
//! while !run.is_finished() {
//!     let now = progress.snapshot();
//!     println!("{:?}: {} of {} bytes", now.phase, now.bytes_read, now.bytes_listed);
//!     tokio::time::sleep(Duration::from_secs(1)).await;
//! }
//! let report = run.await??;
//! println!("{} rejects in {:?}", report.total(|counts| counts.rejected), report.elapsed);
//! # Ok(())
//! # }
//! ```
//!
//! # Load
//!
//! A load replaces all tables together, after it has compared them with the files:
//!
//! ```no_run
//! use starlift::{Load, Star};
//!
//! # async fn example() -> Result<(), starlift::LoadError> {
//! let star = Star::open("s3://music/star").await?;
//! starlift::load(&star, "postgres://loader@db.example.com:5432/music").await?;
//!
//! let load = Load::builder()
//!     .target("redshift://loader@music.abc123.eu-west-1.redshift.amazonaws.com:5439/dev")
//!     .iam_role("arn:aws:iam::123456789012:role/read-music")
//!     .build()?;
//! println!("{}", load.dry_run(&star).await?);
//! let report = load.run(&star).await?;
//! assert_eq!(report.run_id, star.record().run_id);
//! # Ok(())
//! # }
//! ```
//!
//! # Errors
//!
//! Transforms and stars fail with [`Error`], loads with [`LoadError`]. A variant is a situation that a caller
//! handles differently from the others. `?` converts an [`Error`] or a [`TransformFailure`] into a
//! [`LoadError`]:
//!
//! ```no_run
//! use starlift::{Error, LoadError, Star};
//!
//! async fn reload() -> Result<(), LoadError> {
//!     let inputs = [("songs", "data/song_data"), ("logs", "data/log_data")];
//!     starlift::transform(inputs, "data/star").await?;
//!     starlift::load(&Star::open("data/star").await?, "postgres://loader@localhost/music").await?;
//!     Ok(())
//! }
//!
//! # #[tokio::main]
//! # async fn main() {
//! match reload().await {
//!     Err(LoadError::Star(Error::NothingFound(reason))) => println!("no data yet: {reason}"),
//!     Err(error) => println!("failed: {error}"),
//!     Ok(()) => println!("loaded"),
//! }
//! # }
//! ```
//!
//! Modules that this page does not list are not part of the interface, and may change in any version.

// The interface.

mod api;

#[doc(inline)]
pub use api::{Load, LoadBuilder, Star, StarBuilder, Transform, TransformBuilder, load, transform};
#[doc(inline)]
pub use error::{Error, Result};
#[doc(inline)]
pub use incremental::{IncrementalOptions, Removed};
#[doc(inline)]
pub use ingest::TransformProgress;
#[doc(inline)]
pub use limits::MaxRejects;
#[doc(inline)]
pub use model::{Model, ModelError};
#[doc(inline)]
pub use pipeline::{TransformFailure, TransformReport};
#[doc(inline)]
pub use publish::LockMode;
#[doc(inline)]
pub use star::{CheckOutcome, Partitioning, RunRecord};
#[doc(inline)]
pub use storage::{StoreOptions, Suffix};
#[doc(inline)]
pub use transform::{MatchRule, RepairEncoding, Unmatched};
#[doc(inline)]
pub use warehouse::error::Error as LoadError;
#[doc(inline)]
pub use warehouse::load::LoadReport;
#[doc(inline)]
pub use warehouse::progress::LoadProgress;
#[doc(inline)]
pub use warehouse::sql::ddl::TableSettings;

/// The version of Arrow whose batches [`Star::query`] returns.
#[doc(no_inline)]
pub use arrow;
/// The version of DataFusion whose sessions and streams [`Star`] returns.
#[doc(no_inline)]
pub use datafusion;

pub mod fields {
    //! Types of the public fields and variants of the items in the crate root. Code that only reads the
    //! fields need not name them.

    pub use crate::decode::{EpochTime, Notes, Times};
    pub use crate::incremental::Changes;
    pub use crate::ingest::{DatasetCounts, Phase, ProgressSnapshot};
    pub use crate::limits::Rejected;
    pub use crate::model::{
        Check, CheckRule, Column, ColumnType, Condition, Dataset, Derived, DerivedRule,
        Distribution, Group, Literal, Origin, Path, Problem, Problems, Records, RedshiftDesign,
        Reference, Required, RowsPath, SqlFile, Step, Table, TableColumn, TimestampForm,
    };
    pub use crate::star::{
        Counts, DatasetRecord, DatasetState, FileRecord, ListColumn, ListRecord, ModelRecord,
        PartRecord, PartitionRecord, RunOptions, StateOrigin, StateRecord, TableRecord,
    };
    pub use crate::storage::{Addressing, ChecksumKind, Encryption, S3Options};
    pub use crate::storage::{FailureKind, LocationError, StorageError};
    pub use crate::timing::PhaseTiming;
    pub use crate::transform::{Accounting, Balance};
    pub use crate::warehouse::contract::{Finding, Rule};
    pub use crate::warehouse::error::{Cause, ServerError, WarehouseError};
    pub use crate::warehouse::load::{LoadMode, SwapReason};
}

// Not part of the interface, and may change in any version: the program and the project's benchmarks,
// integration tests and fuzz targets use these modules.

#[doc(hidden)]
pub mod cli;
#[cfg(feature = "cluster")]
#[doc(hidden)]
pub mod cluster;
#[doc(hidden)]
pub mod decode;
#[doc(hidden)]
pub mod engine;
#[doc(hidden)]
pub mod error;
#[doc(hidden)]
pub mod generate;
#[doc(hidden)]
pub mod history;
#[doc(hidden)]
pub mod incremental;
#[doc(hidden)]
pub mod infer;
#[doc(hidden)]
pub mod ingest;
#[doc(hidden)]
pub mod limits;
#[doc(hidden)]
pub mod model;
#[doc(hidden)]
pub mod pipeline;
#[doc(hidden)]
pub mod publish;
#[doc(hidden)]
pub mod star;
#[doc(hidden)]
pub mod storage;
#[doc(hidden)]
pub mod transform;
#[doc(hidden)]
pub mod warehouse;

mod cloud;
mod escape;
mod report;
mod staging;
mod temporary;
mod timing;
