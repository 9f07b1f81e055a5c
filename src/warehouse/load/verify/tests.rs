//! Statistics of each type.

use super::*;

#[test]
fn decimals_are_parsed_with_their_scale() {
    for (text, scale, expected) in [
        ("12.30", 2, Some(1_230)),
        ("12.3", 2, Some(1_230)),
        ("-0.05", 2, Some(-5)),
        ("7", 3, Some(7_000)),
        ("7.1000", 1, Some(71)),
        ("7.15", 1, None),
        ("x", 1, None),
    ] {
        assert_eq!(unscaled(text, scale), expected, "{text}");
    }
}

#[test]
fn each_type_has_the_statistics_that_both_engines_compute() {
    let column = |name: &str, column_type| Column {
        name: name.to_owned(),
        column_type,
        nullable: true,
        meaning: String::new(),
    };
    let mut table = (**crate::model::Model::built_in().table("users").unwrap()).clone();
    table.columns = vec![
        column("is_paid", ColumnType::Boolean),
        column("day", ColumnType::Date),
        column("price", ColumnType::Decimal { precision: 10, scale: 2 }),
        column("total", ColumnType::Decimal { precision: 38, scale: 2 }),
    ];
    let sql = selects(&table, "t", Engine::Postgres).unwrap().remove(0);
    let expected = [
        "COUNT(*)",
        "COUNT(\"is_paid\")",
        "SUM(CASE WHEN \"is_paid\" THEN 1 ELSE 0 END)",
        "COUNT(\"day\")",
        "MIN(\"day\")",
        "MAX(\"day\")",
        "COUNT(\"price\")",
        "SUM(\"price\")",
        "MIN(\"price\")",
        "MAX(\"price\")",
        "COUNT(\"total\")",
        "MIN(\"total\")",
        "MAX(\"total\")",
    ];
    let expected: Vec<String> =
        expected.iter().enumerate().map(|(i, sql)| format!("{sql} AS f{i}")).collect();
    assert_eq!(sql, format!("SELECT\n    {}\nFROM t", expected.join(",\n    ")));
    let texts = ["2", "2", "1", "2", "2018-11-01", "2018-11-30", "2", "3.50", "-1.25", "4.75"];
    let row = texts.iter().chain(&["0"]).map(|text| Some((*text).to_owned())).chain([None, None]);
    let files = parse_row(&table, &row.clone().collect::<Vec<_>>()).unwrap();
    let mut other: Vec<_> = row.collect();
    (other[2], other[5], other[7]) =
        (Some("2".to_owned()), Some("2018-12-01".to_owned()), Some("3.51".to_owned()));
    let loaded = parse_row(&table, &other).unwrap();
    assert_eq!(
        differences(&table, &files, &loaded),
        [
            "users.is_paid: true values is 1 in the files and 2 in the table",
            "users.day: maximum is 2018-11-30 in the files and 2018-12-01 in the table",
            "users.price: sum is 3.50 in the files and 3.51 in the table",
        ]
    );
}

#[test]
fn statistics_of_many_columns_are_divided_among_queries() {
    let mut table = (**crate::model::Model::built_in().table("users").unwrap()).clone();
    let column = |n: usize| Column {
        name: format!("c{n}"),
        column_type: ColumnType::BigInt,
        nullable: true,
        meaning: String::new(),
    };
    table.columns = (0..500).map(column).collect();
    let queries = selects(&table, "t", Engine::Postgres).unwrap();
    let columns: Vec<usize> = queries.iter().map(|sql| sql.matches(" AS f").count()).collect();
    assert_eq!(columns, [1600, 401]);
}
