//! SQL text: quoted names and values, the DDL of the star's tables, Redshift's limits, and the
//! validation of URLs and ARNs.

pub(crate) mod ddl;
pub(crate) mod limits;
pub mod quote;
pub(crate) mod validate;
