//! Finds objects that depend on the tables a load replaces: views to recreate, and objects that
//! would be lost.

use super::catalog::{star_tables, text};
use super::statements::key_names;
use crate::model::Model;
use crate::warehouse::Dialect;
use crate::warehouse::connection::session::Session;
use crate::warehouse::error::Result;
use crate::warehouse::sql::quote::{literal, principal};

/// An object that would be lost with the old tables.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Dependent {
    /// Kind and name of the object, with the table that it belongs to.
    pub name: String,
    /// The statement that drops the object. `None` for parts of a table, which are dropped with it.
    pub drop: Option<String>,
    /// `true` if the current user has the right to drop it.
    pub is_owned: bool,
}

/// A view to recreate over the new tables.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct View {
    /// Quoted name with its schema.
    pub name: String,
    /// Options of the view, such as `security_barrier=true`; may be empty.
    pub options: String,
    /// The view's query, with all names qualified.
    pub definition: String,
    /// `true` if the current user has the rights of the owner.
    pub is_owned: bool,
}

impl View {
    /// Returns the statement that makes the view read the new tables. Grants and the owner are
    /// kept.
    pub fn recreate(&self) -> String {
        let options = if self.options.is_empty() {
            String::new()
        } else {
            format!(" WITH ({})", self.options)
        };
        format!("CREATE OR REPLACE VIEW {}{options} AS {}", self.name, self.definition)
    }
}

impl Dependent {
    fn part(name: String) -> Dependent {
        Dependent { name, drop: None, is_owned: true }
    }
}

/// Returns the objects that would be lost with the old tables, according to the catalogs that every
/// user can read: user-added columns; in Redshift, views; in PostgreSQL, anything that depends on a
/// table or its row type and is not recreated.
///
/// # Errors
///
/// Returns an error if the catalog cannot be read.
pub async fn dependents(session: &Session, model: &Model, schema: &str) -> Result<Vec<Dependent>> {
    let mut found = match session.dialect() {
        Dialect::Redshift => redshift_views(session, model, schema).await?,
        Dialect::Postgres => postgres_dependents(session, model, schema).await?,
    };
    let columns = foreign_columns(session, model, schema).await?;
    found.extend(columns.into_iter().map(|name| Dependent::part(format!("column {name}"))));
    Ok(found)
}

/// Returns the views that are bound to the tables, directly or through other views. Late-binding
/// views have no such catalog entry; they find the new table by name.
async fn redshift_views(session: &Session, model: &Model, schema: &str) -> Result<Vec<Dependent>> {
    let rows = session.rows("list the dependents of the tables", REDSHIFT_VIEWS).await?;
    let edges: Vec<[String; 4]> =
        rows.iter().map(|row| [0, 1, 2, 3].map(|i| text(row, i))).collect();
    let mut above: Vec<(String, String)> =
        model.tables.iter().map(|table| (schema.to_owned(), table.name.to_owned())).collect();
    let mut done = 0;
    while let Some((schema, name)) = above.get(done).cloned() {
        done += 1;
        for [on_schema, on, view_schema, view] in &edges {
            let view = (view_schema.clone(), view.clone());
            if (on_schema, on) == (&schema, &name) && !above.contains(&view) {
                above.push(view);
            }
        }
    }
    let views = above.iter().skip(model.tables.len());
    let dependent = |(schema, view): &(String, String)| {
        let quoted = format!("{}.{}", principal(schema)?, principal(view)?);
        Ok(Dependent {
            name: format!("view {schema}.{view}"),
            drop: Some(format!("DROP VIEW IF EXISTS {quoted} CASCADE")),
            is_owned: true,
        })
    };
    views.map(dependent).collect()
}

