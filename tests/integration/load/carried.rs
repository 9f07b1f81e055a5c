//! Dependents and properties of the tables in PostgreSQL: carried over, or named in an error.

use super::*;

/// Creates a database that contains the star, and a client.
async fn loaded() -> (Workspace, Database, Client) {
    let (here, database) = (with_star(), database());
    load(&here, &database.url(), &[]).exits(0);
    let client = database.client().await;
    (here, database, client)
}

/// Returns the tables of the schema that belong neither to the star nor to the bookkeeping.
async fn others(client: &Client) -> Vec<String> {
    let sql = "SELECT relname FROM pg_class WHERE relkind = 'r' AND relnamespace = 'star'::regnamespace \
               AND relname NOT IN ('songs', 'artists', 'users', 'time', 'songplays', 'starlift_loads', \
               'starlift_lock', 'starlift_partitions') ORDER BY 1";
    rows(client, sql).await
}

/// Objects that depend on a table or on its row type: the statement that creates the object, its name in messages,
/// and a query that returns 1 while it exists.
const DEPENDENTS: [(&str, &str, &str); 16] = [
    (
        "CREATE TABLE public.mine (id INT, u star.users)",
        "column public.mine.u",
        "SELECT COUNT(*) FROM pg_attribute WHERE attrelid = 'public.mine'::regclass AND attname = 'u'",
    ),
    (
        "CREATE TABLE public.many (id INT, u star.users[])",
        "column public.many.u",
        "SELECT COUNT(*) FROM pg_attribute WHERE attrelid = 'public.many'::regclass AND attname = 'u'",
    ),
    (
        "CREATE FUNCTION public.plays() RETURNS BIGINT LANGUAGE SQL \
         BEGIN ATOMIC SELECT COUNT(*) FROM star.songplays; END",
        "function public.plays()",
        "SELECT COUNT(*) FROM pg_proc WHERE proname = 'plays'",
    ),
    (
        "CREATE FUNCTION public.title_of(s star.songs) RETURNS VARCHAR LANGUAGE SQL \
         AS 'SELECT s.title'",
        "function public.title_of(star.songs)",
        "SELECT COUNT(*) FROM pg_proc WHERE proname = 'title_of'",
    ),
    (
        "CREATE PROCEDURE public.count_up() LANGUAGE SQL \
         BEGIN ATOMIC INSERT INTO star.users SELECT * FROM star.users WHERE false; END",
        "procedure public.count_up()",
        "SELECT COUNT(*) FROM pg_proc WHERE proname = 'count_up'",
    ),
    (
        "CREATE VIEW public.\"Whole rows\" AS SELECT s FROM star.songs s",
        "view public.\"Whole rows\"",
        "SELECT COUNT(*) FROM pg_class WHERE relname = 'Whole rows'",
    ),
    (
        "CREATE TYPE public.pair AS (a INT, s star.songs)",
        "attribute public.pair.s",
        "SELECT COUNT(*) FROM pg_attribute WHERE attrelid = 'public.pair'::regclass AND attname = 's' \
         AND NOT attisdropped",
    ),
    (
        "CREATE DOMAIN public.song AS star.songs CHECK ((VALUE).title <> '')",
        "type public.song",
        "SELECT COUNT(*) FROM pg_type WHERE typname = 'song'",
    ),
    (
        "CREATE TABLE public.log (x INT); CREATE RULE copied AS ON INSERT TO public.log \
         DO ALSO DELETE FROM star.users WHERE false",
        "rule copied on public.log",
        "SELECT COUNT(*) FROM pg_rewrite WHERE rulename = 'copied'",
    ),
    (
        "CREATE TABLE public.guarded (user_id BIGINT); CREATE POLICY known ON public.guarded \
         USING (user_id IN (SELECT user_id FROM star.users))",
        "policy known on public.guarded",
        "SELECT COUNT(*) FROM pg_policy WHERE polname = 'known'",
    ),
    (
        "CREATE TABLE public.child () INHERITS (star.artists)",
        "table public.child",
        "SELECT COUNT(*) FROM pg_class WHERE relname = 'child'",
    ),
    (
        "ALTER TABLE star.songs ADD CONSTRAINT titled CHECK (title <> '')",
        "constraint titled on star.songs",
        "SELECT COUNT(*) FROM pg_constraint WHERE conname = 'titled'",
    ),
    (
        "ALTER TABLE star.users ALTER COLUMN level SET DEFAULT 'free'",
        "default value for star.users.level",
        "SELECT COUNT(*) FROM pg_attrdef WHERE adrelid = 'star.users'::regclass",
    ),
    (
        "CREATE STATISTICS public.level_gender (dependencies) ON level, gender FROM star.users",
        "statistics object public.level_gender",
        "SELECT COUNT(*) FROM pg_statistic_ext",
    ),
    (
        "ALTER TABLE star.users ENABLE ROW LEVEL SECURITY",
        "row security of users",
        "SELECT COUNT(*) FROM pg_class WHERE oid = 'star.users'::regclass AND relrowsecurity",
    ),
    (
        "ALTER TABLE star.songplays SET UNLOGGED",
        "persistence UNLOGGED of songplays",
        "SELECT COUNT(*) FROM pg_class WHERE oid = 'star.songplays'::regclass AND relpersistence = 'u'",
    ),
];

