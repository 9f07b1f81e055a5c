//! What stands in the schema before a load: tables, their grants, and what else holds on to them.

use crate::error::Result;
use crate::star::model::TABLES;
use crate::warehouse::Dialect;
use crate::warehouse::load::statements::{NEW, OLD};
use crate::warehouse::quote::literal;
use crate::warehouse::session::Session;

/// A table that a load replaces.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Existing {
    /// Its name.
    pub table: String,
    /// Whom it belongs to.
    pub owner: String,
    /// PostgreSQL's letter for its kind: `r` is a table.
    pub kind: String,
    /// Whether this user may do with it what its owner may.
    pub is_ours: bool,
}

/// Something that would be lost with the old tables.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Dependent {
    /// What it is.
    pub kind: String,
    /// What it is called, and on which table it hangs.
    pub name: String,
}

impl std::fmt::Display for Dependent {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} {}", self.kind, self.name)
    }
}

/// A view to be made anew over the new tables.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct View {
    /// Its quoted name.
    pub name: String,
    /// Its options, such as `security_barrier=true`.
    pub options: String,
    /// Its query, all names in full.
    pub definition: String,
    /// Whether this user may do with it what its owner may.
    pub is_ours: bool,
}

/// The names of the star's tables as a list of literals.
fn star_tables(dialect: Dialect) -> Result<String> {
    let names: Result<Vec<_>, _> =
        TABLES.iter().map(|table| literal(table.name, dialect)).collect();
    Ok(names?.join(", "))
}

pub(super) fn text(row: &[Option<String>], i: usize) -> String {
    row.get(i).cloned().flatten().unwrap_or_default()
}

/// Whether the schema is there.
///
/// # Errors
///
/// If the catalogue cannot be read.
pub async fn has_schema(session: &Session, schema: &str) -> Result<bool> {
    let schema = literal(schema, session.dialect())?;
    let sql = format!("SELECT nspname FROM pg_namespace WHERE nspname = {schema}");
    Ok(!session.rows("look for the schema", &sql).await?.is_empty())
}

/// Whether the schema has a table or view of this name.
///
/// # Errors
///
/// If the catalogue cannot be read.
pub async fn has_table(session: &Session, schema: &str, table: &str) -> Result<bool> {
    let dialect = session.dialect();
    let (schema, table) = (literal(schema, dialect)?, literal(table, dialect)?);
    let sql = format!(
        "SELECT c.relname FROM pg_class c INNER JOIN pg_namespace n ON n.oid = c.relnamespace \
         WHERE n.nspname = {schema} AND c.relname = {table}"
    );
    Ok(!session.rows("look for a table", &sql).await?.is_empty())
}

/// The star's tables that stand in the schema.
///
/// # Errors
///
/// If the catalogue cannot be read.
pub async fn existing(session: &Session, schema: &str) -> Result<Vec<Existing>> {
    let dialect = session.dialect();
    // Redshift's superusers own nothing and may do all: there it shows when it is done.
    let is_ours = match dialect {
        Dialect::Redshift => "'true'",
        Dialect::Postgres => "pg_has_role(c.relowner, 'USAGE')::text",
    };
    let sql = format!(
        "SELECT c.relname, pg_get_userbyid(c.relowner), c.relkind, {is_ours} FROM pg_class c \
         INNER JOIN pg_namespace n ON n.oid = c.relnamespace \
         WHERE n.nspname = {} AND c.relname IN ({}) ORDER BY c.relname",
        literal(schema, dialect)?,
        star_tables(dialect)?
    );
    let rows = session.rows("look at the tables that stand", &sql).await?;
    let existing = |row: &Vec<Option<String>>| Existing {
        table: text(row, 0),
        owner: text(row, 1),
        kind: text(row, 2),
        is_ours: text(row, 3) == "true",
    };
    Ok(rows.iter().map(existing).collect())
}