const REDSHIFT_VIEWS: &str = "SELECT DISTINCT n.nspname, t.relname, vn.nspname, v.relname \
    FROM pg_class t INNER JOIN pg_namespace n ON n.oid = t.relnamespace \
    INNER JOIN pg_depend d ON d.refobjid = t.oid INNER JOIN pg_rewrite r ON r.oid = d.objid \
    INNER JOIN pg_class v ON v.oid = r.ev_class INNER JOIN pg_namespace vn ON vn.oid = v.relnamespace \
    WHERE v.oid <> t.oid ORDER BY 1, 2, 3, 4";

/// Queries for objects that Redshift attaches to tables in addition to grants, and silently
/// detaches when a table is dropped (Developer Guide, t_rls_object_dependency). The system views
/// may be missing on a cluster, or the user may not be allowed to query them.
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

/// Returns the policies and column grants attached to the tables. Redshift only.
///
/// A rejected query aborts the current transaction, so call this outside of one.
///
/// # Errors
///
/// Returns an error if the connection is lost, or on a conflict with another transaction.
pub async fn policies(session: &Session, model: &Model, schema: &str) -> Result<Vec<Dependent>> {
    if session.dialect() == Dialect::Postgres {
        return Ok(Vec::new());
    }
    let mut found = Vec::new();
    for (kind, sql) in REDSHIFT_POLICIES {
        let sql = sql
            .replace("{schema}", &literal(schema, session.dialect())?)
            .replace("{tables}", &star_tables(model, session.dialect())?);
        let on = |row: &Vec<Option<String>>| format!("{kind} {} on {}", text(row, 0), text(row, 1));
        match session.rows("list policies", &sql).await {
            Ok(rows) => found.extend(rows.iter().map(|row| Dependent::part(on(row)))),
            Err(error) if error.server_error().is_some() && !error.is_transient() => {
                tracing::warn!(%error, "cannot query whether tables have a {kind}");
            }
            Err(error) => return Err(error.into()),
        }
    }
    Ok(found)
}

async fn postgres_dependents(
    session: &Session,
    model: &Model,
    schema: &str,
) -> Result<Vec<Dependent>> {
    let sql = postgres_query(POSTGRES_DEPENDENTS, model, schema)?;
    let rows = session.rows("list the dependents of the tables", &sql).await?;
    let dependent = |row: &Vec<Option<String>>| Dependent {
        name: text(row, 0),
        drop: row.get(1).cloned().flatten(),
        is_owned: text(row, 2) == "true",
    };
    Ok(rows.iter().map(dependent).collect())
}

/// Returns the views that read the old tables. PostgreSQL only: in Redshift such views are among
/// the [`dependents`].
///
/// # Errors
///
/// Returns an error if the catalog cannot be read.
pub async fn views(session: &Session, model: &Model, schema: &str) -> Result<Vec<View>> {
    if session.dialect() == Dialect::Redshift {
        return Ok(Vec::new());
    }
    let sql = postgres_query(POSTGRES_VIEWS, model, schema)?;
    let rows = session.rows("list the views", &sql).await?;
    let view = |row: &Vec<Option<String>>| View {
        name: text(row, 0),
        options: text(row, 1),
        definition: text(row, 2).trim_end().trim_end_matches(';').to_owned(),
        is_owned: text(row, 3) == "true",
    };
    Ok(rows.iter().map(view).collect())
}

fn postgres_query(rest: &str, model: &Model, schema: &str) -> Result<String> {
    let dialect = Dialect::Postgres;
    let keys: Result<Vec<_>, _> =
        key_names(model).iter().flatten().map(|name| literal(name, dialect)).collect();
    Ok(format!("{POSTGRES_CLOSURE} {rest}")
        .replace("{schema}", &literal(schema, dialect)?)
        .replace("{tables}", &star_tables(model, dialect)?)
        .replace("{keys}", &keys?.join(", ")))
}

