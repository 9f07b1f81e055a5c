//! Rules of the rows on which a table depends.

use super::problems;

/// The built-in model.
const MODEL: &str = include_str!("../../../../queries/model.toml");

const JOINS: &str = r#"joins = [{ dataset = "songs", columns = ["artist_name", "title"], equal_to = ["artist", "song"] }]"#;

/// Replaces the joins of the built-in model, and returns the problems without their lines.
fn with_joins(joins: &str) -> Vec<String> {
    assert_eq!(MODEL.matches(JOINS).count(), 1);
    let found = problems(&MODEL.replace(JOINS, &format!("joins = [{joins}]")));
    let at = "tables.songplays.joins";
    found.iter().map(|problem| problem[problem.find(at).unwrap() + at.len()..].to_owned()).collect()
}

#[test]
fn joins_compare_columns_of_two_datasets() {
    assert_eq!(problems(MODEL), [""; 0]);
    for (joins, expected) in [
        (
            r#"{ dataset = "song", columns = ["title"], equal_to = ["song"] }"#,
            "[0].dataset: \"song\" is not another dataset; what to do: did you mean \"songs\"?",
        ),
        (
            r#"{ dataset = "logs", columns = ["song"], equal_to = ["song"] }"#,
            "[0].dataset: \"logs\" is not another dataset; what to do: write one of songs",
        ),
        (
            r#"{ dataset = "songs", columns = ["titel"], equal_to = ["song"] }"#,
            "[0].columns[0]: there is no column \"titel\"; what to do: did you mean \"title\"?",
        ),
        (
            r#"{ dataset = "songs", columns = ["title"], equal_to = ["songs"] }"#,
            "[0].equal_to[0]: there is no column \"songs\"; what to do: did you mean \"song\"?",
        ),
        (
            r#"{ dataset = "songs", columns = ["title"], equal_to = ["song", "artist"] }"#,
            "[0]: 1 columns are compared with 2; what to do: name at least one column, and as many in equal_to",
        ),
        (
            r#"{ dataset = "songs", columns = [], equal_to = [] }"#,
            "[0]: 0 columns are compared with 0; what to do: name at least one column, and as many in equal_to",
        ),
        (
            r#"{ dataset = "songs", columns = ["title"], equal_to = ["ts"] }"#,
            "[0]: \"title\" of \"songs\" is text, but \"ts\" of \"logs\" is timestamp; what to do: use one type for both columns, or remove the join",
        ),
        (
            r#"{ dataset = "songs", columns = ["duration"], equal_to = ["length"] }"#,
            "[0]: the columns \"duration\" and \"length\" are double, which is not compared exactly; what to do: remove them from the join",
        ),
        (
            r#"{ dataset = "songs", columns = ["title"] }"#,
            "[0].equal_to: the key \"equal_to\" is missing; what to do: write equal_to = [\"…\"]",
        ),
    ] {
        assert_eq!(with_joins(joins), [expected], "{joins}");
    }
    let several = r#"{ dataset = "songs", columns = ["title"], equal_to = ["song"] }, { dataset = "songs", columns = ["num_songs"], equal_to = ["userId"] }"#;
    assert_eq!(with_joins(several), [""; 0]);
}

#[test]
fn only_a_local_table_has_joins() {
    let local = format!("local_to = \"logs.ts\"\n{JOINS}");
    let text = MODEL.replace(&local, JOINS);
    let found = problems(&text);
    assert_eq!(found.len(), 1, "{found:?}");
    assert!(found[0].contains("tables.songplays.joins[0]: the table has no local_to"), "{found:?}");
}
