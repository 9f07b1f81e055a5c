//! Problems of a `model.toml`: each with line, key, reason and remedy, all at once.

mod datasets;
mod locality;
mod tables;

use super::super::*;

/// A valid model. Tests replace parts of it.
const VALID: &str = r#"name = "shop"

[datasets.orders]
rows = "$.lines[*]"

[datasets.orders.columns]
order_id = { type = "bigint", path = "$.id", required = true }
line_no = { type = "integer", required = true }
kind = { type = "text", repetitive = true }
sku = { type = "text", path = "@.product.sku", required = { column = "kind", equals = "sale" } }
price = { type = "decimal(12, 2)", null_if = ["", "-"] }
weight = "double"
placed = { type = "timestamp", form = "rfc3339", path = "$.placed_at" }

[datasets.orders.derived]
line_key = { fingerprint = ["order_id", "line_no"], when = { column = "kind", equals = "sale" } }

[tables.products]
grain = "one row per SKU"
primary_key = ["sku"]
columns = { sku = "text" }

[tables.lines]
grain = "one row per line of an order"
primary_key = ["order_id", "line_no"]
redshift = { distribution = "order_id", sort_key = ["order_id", "line_no"] }

[tables.lines.columns]
order_id = "bigint"
line_no = "integer"
sku = { type = "text", references = "products", nullable = true }

[tables.returns]
grain = "one row per returned line"
primary_key = ["order_id", "line_no"]
sorted_by = ["reason"]
columns = { order_id = "bigint", line_no = "integer", reason = { type = "text", nullable = true } }
references = [{ columns = ["order_id", "line_no"], table = "lines" }]
"#;

fn problems(text: &str) -> Vec<String> {
    match Model::parse("m.toml", text) {
        Ok(_) => Vec::new(),
        Err(problems) => problems.as_slice().iter().map(Problem::to_string).collect(),
    }
}

/// Replaces a part of the valid model and compares the problems.
fn refused(part: &str, by: &str, expected: &[&str]) {
    assert_eq!(VALID.matches(part).count(), 1, "{part}");
    assert_eq!(problems(&VALID.replace(part, by)), expected, "{by}");
}

#[test]
fn unknown_keys_and_wrong_types() {
    refused(
        "name = \"shop\"",
        "nmae = \"shop\"",
        &[
            "m.toml:1: name: the key \"name\" is missing; what to do: write name = \"…\"",
            "m.toml:1: nmae: there is no key \"nmae\"; what to do: did you mean \"name\"?",
        ],
    );
    refused(
        "rows = \"$.lines[*]\"",
        "rows = \"$.lines[*]\"\nsize = 3",
        &["m.toml:5: datasets.orders.size: there is no key \"size\"; what to do: write one of \
           columns, table, records, rows, partition, derived"],
    );
    refused(
        "repetitive = true",
        "repetitive = \"yes\"",
        &["m.toml:9: datasets.orders.columns.kind.repetitive: expected true or false, found a \
           string; what to do: write repetitive = true or repetitive = false"],
    );
    refused(
        "null_if = [\"\", \"-\"]",
        "null_if = [\"\", 0]",
        &["m.toml:11: datasets.orders.columns.price.null_if[1]: expected a string, found an \
           integer; what to do: a string in quotes"],
    );
    refused(
        "weight = \"double\"",
        "weight = 3",
        &[
            "m.toml:12: datasets.orders.columns.weight: expected a table, found an integer; what to \
           do: see [datasets.NAME.columns]",
        ],
    );
    refused(
        "form = \"rfc3339\"",
        "form = \"iso8601\"",
        &[
            "m.toml:13: datasets.orders.columns.placed.form: \"iso8601\" is not a value of \"form\"; \
           what to do: write one of epoch_seconds, epoch_milliseconds, epoch_microseconds, rfc3339",
        ],
    );
}

#[test]
fn types() {
    refused(
        "weight = \"double\"",
        "weight = \"float\"",
        &["m.toml:12: datasets.orders.columns.weight: there is no type \"float\"; what to do: \
           write \"double\""],
    );
    refused(
        "decimal(12, 2)",
        "decimal(12, 13)",
        &[
            "m.toml:11: datasets.orders.columns.price.type: the scale 13 is above the precision 12; \
           what to do: write decimal(PRECISION, SCALE) with a precision of 1 to 38 and a scale of \
           0 to 37 that is not above the precision",
        ],
    );
    refused(
        "form = \"rfc3339\", ",
        "",
        &["m.toml:13: datasets.orders.columns.placed.form: a timestamp needs the form of its \
           times; what to do: add form = \"rfc3339\", \"epoch_seconds\", \"epoch_milliseconds\" or \
           \"epoch_microseconds\""],
    );
    refused(
        "weight = \"double\"",
        "weight = { type = \"double\", form = \"rfc3339\", repetitive = true }",
        &[
            "m.toml:12: datasets.orders.columns.weight.form: a column of the type double has no \
             form; what to do: remove the form, or write type = \"timestamp\"",
            "m.toml:12: datasets.orders.columns.weight.repetitive: a column of the type double is \
             not dictionary-encoded; what to do: remove the key",
        ],
    );
}

