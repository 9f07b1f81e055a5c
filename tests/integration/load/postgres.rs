//! The tables in plain PostgreSQL: rows, keys, comments, properties that are carried over, and
//! errors.

use super::*;

#[tokio::test]
async fn tables_contain_the_rows_of_the_files() {
    let (here, database) = (with_star(), database());
    let outcome = load(&here, &database.url(), &[]);
    outcome.exits(0).says("songplays").says("statistics equal those of the files").says("load 1)");
    let client = database.client().await;
    let star = here.join("star");
    for table in ["songs", "artists", "users", "songplays", "time"] {
        let sql = format!("SELECT * FROM \"{table}\" ORDER BY 1");
        let query = |more: &[&str]| {
            here.run(["query", "--sql", &sql, "--format", "csv"].iter().chain(more)).stdout
        };
        let files = query(&["--star", star.to_str().unwrap()]);
        let loaded = query(&["--on", &database.url()]);
        assert!(files.lines().count() > 1, "{table} is empty");
        assert_eq!(files, loaded, "{table}");
        let described = format!("SELECT obj_description('star.\"{table}\"'::regclass)");
        assert!(value(&client, &described).await.starts_with("one row per "), "{table}");
    }
    let keys = "SELECT conname FROM pg_constraint WHERE connamespace = 'star'::regnamespace AND contype IN ('p', 'f') ORDER BY conname";
    assert_eq!(
        rows(&client, keys).await,
        [
            "artists_pkey",
            "songplays_artist_id_fkey",
            "songplays_pkey",
            "songplays_song_id_fkey",
            "songplays_start_time_fkey",
            "songplays_user_id_fkey",
            "songs_artist_id_fkey",
            "songs_pkey",
            "time_pkey",
            "users_pkey",
        ]
    );
    let column = "SELECT col_description('star.time'::regclass, 2)";
    assert_eq!(value(&client, column).await, "0 to 23");
}

#[tokio::test]
async fn the_same_run_is_loaded_once() {
    let (here, database) = (with_star(), database());
    load(&here, &database.url(), &[]).exits(0);
    load(&here, &database.url(), &[]).exits(0).says("(load 1); --force loads it again");
    let client = database.client().await;
    let loads = "SELECT COUNT(DISTINCT load_number) FROM star.starlift_loads";
    assert_eq!(value(&client, loads).await, "1");
    load(&here, &database.url(), &["--force"]).exits(0).says("load 2)");
    assert_eq!(value(&client, loads).await, "2");
    // Deleted rows come back.
    client.batch_execute("DELETE FROM star.songplays").await.unwrap();
    load(&here, &database.url(), &[]).exits(0).says("load 3)");
    assert_ne!(value(&client, "SELECT COUNT(*) FROM star.songplays").await, "0");
}

#[tokio::test]
async fn a_new_run_replaces_the_old_and_leaves_nothing_behind() {
    let (here, database) = (with_star(), database());
    load(&here, &database.url(), &[]).exits(0);
    let client = database.client().await;
    let first = loaded_run(&client).await;
    transform(&here, "star", &["--unmatched", "drop"]).exits(0);
    load(&here, &database.url(), &[]).exits(0);
    assert_ne!(loaded_run(&client).await, first);
    assert_eq!(loaded_run(&client).await, run_id(&here, "star"));
    let tables = "SELECT relname FROM pg_class WHERE relkind = 'r' AND \
                  relnamespace = 'star'::regnamespace ORDER BY 1";
    assert_eq!(
        rows(&client, tables).await,
        [
            "artists",
            "songplays",
            "songs",
            "starlift_loads",
            "starlift_lock",
            "starlift_partitions",
            "time",
            "users"
        ]
    );
    let unmatched = "SELECT COUNT(*) FROM star.songplays WHERE song_id IS NULL";
    assert_eq!(value(&client, unmatched).await, "0");
}

