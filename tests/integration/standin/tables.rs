//! Tables and views: their definitions, and the constraints that are enforced.

use super::cluster::Cluster;

#[tokio::test]
async fn table_attributes_are_accepted() {
    let cluster = Cluster::start().await;
    let session = cluster.session().await;
    session
        .run(
            "CREATE TABLE IF NOT EXISTS t (a BIGINT NOT NULL ENCODE az64, b VARCHAR(9) ENCODE lzo) \
             DISTSTYLE KEY DISTKEY (a) COMPOUND SORTKEY (b, a)",
        )
        .await;
    assert_eq!(
        session
            .rows(
                "SELECT \"column\", type, encoding, distkey, sortkey, \"notnull\" \
                 FROM pg_table_def WHERE tablename = 't' ORDER BY sortkey"
            )
            .await,
        [
            ["b", "character varying(9)", "lzo", "f", "1", "f"],
            ["a", "bigint", "az64", "t", "2", "t"],
        ]
    );
    let info = "SELECT diststyle, sortkey1, sortkey_num FROM svv_table_info WHERE \"table\" = ";
    assert_eq!(session.rows(&format!("{info}'t'")).await, [["KEY(a)", "b", "2"]]);
    session.run("CREATE TABLE u (a INTEGER) SORTKEY AUTO ENCODE AUTO").await;
    assert_eq!(session.rows(&format!("{info}'u'")).await, [["AUTO(ALL)", "AUTO(SORTKEY)", "0"]]);
    for tail in
        ["DISTSTYLE EVEN", "DISTSTYLE ALL", "DISTSTYLE AUTO", "BACKUP NO INTERLEAVED SORTKEY (a)"]
    {
        session.run("DROP TABLE u").await;
        session.run(&format!("CREATE TABLE u (a INTEGER) {tail}")).await;
    }
}

#[tokio::test]
async fn contradictory_attributes_are_rejected() {
    let cluster = Cluster::start().await;
    let session = cluster.session().await;
    for (definition, code, text) in [
        ("(a INT) DISTSTYLE EVEN DISTKEY (a)", "42601", "DISTSTYLE KEY"),
        ("(a INT) DISTSTYLE KEY", "42601", "requires a DISTKEY"),
        ("(a INT DISTKEY, b INT DISTKEY)", "42601", "only one DISTKEY"),
        ("(a INT) DISTKEY (b)", "42703", "\"b\""),
        ("(a INT) SORTKEY (b)", "42703", "\"b\""),
        ("(a INT, PRIMARY KEY (b))", "42703", "\"b\""),
        ("(a INT PRIMARY KEY, b INT PRIMARY KEY)", "42P16", "multiple primary keys"),
        ("(a INT ENCODE squeeze)", "42601", "squeeze"),
        ("(a INT CHECK (a > 0))", "0A000", "CHECK"),
        ("(a INT, CHECK (a > 0))", "0A000", "CHECK"),
        ("(a INT, a INT)", "42701", "more than once"),
        ("(a INT) TABLESPACE x", "42601", "tablespace"),
        ("(a INT) WITH (fillfactor = 10)", "42601", "with"),
        ("()", "42601", ""),
    ] {
        session.rejects(&format!("CREATE TABLE t {definition}"), code, text).await;
    }
}

#[tokio::test]
async fn types_follow_redshift() {
    let cluster = Cluster::start().await;
    let session = cluster.session().await;
    for kind in [
        "SERIAL",
        "BIGSERIAL",
        "UUID",
        "JSON",
        "JSONB",
        "BYTEA",
        "MONEY",
        "INTEGER[]",
        "INET",
        "XML",
        "TIMESTAMP[]",
        "SUPER",
        "VARBYTE(9)",
        "GEOMETRY",
    ] {
        let rejection = session.error_of(&format!("CREATE TABLE t (a {kind})")).await;
        assert_eq!(rejection.code, "0A000", "{kind} {rejection:?}");
    }
    for kind in ["VARCHAR(0)", "VARCHAR(65536)", "CHAR(4097)", "DECIMAL(39)", "DECIMAL(4,5)"] {
        session.rejects(&format!("CREATE TABLE t (a {kind})"), "22023", "").await;
    }
    session
        .run(
            "CREATE TABLE t (a VARCHAR, b TEXT, c VARCHAR(MAX), d DECIMAL, e CHAR(3), f FLOAT, \
             g TIMESTAMP WITHOUT TIME ZONE, h TIMESTAMPTZ, i CHARACTER VARYING(7), j NUMERIC(5,1))",
        )
        .await;
    let types = session
        .rows("SELECT type FROM pg_table_def WHERE tablename = 't' ORDER BY \"column\"")
        .await;
    assert_eq!(
        types.concat(),
        [
            "character varying(256)",
            "character varying(256)",
            "character varying(65535)",
            "numeric(18,0)",
            "character(3)",
            "double precision",
            "timestamp without time zone",
            "timestamp with time zone",
            "character varying(7)",
            "numeric(5,1)",
        ]
    );
}

