//! Random models and random mutations of the built-in one.

use std::sync::Arc;

use proptest::prelude::*;

use super::super::*;

/// A source of choices.
struct Dice(Vec<u32>);

impl Dice {
    /// Returns a number below `n`; 0 when there are no choices left.
    fn below(&mut self, n: usize) -> usize {
        self.0.pop().unwrap_or(0) as usize % n.max(1)
    }

    fn flip(&mut self) -> bool {
        self.below(2) == 1
    }

    fn pick<'a, T>(&mut self, from: &'a [T]) -> &'a T {
        &from[self.below(from.len())]
    }

    /// Returns some of the items, at least one, in random order.
    fn some<T: Clone>(&mut self, from: &[T]) -> Vec<T> {
        let mut left = from.to_vec();
        let count = 1 + self.below(left.len().min(4));
        (0..count).map(|_| left.remove(self.below(left.len()))).collect()
    }

    fn text(&mut self) -> String {
        let texts =
            ["", "a", "it's", "\"quoted\"", "back\\slash", "two\nlines", "ü", "\u{7f}", "#", "'''"];
        (*self.pick(&texts)).to_owned()
    }

    fn column_type(&mut self) -> ColumnType {
        let precision = 1 + self.below(38) as u8;
        let scale = self.below(usize::from(precision).min(37) + 1) as u8;
        *self.pick(&[
            ColumnType::Text,
            ColumnType::Boolean,
            ColumnType::SmallInt,
            ColumnType::Integer,
            ColumnType::BigInt,
            ColumnType::Double,
            ColumnType::Decimal { precision, scale },
            ColumnType::Date,
            ColumnType::Timestamp,
        ])
    }
}

fn columns(dice: &mut Dice, origins: &[Origin]) -> Vec<Column> {
    let steps = |dice: &mut Dice, column: usize| {
        let key = format!("{}{column}", *dice.pick(&["k", "a b", "it's", "ü", "\\", "\""]));
        let inner = [Step::Key("x".to_owned()), Step::Index(dice.below(3))];
        let inner = if dice.flip() { &inner[..dice.below(3)] } else { &[] };
        [&[Step::Key(key)], inner].concat()
    };
    let mut columns: Vec<Column> = Vec::new();
    for i in 0..1 + dice.below(12) {
        let name = format!("{}{i}", *dice.pick(&["c", "Camel", "_", "time_"]));
        let origin = *dice.pick(origins);
        let steps = if dice.flip() { steps(dice, i) } else { vec![Step::Key(name.clone())] };
        let column_type = dice.column_type();
        let is_time = column_type == ColumnType::Timestamp;
        let null_if = (0..dice.below(3)).map(|_| dice.text()).collect();
        columns.push(Column {
            path: Path { origin, steps },
            form: is_time.then(|| *dice.pick(&TimestampForm::ALL)),
            required: if dice.flip() { Required::Always } else { Required::Never },
            null_if,
            repetitive: column_type == ColumnType::Text && dice.flip(),
            name,
            column_type,
        });
    }
    columns
}

fn dataset(dice: &mut Dice, index: usize) -> Dataset {
    let rows = dice.flip().then(|| RowsPath { steps: vec![Step::Key("rows".to_owned())] });
    let origins: &[Origin] =
        if rows.is_some() { &[Origin::Record, Origin::Element] } else { &[Origin::Record] };
    let mut columns = columns(dice, origins);
    let conditions: Vec<Condition> = columns.iter().filter_map(|c| condition(dice, c)).collect();
    for column in &mut columns {
        let others: Vec<_> = conditions.iter().filter(|c| c.column != column.name).collect();
        if !others.is_empty() && dice.flip() {
            column.required = Required::When((*dice.pick(&others)).clone());
        }
    }
    let some = |dice: &mut Dice| {
        (!conditions.is_empty() && dice.flip()).then(|| dice.pick(&conditions).clone())
    };
    let hashable = columns.iter().filter(|column| column.column_type.is_hashable());
    let hashable: Vec<String> = hashable.map(|column| column.name.clone()).collect();
    let derived = if hashable.is_empty() { 0 } else { dice.below(3) };
    let derived = (0..derived).map(|i| Derived {
        name: format!("derived{i}"),
        rule: DerivedRule::Fingerprint(dice.some(&hashable)),
        when: some(dice),
    });
    Dataset {
        derived: derived.collect(),
        table: format!("{}{index}", *dice.pick(&["staging_d", "Raw"])),
        records: *dice.pick(&Records::ALL),
        partition: some(dice),
        name: format!("d{index}"),
        rows,
        columns,
    }
}

/// Returns a condition on a column, if its type allows one.
fn condition(dice: &mut Dice, column: &Column) -> Option<Condition> {
    let text = dice.text();
    let equals = match column.column_type {
        ColumnType::Text if !column.null_if.contains(&text) => Literal::Text(text),
        ColumnType::Boolean => Literal::Boolean(dice.flip()),
        ColumnType::SmallInt => Literal::Integer(-32_768),
        ColumnType::BigInt => Literal::Integer(i64::MIN),
        _ => return None,
    };
    Some(Condition { column: column.name.clone(), equals })
}

