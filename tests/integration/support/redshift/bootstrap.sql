-- Initial contents of a stand-in database. Schema `rs` records what Redshift knows about its tables
-- and PostgreSQL does not; schema `redshift` has the functions, operators and catalogs that differ.
-- Sessions search `redshift` before `pg_catalog`.

GRANT ALL ON SCHEMA public TO PUBLIC;
CREATE SCHEMA rs;
CREATE SCHEMA redshift;
GRANT USAGE ON SCHEMA rs, redshift TO PUBLIC;

-- Roles belong to the whole PostgreSQL server, users and groups to this database only: `role` is
-- the name prefixed with the database.
CREATE TABLE rs.principals (
    kind text, name text, role name UNIQUE, password text, superuser bool, PRIMARY KEY (kind, name)
);
CREATE TABLE rs.tables (relid oid PRIMARY KEY, diststyle text);
CREATE TABLE rs.columns (
    relid oid, attnum int2, encoding text, distkey bool, sortkey int, PRIMARY KEY (relid, attnum)
);
-- Declared but never enforced; kind is `p`, `u` or `f`.
CREATE TABLE rs.keys (relid oid, name text, kind "char", columns text[], referenced oid);
CREATE TABLE rs.late_views (relid oid PRIMARY KEY, body text);
CREATE TABLE rs.load_errors (
    query_id bigint, table_id oid, start_time timestamp, file_name text, column_name text,
    column_type text, error_code int, error_message text
);
CREATE TABLE rs.loads (
    query_id bigint, table_name text, data_source text, loaded_rows bigint, status text,
    error_message text
);
GRANT ALL ON ALL TABLES IN SCHEMA rs TO PUBLIC;

-- Replaces the length limits of VARCHAR columns: VARCHAR(n) counts bytes, not characters.
CREATE FUNCTION rs.seal(relation regclass) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    c record;
    old name;
BEGIN
    FOR c IN
        SELECT a.attname, a.attnum, CASE WHEN a.atttypmod > 4 THEN a.atttypmod - 4 END AS bytes
        FROM pg_catalog.pg_attribute AS a
        WHERE a.attrelid OPERATOR(pg_catalog.=) relation AND a.attnum > 0 AND NOT a.attisdropped
            AND a.atttypid IN ('text'::regtype, 'varchar'::regtype, 'bpchar'::regtype)
    LOOP
        IF c.bytes IS NULL THEN
            c.bytes := 65535;
            EXECUTE format(
                'ALTER TABLE %s ALTER COLUMN %I TYPE varchar(65535)', relation, c.attname);
        END IF;
        FOR old IN
            SELECT conname FROM pg_catalog.pg_constraint
            WHERE conrelid OPERATOR(pg_catalog.=) relation
                AND conname LIKE format('bytes\_%s\_%%', c.attnum)
        LOOP
            EXECUTE format('ALTER TABLE %s DROP CONSTRAINT %I', relation, old);
        END LOOP;
        EXECUTE format(
            'ALTER TABLE %s ADD CONSTRAINT bytes_%s_%s CHECK (octet_length(%I) <= %s)',
            relation, c.attnum, c.bytes, c.attname, c.bytes);
    END LOOP;
END $$;

CREATE FUNCTION rs.plain(role name) RETURNS text LANGUAGE sql STABLE AS
    'SELECT coalesce((SELECT p.name FROM rs.principals AS p WHERE p.role OPERATOR(pg_catalog.=) $1), $1::text)';

-- Comparisons of text ignore trailing blanks. PostgreSQL inlines the bodies, so it can still use
-- hash joins.
CREATE FUNCTION redshift.text_eq(text, text) RETURNS bool LANGUAGE sql IMMUTABLE AS
    'SELECT pg_catalog.rtrim($1, '' '') OPERATOR(pg_catalog.=) pg_catalog.rtrim($2, '' '')';
CREATE FUNCTION redshift.text_ne(text, text) RETURNS bool LANGUAGE sql IMMUTABLE AS
    'SELECT pg_catalog.rtrim($1, '' '') OPERATOR(pg_catalog.<>) pg_catalog.rtrim($2, '' '')';
CREATE FUNCTION redshift.text_lt(text, text) RETURNS bool LANGUAGE sql IMMUTABLE AS
    'SELECT pg_catalog.rtrim($1, '' '') OPERATOR(pg_catalog.<) pg_catalog.rtrim($2, '' '')';
CREATE FUNCTION redshift.text_le(text, text) RETURNS bool LANGUAGE sql IMMUTABLE AS
    'SELECT pg_catalog.rtrim($1, '' '') OPERATOR(pg_catalog.<=) pg_catalog.rtrim($2, '' '')';