#[tokio::test]
async fn keys_are_not_enforced_but_not_null_is() {
    let cluster = Cluster::start().await;
    let session = cluster.session().await;
    session.run("CREATE TABLE a (id INTEGER PRIMARY KEY, x INTEGER UNIQUE)").await;
    session
        .run(
            "CREATE TABLE b (a_id INTEGER REFERENCES a (id), FOREIGN KEY (a_id) REFERENCES a (id))",
        )
        .await;
    session.run("INSERT INTO a VALUES (1, 1), (1, 1)").await;
    session.run("INSERT INTO b VALUES (99)").await;
    let text = "Cannot insert a NULL value into column id";
    session.rejects("INSERT INTO a VALUES (NULL, 1)", "XX000", text).await;
}

#[tokio::test]
async fn foreign_key_must_refer_to_a_key() {
    let cluster = Cluster::start().await;
    let session = cluster.session().await;
    session.run("CREATE TABLE a (id INTEGER PRIMARY KEY, x INTEGER)").await;
    let reference = |to: &str| format!("CREATE TABLE b (a_id INTEGER REFERENCES {to})");
    session.rejects(&reference("a (x)"), "42830", "no unique constraint").await;
    session.rejects(&reference("nothing (id)"), "XX000", "Relation nothing").await;
    session.run(&reference("a")).await;
    session.rejects("DROP TABLE a", "2BP01", "other objects depend on it").await;
    // A foreign key refers to the table, not to its name.
    session.run("ALTER TABLE a RENAME TO a_old").await;
    session.rejects("DROP TABLE a_old", "2BP01", "other objects depend on it").await;
    session.run("DROP TABLE a_old, b").await;
}

#[tokio::test]
async fn keys_are_added_and_dropped() {
    let cluster = Cluster::start().await;
    let session = cluster.session().await;
    session.run("CREATE TABLE a (id INTEGER NOT NULL)").await;
    session.run("CREATE TABLE b (a_id INTEGER)").await;
    let reference = "ALTER TABLE b ADD FOREIGN KEY (a_id) REFERENCES a (id)";
    session.rejects(reference, "42830", "no unique constraint").await;
    session.run("ALTER TABLE a ADD CONSTRAINT only_one PRIMARY KEY (id)").await;
    session.run(reference).await;
    assert_eq!(
        session
            .rows(
                "SELECT conname, contype, conrelid::regclass FROM pg_constraint \
                 JOIN pg_namespace AS n ON n.oid = connamespace \
                 WHERE n.nspname = ANY (current_schemas(true)) ORDER BY contype"
            )
            .await,
        [["b_a_id_fkey", "f", "b"], ["only_one", "p", "a"]]
    );
    let drop = "ALTER TABLE a DROP CONSTRAINT only_one";
    session.rejects(drop, "2BP01", "other objects depend on it").await;
    session.rejects("ALTER TABLE b DROP CONSTRAINT b_fkey", "42704", "b_fkey").await;
    session.run("ALTER TABLE b DROP CONSTRAINT b_a_id_fkey").await;
    session.run(drop).await;
    session.run("DROP TABLE a").await;
}

