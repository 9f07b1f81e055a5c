//! The SQL step: plans the queries of the star, runs them on the staging tables, and converts their rows to
//! the schema of the star.

mod accounting;
mod columns_read;
mod declared;
mod functions;
mod lists;
mod parameters;
mod plan;
mod rules;
mod run;
mod schema;

pub use accounting::{Accounting, Balance, ENCODING, count, counts_of};
pub use functions::RepairEncoding;
#[cfg(feature = "cluster")]
pub(crate) use functions::{decode_function, encode_function};
pub(crate) use lists::{ListRows, count_list};
pub(crate) use parameters::plan_query;
pub use plan::{RequiredColumns, plan_all, required_columns};
pub use rules::{MatchRule, Rules, Unmatched};
pub(crate) use run::declare_dataset;
pub use run::{
    SortedStream, TableRows, build_intermediates, deregister_staging, deregister_tables,
    register_rows, register_rule_functions, register_staging, register_tables, register_view,
    run_table_query,
};
#[cfg(feature = "cluster")]
pub(crate) use schema::cast_to_schema;
pub(crate) use schema::ensure_columns;