/// `gone`: everything that DROP … CASCADE of the tables would drop, up to plain views that read the
/// tables directly, because such views are recreated. As in PostgreSQL, dropping an object with an
/// internal dependency also drops the object that it belongs to. `own`: the constraints and indexes that
/// a load creates.
const POSTGRES_CLOSURE: &str = "WITH RECURSIVE star AS ( \
    SELECT t.oid, t.relname FROM pg_class t JOIN pg_namespace n ON n.oid = t.relnamespace \
    WHERE n.nspname = {schema} AND t.relname IN ({tables}) AND t.relkind = 'r' \
), own AS ( \
    SELECT k.oid FROM pg_constraint k JOIN star ON star.oid = k.conrelid \
    WHERE k.contype = 'n' OR k.conname IN ({keys}) \
    AND (k.contype = 'p' OR k.contype = 'f' AND k.confrelid IN (SELECT oid FROM star)) \
    UNION ALL SELECT i.oid FROM pg_index x JOIN star ON star.oid = x.indrelid \
    JOIN pg_class i ON i.oid = x.indexrelid \
    JOIN pg_attribute a ON a.attrelid = x.indrelid AND a.attnum = x.indkey[0] \
    WHERE NOT x.indisunique AND x.indpred IS NULL AND x.indnatts = 1 \
    AND (i.relname IN ({keys}) OR i.relname = star.relname || '_' || a.attname || '_range') \
), plain(oid) AS ( \
    SELECT r.oid FROM pg_rewrite r JOIN pg_class v ON v.oid = r.ev_class \
    WHERE r.ev_type = '1' AND v.relkind = 'v' \
), gone(classid, objid, objsubid) AS ( \
    SELECT 'pg_class'::regclass::oid, oid, 0 FROM star \
    UNION SELECT x.classid, x.objid, CASE WHEN v.oid IS NULL THEN x.objsubid ELSE 0 END \
    FROM gone g CROSS JOIN LATERAL ( \
        SELECT d.classid, d.objid, d.objsubid FROM pg_depend d \
        WHERE d.refclassid = g.classid AND d.refobjid = g.objid AND g.objsubid IN (0, d.refobjsubid) \
        AND NOT (d.classid = 'pg_rewrite'::regclass AND d.objid IN (SELECT oid FROM plain) \
            AND (g.classid = 'pg_class'::regclass AND g.objid IN (SELECT oid FROM star) \
            OR g.classid = 'pg_constraint'::regclass AND g.objid IN (SELECT oid FROM own))) \
        UNION ALL SELECT d.refclassid, d.refobjid, d.refobjsubid FROM pg_depend d \
        WHERE d.classid = g.classid AND d.objid = g.objid AND d.objsubid = g.objsubid \
        AND d.deptype = 'i' \
    ) x LEFT JOIN pg_class v \
        ON x.classid = 'pg_class'::regclass AND v.oid = x.objid AND v.relkind IN ('v', 'm') \
)";

