//! The text of a drafted `model.toml`.

use super::columns::DraftColumn;
use super::draft::DraftDataset;
use super::keys::Key;
use super::sampled::Sampled;
use super::text::{comment, counted};
use crate::model::print::{key, string, strings};
use crate::model::{DerivedRule, Origin};

/// Returns the text of `model.toml`. Each dataset comes with the sample that it was drafted from.
pub(super) fn model(name: &str, drafted: &[(&DraftDataset, &Sampled)]) -> String {
    let mut text = "#:schema model.schema.json\n\n".to_owned();
    text += &comment(
        "#",
        "A draft of a model, made by `starlift model infer` from a sample of the records. It reads \
         each value that was seen; a record that was not seen can have other values. Each column \
         has a comment on the values in the sample.",
    );
    text += "#\n";
    text += &comment(
        "#",
        "What to check: the types, the keys, and which columns are required. All columns except \
         keys are optional, since no sample proves that a value is always there.",
    );
    text += &format!("\nname = {}\n", string(name));
    for (dataset, sampled) in drafted {
        text += &print_dataset(dataset, sampled);
    }
    for (dataset, _) in drafted {
        text += &print_table(dataset);
    }
    text
}

fn print_dataset(dataset: &DraftDataset, sampled: &Sampled) -> String {
    let header = format!("datasets.{}", key(&dataset.name));
    let mut text = format!("\n{}", comment("#", &sampled.describe()));
    for broken in sampled.broken_lines() {
        text += &comment("#", &broken);
    }
    if let Some(rows) = &dataset.rows {
        let rows = format!(
            "The rows are the {} of {rows}. Pass the same objects with --input {}=URL.",
            counted(dataset.seen, "element"),
            dataset.name
        );
        text += &comment("#", &rows);
    }
    text += &format!("[{header}]\n");
    if dataset.has_own_staging_name() {
        text += &format!("table = {}\n", string(&dataset.staging));
    }
    if let Some(rows) = &dataset.rows {
        text += &format!("rows = {}\n", string(&rows.to_string()));
    }
    text.push('\n');
    for note in &dataset.notes {
        text += &comment("#", note);
    }
    text += &format!("[{header}.columns]\n");
    let origin = if dataset.rows.is_some() { Origin::Element } else { Origin::Record };
    for column in dataset.all_columns() {
        text += &comment("#", &column.seen);
        text += &column.column.to_toml(origin);
    }
    if let Key::Fingerprint { derived, texts, .. } = &dataset.key {
        for column in texts {
            text += &comment("#", "The same value as text, for the fingerprint.");
            text += &column.to_toml(origin);
        }
        let DerivedRule::Fingerprint(columns) = &derived.rule;
        text += &format!("\n{}", comment("#", &no_key(dataset)));
        text += &format!("[{header}.derived.{}]\n", key(&derived.name));
        text += &format!("fingerprint = {}\n", strings(columns));
    }
    text
}

/// Explains why the key is a fingerprint.
fn no_key(dataset: &DraftDataset) -> String {
    let candidates = &dataset.candidates;
    let reason = if candidates.is_empty() {
        "No column is a key: each is missing or repeated in some rows.".to_owned()
    } else {
        format!(
            "No column is clearly the key. Without repetitions in {}: {}.",
            counted(dataset.seen, "row"),
            candidates.join(", ")
        )
    };
    let is_double = |column: &DraftColumn| !column.column.column_type.is_hashable();
    let has_texts = matches!(&dataset.key, Key::Fingerprint { texts, .. } if !texts.is_empty());
    let doubles = if dataset.all_columns().any(is_double) && !has_texts {
        ", also if they differ in a double, which has no fingerprint"
    } else {
        ""
    };
    format!(
        "{reason} The fingerprint of the columns is the key instead, so equal records become one \
         row{doubles}. Replace it if the columns of a key are known."
    )
}

fn print_table(dataset: &DraftDataset) -> String {
    let (_, star_key) = dataset.key_names();
    let mut text = "\n".to_owned();
    if let Key::Column(_) = dataset.key {
        let (name, _) = dataset.key_names();
        let others = dataset.candidates.iter().filter(|candidate| *candidate != name);
        let others: Vec<&str> = others.map(String::as_str).collect();
        let mut reason = format!(
            "{star_key} is the key: each of {} has a value, and no repetition was found.",
            counted(dataset.seen, "row")
        );
        if !others.is_empty() {
            reason += &format!(" The same is true of {}.", others.join(", "));
        }
        text += &comment("#", &reason);
    }
    let header = format!("tables.{}", key(&dataset.table));
    let list = strings(&[star_key.to_owned()]);
    text += &format!("[{header}]\n");
    text += &format!("grain = {}\n", string(&format!("one row per {star_key}")));
    text += &format!("primary_key = {list}\nsorted_by = {list}\n");
    text += "redshift = { distribution = \"auto\", sort_key = [] }\n";
    text += &format!("\n[{header}.columns]\n");
    if let Key::Fingerprint { star, .. } = &dataset.key {
        text += &star.to_toml();
    }
    for column in dataset.all_columns() {
        text += &column.star.to_toml();
    }
    text
}