/// Tables that loads have left behind that ended before they were done.
///
/// # Errors
///
/// If the catalogue cannot be read.
pub async fn leftovers(session: &Session, schema: &str) -> Result<Vec<String>> {
    let sql = format!(
        "SELECT c.relname FROM pg_class c INNER JOIN pg_namespace n ON n.oid = c.relnamespace \
         WHERE n.nspname = {} AND c.relkind = 'r' \
         AND SUBSTRING(c.relname, 1, {}) IN ('{NEW}', '{OLD}') ORDER BY c.relname",
        literal(schema, session.dialect())?,
        NEW.len(),
    );
    let rows = session.rows("look for tables of unfinished loads", &sql).await?;
    Ok(rows.iter().map(|row| text(row, 0)).collect())
}

/// What would be lost with the old tables: views in Redshift, and in PostgreSQL whatever hangs on a
/// table and cannot be made anew by its definition alone.
///
/// # Errors
///
/// If the catalogue cannot be read.
pub async fn dependents(session: &Session, schema: &str) -> Result<Vec<Dependent>> {
    let dialect = session.dialect();
    let sql = match dialect {
        Dialect::Redshift => REDSHIFT_DEPENDENTS,
        Dialect::Postgres => POSTGRES_DEPENDENTS,
    };
    let sql = sql
        .replace("{schema}", &literal(schema, dialect)?)
        .replace("{tables}", &star_tables(dialect)?);
    let rows = session.rows("look for what depends on the tables", &sql).await?;
    let mut found: Vec<Dependent> =
        rows.iter().map(|row| Dependent { kind: text(row, 0), name: text(row, 1) }).collect();
    if dialect == Dialect::Redshift {
        found.extend(redshift_policies(session, schema).await?);
    }
    let columns = foreign_columns(session, schema).await?;
    found.extend(columns.into_iter().map(|name| Dependent { kind: "column".to_owned(), name }));
    Ok(found)
}

/// A view bound to a table keeps it from being dropped; late-binding views have no such entry, and
/// find the new table by its name.
const REDSHIFT_DEPENDENTS: &str = "SELECT DISTINCT 'view', vn.nspname || '.' || v.relname \
    FROM pg_class t INNER JOIN pg_namespace n ON n.oid = t.relnamespace \
    INNER JOIN pg_depend d ON d.refobjid = t.oid INNER JOIN pg_rewrite r ON r.oid = d.objid \
    INNER JOIN pg_class v ON v.oid = r.ev_class INNER JOIN pg_namespace vn ON vn.oid = v.relnamespace \
    WHERE n.nspname = {schema} AND t.relname IN ({tables}) AND v.oid <> t.oid ORDER BY 2";

/// What Redshift attaches to tables beside grants: detached without a word when a table is dropped
/// (Developer Guide, t_rls_object_dependency). Views of the system that a cluster may lack, or not
/// let its users ask.
const REDSHIFT_POLICIES: [(&str, &str); 3] = [
    (
        "row-level security policy",
        "SELECT polname, relname FROM svv_rls_attached_policy \
         WHERE relschema = {schema} AND relname IN ({tables})",
    ),
    (
        "masking policy",
        "SELECT policy_name, table_name FROM svv_attached_masking_policy \
         WHERE schema_name = {schema} AND table_name IN ({tables})",
    ),
    (
        "column grant",
        "SELECT identity_name, relation_name FROM svv_column_privileges \
         WHERE namespace_name = {schema} AND relation_name IN ({tables})",
    ),
];

async fn redshift_policies(session: &Session, schema: &str) -> Result<Vec<Dependent>> {
    let mut found = Vec::new();
    for (kind, sql) in REDSHIFT_POLICIES {
        let sql = sql
            .replace("{schema}", &literal(schema, session.dialect())?)
            .replace("{tables}", &star_tables(session.dialect())?);
        match session.rows("look for policies", &sql).await {
            Ok(rows) => found.extend(rows.iter().map(|row| Dependent {
                kind: kind.to_owned(),
                name: format!("{} on {}", text(row, 0), text(row, 1)),
            })),
            Err(error) if error.refusal().is_some() => {
                tracing::warn!(%error, "whether tables have a {kind} cannot be asked");
            }
            Err(error) => return Err(error.into()),
        }
    }
    Ok(found)
}