#[tokio::test]
async fn dependents_of_a_table_or_its_row_type_are_named_and_then_dropped() {
    for (make, named, is_there) in DEPENDENTS {
        let (here, database, client) = loaded().await;
        client.batch_execute(make).await.unwrap();
        let number = "SELECT MAX(load_number) FROM star.starlift_loads";
        assert_eq!(value(&client, is_there).await, "1", "{make}");
        let outcome = load(&here, &database.url(), &["--force"]);
        outcome.fails_with("dependents").naming(&[named]);
        assert!(!outcome.stderr.contains("filling"), "{outcome}");
        assert_eq!(value(&client, is_there).await, "1", "{make}");
        assert_eq!(value(&client, number).await, "1");
        let outcome = load(&here, &database.url(), &["--force", "--cascade"]);
        outcome.exits(0).says(&format!("dropped   {named}"));
        assert!(!outcome.stdout.contains("left  "), "{outcome}");
        assert_eq!(value(&client, is_there).await, "0", "{make}");
        assert!(others(&client).await.is_empty(), "{make}");
        load(&here, &database.url(), &["--force"]).exits(0);
    }
}

#[tokio::test]
async fn views_are_recreated_and_their_dependents_are_kept() {
    let (here, database, client) = loaded().await;
    client
        .batch_execute(
            "CREATE VIEW public.rows AS SELECT row_to_json(s) AS song FROM star.songs s; \
             CREATE VIEW public.by_key AS SELECT s.song_id, s.title, COUNT(*) AS n FROM star.songs s \
                 LEFT JOIN star.songplays USING (song_id) GROUP BY s.song_id; \
             CREATE VIEW public.above AS SELECT n FROM public.by_key; \
             CREATE MATERIALIZED VIEW public.kept AS SELECT n FROM public.above; \
             CREATE FUNCTION public.first_song() RETURNS JSON LANGUAGE SQL \
                 BEGIN ATOMIC SELECT song FROM public.rows LIMIT 1; END",
        )
        .await
        .unwrap();
    load(&here, &database.url(), &["--force"]).exits(0).says("2 recreated");
    let songs = value(&client, "SELECT COUNT(*) FROM star.songs").await;
    for view in ["rows", "by_key", "above", "kept"] {
        let sql = format!("SELECT COUNT(*) FROM public.{view}");
        assert_eq!(value(&client, &sql).await, songs, "{view}");
    }
    // The views read the tables of the latest load.
    client.batch_execute("DELETE FROM star.songplays; DELETE FROM star.songs").await.unwrap();
    for view in ["rows", "by_key", "above"] {
        let sql = format!("SELECT COUNT(*) FROM public.{view}");
        assert_eq!(value(&client, &sql).await, "0", "{view}");
    }
    assert!(others(&client).await.is_empty());
}

#[tokio::test]
async fn tables_of_users_are_not_treated_as_leftovers() {
    let (here, database, client) = loaded().await;
    client
        .batch_execute(
            "CREATE TABLE star.starlift_old_users AS SELECT * FROM star.users; \
             CREATE VIEW public.backup AS SELECT * FROM star.starlift_old_users; \
             CREATE TABLE star.starlift_new_ideas (x INT); \
             CREATE TABLE star.starlift_old_0a1b2c3d_songs (x INT); \
             CREATE TABLE star.starlift_new_0a1b2c3d_songs_2018 (x INT); \
             CREATE TABLE star.starlift_new_0a1b2c3d_users (x INT)",
        )
        .await
        .unwrap();
    let before = others(&client).await;
    assert_eq!(before.len(), 5);
    load(&here, &database.url(), &["--force"]).exits(0);
    load(&here, &database.url(), &["--force", "--cascade"]).exits(0);
    assert_eq!(others(&client).await, before);
    assert_ne!(value(&client, "SELECT COUNT(*) FROM public.backup").await, "0");
}