/// Selects the names of lost objects, the statements that drop those which are not part of a star
/// table, and `true` if the current user has the right to drop them.
///
/// Leaves out what a load creates itself, and what only passes a dependency on: row types, arrays,
/// TOAST tables, indexes of constraints, rules of views, triggers of foreign keys.
const POSTGRES_DEPENDENTS: &str = ", named AS ( \
    SELECT g.*, i.type, i.identity, c.relkind, k.contype, NULLIF(k.contypid, 0) AS domain, \
        CASE g.classid WHEN 'pg_class'::regclass THEN COALESCE(x.indrelid, g.objid) \
            WHEN 'pg_constraint'::regclass THEN NULLIF(k.conrelid, 0) \
            WHEN 'pg_trigger'::regclass THEN t.tgrelid WHEN 'pg_policy'::regclass THEN p.polrelid \
            WHEN 'pg_rewrite'::regclass THEN r.ev_class WHEN 'pg_attrdef'::regclass THEN f.adrelid \
            WHEN 'pg_statistic_ext'::regclass THEN s.stxrelid \
            WHEN 'pg_publication_rel'::regclass THEN b.prrelid END AS relation, \
        COALESCE(k.conname, t.tgname, p.polname, r.rulename, a.attname) AS part, \
        COALESCE(o.proowner, y.typowner) AS owner \
    FROM gone g CROSS JOIN LATERAL pg_identify_object(g.classid, g.objid, g.objsubid) i \
    LEFT JOIN pg_class c ON g.classid = 'pg_class'::regclass AND c.oid = g.objid \
    LEFT JOIN pg_index x ON x.indexrelid = c.oid \
    LEFT JOIN pg_constraint k ON g.classid = 'pg_constraint'::regclass AND k.oid = g.objid \
    LEFT JOIN pg_trigger t ON g.classid = 'pg_trigger'::regclass AND t.oid = g.objid \
    LEFT JOIN pg_policy p ON g.classid = 'pg_policy'::regclass AND p.oid = g.objid \
    LEFT JOIN pg_rewrite r ON g.classid = 'pg_rewrite'::regclass AND r.oid = g.objid \
    LEFT JOIN pg_attrdef f ON g.classid = 'pg_attrdef'::regclass AND f.oid = g.objid \
    LEFT JOIN pg_statistic_ext s ON g.classid = 'pg_statistic_ext'::regclass AND s.oid = g.objid \
    LEFT JOIN pg_publication_rel b \
        ON g.classid = 'pg_publication_rel'::regclass AND b.oid = g.objid \
    LEFT JOIN pg_proc o ON g.classid = 'pg_proc'::regclass AND o.oid = g.objid \
    LEFT JOIN pg_type y ON g.classid = 'pg_type'::regclass AND y.oid = g.objid \
    LEFT JOIN pg_attribute a ON a.attrelid = COALESCE(c.oid, f.adrelid) \
        AND a.attnum = COALESCE(f.adnum, NULLIF(g.objsubid, 0)) \
    WHERE NOT (g.classid = 'pg_class'::regclass AND g.objid IN (SELECT oid FROM star)) \
    AND g.objid NOT IN (SELECT oid FROM own) \
    AND (c.oid IS NULL OR c.relnamespace <> 'pg_toast'::regnamespace \
        AND NOT (c.relkind = 'c' AND g.objsubid = 0) \
        AND NOT (c.relkind IN ('i', 'I') AND EXISTS (SELECT 1 FROM pg_depend d \
            WHERE d.classid = g.classid AND d.objid = g.objid AND d.deptype = 'i'))) \
    AND (y.oid IS NULL OR NOT EXISTS (SELECT 1 FROM pg_class q \
            WHERE q.oid = y.typrelid AND q.relkind <> 'c') \
        AND NOT EXISTS (SELECT 1 FROM pg_type e WHERE e.typarray = y.oid)) \
    AND t.tgisinternal IS NOT TRUE AND (r.oid IS NULL OR r.ev_type <> '1') \
) \
SELECT CASE WHEN contype = 'f' THEN 'foreign key ' || part || ' of ' || relation::regclass::text \
        ELSE replace(replace(replace(replace(type, 'table constraint', 'constraint'), \
            'table column', 'column'), 'publication relation', 'publication'), \
            'composite type column', 'attribute') || ' ' || identity END, \
    CASE WHEN relation IN (SELECT oid FROM star) THEN NULL \
        WHEN classid = 'pg_class'::regclass AND objsubid > 0 AND relkind = 'c' THEN \
            format('ALTER TYPE %s DROP ATTRIBUTE IF EXISTS %I CASCADE', relation::regclass, part) \
        WHEN classid = 'pg_class'::regclass AND objsubid > 0 THEN \
            format('ALTER TABLE IF EXISTS %s DROP COLUMN IF EXISTS %I CASCADE', relation::regclass, part) \
        WHEN classid = 'pg_constraint'::regclass AND relation IS NOT NULL THEN \
            format('ALTER TABLE IF EXISTS %s DROP CONSTRAINT IF EXISTS %I CASCADE', relation::regclass, part) \
        WHEN domain IN (SELECT objid FROM gone WHERE classid = 'pg_type'::regclass) THEN NULL \
        WHEN domain IS NOT NULL THEN \
            format('ALTER DOMAIN %s DROP CONSTRAINT IF EXISTS %I', domain::regtype, part) \
        WHEN classid = 'pg_attrdef'::regclass THEN \
            format('ALTER TABLE IF EXISTS %s ALTER COLUMN %I DROP DEFAULT', relation::regclass, part) \
        WHEN type IN ('rule', 'trigger', 'policy') THEN \
            format('DROP %s IF EXISTS %I ON %s', upper(type), part, relation::regclass) \
        ELSE format('DROP %s IF EXISTS %s CASCADE', upper(type), identity) END, \
    (relation IN (SELECT oid FROM star) OR COALESCE(pg_has_role(COALESCE(owner, \
        (SELECT relowner FROM pg_class WHERE pg_class.oid = relation)), 'USAGE'), true))::text \
FROM named \
UNION ALL SELECT 'row security of ' || t.relname, NULL, 'true' FROM star \
    JOIN pg_class t USING (oid) WHERE t.relrowsecurity OR t.relforcerowsecurity \
UNION ALL SELECT 'persistence UNLOGGED of ' || t.relname, NULL, 'true' FROM star \
    JOIN pg_class t USING (oid) WHERE t.relpersistence = 'u' \
UNION ALL SELECT 'access method ' || m.amname || ' of ' || t.relname, NULL, 'true' FROM star \
    JOIN pg_class t USING (oid) JOIN pg_am m ON m.oid = t.relam \
    WHERE m.amname <> current_setting('default_table_access_method') \
UNION ALL SELECT 'inheritance of ' || star.relname || ' from ' || h.inhparent::regclass::text, \
    NULL, 'true' FROM star JOIN pg_inherits h ON h.inhrelid = star.oid \
ORDER BY 1";

