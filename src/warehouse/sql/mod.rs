//! SQL text: quoted names and values, the DDL of the star's tables, and Redshift's limits.

pub mod ddl;
pub mod limits;
pub mod quote;