#[tokio::test]
async fn old_table_that_cannot_be_dropped_is_reported_and_dropped_by_the_next_load() {
    let (here, database, client) = loaded().await;
    client
        .batch_execute(
            "CREATE FUNCTION public.refuse() RETURNS event_trigger LANGUAGE plpgsql AS $$ BEGIN \
                 IF (SELECT COUNT(*) FROM pg_event_trigger_dropped_objects() \
                     WHERE object_identity ~ '^star.starlift_old_') > 0 \
                 THEN RAISE EXCEPTION 'not on Sundays'; END IF; END $$; \
             CREATE EVENT TRIGGER refuse ON sql_drop EXECUTE FUNCTION public.refuse()",
        )
        .await
        .unwrap();
    let outcome = load(&here, &database.url(), &["--force"]);
    outcome.exits(0).says("load 2)").says("left      star.starlift_old_").says("not on Sundays");
    assert_eq!(others(&client).await.len(), 5);
    // A user creates a view on one of the old tables.
    client.batch_execute("DROP EVENT TRIGGER refuse").await.unwrap();
    let old = others(&client).await.into_iter().find(|table| table.ends_with("artists")).unwrap();
    let view = format!("CREATE VIEW public.before AS SELECT * FROM star.{old}");
    client.batch_execute(&view).await.unwrap();
    load(&here, &database.url(), &[]).exits(0).says("(load 2); --force loads it again");
    assert_eq!(others(&client).await, [old]);
    client.batch_execute("DROP VIEW public.before").await.unwrap();
    load(&here, &database.url(), &["--force"]).exits(0);
    assert!(others(&client).await.is_empty());
}

/// Returns the storage, statistics, comments, keys and constraints of the tables and columns.
async fn properties(client: &Client) -> Vec<String> {
    let state = "SELECT c.relname, s.spcname, c.reloptions, t.reloptions, c.relreplident, \
            obj_description(c.oid), a.attname, a.attstattarget, a.attoptions, a.attstorage, \
            a.attcompression, col_description(c.oid, a.attnum) \
        FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 \
        LEFT JOIN pg_tablespace s ON s.oid = c.reltablespace \
        LEFT JOIN pg_class t ON t.oid = c.reltoastrelid \
        WHERE c.relnamespace = 'star'::regnamespace AND c.relkind = 'r' ORDER BY 1, a.attnum";
    let keys = "SELECT i.indexrelid::regclass, i.indisreplident, i.indisclustered FROM pg_index i \
        JOIN pg_class c ON c.oid = i.indrelid WHERE c.relnamespace = 'star'::regnamespace ORDER BY 1";
    let names = "SELECT conrelid::regclass, conname FROM pg_constraint \
        WHERE connamespace = 'star'::regnamespace ORDER BY 1, 2";
    let mut found = Vec::new();
    for sql in [state, keys, names] {
        found.extend(rows(client, sql).await);
    }
    // The catalogs list objects in the order of their OIDs, which a load changes.
    found.sort();
    found
}

#[tokio::test]
async fn storage_statistics_comments_and_replica_identity_are_carried_over() {
    let (here, database, client) = loaded().await;
    let place = Postgres::shared().new_folder();
    let space = format!("space_{}", database.name());
    client
        .batch_execute(&format!("CREATE TABLESPACE {space} LOCATION '{}'", place.display()))
        .await
        .unwrap();
    client
        .batch_execute(&format!(
            "ALTER TABLE star.songplays SET TABLESPACE {space}; \
             ALTER TABLE star.songplays SET (fillfactor = 70, autovacuum_enabled = false, \
                 toast.autovacuum_enabled = false); \
             ALTER TABLE star.songplays ALTER COLUMN level SET STATISTICS 500; \
             ALTER TABLE star.songplays ALTER COLUMN level SET (n_distinct = 2); \
             ALTER TABLE star.songs ALTER COLUMN title SET STORAGE EXTERNAL; \
             ALTER TABLE star.songs ALTER COLUMN title SET COMPRESSION pglz; \
             ALTER TABLE star.users REPLICA IDENTITY FULL; \
             ALTER TABLE star.time REPLICA IDENTITY NOTHING; \
             ALTER TABLE star.artists REPLICA IDENTITY USING INDEX artists_pkey; \
             CLUSTER star.songs USING songs_pkey; \
             COMMENT ON TABLE star.users IS 'Ask Ann''s team \\ first'; \
             COMMENT ON COLUMN star.users.level IS 'paid or free'"
        ))
        .await
        .unwrap();
    let before = properties(&client).await;
    load(&here, &database.url(), &["--force"]).exits(0);
    assert_eq!(properties(&client).await, before);
    client.batch_execute("DROP SCHEMA star CASCADE").await.unwrap();
    client.batch_execute(&format!("DROP TABLESPACE {space}")).await.unwrap();
}

