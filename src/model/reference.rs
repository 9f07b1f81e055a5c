//! The reference page of `model.toml`.

use super::keys::{Form, MODEL, Section};
use super::schema::{json_schema, sections};

const INTRODUCTION: &str = r#"# model.toml

A model is a folder: `model.toml` declares the datasets that are read and the tables of the star, and SQL files
define the tables. This page describes the folder, the conversion of values, and every key of `model.toml`.
[Your own data](own-data.md) describes how to write a model, and the [tutorial](tutorial.md) contains a small
one in full.

`--model DIR` selects the folder of a model, for every command that builds, reads or loads a star; `model` in
`starlift.toml` and `STARLIFT_MODEL` do the same. Without it, commands use the model that is compiled in, the
folder `queries`. `--queries` replaces SQL files of the model one by one.

The record of a star contains the name and the hash of the model that made it. A command fails if it uses a
model of another name, or another version of the model that has other tables or columns.

`starlift model init DIR` writes a copy of the built-in model, `starlift model infer --input NAME=URL DIR`
drafts a model from a sample of the records, and `starlift model check DIR` prints all problems of a model and
plans its queries. A draft accepts every value of the sample, and its comments state what was seen.

All problems of `model.toml` are reported at once, each with file, line, key, reason and remedy, before any
object is read. This page is generated from the definition of the keys, as is the JSON Schema with which editors
complete and check the file: `model init` and `model infer` write it as `model.schema.json`.

## Folder