#[tokio::test]
async fn inserted_text_is_measured_in_bytes() {
    let cluster = Cluster::start().await;
    let session = cluster.session().await;
    session.run("CREATE TABLE t (a VARCHAR(4))").await;
    session.run("INSERT INTO t VALUES ('ää')").await;
    let text = "value too long for type character varying(4)";
    session.rejects("INSERT INTO t VALUES ('äää')", "22001", text).await;
    session.rejects("INSERT INTO t VALUES ('abcde')", "22001", text).await;
    session.rejects("UPDATE t SET a = 'äää'", "22001", text).await;
    session.run("CREATE TABLE u (LIKE t)").await;
    session.rejects("INSERT INTO u VALUES ('äää')", "22001", text).await;
    session.run("CREATE TABLE v AS SELECT * FROM t").await;
    session.rejects("INSERT INTO v VALUES ('äää')", "22001", text).await;
    session.run("ALTER TABLE t ADD COLUMN b VARCHAR(2)").await;
    session.rejects("INSERT INTO t VALUES ('', 'ää')", "22001", "varying(2)").await;
    session.run("ALTER TABLE t ALTER COLUMN b TYPE VARCHAR(6)").await;
    session.run("INSERT INTO t VALUES ('', 'äää')").await;
}

#[tokio::test]
async fn like_copies_no_keys() {
    let cluster = Cluster::start().await;
    let session = cluster.session().await;
    session.run("CREATE TABLE a (id INTEGER PRIMARY KEY SORTKEY DISTKEY, x INT DEFAULT 7)").await;
    session.run("CREATE TABLE b (LIKE a)").await;
    session.rejects("CREATE TABLE c (id INTEGER REFERENCES b)", "42830", "no unique").await;
    assert_eq!(
        session
            .rows("SELECT \"column\", distkey, sortkey FROM pg_table_def WHERE tablename = 'b'")
            .await,
        [["id", "t", "1"], ["x", "f", "0"]]
    );
    session.run("INSERT INTO b (id) VALUES (1)").await;
    assert_eq!(session.value("SELECT x FROM b").await, "NULL");
    session.run("CREATE TABLE d (LIKE a INCLUDING DEFAULTS)").await;
    session.run("INSERT INTO d (id) VALUES (1)").await;
    assert_eq!(session.value("SELECT x FROM d").await, "7");
}

#[tokio::test]
async fn columns_can_be_altered() {
    let cluster = Cluster::start().await;
    let session = cluster.session().await;
    session.run("CREATE TABLE t (a VARCHAR(4), b INTEGER)").await;
    session.run("ALTER TABLE t RENAME COLUMN a TO c").await;
    session.run("ALTER TABLE t DROP COLUMN b").await;
    session.run("ALTER TABLE t ADD COLUMN d INTEGER NOT NULL DEFAULT 3").await;
    session.rejects("ALTER TABLE t ADD COLUMN e INT NOT NULL", "0A000", "non-null default").await;
    session.rejects("ALTER TABLE t ALTER COLUMN d TYPE BIGINT", "0A000", "VARCHAR").await;
    session.run("INSERT INTO t (c) VALUES ('x')").await;
    assert_eq!(session.rows("SELECT c, d FROM t").await, [["x", "3"]]);
}

#[tokio::test]
async fn table_errors_have_the_codes_of_redshift() {
    let cluster = Cluster::start().await;
    let session = cluster.session().await;
    session.run("CREATE TABLE t (a INTEGER)").await;
    session.rejects("CREATE TABLE t (a INTEGER)", "42P07", "already exists").await;
    session.run("CREATE TABLE IF NOT EXISTS t (b INTEGER)").await;
    session.rejects("SELECT b FROM t", "42703", "b").await;
    let missing = "Relation nothing does not exist in the database.";
    session.rejects("SELECT * FROM nothing", "XX000", missing).await;
    session.rejects("INSERT INTO nothing VALUES (1)", "XX000", missing).await;
    session.rejects("TRUNCATE nothing", "XX000", missing).await;
    session.rejects("ALTER TABLE nothing RENAME TO x", "XX000", missing).await;
    session.rejects("DROP TABLE nothing", "42P01", "does not exist").await;
    session.run("DROP TABLE IF EXISTS nothing").await;
}