fn table(dice: &mut Dice, index: usize, before: &[Arc<Table>]) -> Table {
    let mut columns: Vec<TableColumn> = Vec::new();
    for i in 0..1 + dice.below(10) {
        columns.push(TableColumn {
            name: format!("{}{i}", *dice.pick(&["c", "hour_", "_x"])),
            column_type: dice.column_type(),
            nullable: i > 0 && dice.flip(),
            meaning: dice.text(),
        });
    }
    let mut references = Vec::new();
    for target in before {
        let types = target.primary_key.iter().filter_map(|key| target.column(key));
        let types: Vec<ColumnType> = types.map(|column| column.column_type).collect();
        let mut own: Vec<String> = Vec::new();
        for wanted in &types {
            let free = columns.iter().find(|c| c.column_type == *wanted && !own.contains(&c.name));
            own.extend(free.map(|column| column.name.clone()));
        }
        if own.len() == types.len() && dice.flip() {
            references.push(Reference { columns: own, table: target.name.clone() });
        }
    }
    let names: Vec<String> = columns.iter().map(|column| column.name.clone()).collect();
    let required = columns.iter().filter(|column| !column.nullable);
    let required: Vec<String> = required.map(|column| column.name.clone()).collect();
    let distribution = match dice.below(4) {
        0 => Distribution::Auto,
        1 => Distribution::Even,
        2 => Distribution::All,
        _ => Distribution::Key(dice.pick(&names).clone()),
    };
    Table {
        name: format!("t{index}"),
        grain: format!("one row per {}", dice.text()),
        primary_key: dice.some(&required),
        references,
        sorted_by: dice.some(&names),
        local_to: None,
        joins: Vec::new(),
        latest_of: None,
        redshift: RedshiftDesign {
            distribution,
            sort_key: if dice.flip() { dice.some(&names) } else { Vec::new() },
        },
        columns,
    }
}

fn model(dice: &mut Dice) -> Model {
    let mut tables: Vec<Arc<Table>> = Vec::new();
    for i in 0..1 + dice.below(4) {
        tables.push(Arc::new(table(dice, i, &tables)));
    }
    // References go backwards so far; the reverse order must be as valid.
    if dice.flip() {
        tables.reverse();
    }
    Model {
        name: format!("model {}", dice.text()),
        datasets: (0..1 + dice.below(3)).map(|i| Arc::new(dataset(dice, i))).collect(),
        tables,
        ..Model::default()
    }
}

/// Changes a text in a random way, at characters or lines.
fn mutate(text: &str, dice: &mut Dice) -> String {
    let mut lines: Vec<String> = text.lines().map(str::to_owned).collect();
    let (at, other) = (dice.below(lines.len()), dice.below(lines.len()));
    match dice.below(5) {
        0 => {
            lines.remove(at);
        }
        1 => lines.swap(at, other),
        2 => lines[at] = lines[other].clone(),
        3 => {
            let words =
                ["text", "[*]", "\"", "=", "{ ", "]", "bigint", "$.a", "true", "-1", "\u{0}"];
            let place = dice.below(lines[at].len() + 1);
            let place = (0..=place).rev().find(|i| lines[at].is_char_boundary(*i)).unwrap();
            lines[at].insert_str(place, dice.pick::<&str>(&words));
        }
        _ => {
            let mut words: Vec<&str> = lines[at].split(' ').collect();
            words.remove(dice.below(words.len()));
            lines[at] = words.join(" ");
        }
    }
    lines.join("\n") + "\n"
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_model_that_is_printed_parses_back(choices in prop::collection::vec(any::<u32>(), 0..600)) {
        let model = model(&mut Dice(choices));
        let text = model.to_toml();
        let parsed = match Model::parse("m.toml", &text) {
            Ok(parsed) => parsed,
            Err(problems) => panic!("{problems}\n{text}"),
        };
        prop_assert_eq!(&parsed, &model, "{}", text);
        let order = parsed.load_order();
        for (i, table) in order.iter().enumerate() {
            for reference in &table.references {
                prop_assert!(order[..i].iter().any(|before| before.name == reference.table));
            }
        }
        prop_assert!(parsed.generated_checks().len() >= parsed.tables.len());
    }

    #[test]
    fn a_mutated_model_parses_or_has_problems_within_the_file(
        choices in prop::collection::vec(any::<u32>(), 40),
        mutations in 1..5,
    ) {
        let mut dice = Dice(choices);
        let mut text = include_str!("../../../queries/model.toml").to_owned();
        for _ in 0..mutations {
            text = mutate(&text, &mut dice);
        }
        match Model::parse("m.toml", &text) {
            Ok(model) => prop_assert!(!model.tables.is_empty() && !model.datasets.is_empty()),
            Err(problems) => {
                let lines = text.lines().count();
                prop_assert!(!problems.as_slice().is_empty());
                for problem in problems.as_slice() {
                    prop_assert!((1..=lines).contains(&problem.line), "{problem}");
                    prop_assert!(!problem.reason.is_empty() && !problem.remedy.is_empty());
                }
            }
        }
    }
}