| Path | Content |
| --- | --- |
| `model.toml` | The datasets and the tables. |
| `star/TABLE.sql` | The query of each table. It reads the staging tables, the intermediate tables and the tables before its own. |
| `intermediate/NAME.sql` | Tables that several queries read; each is built once. If the header has an entry `View`, with the reason, the table is not stored: the queries that read it run its query. |
| `accounting/NAME.sql` | [Counts](#accounting) of the records of a run by their outcome. |
| `lists/NAME.sql` | [Rows with the largest counts](#lists) of values that the tables do not have. |
| `checks/NAME.sql` | Queries that return the rows that violate an invariant. The comment at the start of the file states the invariant. Checks of primary keys, NOT NULL and references, and of the records read, are generated. |
| `analytics/NAME.sql` | Queries that answer questions from the star. The header states the question, as in `-- Question: Which users listen most?`. |
| `report/NAME.sql` | Figures of the [report](report.md) on a star. The header states the question and the form of the chart. |

The SQL in `star`, `intermediate`, `accounting` and `lists` is that of DataFusion. The SQL in `checks`, `analytics`
and `report` must also run in the warehouses that you use. All queries are planned before any object is read, and only the
columns that a query reads are staged. Statements other than queries are refused.

Names of tables and columns of the star have lowercase letters, digits and underscores, at most 63 bytes
(tables: 41, because a load makes temporary names of them), and are not reserved words of PostgreSQL or
Redshift. Names of tables begin with a letter. Names of staging tables and columns can have capital letters,
which queries must quote, and only words of PostgreSQL are reserved. Names that differ only in case are the same
name. A file in `intermediate` has the name of its table, to which the rules of staging tables apply. A file in
`lists` has the name of its table, to which the rules of tables of the star apply.

## Accounting

A query in `accounting` returns one row of numbers. Integers are counts, which the record of the run and the
table `run` contain; each name belongs to one query. Other numbers are rates, which only the summary shows. A
count that is null, negative, or has the name of another column of `run` (`run_id`, `records_read` and others)
is an error. A query reads either

- staging and intermediate tables; it runs before the star is built; or
- tables of the star and `run`, which has the counts of the queries before it; it runs on the files that were
  written.

The header of the file, its comment before the query, can have two entries:

```sql
-- Counts the orders of the star.
--
-- Balance: orders_read = orders_kept + copies
--
-- Summary: {orders_read} read = {orders_kept} kept + {copies} copies
SELECT COUNT(*) AS orders_kept
FROM orders
```

- `Balance: total = part + part`: a run whose counts do not add up fails, and publishes nothing. The counts can
  be those of any query.
- `Summary: text with {counts}`: a line of the summary, which begins with the name of the file. Without a
  balance, it is left out if all of its counts are 0.

The query `accounting/encoding.sql` runs only if text was read that was encoded to UTF-8 twice. Its counts are
in the summary, and not in the record.

## Lists

A query in `lists` counts values that the tables of the star do not have, such as titles that no song has. The run
keeps the rows with the largest counts in a small Parquet file beside the tables, `_lists/RUN-NAME.parquet`. Checks,
analytics queries, figures of the report and `starlift query` read it as the table NAME. It is not loaded into
warehouses. A query in `lists` reads only staging and intermediate tables. Its header has two entries, and can have
a third:

```sql
-- Orders of products that are in no catalogue.
--
-- Counts: orders, items
-- Top: 500
-- Additive: each order is counted on its own day
SELECT o.product, COUNT(*) AS orders, SUM(o.quantity) AS items
FROM staging_orders o
LEFT JOIN staging_products p ON p.product = o.product
WHERE p.product IS NULL
GROUP BY o.product
```

- `Counts: column, column`: the columns that are counts, which must be integers, not null and not negative. The other
  columns say what is counted. The counts of rows that are equal in the other columns are added up, and rows whose
  counts are all 0 are left out.
- `Top: number`: the number of rows that are kept, at most 10,000. The rows with the largest counts are kept: those of
  the first column of `Counts` are compared first, then those of the next ones, then the other columns in ascending
  order, with nulls last. So the query needs neither `ORDER BY` nor `LIMIT`.
- `Additive: reason`: the counts are the sums of those of the days, see
  [Days that have changed](incremental.md#days-that-have-changed).

## Values

A value is converted to the type of its column. If it cannot be, the record is rejected, with the column and the
reason, even if no query reads the column. A missing key, a path without a value, `null`, and text that `null_if`
lists are null. Text is compared with `null_if` before the conversion, also for numbers, dates and times in quotes.
No column accepts objects or arrays. If a key is repeated in an object, the last one counts. Blanks around
quoted values of types other than `text` are ignored.

| Type | JSON that is accepted |
| --- | --- |
| `text` | Text of at most 128 KiB, without U+0000 and unpaired surrogates. Numbers, as they are written. |
| `boolean` | `true` and `false`; the numbers 0 and 1; in quotes and any case `true`, `false`, `t`, `f`, `yes`, `no`, `y`, `n`, and `0` and `1`. |
| `smallint`, `integer`, `bigint` | Numbers and quoted numbers without a fraction: `12`, `"12"`, `12.0` and `1.2e1`, but not `12.5`. They are converted exactly. |
| `double` | Numbers and quoted numbers, as the nearest 64-bit number. `-0.0` becomes `0.0`. |
| `decimal(P, S)` | Numbers and quoted numbers with at most S digits after the point, apart from zeros at the end. A number with more digits is rejected, never rounded. |
| `date` | `"2018-11-01"`, within the years 1 to 9999. |
| `timestamp`, `rfc3339` | `"2018-11-01T21:01:46.5+01:00"`, with a time zone, which is converted to UTC. Digits of a fraction beyond microseconds are dropped. |
| `timestamp`, other forms | Integers and quoted integers: seconds, milliseconds or microseconds since 1970-01-01 UTC. |

Times are within the years 1 to 9999. A staging table has them with microseconds and without a time zone,
whichever form they were read in.

A **fingerprint** is the 64-bit XXH3 hash, with seed 0, of the values in the order in which they are listed,
shifted right by one bit. Integers are hashed as 8 bytes in little-endian order, as are dates (days since
1970-01-01) and times (in the unit of their form; microseconds for `rfc3339`), booleans as 1 byte, decimals as
16 bytes (multiplied by ten to the power of their scale), and texts as their length in 8 bytes and their UTF-8
bytes. The value of a column that can be null follows a byte that is 1, or 0 for null, whose value is hashed as
zero.

## Records and rows

The records of an object are JSON values one after another, the elements of an array, or both; `records` of a
dataset can restrict this to one arrangement. Values in the other arrangement are rejected.

With `rows`, each element of an array within the record is a row:

- A record whose array is missing, null or empty has no rows, and counts as decoded.
- A record is rejected if its value at the path is not an array, or if it lacks a value outside the array that every
  row requires, even if it has no rows.
- A record with a bad element is rejected as a whole, and the reason names the element
  (`in $.order.items[1]`): the other elements have no rows either.
- A record whose rows would take more than 512 MiB of memory is rejected. Each row repeats the texts of the record
  around its element, so a long array beside a long text can exceed this limit.

Two datasets can read the same objects, one with the records as rows and one with their elements. Each dataset
rejects records by itself, so a record that one of them rejects can have rows in the other.
"#;

/// Returns the reference page of `model.toml` in Markdown.
pub fn reference() -> String {
    let mut page = INTRODUCTION.to_owned();
    page += "\n## Types\n\n| Type | Values |\n| --- | --- |\n";
    for (name, about) in types() {
        page += &format!("| `{name}` | {about} |\n");
    }
    for section in std::iter::once(&MODEL).chain(sections()) {
        page += &describe(section);
    }
    page
}

/// Returns the names and descriptions of the types, from the schema.
fn types() -> Vec<(String, String)> {
    let schema = json_schema();
    let types = schema["$defs"]["Type"]["anyOf"].as_array().cloned().unwrap_or_default();
    let described = types.iter().map(|column_type| {
        let about = column_type["description"].as_str().unwrap_or_default();
        match column_type["const"].as_str() {
            Some(name) => (name.to_owned(), about.to_owned()),
            None => {
                let (name, about) = about.split_once(": ").unwrap_or(("", about));
                (name.to_owned(), about.to_owned())
            }
        }
    });
    described.collect()
}

fn describe(section: &Section) -> String {
    let mut text = format!("\n## {}\n\n", section.title);
    if !section.header.is_empty() {
        text += &format!("`{}`\n\n", section.header);
    }
    text += &format!("{}\n\n| Key | Value | Default | Meaning |\n", section.about);
    text += "| --- | --- | --- | --- |\n";
    for key in section.keys {
        let default = key.default.unwrap_or("mandatory");
        let about = key.about.replace('|', "\\|");
        text += &format!("| `{}` | {} | {default} | {about} |\n", key.name, value(key.form));
    }
    text
}

/// Returns the description of the values of a form.
fn value(form: Form) -> String {
    let link = |section: &Section| {
        let anchor = section.title.to_lowercase().replace(' ', "-");
        format!("[{}](#{anchor})", section.title.to_lowercase())
    };
    match form {
        Form::Text => "string".to_owned(),
        Form::Type => "[type](#types)".to_owned(),
        Form::Flag => "`true` or `false`".to_owned(),
        Form::Texts => "list of strings".to_owned(),
        Form::Literal => "string, integer or boolean".to_owned(),
        Form::Choice(choices) => {
            let described = choices.iter().map(|(name, about)| format!("`\"{name}\"`: {about}"));
            described.collect::<Vec<_>>().join("; ")
        }
        Form::Section(section) => link(section),
        Form::FlagOrSection(section) => format!("`true`, `false` or a {}", link(section)),
        Form::Sections(section) => format!("list: {}", link(section)),
        Form::Named(section) => format!("by name: {}", link(section)),
        Form::Columns(section) => format!("by name: {} or [type](#types)", link(section)),
    }
}
