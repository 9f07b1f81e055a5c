//! The text format of Prometheus.

use std::fmt::{Display, Write};

/// Kind of a metric.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// A value of the last run.
    Gauge,
    /// A sum over all runs. Its name ends with `_total`.
    Counter,
}

/// A text with metrics, each with the labels that all of them have.
#[derive(Debug)]
pub struct Exposition {
    common: Vec<(&'static str, String)>,
    text: String,
}

impl Exposition {
    /// Creates a text without metrics.
    pub fn new(common: Vec<(&'static str, String)>) -> Exposition {
        Exposition { common, text: String::new() }
    }

    /// Returns the text.
    pub fn into_text(self) -> String {
        self.text
    }

    /// Adds a metric that has only the common labels.
    pub fn value(&mut self, name: &str, kind: Kind, help: &str, value: impl Display) {
        self.family(name, kind, help, [([], value)]);
    }

    /// Adds a metric with one value per set of labels; nothing if there is none.
    pub fn family<const N: usize, V: Display>(
        &mut self,
        name: &str,
        kind: Kind,
        help: &str,
        samples: impl IntoIterator<Item = ([(&'static str, String); N], V)>,
    ) {
        let mut has_header = false;
        for (labels, value) in samples {
            if !has_header {
                let kind = match kind {
                    Kind::Gauge => "gauge",
                    Kind::Counter => "counter",
                };
                let _ = writeln!(self.text, "# HELP {name} {help}\n# TYPE {name} {kind}");
                has_header = true;
            }
            let labels: Vec<String> = self
                .common
                .iter()
                .chain(&labels)
                .map(|(label, value)| format!("{label}=\"{}\"", escaped(value)))
                .collect();
            let _ = writeln!(self.text, "{name}{{{}}} {value}", labels.join(","));
        }
    }
}

/// Returns the value of a label with backslashes, quotes and line feeds escaped.
fn escaped(value: &str) -> String {
    value.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n")
}

/// Returns the value of the first metric in `text` with this name, and with a label if one is specified.
pub fn find(text: &str, name: &str, label: Option<(&str, &str)>) -> Option<f64> {
    let label = label.map(|(label, value)| format!("{label}=\"{}\"", escaped(value)));
    let has_label = |line: &&str| label.as_ref().is_none_or(|label| line.contains(label.as_str()));
    let is_named = |line: &&str| line.strip_prefix(name).is_some_and(|rest| rest.starts_with('{'));
    let line = text.lines().find(|line| is_named(line) && has_label(line))?;
    line.rsplit(' ').next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_are_escaped_and_values_are_found() {
        let mut metrics = Exposition::new(vec![("pipeline", "a\"b\\c\nd".to_owned())]);
        let samples = [([("t", "x y".to_owned())], 1), ([("t", "z".to_owned())], 2)];
        metrics.family("starlift_rows", Kind::Gauge, "Rows.", samples);
        metrics.value("starlift_rows_at_all", Kind::Gauge, "More.", 0.5);
        metrics.family::<0, u64>("starlift_nothing", Kind::Gauge, "None.", []);
        let text = metrics.into_text();
        assert_eq!(
            text,
            "# HELP starlift_rows Rows.\n# TYPE starlift_rows gauge\n\
             starlift_rows{pipeline=\"a\\\"b\\\\c\\nd\",t=\"x y\"} 1\n\
             starlift_rows{pipeline=\"a\\\"b\\\\c\\nd\",t=\"z\"} 2\n\
             # HELP starlift_rows_at_all More.\n# TYPE starlift_rows_at_all gauge\n\
             starlift_rows_at_all{pipeline=\"a\\\"b\\\\c\\nd\"} 0.5\n"
        );
        assert_eq!(find(&text, "starlift_rows", Some(("t", "z"))), Some(2.0));
        assert_eq!(find(&text, "starlift_rows_at_all", None), Some(0.5));
        assert_eq!(find(&text, "starlift_rows_at", None), None);
    }
}