CREATE FUNCTION redshift.text_gt(text, text) RETURNS bool LANGUAGE sql IMMUTABLE AS
    'SELECT pg_catalog.rtrim($1, '' '') OPERATOR(pg_catalog.>) pg_catalog.rtrim($2, '' '')';
CREATE FUNCTION redshift.text_ge(text, text) RETURNS bool LANGUAGE sql IMMUTABLE AS
    'SELECT pg_catalog.rtrim($1, '' '') OPERATOR(pg_catalog.>=) pg_catalog.rtrim($2, '' '')';
CREATE OPERATOR redshift.= (LEFTARG = text, RIGHTARG = text, FUNCTION = redshift.text_eq);
CREATE OPERATOR redshift.<> (LEFTARG = text, RIGHTARG = text, FUNCTION = redshift.text_ne);
CREATE OPERATOR redshift.< (LEFTARG = text, RIGHTARG = text, FUNCTION = redshift.text_lt);
CREATE OPERATOR redshift.<= (LEFTARG = text, RIGHTARG = text, FUNCTION = redshift.text_le);
CREATE OPERATOR redshift.> (LEFTARG = text, RIGHTARG = text, FUNCTION = redshift.text_gt);
CREATE OPERATOR redshift.>= (LEFTARG = text, RIGHTARG = text, FUNCTION = redshift.text_ge);

-- Value that GROUP BY, DISTINCT and similar clauses compare.
CREATE FUNCTION redshift.key(text) RETURNS text LANGUAGE sql IMMUTABLE AS
    'SELECT pg_catalog.rtrim($1, '' '')';
CREATE FUNCTION redshift.key(anyelement) RETURNS anyelement LANGUAGE sql IMMUTABLE AS 'SELECT $1';

-- AVG of integers is a truncated BIGINT.
CREATE FUNCTION redshift.add(bigint[], bigint) RETURNS bigint[] LANGUAGE sql IMMUTABLE STRICT AS
    'SELECT ARRAY[$1[1] + 1, $1[2] + $2]';
CREATE FUNCTION redshift.mean(bigint[]) RETURNS bigint LANGUAGE sql IMMUTABLE STRICT AS
    'SELECT $1[2] / nullif($1[1], 0)';
CREATE AGGREGATE redshift.avg(smallint) (
    SFUNC = int2_avg_accum, STYPE = bigint[], FINALFUNC = redshift.mean, INITCOND = '{0,0}');
CREATE AGGREGATE redshift.avg(integer) (
    SFUNC = int4_avg_accum, STYPE = bigint[], FINALFUNC = redshift.mean, INITCOND = '{0,0}');
CREATE AGGREGATE redshift.avg(bigint) (
    SFUNC = redshift.add, STYPE = bigint[], FINALFUNC = redshift.mean, INITCOND = '{0,0}');

-- EXTRACT returns INTEGER for every type but TIMESTAMPTZ.
CREATE FUNCTION redshift.extract_part(text, timestamp) RETURNS integer LANGUAGE sql IMMUTABLE AS
    'SELECT pg_catalog.trunc(pg_catalog.date_part($1, $2))::integer';
CREATE FUNCTION redshift.extract_part(text, date) RETURNS integer LANGUAGE sql IMMUTABLE AS
    'SELECT pg_catalog.trunc(pg_catalog.date_part($1, $2))::integer';
CREATE FUNCTION redshift.extract_part(text, time) RETURNS integer LANGUAGE sql IMMUTABLE AS
    'SELECT pg_catalog.trunc(pg_catalog.date_part($1, $2))::integer';
CREATE FUNCTION redshift.extract_part(text, interval) RETURNS integer LANGUAGE sql IMMUTABLE AS
    'SELECT pg_catalog.trunc(pg_catalog.date_part($1, $2))::integer';
CREATE FUNCTION redshift.extract_part(text, timestamptz) RETURNS double precision
    LANGUAGE sql STABLE AS 'SELECT pg_catalog.date_part($1, $2)';

-- DATEDIFF counts the boundaries between two times, not the time elapsed.
CREATE FUNCTION redshift.dateadd(part text, n bigint, t timestamp) RETURNS timestamp
    LANGUAGE sql IMMUTABLE AS
    'SELECT $3 + CASE $1
        WHEN ''quarter'' THEN 3 * $2 * interval ''1 month''
        ELSE $2 * (''1 '' || $1)::interval
    END';
