//! starlift

pub mod cli;
pub mod decode;
pub mod engine;
pub mod error;
pub mod generate;
pub mod ingest;
pub mod limits;
pub mod pipeline;
pub mod publish;
pub mod stage;
pub mod star;
pub mod storage;