/// Plain views are made anew; see [`views`].
const POSTGRES_DEPENDENTS: &str = "WITH RECURSIVE star AS ( \
    SELECT t.oid, t.relname FROM pg_class t JOIN pg_namespace n ON n.oid = t.relnamespace \
    WHERE n.nspname = {schema} AND t.relname IN ({tables}) AND t.relkind = 'r' \
), above(oid, lost) AS ( \
    SELECT oid, false FROM star \
    UNION SELECT r.ev_class, a.lost OR v.relkind = 'm' FROM above a \
        JOIN pg_depend d ON d.refobjid = a.oid \
        AND d.refclassid = 'pg_class'::regclass AND d.classid = 'pg_rewrite'::regclass \
        JOIN pg_rewrite r ON r.oid = d.objid JOIN pg_class v ON v.oid = r.ev_class \
) \
SELECT DISTINCT CASE v.relkind WHEN 'm' THEN 'materialized view' ELSE 'view' END, \
    v.oid::regclass::text FROM above JOIN pg_class v USING (oid) WHERE above.lost \
UNION ALL SELECT 'rule', r.rulename || ' on ' || star.relname FROM star \
    JOIN pg_rewrite r ON r.ev_class = star.oid \
UNION ALL SELECT 'foreign key', k.conname || ' of ' || k.conrelid::regclass::text FROM star \
    JOIN pg_constraint k ON k.confrelid = star.oid AND k.contype = 'f' \
    WHERE k.conrelid NOT IN (SELECT oid FROM star) \
UNION ALL SELECT 'foreign key', k.conname || ' of ' || star.relname FROM star \
    JOIN pg_constraint k ON k.conrelid = star.oid AND k.contype = 'f' \
    WHERE k.confrelid NOT IN (SELECT oid FROM star) \
UNION ALL SELECT 'constraint', k.conname || ' on ' || star.relname FROM star \
    JOIN pg_constraint k ON k.conrelid = star.oid WHERE k.contype NOT IN ('p', 'f', 'n') \
UNION ALL SELECT 'index', i.indexrelid::regclass::text FROM star \
    JOIN pg_index i ON i.indrelid = star.oid \
    LEFT JOIN pg_constraint k ON k.conindid = i.indexrelid AND k.contype IN ('p', 'u', 'x') \
    WHERE k.oid IS NULL \
UNION ALL SELECT 'trigger', g.tgname || ' on ' || star.relname FROM star \
    JOIN pg_trigger g ON g.tgrelid = star.oid WHERE NOT g.tgisinternal \
UNION ALL SELECT 'row security policy', p.polname || ' on ' || star.relname FROM star \
    JOIN pg_policy p ON p.polrelid = star.oid \
UNION ALL SELECT 'publication', b.pubname || ' of ' || star.relname FROM star \
    JOIN pg_publication_rel x ON x.prrelid = star.oid JOIN pg_publication b ON b.oid = x.prpubid \
UNION ALL SELECT 'row security', 'of ' || t.relname FROM star JOIN pg_class t USING (oid) \
    WHERE t.relrowsecurity \
UNION ALL SELECT 'default', star.relname || '.' || a.attname FROM star \
    JOIN pg_attrdef f ON f.adrelid = star.oid \
    JOIN pg_attribute a ON a.attrelid = star.oid AND a.attnum = f.adnum \
UNION ALL SELECT 'statistics', s.stxname || ' on ' || star.relname FROM star \
    JOIN pg_statistic_ext s ON s.stxrelid = star.oid \
UNION ALL SELECT 'table that inherits', h.inhrelid::regclass::text FROM star \
    JOIN pg_inherits h ON h.inhparent = star.oid \
ORDER BY 1, 2";