CREATE FUNCTION redshift.datediff(part text, a timestamp, b timestamp) RETURNS bigint
    LANGUAGE sql IMMUTABLE AS
    'SELECT CASE
        WHEN $1 = ''year'' THEN date_part(''year'', $3) - date_part(''year'', $2)
        WHEN $1 = ''month'' THEN 12 * (date_part(''year'', $3) - date_part(''year'', $2))
            + date_part(''month'', $3) - date_part(''month'', $2)
        ELSE round(date_part(''epoch'', date_trunc($1, $3) - date_trunc($1, $2))
            / date_part(''epoch'', (''1 '' || $1)::interval))
    END::bigint';
CREATE FUNCTION redshift.round(double precision, integer) RETURNS double precision
    LANGUAGE sql IMMUTABLE AS 'SELECT pg_catalog.round($1::numeric, $2)::double precision';
CREATE FUNCTION redshift.trunc(double precision, integer) RETURNS double precision
    LANGUAGE sql IMMUTABLE AS 'SELECT pg_catalog.trunc($1::numeric, $2)::double precision';
CREATE FUNCTION redshift.len(text) RETURNS integer LANGUAGE sql IMMUTABLE AS
    'SELECT pg_catalog.length($1)';
CREATE FUNCTION redshift.nvl(anyelement, anyelement) RETURNS anyelement LANGUAGE sql IMMUTABLE AS
    'SELECT coalesce($1, $2)';
CREATE FUNCTION redshift.getdate() RETURNS timestamp LANGUAGE sql STABLE AS
    'SELECT pg_catalog.date_trunc(''second'', pg_catalog.statement_timestamp() AT TIME ZONE ''UTC'')';
CREATE FUNCTION redshift.sysdate() RETURNS timestamp LANGUAGE sql STABLE AS
    'SELECT pg_catalog.now() AT TIME ZONE ''UTC''';
CREATE FUNCTION redshift.version() RETURNS text LANGUAGE sql IMMUTABLE AS
    'SELECT ''PostgreSQL 8.0.2 on i686-pc-linux-gnu, compiled by GCC gcc (GCC) 3.4.2 20041017 (Red Hat 3.4.2-6.fc3), Redshift 1.0.477953''::text';
CREATE FUNCTION redshift.user_name() RETURNS text LANGUAGE sql STABLE AS
    'SELECT rs.plain(current_user)';
CREATE FUNCTION redshift.current_schema() RETURNS name LANGUAGE sql STABLE AS
    'SELECT pg_catalog.unnest(pg_catalog.current_schemas(false)) OFFSET 2 LIMIT 1';
CREATE FUNCTION redshift.pg_get_userbyid(oid) RETURNS text LANGUAGE sql STABLE AS
    'SELECT rs.plain(pg_catalog.pg_get_userbyid($1))';
-- For access control lists: uses the names of Redshift's users.
CREATE FUNCTION redshift.array_to_string(aclitem[], text) RETURNS text LANGUAGE sql STABLE AS $$
    SELECT string_agg(
        CASE WHEN p.kind OPERATOR(pg_catalog.=) 'group' THEN 'group ' ELSE '' END
        || coalesce(p.name, r.rolname::text, '') || '=r/'
        || redshift.pg_get_userbyid(x.grantor), $2)
    FROM aclexplode($1) AS x
    LEFT JOIN pg_roles AS r ON r.oid OPERATOR(pg_catalog.=) x.grantee
    LEFT JOIN rs.principals AS p ON p.role OPERATOR(pg_catalog.=) r.rolname::text
$$;
-- The session sets these values before a statement that reads them.
CREATE FUNCTION redshift.pg_last_copy_count() RETURNS bigint LANGUAGE sql STABLE AS
    'SELECT pg_catalog.current_setting(''standin.last_copy_count'')::bigint';
CREATE FUNCTION redshift.pg_last_copy_id() RETURNS integer LANGUAGE sql STABLE AS
    'SELECT pg_catalog.current_setting(''standin.last_copy_id'')::integer';

CREATE VIEW redshift.pg_user AS
SELECT p.name AS usename, r.oid AS usesysid, false AS usecreatedb, p.superuser AS usesuper,
    false AS usecatupd, '********'::text AS passwd, r.rolvaliduntil AS valuntil,
    NULL::text[] AS useconfig
FROM rs.principals AS p JOIN pg_roles AS r ON r.rolname = p.role
WHERE p.kind = 'user';

CREATE VIEW redshift.pg_group AS
SELECT p.name AS groname, r.oid AS grosysid,
    ARRAY(SELECT m.member FROM pg_auth_members AS m WHERE m.roleid = r.oid) AS grolist
FROM rs.principals AS p JOIN pg_roles AS r ON r.rolname = p.role
WHERE p.kind = 'group';

CREATE VIEW redshift.pg_tables AS
SELECT schemaname, tablename, rs.plain(tableowner) AS tableowner, tablespace, hasindexes, hasrules,
    hastriggers
