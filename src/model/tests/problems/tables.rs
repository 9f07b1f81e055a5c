//! Keys and references of tables.

use super::super::super::*;
use super::{VALID, problems, refused};

#[test]
fn the_model_of_these_tests_is_valid() {
    assert_eq!(problems(VALID), [""; 0]);
    let model = Model::parse("m.toml", VALID).unwrap();
    let lines = model.table("lines").unwrap();
    assert_eq!(lines.key_role("order_id"), KeyRole::Primary);
    assert_eq!(lines.key_role("sku"), KeyRole::Foreign);
    assert_eq!(lines.reference_of("sku").unwrap().table, "products");
    assert_eq!(lines.sorted_by, ["order_id", "line_no"]);
    let checks = model.generated_checks();
    let names: Vec<&str> = checks.iter().map(|check| check.name.as_str()).collect();
    assert_eq!(
        names,
        [
            "products_primary_key",
            "lines_primary_key",
            "returns_primary_key",
            "lines_sku_in_products",
            "returns_order_id_line_no_in_lines",
            "records_accounted",
        ]
    );
    assert_eq!(
        checks[4].sql,
        "-- Every (order_id, line_no) of returns without nulls is in lines.\n\
         SELECT c.order_id, c.line_no, COUNT(*) AS orphans\n\
         FROM returns c\n\
         LEFT JOIN lines p ON p.order_id = c.order_id AND p.line_no = c.line_no\n\
         WHERE c.order_id IS NOT NULL AND c.line_no IS NOT NULL AND p.order_id IS NULL\n\
         GROUP BY c.order_id, c.line_no\n\
         ORDER BY c.order_id, c.line_no\n"
    );
}

#[test]
fn references() {
    refused(
        "sku = \"text\"",
        "sku = { type = \"text\", nullable = true }",
        &[
            "m.toml:20: tables.products.primary_key[0]: the column \"sku\" is nullable; what to do: \
           remove nullable = true of the column, or choose another key",
        ],
    );
    refused(
        "columns = { sku = \"text\" }",
        "columns = { sku = \"bigint\" }",
        &[
            "m.toml:31: tables.lines.columns.sku.references: the column \"sku\" is text, but \"sku\" \
           of the table \"products\" is bigint; what to do: use one type for both columns",
        ],
    );
    refused(
        "references = \"products\"",
        "references = \"product\"",
        &[
            "m.toml:31: tables.lines.columns.sku.references: there is no table \"product\"; what to \
           do: did you mean \"products\"?",
        ],
    );
    refused(
        "references = \"products\"",
        "references = \"returns\"",
        &[
            "m.toml:31: tables.lines.columns.sku.references: the primary key of \"returns\" has \
             other columns (order_id, line_no) than the reference (sku); what to do: name 2 \
             columns that match order_id, line_no",
            "m.toml:38: tables.returns.references[0]: the references form a cycle: lines → returns \
             → lines; what to do: remove one of the references; a query in checks can check it \
             instead",
        ],
    );
}

#[test]
fn designs_and_order() {
    refused(
        "distribution = \"order_id\", sort_key = [\"order_id\", \"line_no\"]",
        "distribution = \"orderid\", sort_key = [\"id\"]",
        &[
            "m.toml:26: tables.lines.redshift.distribution: \"orderid\" is neither auto, even nor \
             all, and not a column; what to do: did you mean \"order_id\"?",
            "m.toml:26: tables.lines.redshift.sort_key[0]: there is no column \"id\"; what to do: \
             write one of order_id, line_no, sku",
        ],
    );
    refused(
        "sorted_by = [\"reason\"]",
        "sorted_by = [\"rason\"]",
        &["m.toml:36: tables.returns.sorted_by[0]: there is no column \"rason\"; what to do: did \
           you mean \"reason\"?"],
    );
}