const POSTGRES_VIEWS: &str = "SELECT quote_ident(n.nspname) || '.' || quote_ident(v.relname), \
    array_to_string(v.reloptions, ', '), pg_get_viewdef(v.oid), \
    pg_has_role(v.relowner, 'USAGE')::text \
FROM pg_class v JOIN pg_namespace n ON n.oid = v.relnamespace \
WHERE v.relkind = 'v' AND v.oid IN ( \
    SELECT r.ev_class FROM star JOIN pg_depend d ON d.refclassid = 'pg_class'::regclass \
        AND d.refobjid = star.oid AND d.classid = 'pg_rewrite'::regclass \
    JOIN pg_rewrite r ON r.oid = d.objid AND r.ev_type = '1' \
) AND v.oid NOT IN (SELECT objid FROM gone WHERE classid = 'pg_class'::regclass) ORDER BY 1";

/// Returns columns that a user has added to the tables and that would be lost.
async fn foreign_columns(session: &Session, model: &Model, schema: &str) -> Result<Vec<String>> {
    let dialect = session.dialect();
    let sql = format!(
        "SELECT c.relname, a.attname FROM pg_attribute a INNER JOIN pg_class c ON c.oid = a.attrelid \
         INNER JOIN pg_namespace n ON n.oid = c.relnamespace WHERE n.nspname = {} \
         AND c.relname IN ({}) AND a.attnum > 0 AND NOT a.attisdropped ORDER BY 1, 2",
        literal(schema, dialect)?,
        star_tables(model, dialect)?
    );
    let rows = session.rows("list the existing columns", &sql).await?;
    let is_owned = |table: &str, column: &str| {
        model.table(table).is_some_and(|table| table.column(column).is_some())
    };
    let pairs = rows.iter().map(|row| (text(row, 0), text(row, 1)));
    Ok(pairs
        .filter(|(table, column)| !is_owned(table, column))
        .map(|(table, column)| format!("{table}.{column}"))
        .collect())
}
