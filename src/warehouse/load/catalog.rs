//! What stands in the schema before a load: tables, their grants, and what else holds on to them.

use crate::error::Result;
use crate::star::model::TABLES;
use crate::warehouse::Dialect;
use crate::warehouse::load::statements::{NEW, OLD};
use crate::warehouse::quote::{literal, principal, qualified};
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
}

/// Something that would be lost with the old tables.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Dependent {
    /// What it is.
    pub kind: String,
    /// What it is called, and on which table it hangs.
    pub name: String,
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
}

/// The names of the star's tables as a list of literals.
fn star_tables(dialect: Dialect) -> Result<String> {
    let names: Result<Vec<_>, _> =
        TABLES.iter().map(|table| literal(table.name, dialect)).collect();
    Ok(names?.join(", "))
}

fn text(row: &[Option<String>], i: usize) -> String {
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
    let sql = format!(
        "SELECT c.relname, pg_get_userbyid(c.relowner), c.relkind FROM pg_class c \
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

/// Plain views are made anew; see [`views`].
const POSTGRES_DEPENDENTS: &str = "WITH RECURSIVE star AS ( \
    SELECT t.oid, t.relname FROM pg_class t JOIN pg_namespace n ON n.oid = t.relnamespace \
    WHERE n.nspname = {schema} AND t.relname IN ({tables}) AND t.relkind = 'r' \
), above(oid) AS ( \
    SELECT oid FROM star \
    UNION SELECT r.ev_class FROM above a JOIN pg_depend d ON d.refobjid = a.oid \
        AND d.refclassid = 'pg_class'::regclass AND d.classid = 'pg_rewrite'::regclass \
        JOIN pg_rewrite r ON r.oid = d.objid \
) \
SELECT 'materialized view', v.oid::regclass::text FROM above JOIN pg_class v USING (oid) \
    WHERE v.relkind = 'm' \
UNION ALL SELECT 'rule', r.rulename || ' on ' || star.relname FROM star \
    JOIN pg_rewrite r ON r.ev_class = star.oid \
UNION ALL SELECT 'foreign key', k.conname || ' of ' || k.conrelid::regclass::text FROM star \
    JOIN pg_constraint k ON k.confrelid = star.oid AND k.contype = 'f' \
    WHERE k.conrelid NOT IN (SELECT oid FROM star) \
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

/// The statements that give the new tables the grants and the owners of the old ones.
///
/// # Errors
///
/// If the catalogue cannot be read.
pub async fn grants(session: &Session, schema: &str) -> Result<Vec<String>> {
    let dialect = session.dialect();
    let sql = match dialect {
        Dialect::Redshift => REDSHIFT_GRANTS,
        Dialect::Postgres => POSTGRES_GRANTS,
    };
    let sql = sql
        .replace("{schema}", &literal(schema, dialect)?)
        .replace("{tables}", &star_tables(dialect)?);
    let rows = session.rows("look at the grants", &sql).await?;
    let mut statements = Vec::new();
    for row in &rows {
        let [table, privilege, kind, grantee, option, columns] =
            [0, 1, 2, 3, 4, 5].map(|i| text(row, i));
        // A privilege is a keyword of the catalogue's own, never a user's text.
        if !privilege.chars().all(|c| c.is_ascii_alphabetic() || c == ' ') {
            continue;
        }
        let to = match kind.as_str() {
            "public" => "PUBLIC".to_owned(),
            "group" => format!("GROUP {}", principal(&grantee)?),
            "role" => format!("ROLE {}", principal(&grantee)?),
            _ => principal(&grantee)?,
        };
        let columns =
            if columns.is_empty() { columns } else { format!(" ({})", principal(&columns)?) };
        let with = if option.starts_with('t') { " WITH GRANT OPTION" } else { "" };
        statements.push(format!(
            "GRANT {privilege}{columns} ON TABLE {} TO {to}{with}",
            qualified(schema, &table)?
        ));
    }
    Ok(statements)
}

/// Source: Redshift Developer Guide, SVV_RELATION_PRIVILEGES.
const REDSHIFT_GRANTS: &str = "SELECT relation_name, privilege_type, identity_type, identity_name, \
    CASE WHEN admin_option THEN 't' ELSE 'f' END, '' FROM svv_relation_privileges \
    WHERE namespace_name = {schema} AND relation_name IN ({tables}) \
    ORDER BY relation_name, identity_name, privilege_type";

const POSTGRES_GRANTS: &str = "SELECT c.relname, x.privilege_type, \
    CASE WHEN x.grantee = 0 THEN 'public' ELSE 'user' END, \
    CASE WHEN x.grantee = 0 THEN '' ELSE pg_get_userbyid(x.grantee) END, x.is_grantable::text, x.attname \
    FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace, LATERAL ( \
        SELECT grantee, privilege_type, is_grantable, '' AS attname FROM aclexplode(c.relacl) \
        UNION ALL SELECT e.grantee, e.privilege_type, e.is_grantable, a.attname \
        FROM pg_attribute a, aclexplode(a.attacl) e WHERE a.attrelid = c.oid AND NOT a.attisdropped \
    ) x WHERE n.nspname = {schema} AND c.relname IN ({tables}) AND x.grantee <> c.relowner \
    ORDER BY 1, 4, 2, 6";

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
    };
    Ok(rows.iter().map(view).collect())
}

const POSTGRES_VIEWS: &str = "WITH RECURSIVE above(oid, depth) AS ( \
    SELECT t.oid, 0 FROM pg_class t JOIN pg_namespace n ON n.oid = t.relnamespace \
    WHERE n.nspname = {schema} AND t.relname IN ({tables}) AND t.relkind = 'r' \
    UNION SELECT r.ev_class, a.depth + 1 FROM above a JOIN pg_depend d ON d.refobjid = a.oid \
        AND d.refclassid = 'pg_class'::regclass AND d.classid = 'pg_rewrite'::regclass \
        JOIN pg_rewrite r ON r.oid = d.objid AND r.ev_class <> a.oid \
) \
SELECT quote_ident(n.nspname) || '.' || quote_ident(v.relname), \
    array_to_string(v.reloptions, ', '), pg_get_viewdef(v.oid) \
FROM (SELECT oid, MAX(depth) AS depth FROM above GROUP BY oid) d JOIN pg_class v USING (oid) \
JOIN pg_namespace n ON n.oid = v.relnamespace WHERE v.relkind = 'v' ORDER BY d.depth, 1";

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
