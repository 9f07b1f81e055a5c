//! The model `fixtures/models/github`, which has what the built-in one lacks: rows that are elements of
//! arrays, nested paths, booleans, dates and a composite key.

use std::path::Path;

use super::super::*;

#[test]
fn model_is_valid() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/models/github");
    let model = Model::read_dir(&folder).unwrap_or_else(|error| panic!("{error}"));
    assert_eq!(model.name, "github");
    let commits = model.dataset("commits").unwrap();
    assert_eq!(commits.rows.as_ref().unwrap().to_string(), "$.payload.commits[*]");
    let paths: Vec<String> = commits.columns.iter().map(|c| c.path.to_string()).collect();
    assert_eq!(
        paths,
        [
            "$.id",
            "$.repo.id",
            "$.created_at",
            "@.sha",
            "@.author.name",
            "@.author.email",
            "@.message",
            "@.distinct"
        ]
    );
    let parts = commits.fingerprint_parts(&commits.derived[0]);
    let parts: Vec<(usize, bool)> = parts.iter().map(|part| (part.column, part.nullable)).collect();
    assert_eq!(parts, [(4, true), (5, true)]);
    let sql = |group| model.sql_of(group).map(|file| file.name.as_str()).collect::<Vec<_>>();
    assert_eq!(sql(Group::Star), ["actors", "repos", "events", "commits", "time"]);
    assert_eq!(sql(Group::Intermediate), ["distinct_events", "distinct_commits"]);
    assert_eq!(sql(Group::Accounting), ["events", "commits", "kept_events", "kept_commits"]);
    assert_eq!(sql(Group::Analytics).len(), 6);
}

#[test]
fn checks_are_generated_and_read() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/models/github");
    let checks = Model::read_dir(&folder).unwrap().checks();
    let names: Vec<&str> = checks.iter().map(|check| check.name.as_str()).collect();
    assert_eq!(
        names,
        [
            "actors_primary_key",
            "actors_not_null",
            "repos_primary_key",
            "repos_not_null",
            "events_primary_key",
            "events_not_null",
            "commits_primary_key",
            "commits_not_null",
            "time_primary_key",
            "time_not_null",
            "events_created_at_in_time",
            "events_actor_id_in_actors",
            "events_repo_id_in_repos",
            "commits_repo_id_in_repos",
            "commits_event_id_in_events",
            "commits_pushed_at_in_time",
            "records_accounted",
            "columns_of_pushes",
            "commits_within_push",
            "events_rows",
            "first_seen_is_earliest",
        ]
    );
    let key = checks.iter().find(|check| check.name == "commits_primary_key").unwrap();
    assert!(key.sql.contains("GROUP BY repo_id, sha\n"), "{}", key.sql);
}
