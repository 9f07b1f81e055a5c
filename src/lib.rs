//! Transforms JSON objects in a bucket into a star schema in Parquet that Redshift can COPY.
//!
//! A music service stores song metadata and application events as JSON. Its analysts need the fact table
//! `songplays` and the dimensions `users`, `songs`, `artists` and `time`. This crate converts one into the
//! other, as a library and as the program `starlift`.
//!
//! Each step of the pipeline is a module, and uses only the modules before it:
//!
//! 1. [`storage`] lists and reads objects on local disk, S3 and other stores, and writes new ones.
//! 2. [`decode`] converts bytes into Arrow batches and rejects. It is a synchronous state machine that does
//!    no I/O and does not build a map for each record.
//! 3. [`staging`] keeps the batches in memory, and spills to disk when memory runs out.
//! 4. [`ingest`] fetches the objects in parallel and passes their bytes to decoders and the batches to
//!    staging tables.
//! 5. [`star`] defines the tables of the star, the queries that build them, and its record and checks.
//! 6. [`transform`] runs the SQL files in `queries/` on the staged batches with DataFusion.
//! 7. [`publish`] writes Parquet files, manifests and the record that turns them into a star, all or nothing.
//!
//! [`pipeline`] combines these steps. [`warehouse`] loads a star into Redshift or PostgreSQL, and [`cloud`]
//! creates and removes the cluster and the AWS resources that a load needs. The other modules are [`engine`]
//! (memory and threads), [`model`] (the declared datasets and tables), [`temporary`] (folders for data that
//! does not fit into memory), [`generate`] (synthetic data of any size), [`limits`], [`timing`], [`error`]
//! and [`cli`], which uses all modules and is used by none.
//!
//! # Example
//!
//! Generates objects, transforms them into a star and queries it:
//!
//! ```
//! use std::sync::Arc;
//!
//! use starlift::engine::{Engine, EngineOptions};
//! use starlift::generate::{GenerateOptions, log_files, song_objects};
//! use starlift::ingest::TransformProgress;
//! use starlift::pipeline::{TransformOptions, transform};
//! use starlift::star::{RunRecord, register_star};
//! use starlift::storage::{Location, StoreOptions, Stores};
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # tokio::runtime::Runtime::new()?.block_on(async {
//! let folder = tempfile::tempdir()?;
//! let below = |name: &str| folder.path().join(name).to_string_lossy().into_owned();
//! let stores = Stores::new(StoreOptions::default());
//!
//! let data = stores.place(Location::parse(&below("data"))?).await?;
//! let size = GenerateOptions { songs: 20, events: 200, days: 2, ..GenerateOptions::default() };
//! for object in song_objects(&size) {
//!     data.child(&object.path).write(object.bytes).await?;
//! }
//! for mut file in log_files(&size) {
//!     let mut bytes = Vec::new();
//!     while file.next_chunk(&mut bytes) {}
//!     data.child(&file.path()).write(bytes).await?;
//! }
//!
//! let options =
//!     TransformOptions::new(&below("data/song_data"), &below("data/log_data"), &below("star"));
//! let never = std::future::pending();
//! let report = transform(&options, &stores, &Arc::new(TransformProgress::default()), never)
//!     .await
//!     .map_err(|failure| failure.error)?;
//! assert_eq!(report.songs.decoded, 20);
//!
//! let star = stores.place(Location::parse(&below("star"))?).await?;
//! let session = Engine::new(EngineOptions::default())?.session();
//! register_star(&session, &star, &RunRecord::require(&star).await?).await?;
//! let songs = session.sql("SELECT * FROM songs").await?.count().await?;
//! assert_eq!(songs, 20);
//! # Ok(())
//! # })
//! # }
//! ```

pub mod cli;
pub mod cloud;
pub mod decode;
pub mod engine;
pub mod error;
mod escape;
pub mod generate;
pub mod ingest;
pub mod limits;
pub mod model;
pub mod pipeline;
pub mod publish;
pub mod staging;
pub mod star;
pub mod storage;
pub mod temporary;
pub mod timing;
pub mod transform;
pub mod warehouse;
