//! Exit codes do not depend on whether the output is read, and texts of a warehouse have no effect
//! on a terminal.

use super::*;
use crate::support::exit_code_unread;

#[track_caller]
fn exits_with_or_without_reader(here: &Workspace, args: &[&str], code: i32) {
    here.run(args).exits(code);
    for both in [false, true] {
        let found = exit_code_unread(here.command().args(args), both);
        assert_eq!(found, Some(code), "{args:?}, standard error closed: {both}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn exit_codes_of_loads_and_comparisons_do_not_depend_on_the_reader() {
    let (here, database) = (with_star(), database());
    let url = database.url();
    let load = ["load", "--star", "star", "--to", &url, "--force"];
    exits_with_or_without_reader(&here, &load, 0);
    exits_with_or_without_reader(&here, &[&load[..], &["--dry-run"]].concat(), 0);
    let compare = ["query", "--compare", "--star", "star", "--on", &url];
    let check = ["check", "--star", "star", "--on", &url];
    exits_with_or_without_reader(&here, &compare, 0);
    exits_with_or_without_reader(&here, &check, 0);
    exits_with_or_without_reader(&here, &["selftest", "--to", &url], 0);
    let client = database.client().await;
    client.batch_execute("DELETE FROM star.songplays").await.unwrap();
    exits_with_or_without_reader(&here, &compare, 4);
    exits_with_or_without_reader(&here, &check, 4);
}

#[tokio::test(flavor = "multi_thread")]
async fn texts_from_a_warehouse_are_escaped() {
    let (here, database) = (with_star(), database());
    load(&here, &database.url(), &[]).exits(0);
    let client = database.client().await;
    let hostile = "E'h\\x1b]0;owned\\x07\\x1b[32mok\\u009b31m\\u202ex'";
    client.batch_execute(&format!("UPDATE star.songs SET title = {hostile}")).await.unwrap();
    let url = database.url();
    let sql = ["query", "--on", &url, "--color", "always", "--sql"];
    let table = here.run(sql.iter().chain(&["SELECT title FROM songs"]));
    table.exits(0).says("h\\u{1b}]0;owned\\u{7}\\u{1b}[32mok\\u{9b}31m\\u{202e}x");
    let failing = "SELECT CAST(title AS INTEGER) FROM songs";
    let failed = here.run(sql.iter().chain(&[failing]));
    failed.exits(1);
    let differing = here.run(["query", "--compare", "--star", "star", "--on", &url]);
    differing.fails_with("answers-differ");
    for outcome in [table, failed, differing] {
        let text = format!("{}{}", outcome.stdout, outcome.stderr);
        assert!(
            !text.contains("\u{1b}]") && !text.contains(['\u{7}', '\u{9b}', '\u{202e}']),
            "{outcome}"
        );
        assert!(!text.contains("\u{1b}[32mok"), "{outcome}");
    }
}
