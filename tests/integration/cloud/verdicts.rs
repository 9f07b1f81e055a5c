//! Exit codes do not depend on the reader of the output.

use super::*;
use crate::support::exit_code_unread;

#[track_caller]
fn exits_with_or_without_reader(account: &Account, args: &[&str], code: i32) {
    account.run(args).exits(code);
    for both in [false, true] {
        let found = exit_code_unread(account.command().args(args), both);
        assert_eq!(found, Some(code), "{args:?}, standard error closed: {both}");
    }
}

#[test]
fn exit_codes_are_the_same_without_a_reader() {
    let Some(account) = Account::new() else { return };
    let name = ["--name", "sparkify"];
    let provision = ["--star", "s3://lake/star", "--yes", "--cidr", "203.0.113.7/32"];
    let provision = [&["provision"], &name[..], &provision].concat();
    exits_with_or_without_reader(&account, &["status"], 0);
    exits_with_or_without_reader(&account, &[&provision[..], &["--dry-run"]].concat(), 0);
    exits_with_or_without_reader(&account, &provision, 0);
    exits_with_or_without_reader(&account, &["status"], 0);
    exits_with_or_without_reader(&account, &["status", "--format", "json"], 0);
    exits_with_or_without_reader(&account, &[&["pause"], &name[..]].concat(), 0);
    exits_with_or_without_reader(&account, &[&["resume"], &name[..]].concat(), 0);
    exits_with_or_without_reader(&account, &["doctor", "--to", "redshift", "--cluster", "none"], 4);
    exits_with_or_without_reader(&account, &[&["teardown", "--yes"], &name[..]].concat(), 0);
}
