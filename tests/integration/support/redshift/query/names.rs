//! Lists of the functions and system relations that exist; all others do not.

/// Functions that run on the compute nodes, where user tables are.
const FUNCTIONS: &str = "
    abs acos any_value ascii asin atan atan2 avg bit_and bit_or bool_and bool_or bpcharcmp btrim
    cbrt ceil ceiling char_length character_length chr coalesce concat cos cot count cume_dist
    date_part date_trunc dateadd datediff dense_rank exp first_value floor getdate greatest
    initcap lag last_value lead least left len length listagg ln log lower lpad ltrim max md5
    min mod nth_value ntile nullif nvl octet_length percent_rank pi position power quote_ident
    quote_literal radians random rank regexp_replace repeat replace reverse right round
    row_number rpad rtrim sign sin split_part sqrt stddev stddev_pop stddev_samp strpos
    substring sum tan to_char to_date to_number to_timestamp translate trim trunc upper
    user_name var_pop var_samp variance";

/// Functions of the leader node, which cannot be used with user tables (Developer Guide,
/// c_SQL_functions_leader_node_only).
const LEADER_FUNCTIONS: &str = "
    array_to_string current_database current_schema current_schemas current_setting current_time
    current_timestamp format_type has_database_privilege has_schema_privilege
    has_table_privilege localtime localtimestamp now obj_description pg_backend_pid pg_get_expr
    pg_get_userbyid pg_get_viewdef pg_last_copy_count pg_last_copy_id timeofday version";

/// System relations that PostgreSQL has too.
const SHARED: &str = "
    pg_attrdef pg_attribute pg_class pg_database pg_depend pg_description pg_namespace
    pg_rewrite pg_type";

/// System relations that the stand-in defines.
const OWN: &str = "
    pg_constraint pg_group pg_table_def pg_tables pg_user pg_views stl_load_errors
    svv_relation_privileges svv_table_info sys_load_error_detail sys_load_history";

const INFORMATION_SCHEMA: &str = "columns schemata tables views";

const SYSTEM_PREFIXES: [&str; 7] = ["pg_", "stl_", "stv_", "svl_", "svv_", "svcs_", "sys_"];

/// Window functions that do not accept a frame.
const RANKING: &str = "cume_dist dense_rank lag lead ntile percent_rank rank row_number";

fn within(list: &str, word: &str) -> bool {
    list.split_whitespace().any(|one| one == word)
}

pub fn is_function(name: &str) -> bool {
    within(FUNCTIONS, name)
}

pub fn is_leader_function(name: &str) -> bool {
    within(LEADER_FUNCTIONS, name)
}

pub fn is_ranking(name: &str) -> bool {
    within(RANKING, name)
}

/// Location of a relation.
#[derive(Debug, PartialEq, Eq)]
pub enum Place {
    /// A user relation.
    User,
    /// A system relation, in this schema of the backing database.
    System(&'static str),
    /// A system relation by its name, but it does not exist.
    Nowhere,
}

pub fn place(schema: Option<&str>, name: &str) -> Place {
    match schema {
        Some("information_schema") if within(INFORMATION_SCHEMA, name) => {
            Place::System("information_schema")
        }
        Some("information_schema" | "rs" | "redshift") => Place::Nowhere,
        None | Some("pg_catalog") if within(OWN, name) => Place::System("redshift"),
        None | Some("pg_catalog") if within(SHARED, name) => Place::System("pg_catalog"),
        Some("pg_catalog") => Place::Nowhere,
        None if SYSTEM_PREFIXES.iter().any(|prefix| name.starts_with(prefix)) => Place::Nowhere,
        _ => Place::User,
    }
}