#[tokio::test]
async fn schemas_are_created_and_dropped() {
    let cluster = Cluster::start().await;
    let session = cluster.session().await;
    session.run("CREATE SCHEMA IF NOT EXISTS star").await;
    session.run("CREATE SCHEMA IF NOT EXISTS star").await;
    session.rejects("CREATE SCHEMA star", "42P06", "already exists").await;
    session.run("CREATE TABLE star.t (a INTEGER)").await;
    let defined = "SELECT count(*) FROM pg_table_def WHERE schemaname = 'star'";
    assert_eq!(session.value(defined).await, "0");
    session.run("SET search_path TO star, public").await;
    assert_eq!(session.value(defined).await, "1");
    assert_eq!(session.value("SHOW search_path").await, "star, public");
    session.run("CREATE TABLE u (a INTEGER)").await;
    session.run("SELECT * FROM star.u").await;
    assert_eq!(session.value("SELECT current_schema()").await, "star");
    session.run("COMMENT ON TABLE star.t IS 'it''s'").await;
    session.run("COMMENT ON COLUMN star.t.a IS 'a'").await;
    session.rejects("DROP SCHEMA star", "2BP01", "depend").await;
    session.run("DROP SCHEMA star CASCADE").await;
}

#[tokio::test]
async fn view_prevents_the_drop_of_its_table() {
    let cluster = Cluster::start().await;
    let session = cluster.session().await;
    session.run("CREATE TABLE t (a INTEGER)").await;
    session.run("CREATE VIEW v (x) AS SELECT a FROM t").await;
    session.run("CREATE OR REPLACE VIEW v (x) AS SELECT a + 1 FROM t").await;
    session.rejects("DROP TABLE t", "2BP01", "other objects depend on it").await;
    session.run("ALTER TABLE t RENAME TO t_old").await;
    session.run("CREATE TABLE t (a INTEGER)").await;
    session.run("INSERT INTO t VALUES (1)").await;
    assert_eq!(session.value("SELECT count(*) FROM v").await, "0");
    session.run("DROP TABLE t_old CASCADE").await;
    session.rejects("SELECT * FROM v", "XX000", "Relation v").await;
}

#[tokio::test]
async fn a_late_binding_view_follows_the_name() {
    let cluster = Cluster::start().await;
    let session = cluster.session().await;
    let unqualified = "CREATE VIEW v AS SELECT a FROM t WITH NO SCHEMA BINDING";
    session.rejects(unqualified, "42601", "should be qualified").await;
    session
        .run(
            "CREATE VIEW v AS SELECT a AS x FROM public.t WHERE b <> 'it\\'s' \
             WITH NO SCHEMA BINDING",
        )
        .await;
    session.rejects("SELECT * FROM v", "XX000", "Relation public.t").await;
    session.run("CREATE TABLE t (a INTEGER, b VARCHAR)").await;
    session.run("INSERT INTO t VALUES (1, ''), (2, 'it''s')").await;
    assert_eq!(session.rows("SELECT v.x FROM v").await, [["1"]]);
    session.run("ALTER TABLE t RENAME TO t_old").await;
    session.run("CREATE TABLE t (a INTEGER, b VARCHAR)").await;
    session.run("DROP TABLE t_old").await;
    assert_eq!(session.value("SELECT count(x) FROM public.v AS w").await, "0");
    let definition = "SELECT definition FROM pg_views WHERE viewname = 'v'";
    assert!(session.value(definition).await.contains("WITH NO SCHEMA BINDING"));
    session.run("DROP VIEW v").await;
    session.rejects("SELECT * FROM v", "XX000", "Relation v").await;
}

#[tokio::test]
async fn append_moves_rows() {
    let cluster = Cluster::start().await;
    let session = cluster.session().await;
    session.run("CREATE TABLE a (x INTEGER)").await;
    session.run("CREATE TABLE b (x INTEGER)").await;
    session.run("CREATE TABLE c (x BIGINT)").await;
    session.run("INSERT INTO b VALUES (1), (2)").await;
    session.run("ALTER TABLE a APPEND FROM b").await;
    assert_eq!(session.value("SELECT count(*) FROM a").await, "2");
    assert_eq!(session.value("SELECT count(*) FROM b").await, "0");
    session.rejects("ALTER TABLE a APPEND FROM c", "0A000", "same columns").await;
}
