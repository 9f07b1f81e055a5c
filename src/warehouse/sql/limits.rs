//! Redshift's limits, with the pages of its Developer Guide that state them.

/// Maximum number of columns of a table (r_CREATE_TABLE_NEW).
pub const MAX_COLUMNS: usize = 1600;

/// Maximum length of a name in bytes (r_names).
pub const MAX_NAME: usize = 127;

/// Maximum length of a VARCHAR in bytes (r_Character_types).
pub const MAX_VARCHAR: u32 = 65_535;

/// Length in bytes of a VARCHAR without an explicit length (r_Character_types).
pub const BARE_VARCHAR: u32 = 256;

/// System columns of every table (c_unsupported-postgresql-features).
pub const SYSTEM_COLUMNS: [&str; 7] = ["oid", "tableoid", "xmin", "cmin", "xmax", "cmax", "ctid"];

/// Maximum size of a statement in bytes (c_SQL_commands).
pub const MAX_STATEMENT: usize = 16 * 1024 * 1024;

/// Maximum size of a file in bytes: larger files risk "Retries exceeded"
/// (c-spectrum-troubleshooting).
pub const MAX_FILE: u64 = 1024 * 1024 * 1024;

/// Maximum size in bytes of a row group, the unit that Redshift splits a file by
/// (c-spectrum-troubleshooting).
pub const MAX_ROW_GROUP: i64 = 128 * 1024 * 1024;
