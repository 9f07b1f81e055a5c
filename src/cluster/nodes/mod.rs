//! Plan nodes that read JSON objects and write Parquet within the tasks of a job.
//!
//! Each node has one input with the same number of partitions. The scheduler assigns some partitions of the scans
//! below to each task. A node without an input would repeat its rows in every task.

mod codec;
mod cut;
mod decode;
mod error;
mod lists;
mod services;
mod spec;
mod stream;
mod write;

pub(super) use codec::physical_codec;
pub(super) use cut::{CutExec, PARTITION};
pub(super) use decode::{DecodeExec, Outcome};
pub(super) use error::{failure_of, is_out_of_memory};
pub(super) use lists::{list_batch, list_schema};
pub(super) use services::{Access, Services};
pub(super) use spec::{CutSpec, DecodeSpec, FilesSpec, WriteSpec};
pub(super) use write::WriteExec;