/// Columns of the tables that are not of the star: somebody has added them, and they would go.
async fn foreign_columns(session: &Session, schema: &str) -> Result<Vec<String>> {
    let dialect = session.dialect();
    let sql = format!(
        "SELECT c.relname, a.attname FROM pg_attribute a INNER JOIN pg_class c ON c.oid = a.attrelid \
         INNER JOIN pg_namespace n ON n.oid = c.relnamespace WHERE n.nspname = {} \
         AND c.relname IN ({}) AND a.attnum > 0 AND NOT a.attisdropped ORDER BY 1, 2",
        literal(schema, dialect)?,
        star_tables(dialect)?
    );
    let rows = session.rows("look at the columns that stand", &sql).await?;
    let is_ours = |table: &str, column: &str| {
        TABLES.iter().any(|t| t.name == table && t.columns.iter().any(|c| c.name == column))
    };
    let pairs = rows.iter().map(|row| (text(row, 0), text(row, 1)));
    Ok(pairs
        .filter(|(table, column)| !is_ours(table, column))
        .map(|(table, column)| format!("{table}.{column}"))
        .collect())
}

/// The views over the old tables, each after those it reads. PostgreSQL only: in Redshift such a
/// view is among the [`dependents`].
///
/// # Errors
///
/// If the catalogue cannot be read.
pub async fn views(session: &Session, schema: &str) -> Result<Vec<View>> {
    let dialect = session.dialect();
    if dialect == Dialect::Redshift {
        return Ok(Vec::new());
    }
    let sql = POSTGRES_VIEWS
        .replace("{schema}", &literal(schema, dialect)?)
        .replace("{tables}", &star_tables(dialect)?);
    let rows = session.rows("look at the views", &sql).await?;
    let view = |row: &Vec<Option<String>>| View {
        name: text(row, 0),
        options: text(row, 1),
        definition: text(row, 2).trim_end().trim_end_matches(';').to_owned(),
        is_ours: text(row, 3) == "true",
    };
    Ok(rows.iter().map(view).collect())
}

/// Those above a materialized view go with it: they are among the [`dependents`].
const POSTGRES_VIEWS: &str = "WITH RECURSIVE above(oid, depth, lost) AS ( \
    SELECT t.oid, 0, false FROM pg_class t JOIN pg_namespace n ON n.oid = t.relnamespace \
    WHERE n.nspname = {schema} AND t.relname IN ({tables}) AND t.relkind = 'r' \
    UNION SELECT r.ev_class, a.depth + 1, a.lost OR v.relkind = 'm' FROM above a \
        JOIN pg_depend d ON d.refobjid = a.oid \
        AND d.refclassid = 'pg_class'::regclass AND d.classid = 'pg_rewrite'::regclass \
        JOIN pg_rewrite r ON r.oid = d.objid AND r.ev_class <> a.oid \
        JOIN pg_class v ON v.oid = r.ev_class \
) \
SELECT quote_ident(n.nspname) || '.' || quote_ident(v.relname), \
    array_to_string(v.reloptions, ', '), pg_get_viewdef(v.oid), \
    pg_has_role(v.relowner, 'USAGE')::text \
FROM (SELECT oid, MAX(depth) AS depth, bool_or(lost) AS lost FROM above GROUP BY oid) d \
JOIN pg_class v USING (oid) JOIN pg_namespace n ON n.oid = v.relnamespace \
WHERE v.relkind = 'v' AND NOT d.lost ORDER BY d.depth, 1";

impl View {
    /// The statement that makes the view read the new tables; its grants and owner stay.
    pub fn recreate(&self) -> String {
        let options = if self.options.is_empty() {
            String::new()
        } else {
            format!(" WITH ({})", self.options)
        };
        format!("CREATE OR REPLACE VIEW {}{options} AS {}", self.name, self.definition)
    }
}
