//! The keys of `model.toml`: the single definition behind the checks of keys and types, the JSON
//! Schema and the reference page.

mod tables;

use tables::TABLE;

/// A table of `model.toml`: its keys and their documentation.
#[derive(Debug)]
pub(super) struct Section {
    /// Title on the reference page and name in the JSON Schema.
    pub title: &'static str,
    /// Header of the table in the file, such as `[datasets.NAME]`.
    pub header: &'static str,
    /// Description.
    pub about: &'static str,
    /// Keys of the table.
    pub keys: &'static [Key],
}

/// A key of a table of `model.toml`.
#[derive(Debug)]
pub(super) struct Key {
    /// Name of the key.
    pub name: &'static str,
    /// Values that the key accepts.
    pub form: Form,
    /// Value without the key; `None` if the key is mandatory.
    pub default: Option<&'static str>,
    /// Description.
    pub about: &'static str,
}

/// The values that a key accepts.
#[derive(Debug, Clone, Copy)]
pub(super) enum Form {
    /// A string.
    Text,
    /// The name of a column type.
    Type,
    /// `true` or `false`.
    Flag,
    /// A list of strings.
    Texts,
    /// One of several strings, each with its description.
    Choice(&'static [(&'static str, &'static str)]),
    /// A string, an integer or a boolean.
    Literal,
    /// A table.
    Section(&'static Section),
    /// `true`, `false` or a table.
    FlagOrSection(&'static Section),
    /// A list of tables.
    Sections(&'static Section),
    /// A table whose keys are names chosen by the author, each of a table.
    Named(&'static Section),
    /// As `Named`; instead of a table with only the key `type`, the type alone.
    Columns(&'static Section),
}

const fn key(name: &'static str, form: Form, about: &'static str) -> Key {
    Key { name, form, default: None, about }
}

const fn optional(
    name: &'static str,
    form: Form,
    default: &'static str,
    about: &'static str,
) -> Key {
    Key { name, form, default: Some(default), about }
}

impl Section {
    /// Returns the key called `name`.
    pub fn key(&self, name: &str) -> Option<&'static Key> {
        self.keys.iter().find(|key| key.name == name)
    }
}

/// The whole file.
pub(super) static MODEL: Section = Section {
    title: "Model",
    header: "",
    about: "The top of the file. Order matters in the file: columns have the order in which they \
            are written, and tables are built in the order in which they are written.",
    keys: &[
        key("name", Form::Text, "Name of the model. The record of each run contains it."),
        key(
            "datasets",
            Form::Named(&DATASET),
            "The kinds of JSON records that are read, by name. `--input NAME=URL` says where the \
             objects of a dataset are.",
        ),
        key(
            "tables",
            Form::Named(&TABLE),
            "The tables of the star, by name, in the order in which they are built: the query of a \
             table can read the tables before it. Each needs a query `star/NAME.sql`.",
        ),
        optional(
            "queries",
            Form::Section(&QUERIES),
            "in the order of their names",
            "The order of queries that are not those of tables.",
        ),
    ],
};

static DATASET: Section = Section {
    title: "Dataset",
    header: "[datasets.NAME]",
    about: "A kind of JSON record. Its records become rows of a staging table, which the queries \
            in `star`, `intermediate` and `accounting` read. A record is rejected, with its place \
            and the reason, if a value cannot be converted to the type of its column or a required \
            value is missing.",
    keys: &[
        key("columns", Form::Columns(&COLUMN), "The columns of the staging table, by name."),
        optional(
            "table",
            Form::Text,
            "`staging_NAME`",
            "Name of the staging table, as queries write it.",
        ),
        optional(
            "records",
            Form::Choice(&[
                ("lines", "JSON values one after another, usually one per line"),
                ("array", "one JSON array, whose elements are the records"),
                ("auto", "any mixture of the two"),
            ]),
            "`auto`",
            "Arrangement of the records in an object.",
        ),
        optional(
            "rows",
            Form::Text,
            "one row per record",
            "Path of an array within the record, such as `$.items[*]`. Each element becomes a row; \
             a record without elements has no rows. The paths of columns begin with `@` for the \
             element and with `$` for the record around it.",
        ),
        optional(
            "partition",
            Form::Section(&CONDITION),
            "none",
            "Keeps the rows that satisfy the condition apart from the others. Queries with the \
             same condition in their WHERE clause are faster; results do not change.",
        ),
        optional(
            "derived",
            Form::Named(&DERIVED),
            "none",
            "Columns computed from others, by name. They follow `columns`.",
        ),
    ],
};

static COLUMN: Section = Section {
    title: "Column of a dataset",
    header: "[datasets.NAME.columns]",
    about: "A column of a staging table. `level = \"text\"` is short for \
            `level = { type = \"text\" }`. A quoted number is accepted for a number, a number for \
            text, and a number without a fraction for an integer.",
    keys: &[
        key("type", Form::Type, "Type of the values."),
        optional(
            "path",
            Form::Text,
            "the key of the column's name",
            "Place of the value: `$.key`, `$['any key']`, `$.outer.inner`, `$.list[0]`. In a \
             dataset with `rows`, `@` is the element (`@.key`, or `@` for an element that is \
             itself the value) and `$` the record around it; without `path`, the key of the \
             element is read.",
        ),
        optional(
            "form",
            Form::Choice(&[
                ("epoch_seconds", "seconds since 1970-01-01 UTC, as an integer"),
                ("epoch_milliseconds", "milliseconds since 1970-01-01 UTC, as an integer"),
                ("epoch_microseconds", "microseconds since 1970-01-01 UTC, as an integer"),
                ("rfc3339", "text such as `2018-11-01T21:01:46Z`"),
            ]),
            "none",
            "Form of the times of a `timestamp` column, which must have one. Other types have \
             none.",
        ),
        optional(
            "required",
            Form::FlagOrSection(&CONDITION),
            "`false`",
            "`true` rejects records without a value. A condition rejects only rows that satisfy \
             it.",
        ),
        optional(
            "null_if",
            Form::Texts,
            "`[\"\"]`",
            "Texts that mean null. `[]` keeps empty texts, and rejects them in columns of other \
             types.",
        ),
        optional(
            "repetitive",
            Form::Flag,
            "`false`",
            "`true` for a `text` column with few distinct values: its texts are \
             dictionary-encoded, which saves memory and time. Results do not change.",
        ),
    ],
};

static DERIVED: Section = Section {
    title: "Derived column",
    header: "[datasets.NAME.derived]",
    about: "A staging column that is computed from others.",
    keys: &[
        key(
            "fingerprint",
            Form::Texts,
            "Names of columns. The derived column is a non-negative 63-bit hash of their values, a \
             `bigint` that is the same in every run. It serves as a key of rows that have none. \
             Columns of the type `double` cannot take part.",
        ),
        optional(
            "when",
            Form::Section(&CONDITION),
            "all rows",
            "Condition for the rows that have the fingerprint. It is null for the others.",
        ),
    ],
};

static CONDITION: Section = Section {
    title: "Condition",
    header: "{ column = NAME, equals = VALUE }",
    about: "A comparison of a column of the same row with a constant. Null does not satisfy it.",
    keys: &[
        key("column", Form::Text, "Name of a text, boolean or integer column of the dataset."),
        key("equals", Form::Literal, "The value: a string, an integer or a boolean."),
    ],
};

static QUERIES: Section = Section {
    title: "Queries",
    header: "[queries]",
    about: "The order of the SQL files of each folder: names without `.sql`. Files that are not \
            listed follow in the order of their names.",
    keys: &[
        optional(
            "intermediate",
            Form::Texts,
            "`[]`",
            "Queries that build tables for several other queries. A query can read the tables \
             before it.",
        ),
        optional(
            "accounting",
            Form::Texts,
            "`[]`",
            "Queries that count the records of a run by their outcome.",
        ),
        optional(
            "lists",
            Form::Texts,
            "`[]`",
            "Queries for the rows with the largest counts of values that the tables do not have.",
        ),
        optional(
            "checks",
            Form::Texts,
            "`[]`",
            "Queries that return the rows that violate an invariant. The list can name checks \
             that are generated from the tables; a file with the name of one replaces it.",
        ),
        optional("analytics", Form::Texts, "`[]`", "Queries that answer questions."),
        optional("report", Form::Texts, "`[]`", "Figures of the report on a star."),
    ],
};