#[tokio::test]
async fn grants_owners_and_views_are_carried_over() {
    let (here, database) = (with_star(), database());
    load(&here, &database.url(), &[]).exits(0);
    let client = database.client().await;
    let (reader, owner) =
        (format!("Reader {}", database.name()), format!("owner_{}", database.name()));
    client
        .batch_execute(&format!(
            "CREATE ROLE \"{reader}\"; CREATE ROLE \"{owner}\"; \
             GRANT SELECT ON star.songplays TO \"{reader}\" WITH GRANT OPTION; \
             GRANT SELECT ON star.songs TO PUBLIC; \
             GRANT UPDATE (level) ON star.users TO \"{reader}\"; \
             ALTER TABLE star.artists OWNER TO \"{owner}\"; \
             CREATE VIEW public.plays WITH (security_barrier=true) AS \
                 SELECT p.*, s.title FROM star.songplays p LEFT JOIN star.songs s USING (song_id); \
             CREATE VIEW public.\"Busy users\" AS SELECT user_id, COUNT(*) AS plays FROM public.plays \
                 GROUP BY user_id; \
             GRANT SELECT ON public.plays TO \"{reader}\""
        ))
        .await
        .unwrap();
    let state = "SELECT c.relname, c.relacl, c.reloptions, pg_get_userbyid(c.relowner), \
                 (SELECT string_agg(attacl::text, ',') FROM pg_attribute a WHERE a.attrelid = c.oid) \
                 FROM pg_class c WHERE c.relkind IN ('r', 'v') AND (c.relnamespace = 'star'::regnamespace \
                 OR c.relnamespace = 'public'::regnamespace) ORDER BY 1";
    let before = rows(&client, state).await;
    transform(&here, "star", &["--unmatched", "drop"]).exits(0);
    load(&here, &database.url(), &[]).exits(0).says("1 recreated over the new tables");
    assert_eq!(rows(&client, state).await, before);
    let plays = value(&client, "SELECT COUNT(*) FROM star.songplays").await;
    assert_eq!(value(&client, "SELECT SUM(plays) FROM public.\"Busy users\"").await, plays);
}

#[tokio::test]
async fn properties_that_cannot_be_carried_over_are_named_before_any_change() {
    let (here, database) = (with_star(), database());
    load(&here, &database.url(), &[]).exits(0);
    let client = database.client().await;
    client
        .batch_execute(
            "CREATE INDEX by_level ON star.songplays (level); \
             CREATE TABLE public.levels (level VARCHAR PRIMARY KEY); \
             INSERT INTO public.levels SELECT DISTINCT level FROM star.songplays; \
             ALTER TABLE star.songplays ADD CONSTRAINT known FOREIGN KEY (level) REFERENCES public.levels; \
             CREATE MATERIALIZED VIEW public.titles AS SELECT title FROM star.songs; \
             CREATE VIEW public.shouted AS SELECT upper(title) AS title FROM public.titles; \
             CREATE TABLE public.notes (song_id VARCHAR REFERENCES star.songs); \
             ALTER TABLE star.users ADD COLUMN note TEXT; \
             CREATE FUNCTION public.nothing() RETURNS trigger LANGUAGE plpgsql \
                 AS 'BEGIN RETURN NEW; END'; \
             CREATE TRIGGER watch BEFORE INSERT ON star.users EXECUTE FUNCTION public.nothing(); \
             CREATE POLICY mine ON star.users USING (true); \
             CREATE PUBLICATION feed FOR TABLE star.artists",
        )
        .await
        .unwrap();
    let first = loaded_run(&client).await;
    transform(&here, "star", &["--unmatched", "drop"]).exits(0);
    let outcome = load(&here, &database.url(), &[]);
    outcome.fails_with("dependents").naming(&["--cascade"]);
    for lost in [
        "index star.by_level",
        "materialized view public.titles",
        "view public.shouted",
        "foreign key known of star.songplays",
        "foreign key notes_song_id_fkey of public.notes",
        "column users.note",
        "trigger watch on star.users",
        "policy mine on star.users",
        "publication star.artists in publication feed",
    ] {
        outcome.complains(lost);
    }
    assert_eq!(loaded_run(&client).await, first);
    let leftovers = "SELECT COUNT(*) FROM pg_class WHERE relname LIKE 'starlift_new%'";
    assert_eq!(value(&client, leftovers).await, "0");
    load(&here, &database.url(), &["--cascade"]).exits(0).says("dropped   index star.by_level");
    assert_eq!(loaded_run(&client).await, run_id(&here, "star"));
    assert_eq!(value(&client, "SELECT COUNT(*) FROM public.notes").await, "0");
}

#[tokio::test]
async fn view_with_the_name_of_a_table_is_left_alone() {
    let (here, database) = (with_star(), database());
    let client = database.client().await;
    client
        .batch_execute("CREATE SCHEMA star; CREATE VIEW star.songs AS SELECT 1 AS x")
        .await
        .unwrap();
    load(&here, &database.url(), &[]).fails_with("not-a-table").naming(&["songs"]);
    assert_eq!(value(&client, "SELECT x FROM star.songs").await, "1");
}