#[test]
fn names() {
    let long = "x".repeat(64);
    for (name, reason) in [
        ("\"line no\"", "the name \"line no\" has characters that SQL accepts only in quotes"),
        ("1st", "the name \"1st\" has characters that SQL accepts only in quotes"),
        (long.as_str(), "the name has 64 bytes, 63 are allowed"),
        ("Reason", "the name \"Reason\" has capital letters, which Redshift folds"),
        ("order", "\"order\" is a reserved word of PostgreSQL"),
        ("snapshot", "\"snapshot\" is a reserved word of Redshift"),
        ("ctid", "\"ctid\" is a reserved word of PostgreSQL (a system column)"),
    ] {
        let text = VALID.replace("reason = {", &format!("{name} = {{"));
        let text = text.replace("sorted_by = [\"reason\"]", "");
        let found = problems(&text);
        let place = format!("m.toml:37: tables.returns.columns.{name}: {reason}; what to do: ");
        assert!(found.len() == 1 && found[0].starts_with(&place), "{found:?}");
    }
    refused(
        "weight = \"double\"",
        "user = \"double\"\nsnapshot = \"text\"",
        &["m.toml:12: datasets.orders.columns.user: \"user\" is a reserved word of PostgreSQL; \
           what to do: rename it, for example to \"user_\", and add path = \"$.user\""],
    );
    refused(
        "[tables.products]",
        "[tables.starlift_loads]\ngrain = \"x\"\nprimary_key = [\"a\"]\ncolumns = { a = \"text\" \
         }\n[tables.products]",
        &[
            "m.toml:18: tables.starlift_loads: \"starlift_loads\" is the name of a table of starlift \
           itself; what to do: rename it, for example to \"starlift_loads_table\"",
        ],
    );
}

#[test]
fn names_that_are_used_twice() {
    refused(
        "weight = \"double\"",
        "weight = \"double\"\nWeight = { type = \"text\", path = \"@.w\" }",
        &[
            "m.toml:13: datasets.orders.columns.Weight: the columns \"weight\" and \"Weight\" differ \
           only in case; what to do: rename one of the two",
        ],
    );
    refused(
        "weight = \"double\"",
        "weight = \"double\"\nweight = \"text\"",
        &[
            "m.toml:13: datasets.orders.columns.weight: duplicate key; what to do: remove one of the \
           two, or rename it",
        ],
    );
    refused(
        "line_key = {",
        "kind = {",
        &["m.toml:16: datasets.orders.derived.kind: two columns have the name \"kind\"; what to \
           do: rename one of the two"],
    );
    refused(
        "rows = \"$.lines[*]\"",
        "table = \"LINES\"\nrows = \"$.lines[*]\"",
        &["m.toml:24: tables.lines: the staging table of the dataset \"orders\" has the name \
           \"lines\" as well, or one that differs in case; what to do: rename one of the two"],
    );
}

#[test]
fn empty_models_and_too_many_columns() {
    assert_eq!(
        problems(""),
        [
            "m.toml:1: datasets: the key \"datasets\" is missing; what to do: add at least one \
             entry below [datasets.NAME]",
            "m.toml:1: name: the key \"name\" is missing; what to do: write name = \"…\"",
            "m.toml:1: tables: the key \"tables\" is missing; what to do: add at least one entry \
             below [tables.NAME]",
        ]
    );
    assert_eq!(
        problems("name = \"\"\n[datasets]\n[tables]\n"),
        [
            "m.toml:1: name: the name is empty; what to do: write a name such as \"sales\"",
            "m.toml:2: datasets: there are no datasets; what to do: add [datasets.NAME]",
            "m.toml:3: tables: there are no tables; what to do: add [tables.NAME]",
        ]
    );
    let many: String = (0..1600).map(|i| format!("c{i} = \"text\"\n")).collect();
    let text = VALID.replace("weight = \"double\"", &many);
    assert_eq!(
        problems(&text),
        [
            "m.toml:6: datasets.orders.columns: there are 1607 columns, 1600 are allowed; what to do: \
          divide the dataset, or remove columns"
        ]
    );
}

#[test]
fn all_syntax_errors_are_reported() {
    let found = problems("name = shop\n\n[tables\n");
    assert!(found.len() >= 2, "{found:?}");
    assert!(found[0].starts_with("m.toml:1: ") && found[found.len() - 1].starts_with("m.toml:3: "));
}
