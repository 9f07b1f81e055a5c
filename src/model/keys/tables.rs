//! The keys of the tables of the star.

use super::{Form, Section, key, optional};

pub(super) static TABLE: Section = Section {
    title: "Table of the star",
    header: "[tables.NAME]",
    about: "A table of the star. Its query `star/NAME.sql` must return its columns. The primary \
            key, NOT NULL and the references are checked after each run.",
    keys: &[
        key("grain", Form::Text, "Description of what one row represents."),
        key("columns", Form::Columns(&TABLE_COLUMN), "The columns of the table, by name."),
        key(
            "primary_key",
            Form::Texts,
            "Names of the columns whose values identify a row. They cannot be nullable.",
        ),
        optional(
            "references",
            Form::Sections(&REFERENCE),
            "none",
            "References of several columns together. `references` of a column is shorter for one \
             column.",
        ),
        optional(
            "sorted_by",
            Form::Texts,
            "the primary key",
            "Names of the columns that the rows are sorted by in the Parquet files, ascending. Rows that are equal \
             in these are sorted by primary key.",
        ),
        optional(
            "local_to",
            Form::Text,
            "none",
            "`DATASET.COLUMN`: the rows of a day depend only on the records of the dataset whose time in the \
             column is on that day, and on all records of the other datasets. The first column of `sorted_by` \
             must be a timestamp or a date on the same day. An incremental run with partitions then runs the \
             query only on the days that have changed.",
        ),
        optional(
            "joins",
            Form::Sections(&JOIN),
            "none",
            "Joins with other datasets of a table with `local_to`. If records of such a dataset have changed, an \
             incremental run with partitions runs the query only on the days with records that join with them. \
             Without an entry for each dataset that the query reads, directly or through an intermediate table, \
             it runs on all days.",
        ),
        optional(
            "latest_of",
            Form::Text,
            "none",
            "`DATASET.COLUMN`: the table depends only on the latest records of each value of the column, by \
             the time that `local_to` of other tables names, and not on records without a value. An \
             incremental run then keeps these records instead of reading all of them.",
        ),
        optional(
            "redshift",
            Form::Section(&REDSHIFT),
            "chosen by Redshift",
            "Design of the table in Redshift. `starlift.toml` can override it.",
        ),
    ],
};

static TABLE_COLUMN: Section = Section {
    title: "Column of a table",
    header: "[tables.NAME.columns]",
    about: "A column of a table of the star. `plays = \"bigint\"` is short for \
            `plays = { type = \"bigint\" }`.",
    keys: &[
        key("type", Form::Type, "Type of the values."),
        optional("nullable", Form::Flag, "`false`", "`true` if the column can contain nulls."),
        optional(
            "references",
            Form::Text,
            "none",
            "Name of a table whose primary key is one column of the same type: each value is in \
             that table, or null.",
        ),
        optional(
            "meaning",
            Form::Text,
            "`\"\"`",
            "Description for people, such as `length in seconds`. It becomes the comment of the \
             column in the warehouse.",
        ),
    ],
};

static REFERENCE: Section = Section {
    title: "Reference",
    header: "[[tables.NAME.references]]",
    about: "A reference of several columns to the primary key of another table.",
    keys: &[
        key(
            "columns",
            Form::Texts,
            "Names of the columns, in the order of the primary key of the other table.",
        ),
        key("table", Form::Text, "Name of the other table."),
    ],
};

static JOIN: Section = Section {
    title: "Join",
    header: "[[tables.NAME.joins]]",
    about: "The statement that a record of a dataset affects the rows of a table, and the counts of accounting \
            queries, only through records with equal values in the dataset that `local_to` names. Texts are compared \
            after `repair_encoding` of both.",
    keys: &[
        key("dataset", Form::Text, "Name of the other dataset."),
        key("columns", Form::Texts, "Names of columns of that dataset."),
        key(
            "equal_to",
            Form::Texts,
            "Names of as many columns of the dataset that `local_to` names, with the same types. Columns of the type \
             `double` cannot take part.",
        ),
    ],
};

static REDSHIFT: Section = Section {
    title: "Redshift",
    header: "[tables.NAME.redshift]",
    about: "The design of a table in Redshift.",
    keys: &[
        optional(
            "distribution",
            Form::Text,
            "`\"auto\"`",
            "`auto` leaves the choice to Redshift, `even` distributes rows round robin, `all` \
             keeps a full copy on every node, and the name of a column distributes rows by its \
             hash.",
        ),
        optional(
            "sort_key",
            Form::Texts,
            "the first column of `sorted_by`",
            "Names of the columns of the sort key. `[]` leaves the choice to Redshift.",
        ),
    ],
};
