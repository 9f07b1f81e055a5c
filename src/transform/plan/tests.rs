//! Tests of the columns that queries read, and of queries that cannot be planned.

use super::*;

async fn events(queries: &Queries) -> Vec<String> {
    let needs = required_columns(queries, Rules::default()).await.unwrap();
    needs.datasets[1].schema().fields().iter().map(|field| field.name().clone()).collect()
}

#[tokio::test]
async fn columns_are_staged_that_a_query_reads() {
    let needs = required_columns(&Queries::built_in(), Rules::default()).await.unwrap();
    assert_eq!(needs.last_reader.as_deref(), Some("songplays"));
    assert_eq!(needs.staged_accounting, ["copies"]);
    assert_eq!(needs.star_accounting, ["plays"]);
    let built_in = events(&Queries::built_in()).await;
    for column in ["auth", "method", "registration", "status"] {
        assert!(!built_in.contains(&column.to_owned()), "{column} is staged");
    }
    let folder = tempfile::tempdir().unwrap();
    let users = "SELECT \"userId\" AS user_id, auth AS first_name, NULL AS last_name, \
                 NULL AS gender, level FROM staging_events";
    std::fs::write(folder.path().join("users.sql"), users).unwrap();
    let own = events(&Queries::built_in().with_folder(folder.path()).unwrap()).await;
    assert!(own.contains(&"auth".to_owned()) && !own.contains(&"firstName".to_owned()));
}

#[tokio::test]
async fn every_query_of_a_model_is_planned() {
    plan_all(&Queries::built_in(), Rules::default()).await.unwrap();
    let folder = tempfile::tempdir().unwrap();
    let write = |path: &str, text: &str| {
        let path = folder.path().join(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    };
    write(
        "model.toml",
        "name = \"m\"\n[datasets.a.columns]\nx = \"date\"\n[tables.b]\ngrain = \"one row per x\"\n\
         primary_key = [\"x\"]\n[tables.b.columns]\nx = \"date\"\n",
    );
    let (star, count, answer) =
        ("SELECT x FROM staging_a", "SELECT COUNT(*) AS n FROM staging_a", "SELECT x FROM b");
    let mixed = "SELECT COUNT(*) AS n FROM staging_a JOIN b ON TRUE";
    let (own, next) =
        ("-- Balance: n = m\nSELECT COUNT(*) AS n FROM b", "SELECT 1.5 AS m, n FROM run");
    for (star, count, answer, reason) in [
        (star, count, answer, ""),
        ("SELECT x AS y FROM staging_a", count, answer, "it returns (y), expected (x)"),
        ("SELECT y AS x FROM staging_a", count, answer, "query star/b.sql failed"),
        (star, mixed, answer, "it reads staging_a and b"),
        (star, own, answer, "no query returns the count m"),
        (star, next, answer, "query accounting/c.sql failed"),
        (star, "-- Summary: {n} of {all}\nSELECT 1 AS n", answer, "the summary names {all}"),
        ("CREATE TABLE c AS SELECT x FROM staging_a", count, answer, "DDL not supported"),
        (star, count, "COPY b TO 'b.parquet'", "DML not supported"),
        (star, "SELECT x AS n FROM staging_a", answer, "n is Date32, not a number"),
        (star, "SELECT COUNT(*) AS records_read FROM b", answer, "a column of the table `run`"),
        (star, count, "SELECT z FROM b", "query analytics/d.sql failed"),
    ] {
        write("star/b.sql", star);
        write("accounting/c.sql", count);
        write("analytics/d.sql", answer);
        let model = Arc::new(Model::read_dir(folder.path()).unwrap());
        let outcome = plan_all(&Queries::of_model(model), Rules::default()).await;
        let error = outcome.err().map(|error| format!("{error:?} {error}")).unwrap_or_default();
        assert!(error.contains(reason) && error.is_empty() == reason.is_empty(), "{error}");
    }
}

#[tokio::test]
async fn a_query_can_read_the_tables_before_its_own() {
    let folder = tempfile::tempdir().unwrap();
    for (read, is_planned) in [("artists", true), ("songplays", false)] {
        let users = format!(
            "SELECT \"userId\" AS user_id, t.location AS first_name, NULL AS last_name, \
             NULL AS gender, e.level \
             FROM staging_events e LEFT JOIN {read} t ON t.artist_id = e.artist"
        );
        std::fs::write(folder.path().join("users.sql"), users).unwrap();
        let queries = Queries::built_in().with_folder(folder.path()).unwrap();
        let planned = required_columns(&queries, Rules::default()).await;
        assert_eq!(planned.is_ok(), is_planned, "{read}");
    }
}

#[tokio::test]
async fn the_queries_that_read_a_view_determine_its_columns() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::create_dir(folder.path().join("intermediate")).unwrap();
    let sql = "SELECT \"userId\", auth, method FROM staging_events";
    let users = "SELECT \"userId\" AS user_id, auth AS first_name, NULL AS last_name, NULL AS gender, \
                 NULL AS level FROM listeners";
    std::fs::write(folder.path().join("users.sql"), users).unwrap();
    for (header, is_staged) in [("-- View: it is read once\n", false), ("-- Listeners.\n", true)] {
        let view = folder.path().join("intermediate/listeners.sql");
        std::fs::write(view, format!("{header}{sql}")).unwrap();
        let queries = Queries::built_in().with_folder(folder.path()).unwrap();
        let staged = events(&queries).await;
        assert!(staged.contains(&"auth".to_owned()), "{staged:?}");
        assert_eq!(staged.contains(&"method".to_owned()), is_staged, "{staged:?}");
    }
}
