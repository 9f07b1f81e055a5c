//! Paths, conditions and fingerprints.

use super::refused;

#[test]
fn paths() {
    let sku = |path: &str, reason: &str| {
        let place = "m.toml:10: datasets.orders.columns.sku.path: ";
        refused("@.product.sku", path, &[&format!("{place}{reason}")]);
    };
    sku(
        "product.sku",
        "the path \"product.sku\" does not begin with $ or @; what to do: begin with $ for the \
         record, as in $.actor.login, or with @ for the element of `rows`",
    );
    sku(
        "$.lines[*].sku",
        "the path \"$.lines[*].sku\" contains [*], which selects several values; what to do: set \
         `rows` of the dataset to the path up to [*], and begin the path with @ for the element",
    );
    sku(
        "$.lines.sku",
        "the path $.lines.sku leads through the array of `rows`, $.lines[*]; what to do: write \
         @.sku for the value of the element",
    );
    sku(
        "$.lines[0].sku",
        "the path $.lines[0].sku leads through the array of `rows`, $.lines[*]; what to do: write \
         @.sku for the value of the element",
    );
    sku(
        "$[0].sku",
        "the path $[0].sku conflicts with `rows`, $.lines[*]: $ would be both an object and \
         an array; what to do: correct one of the two paths",
    );
    sku(
        "@.kind.sku",
        "the path @.kind.sku conflicts with the path of the column \"kind\": @.kind would be \
         both a scalar and an object; what to do: correct one of the two paths",
    );
    sku(
        "$",
        "the path $ conflicts with `rows`, $.lines[*]: $ would be both an object and a \
              scalar; what to do: correct one of the two paths",
    );
}

#[test]
fn paths_of_rows() {
    refused(
        "rows = \"$.lines[*]\"",
        "rows = \"$.a[*].b[*]\"",
        &[
            "m.toml:4: datasets.orders.rows: the path of rows \"$.a[*].b[*]\" has more than one [*]; \
           what to do: choose one array; declare another dataset for the other",
        ],
    );
    refused(
        "rows = \"$.lines[*]\"",
        "",
        &[
            "m.toml:10: datasets.orders.columns.sku.path: the path @.product.sku begins with @, but \
           the dataset has no `rows`; what to do: begin the path with $, or set `rows`",
        ],
    );
    refused(
        "rows = \"$.lines[*]\"",
        "rows = \"$[*]\"",
        &[
            "m.toml:4: datasets.orders.rows: each record would have to be an array, but with \
             records = \"auto\" an array contains records; what to do: set records = \"lines\", or \
             begin the path with a key",
            "m.toml:7: datasets.orders.columns.order_id.path: the path $.id leads through the array \
             of `rows`, $[*]; what to do: write @.id for the value of the element",
            "m.toml:13: datasets.orders.columns.placed.path: the path $.placed_at leads through the \
             array of `rows`, $[*]; what to do: write @.placed_at for the value of the element",
        ],
    );
}

#[test]
fn conditions() {
    let sale = "required = { column = \"kind\", equals = \"sale\" }";
    let at = "m.toml:10: datasets.orders.columns.sku.required";
    for (by, expected) in [
        (
            "required = { column = \"kin\", equals = \"sale\" }",
            ".column: there is no column \"kin\"; what to do: did you mean \"kind\"?",
        ),
        (
            "required = { column = \"kind\", equals = 1 }",
            ".equals: the column \"kind\" of the type text never equals 1; what to do: write the \
             value in quotes",
        ),
        (
            "required = { column = \"kind\", equals = \"\" }",
            ".equals: the column \"kind\" of the type text never equals \"\"; what to do: choose a \
             value that is not null",
        ),
        (
            "required = { column = \"line_no\", equals = 3000000000 }",
            ".equals: the column \"line_no\" of the type integer never equals 3000000000; what to \
             do: write an integer within the range of the type",
        ),
        (
            "required = { column = \"weight\", equals = 1 }",
            ".equals: the column \"weight\" of the type double cannot be compared; what to do: \
             compare a column of the type text, boolean, smallint, integer or bigint",
        ),
        (
            "required = { column = \"sku\", equals = \"a\" }",
            ".column: the condition compares the column itself, which then has a value; what to \
             do: compare another column, or write required = true",
        ),
        (
            "required = { equals = \"a\" }",
            ".column: the key \"column\" is missing; what to do: write column = \"…\"",
        ),
    ] {
        refused(sale, by, &[&format!("{at}{expected}")]);
    }
}

#[test]
fn fingerprints() {
    refused(
        "fingerprint = [\"order_id\", \"line_no\"]",
        "fingerprint = [\"order\", \"weight\", \"line_no\", \"line_no\"]",
        &[
            "m.toml:16: datasets.orders.derived.line_key.fingerprint[0]: there is no column \
             \"order\"; what to do: write one of order_id, line_no, kind, sku, price, weight, \
             placed",
            "m.toml:16: datasets.orders.derived.line_key.fingerprint[1]: the column \"weight\" of \
             the type double has no fingerprint; what to do: leave it out, or read it as a decimal \
             or as text",
            "m.toml:16: datasets.orders.derived.line_key.fingerprint[3]: the column \"line_no\" is \
             repeated; what to do: remove one of the two",
        ],
    );
}