#[tokio::test]
async fn schema_can_have_any_name() {
    let (here, database) = (with_star(), database());
    let schema = "we;ird \"schema' -- x";
    load(&here, &database.url(), &["--schema", schema]).exits(0);
    let client = database.client().await;
    let quoted = "\"we;ird \"\"schema' -- x\"";
    assert_ne!(value(&client, &format!("SELECT COUNT(*) FROM {quoted}.songplays")).await, "0");
}

#[tokio::test]
async fn user_without_the_right_to_create_schemas_loads_into_an_existing_one() {
    let (here, database) = (with_star(), database());
    let client = database.client().await;
    let loader = format!("loader_{}", database.name());
    client
        .batch_execute(&format!(
            "CREATE ROLE {loader} LOGIN; CREATE SCHEMA star AUTHORIZATION {loader}"
        ))
        .await
        .unwrap();
    let url = database.url().replacen("starlift@", &format!("{loader}@"), 1);
    load(&here, &url, &[]).exits(0);
    load(&here, &url, &["--force"]).exits(0);
    load(&here, &url, &["--schema", "other"])
        .fails_with("statement-rejected")
        .naming(&["42501", "CREATE"]);
}

#[tokio::test]
async fn every_query_and_check_has_the_same_result() {
    let (here, database) = (with_star(), database());
    load(&here, &database.url(), &[]).exits(0);
    let url = database.url();
    let outcome = here.run(["query", "--star", "star", "--on", &url, "--compare"]);
    outcome.exits(0).says("most_played_songs").says("nulls_in_key_columns");
    assert_eq!(outcome.stdout.matches("same").count(), 11, "{outcome}");
    here.run(["query", "--on", &url, "months_present", "--format", "json"]).exits(0).says("[{\"");
    let checks = here.run(["check", "--star", "star", "--on", &url]);
    checks.exits(0).says("songplays_rows").says("skipped: reads data that only the files");
    here.run(["check", "--on", &url]).exits(0).says("specify its star with --star");
    let client = database.client().await;
    client
        .batch_execute(
            "ALTER TABLE star.songplays DROP CONSTRAINT songplays_user_id_fkey; \
             DELETE FROM star.users WHERE user_id = (SELECT MIN(user_id) FROM star.songplays); \
             UPDATE star.songplays SET level = 'gold' WHERE level = 'paid'",
        )
        .await
        .unwrap();
    let outcome = here.run(["query", "--star", "star", "--on", &url, "--compare"]);
    outcome.fails_with("answers-differ").says("plays_by_gender_level.sql: ");
    here.run(["check", "--on", &url])
        .fails_with("warehouse-checks-failed")
        .naming(&["songplays_user_id_in_users"]);
}

#[tokio::test]
async fn query_changes_nothing() {
    let (here, database) = (with_star(), database());
    load(&here, &database.url(), &[]).exits(0);
    for sql in [
        "DELETE FROM users",
        "SELECT 1; DROP TABLE songplays",
        "WITH gone AS (DELETE FROM songplays RETURNING 1) SELECT * FROM gone",
        "SELECT * INTO copy FROM users",
    ] {
        let code = here.run(["query", "--on", &database.url(), "--sql", sql]).code;
        assert!(matches!(code, Some(1 | 2)), "{sql}: {code:?}");
    }
    let client = database.client().await;
    assert_ne!(value(&client, "SELECT COUNT(*) FROM star.songplays").await, "0");
}

#[tokio::test]
async fn rows_changed_by_the_server_are_detected_before_publication() {
    let (here, database) = (with_star(), database());
    load(&here, &database.url(), &[]).exits(0);
    let client = database.client().await;
    let before = loaded_run(&client).await;
    // A server that modifies inserted values.
    client
        .batch_execute(
            "CREATE FUNCTION public.spoil() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN \
                 IF TG_TABLE_NAME LIKE '%_songs' AND to_jsonb(NEW) ->> 'year' IS NULL THEN \
                     NEW.title := NEW.title || 'x'; NEW.duration := NULL; END IF; \
                 RETURN NEW; END $$; \
             CREATE FUNCTION public.meddle() RETURNS event_trigger LANGUAGE plpgsql AS $$ \
                 DECLARE made record; BEGIN \
                 FOR made IN SELECT * FROM pg_event_trigger_ddl_commands() LOOP \
                     IF made.object_identity ~ '_songs$' THEN EXECUTE \
                         'CREATE TRIGGER spoil BEFORE INSERT ON ' || made.object_identity || \
                         ' FOR EACH ROW EXECUTE FUNCTION public.spoil()'; END IF; \
                 END LOOP; END $$; \
             CREATE EVENT TRIGGER meddle ON ddl_command_end WHEN TAG IN ('CREATE TABLE') \
                 EXECUTE FUNCTION public.meddle()",
        )
        .await
        .unwrap();
    transform(&here, "star", &["--unmatched", "drop", "--match", "title-artist"]).exits(0);
    let outcome = load(&here, &database.url(), &[]);
    outcome.fails_with("tables-differ").naming(&["songs.title", "songs.duration"]);
    assert_eq!(loaded_run(&client).await, before);
    let leftovers = "SELECT COUNT(*) FROM pg_class WHERE relname LIKE 'starlift_new%'";
    assert_eq!(value(&client, leftovers).await, "0");
}

