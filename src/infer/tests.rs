//! Drafts of whole models.

mod random;
mod sparkify;

use super::records::read_records;
use super::sampled::Sampled;
use super::tree::Tree;
use super::*;
use crate::model::{ColumnType, Model, Required};

/// Reads records as a sample of one object.
fn sampled(text: &str) -> (Tree, Sampled) {
    let mut tree = Tree::default();
    let mut sampled =
        Sampled { objects_listed: 1, objects_read: 1, bytes_read: 9, ..Sampled::default() };
    let add = |record| {
        sampled.records += 1;
        tree.add(&record);
    };
    read_records(text.as_bytes(), false, add, |_| {});
    (tree, sampled)
}

/// Drafts a model from the records of one input.
fn drafted(name: &str, records: &str) -> Result<Draft> {
    let (tree, sampled) = sampled(records);
    draft("drafted", vec![(name.to_owned(), tree, sampled)])
}

/// Writes a draft and reads it as a model.
fn model(draft: &Draft) -> Model {
    let folder = tempfile::tempdir().unwrap();
    std::fs::create_dir(folder.path().join("star")).unwrap();
    for file in &draft.files {
        std::fs::write(folder.path().join(&file.path), file.text.as_bytes()).unwrap();
    }
    Model::read_dir(folder.path()).unwrap_or_else(|error| {
        let toml = &draft.files[0].text;
        unreachable!("{error}\n{toml}")
    })
}

fn file<'d>(draft: &'d Draft, path: &str) -> &'d str {
    &draft.files.iter().find(|file| file.path == path).unwrap().text
}

const ORDERS: &str = r#"
{"id": 1, "customer": {"id": 7, "name": "Ada"}, "placed_at": "2018-11-01T21:01:46Z", "total": "12.50",
 "items": [{"sku": "a", "count": 1}, {"sku": "b", "count": 2}], "tags": ["x"], "order": true}
{"id": 2, "customer": {"id": 7, "name": ""}, "placed_at": "2018-11-02T21:01:46Z", "total": "3.00",
 "items": [{"sku": "a", "count": null}], "tags": [], "odd": 1}
{"id": 3, "customer": {"id": 8}, "placed_at": null, "total": "4.25", "items": [], "odd": {"x": 1}}
"#;

#[test]
fn nested_records_become_columns_and_arrays_become_datasets() {
    let draft = drafted("orders", ORDERS).unwrap();
    let model = model(&draft);
    let columns = |name: &str| -> Vec<String> {
        let dataset = model.dataset(name).unwrap();
        let columns = dataset.columns.iter();
        columns.map(|c| format!("{} {} {}", c.name, c.path, c.column_type)).collect()
    };
    assert_eq!(
        columns("orders"),
        [
            "id $.id bigint",
            "customer_id $.customer.id bigint",
            "customer_name $.customer.name text",
            "placed_at $.placed_at timestamp",
            "total $.total decimal(18, 2)",
            "order_ $.order boolean",
        ]
    );
    assert_eq!(
        columns("orders_items"),
        ["orders_id $.id bigint", "sku @.sku text", "count @.count smallint"]
    );
    let orders = model.table("orders").unwrap();
    assert_eq!(orders.primary_key, ["id"]);
    assert_eq!(model.dataset("orders").unwrap().columns[0].required, Required::Always);
    assert_eq!(model.table("orders_items").unwrap().primary_key, ["record_id"]);
    let toml = file(&draft, "model.toml");
    for note in [
        "# $.items: an array of objects (3 elements), see the dataset orders_items\n",
        "# $.odd: no type accepts all values (1 number, 1 object)\n",
        "# 33.3 % missing; 33.3 % \"\"; 1 distinct; texts of up to 3 bytes\n",
        "# $.tags: an array in 66.7 % of the rows (1 element), which has no column;",
    ] {
        assert!(toml.contains(note), "{note}\n{toml}");
    }
    assert!(!toml.contains("Ada"), "{toml}");
}

#[test]
fn the_query_of_a_table_selects_one_row_per_key() {
    let draft = drafted("orders", ORDERS).unwrap();
    assert_eq!(
        file(&draft, "star/orders_items.sql"),
        "-- orders_items: one row per record_id.\n--\n\
         -- record_id is a fingerprint of the record, so equal records become one row. To keep one row per\n\
         -- record, count the copies in another column.\n\n\
         WITH copies AS (\n    SELECT\n        record_id,\n        orders_id,\n        sku,\n        \
         count,\n        ROW_NUMBER() OVER (\n            PARTITION BY record_id\n        ) AS copy\n    \
         FROM staging_orders_items\n)\n\nSELECT\n    record_id,\n    orders_id,\n    sku,\n    count\n\
         FROM copies\nWHERE copy = 1\n"
    );
    let orders = file(&draft, "star/orders.sql");
    assert!(orders.contains("        order_ AS order_value,\n"), "{orders}");
    let order = "            PARTITION BY id\n            ORDER BY\n                customer_id NULLS LAST,\n";
    assert!(orders.contains(order), "{orders}");
}

#[test]
fn a_key_is_chosen_by_its_name_unless_there_are_many_rows() {
    let few =
        drafted("plays", "{\"userId\": 1, \"x\": \"a\"}\n{\"userId\": 2, \"x\": \"b\"}").unwrap();
    assert_eq!(model(&few).table("plays").unwrap().primary_key, ["record_id"]);
    let toml = file(&few, "model.toml");
    assert!(toml.contains("Without repetitions in 2 rows: userId, x."), "{toml}");
    let own =
        drafted("users", "{\"userId\": 1, \"x\": \"a\"}\n{\"userId\": 2, \"x\": \"b\"}").unwrap();
    assert_eq!(model(&own).table("users").unwrap().primary_key, ["user_id"]);
    let many: String = (0..1000).map(|i| format!("{{\"code\": \"c{i}\", \"n\": 1}}\n")).collect();
    let many = model(&drafted("plays", &many).unwrap());
    assert_eq!(many.table("plays").unwrap().primary_key, ["code"]);
    assert!(!many.dataset("plays").unwrap().columns[0].repetitive);
}

#[test]
fn records_of_doubles_have_a_fingerprint_of_their_texts() {
    let model = model(&drafted("points", "{\"x\": 1.5}\n{\"x\": 1.5}").unwrap());
    let points = model.dataset("points").unwrap();
    let types: Vec<(&str, ColumnType)> =
        points.columns.iter().map(|c| (c.name.as_str(), c.column_type)).collect();
    assert_eq!(types, [("x", ColumnType::Double), ("x_text", ColumnType::Text)]);
    assert_eq!(model.table("points").unwrap().columns.len(), 2);
}

#[test]
fn few_texts_among_many_rows_are_repetitive() {
    let rows: String = (0..100).map(|i| format!("{{\"level\": \"l{}\"}}\n", i % 5)).collect();
    assert!(model(&drafted("rows", &rows).unwrap()).dataset("rows").unwrap().columns[0].repetitive);
    let rows: String = (0..99).map(|i| format!("{{\"level\": \"l{}\"}}\n", i % 5)).collect();
    assert!(
        !model(&drafted("rows", &rows).unwrap()).dataset("rows").unwrap().columns[0].repetitive
    );
}

#[test]
fn records_without_values_have_no_draft() {
    let error = drafted("rows", "{}\n{\"a\": [1]}").unwrap_err().to_string();
    assert!(
        error.starts_with("no record of rows has a key with a text, number or boolean"),
        "{error}"
    );
}