FROM pg_tables WHERE schemaname NOT IN ('rs', 'redshift');

CREATE VIEW redshift.pg_views AS
SELECT v.schemaname, v.viewname, rs.plain(v.viewowner) AS viewowner,
    coalesce(
        (
            SELECT 'CREATE VIEW ' || v.viewname || ' AS ' || l.body || ' WITH NO SCHEMA BINDING;'
            FROM rs.late_views AS l
            WHERE l.relid = format('%I.%I', v.schemaname, v.viewname)::regclass
        ),
        v.definition
    ) AS definition
FROM pg_views AS v WHERE v.schemaname NOT IN ('rs', 'redshift');

CREATE VIEW redshift.pg_table_def AS
SELECT n.nspname AS schemaname, c.relname AS tablename, a.attname AS "column",
    format_type(a.atttypid, a.atttypmod) AS type, coalesce(k.encoding, 'none') AS encoding,
    coalesce(k.distkey, false) AS distkey, coalesce(k.sortkey, 0) AS sortkey,
    a.attnotnull AS "notnull"
FROM pg_class AS c
JOIN pg_namespace AS n ON n.oid = c.relnamespace
JOIN pg_attribute AS a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
LEFT JOIN rs.columns AS k ON k.relid = c.oid AND k.attnum = a.attnum
WHERE c.relkind IN ('r', 'v') AND n.nspname <> 'redshift' AND n.nspname = ANY (current_schemas(false));

CREATE VIEW redshift.pg_constraint AS
SELECT k.name AS conname, c.relnamespace AS connamespace, k.kind AS contype, k.relid AS conrelid,
    coalesce(k.referenced, 0) AS confrelid,
    ARRAY(
        SELECT a.attnum FROM unnest(k.columns) WITH ORDINALITY AS u (name, n)
        JOIN pg_attribute AS a ON a.attrelid = k.relid AND a.attname = u.name ORDER BY u.n
    ) AS conkey
FROM rs.keys AS k
JOIN pg_class AS c ON c.oid = k.relid;

CREATE VIEW redshift.svv_table_info AS
SELECT current_database()::text AS "database", n.nspname AS "schema", c.oid AS table_id,
    c.relname AS "table", coalesce(t.diststyle, 'AUTO(ALL)') AS diststyle,
    coalesce(
        (SELECT a.attname FROM rs.columns AS k
            JOIN pg_attribute AS a ON a.attrelid = k.relid AND a.attnum = k.attnum
            WHERE k.relid = c.oid AND k.sortkey = 1)::text,
        'AUTO(SORTKEY)'
    ) AS sortkey1,
    (SELECT count(*) FROM rs.columns AS k WHERE k.relid = c.oid AND k.sortkey <> 0) AS sortkey_num
FROM pg_class AS c
JOIN pg_namespace AS n ON n.oid = c.relnamespace
LEFT JOIN rs.tables AS t ON t.relid = c.oid
WHERE c.relkind = 'r' AND n.nspname NOT IN ('rs', 'redshift', 'pg_catalog', 'information_schema');

CREATE VIEW redshift.svv_relation_privileges AS
SELECT n.nspname AS namespace_name, c.relname AS relation_name, x.privilege_type,
    x.grantee AS identity_id, coalesce(p.name, 'public') AS identity_name,
    coalesce(p.kind, 'public') AS identity_type, x.is_grantable AS admin_option
FROM pg_class AS c
JOIN pg_namespace AS n ON n.oid = c.relnamespace
CROSS JOIN LATERAL aclexplode(c.relacl) AS x
LEFT JOIN pg_roles AS r ON r.oid = x.grantee
LEFT JOIN rs.principals AS p ON p.role = r.rolname
WHERE c.relkind IN ('r', 'v') AND x.privilege_type <> 'TRIGGER'
    AND n.nspname NOT IN ('rs', 'redshift', 'pg_catalog', 'information_schema');

CREATE VIEW redshift.sys_load_error_detail AS
SELECT query_id, table_id, start_time, file_name, column_name, column_type, error_code, error_message
FROM rs.load_errors;

CREATE VIEW redshift.sys_load_history AS
SELECT query_id, table_name, data_source, loaded_rows, status, error_message FROM rs.loads;

CREATE VIEW redshift.stl_load_errors AS
SELECT query_id AS query, table_id AS tbl, start_time AS starttime, file_name AS filename,
    column_name AS colname, column_type AS type, error_code AS err_code, error_message AS err_reason
FROM rs.load_errors;

GRANT SELECT ON ALL TABLES IN SCHEMA redshift TO PUBLIC;
