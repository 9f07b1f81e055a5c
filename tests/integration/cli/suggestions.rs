//! Similar names in the errors of unknown ones.

use super::with_tiny_star;
use crate::support::postgres::Postgres;

#[test]
fn unknown_names_of_every_kind_have_suggestions() {
    let here = with_tiny_star();
    here.write("starlift.toml", "[warehouse.local]\nurl = \"postgres://ann@127.0.0.1:1/none\"\n");
    let star = ["--star", "star"];
    for (args, code, suggestion) in [
        (vec!["query", "most_plaid_songs"], 2, "did you mean most_played_songs?"),
        (vec!["query", "songs_by_location"], 2, "did you mean plays_by_location?"),
        (vec!["check", "users_primery_key"], 2, "did you mean users_primary_key?"),
        (vec!["query", "--sql", "SELECT * FROM plays"], 1, "did you mean songplays?"),
        (vec!["query", "--sql", "SELECT * FROM song"], 1, "did you mean songs?"),
        (vec!["query", "--sql", "SELECT * FROM reject"], 1, "did you mean rejects?"),
        (
            vec!["query", "--sql", "SELECT frist_name FROM users"],
            1,
            "Did you mean 'users.first_name'?",
        ),
        (vec!["query", "--sql", "SELECT u.user FROM users u"], 1, "id you mean"),
        (vec!["query", "--on", "locla", "months_present"], 2, "did you mean local?"),
        (vec!["load", "--to", "loca"], 2, "did you mean local?"),
    ] {
        let outcome = here.run(args.iter().chain(&star));
        outcome.exits(code).prints("").complains(suggestion);
    }
    for args in [
        ["query", "--sql", "SELECT * FROM weather"],
        ["query", "--sql", "SELECT * FRM users"],
        ["query", "--on", "zzz"],
    ] {
        let outcome = here.run(args.iter().chain(&star));
        outcome.never_complains("did you mean");
        assert!(matches!(outcome.code, Some(1 | 2)), "{outcome}");
    }
}

#[test]
fn errors_of_a_warehouse_have_suggestions() {
    let here = with_tiny_star();
    let url = Postgres::shared().database().url();
    here.run(["load", "--star", "star", "--to", &url]).exits(0);
    for (sql, suggestion) in [
        ("SELECT * FROM plays", "did you mean songplays?"),
        ("SELECT frist_name FROM users", "did you mean first_name?"),
        ("SELECT u.levl FROM users u", "did you mean level?"),
    ] {
        here.run(["query", "--on", &url, "--sql", sql]).exits(1).complains(suggestion);
    }
}

#[test]
fn checks_can_be_selected() {
    let here = with_tiny_star();
    let outcome = here.run(["check", "--star", "star", "users_primary_key", "songplays_rows"]);
    outcome.exits(0).says("users_primary_key").says("songplays_rows");
    assert_eq!(outcome.stdout.lines().count(), 2, "{outcome}");
    here.run(["check", "--star", "star", "none_such"]).exits(2).complains("there is no check");
}