#[tokio::test]
async fn owner_that_cannot_receive_a_table_is_named_before_the_copy() {
    let (here, database) = (with_star(), database());
    let client = database.client().await;
    let (loader, owner) = (format!("l_{}", database.name()), format!("o_{}", database.name()));
    client
        .batch_execute(&format!(
            "CREATE ROLE {loader} LOGIN; CREATE ROLE {owner}; GRANT {owner} TO {loader}; \
             CREATE SCHEMA star AUTHORIZATION {loader}"
        ))
        .await
        .unwrap();
    let url = database.url().replacen("starlift@", &format!("{loader}@"), 1);
    load(&here, &url, &[]).exits(0);
    client.batch_execute(&format!("ALTER TABLE star.users OWNER TO {owner}")).await.unwrap();
    let outcome = load(&here, &url, &["--force"]);
    outcome.fails_with("not-owner").naming(&["table users", &owner]);
    let doctor = here.run(["doctor", "--to", &url]);
    doctor.fails_with("doctor-failed").says("who cannot create tables in the schema");
    client.batch_execute(&format!("GRANT USAGE, CREATE ON SCHEMA star TO {owner}")).await.unwrap();
    load(&here, &url, &["--force"]).exits(0);
    let owned = "SELECT pg_get_userbyid(relowner) FROM pg_class WHERE oid = 'star.users'::regclass";
    assert_eq!(value(&client, owned).await, owner);
    // A dependent that only another user may drop.
    let view = "CREATE MATERIALIZED VIEW public.levels AS SELECT level FROM star.users; \
                ALTER MATERIALIZED VIEW public.levels OWNER TO starlift";
    client.batch_execute(view).await.unwrap();
    let outcome = load(&here, &url, &["--force", "--cascade"]);
    outcome.fails_with("not-owner").naming(&["materialized view public.levels"]);
}

#[tokio::test]
async fn event_triggers_find_their_tables_through_the_search_path() {
    let (here, database) = (with_star(), database());
    let client = database.client().await;
    client
        .batch_execute(
            "CREATE TABLE public.ddl_log (tag TEXT); \
             CREATE FUNCTION public.note(what TEXT) RETURNS VOID LANGUAGE SQL \
                 AS 'INSERT INTO public.ddl_log VALUES (what)'; \
             CREATE FUNCTION public.log_ddl() RETURNS event_trigger LANGUAGE plpgsql AS $$ BEGIN \
                 INSERT INTO ddl_log SELECT tag_now FROM (SELECT tg_tag AS tag_now) t; \
                 PERFORM note(tg_event); END $$; \
             CREATE EVENT TRIGGER started ON ddl_command_start EXECUTE FUNCTION public.log_ddl(); \
             CREATE EVENT TRIGGER ended ON ddl_command_end EXECUTE FUNCTION public.log_ddl(); \
             CREATE EVENT TRIGGER dropped ON sql_drop EXECUTE FUNCTION public.log_ddl()",
        )
        .await
        .unwrap();
    load(&here, &database.url(), &[]).exits(0);
    client.batch_execute("CREATE VIEW public.v AS SELECT * FROM star.songs").await.unwrap();
    load(&here, &database.url(), &["--force"]).exits(0).says("1 recreated");
    assert!(others(&client).await.is_empty());
    let tags = rows(&client, "SELECT DISTINCT tag FROM public.ddl_log ORDER BY 1").await;
    for tag in
        ["CREATE SCHEMA", "CREATE TABLE", "ALTER TABLE", "COMMENT", "CREATE VIEW", "DROP TABLE"]
    {
        assert!(tags.iter().any(|found| found == tag), "{tag}: {tags:?}");
    }
    here.run(["selftest", "--to", &database.url()]).exits(0).says("always a complete star");
}