#[tokio::test]
async fn rows_are_stored_in_the_order_of_the_files() {
    let (here, database) = (with_star(), database());
    load(&here, &database.url(), &["--threads", "4"]).exits(0);
    let client = database.client().await;
    let unordered = "SELECT COUNT(*) FROM (SELECT (start_time, songplay_id) < LAG((start_time, songplay_id)) \
                     OVER (ORDER BY ctid) AS falls FROM star.songplays) p WHERE falls";
    assert_eq!(value(&client, unordered).await, "0");
}

#[tokio::test]
async fn tables_not_created_by_a_load_are_replaced_only_on_request() {
    let (here, database) = (with_star(), database());
    let client = database.client().await;
    let own = "CREATE SCHEMA star; CREATE TABLE star.users (user_id BIGINT, level VARCHAR); \
               INSERT INTO star.users VALUES (1, 'gold')";
    client.batch_execute(own).await.unwrap();
    load(&here, &database.url(), &[]).fails_with("dependents").naming(&["table users"]);
    assert_eq!(value(&client, "SELECT level FROM star.users").await, "gold");
    load(&here, &database.url(), &["--cascade"]).exits(0).says("dropped   table users");
}

#[tokio::test]
async fn views_of_other_owners_are_named_before_tables_are_filled() {
    let (here, database) = (with_star(), database());
    let client = database.client().await;
    let (loader, analyst) = (format!("l_{}", database.name()), format!("a_{}", database.name()));
    let roles = format!(
        "CREATE ROLE {loader} LOGIN; CREATE ROLE {analyst}; CREATE SCHEMA star AUTHORIZATION {loader}"
    );
    client.batch_execute(&roles).await.unwrap();
    let url = database.url().replacen("starlift@", &format!("{loader}@"), 1);
    load(&here, &url, &[]).exits(0);
    let view = format!(
        "CREATE VIEW public.plays AS SELECT * FROM star.songplays; ALTER VIEW public.plays OWNER TO {analyst}"
    );
    client.batch_execute(&view).await.unwrap();
    let outcome = load(&here, &url, &["--force"]);
    outcome.fails_with("not-owner").naming(&["public.plays"]);
    client.batch_execute(&format!("GRANT {analyst} TO {loader}; GRANT USAGE, CREATE ON SCHEMA public TO {loader}, {analyst}; GRANT USAGE ON SCHEMA star TO {analyst}; GRANT SELECT ON star.songplays TO {analyst}")).await.unwrap();
    load(&here, &url, &["--force"]).exits(0).says("1 recreated");
}

#[tokio::test]
async fn default_privileges_do_not_widen_access() {
    let (here, database) = (with_star(), database());
    load(&here, &database.url(), &[]).exits(0);
    let client = database.client().await;
    let nosy = format!("nosy_{}", database.name());
    client
        .batch_execute(&format!(
            "CREATE ROLE {nosy}; ALTER DEFAULT PRIVILEGES IN SCHEMA star GRANT SELECT ON TABLES TO {nosy}"
        ))
        .await
        .unwrap();
    load(&here, &database.url(), &["--force"]).exits(0);
    let may = format!("SELECT has_table_privilege('{nosy}', 'star.users', 'SELECT')");
    assert_eq!(value(&client, &may).await, "f");
}

#[tokio::test]
async fn damaged_ledger_is_reported() {
    let (here, database) = (with_star(), database());
    load(&here, &database.url(), &[]).exits(0);
    let client = database.client().await;
    client
        .batch_execute("DELETE FROM star.starlift_loads WHERE table_name = 'songs'")
        .await
        .unwrap();
    load(&here, &database.url(), &[]).exits(0).says("load 2)");
    load(&here, &database.url(), &[]).exits(0).says("(load 2); --force loads it again");
}
