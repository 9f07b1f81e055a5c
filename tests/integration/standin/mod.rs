//! The fixtures of the load tests: a separate PostgreSQL per test process, and the Redshift stand-in.
//! The stand-in must reject what Redshift rejects, or a load test that passes proves nothing.

mod cluster;
mod copy;
mod faults;
mod files;
mod manifest;
mod parquet_files;
mod postgres;
mod queries;
mod statements;
mod tables;
mod transactions;
mod wire;
