//! Errors of tasks, as the scheduler passes them on: as text.
//!
//! The scheduler repeats a task only after an I/O error, so a failure that another attempt can overcome becomes one.
//! The text of a failure is enclosed in marks, because other processes add text before and after it.

use datafusion::error::DataFusionError;

use crate::error::Error;
use crate::storage::FailureKind;

const BEGIN: char = '⟦';
const END: char = '⟧';

/// Converts an error of a task to one that the scheduler handles as its kind demands.
pub(super) fn of_task(error: Error) -> DataFusionError {
    let text = marked(&error);
    match &error {
        Error::Storage(error) if error.kind() == FailureKind::Other => {
            DataFusionError::IoError(std::io::Error::other(text))
        }
        _ => DataFusionError::Execution(text),
    }
}

/// Returns the text of an error and its causes, between marks.
fn marked(error: &Error) -> String {
    let mut text = error.to_string();
    let mut cause = std::error::Error::source(error);
    while let Some(source) = cause {
        text += &format!(": {source}");
        cause = source.source();
    }
    format!("{BEGIN}{text}{END}")
}

/// Returns the failure in a message of the scheduler: the text between the marks, or all of it if there are none.
pub(crate) fn failure_of(message: &str) -> String {
    let marked = message.split_once(BEGIN).and_then(|(_, rest)| rest.split_once(END));
    let text = marked.map_or(message, |(text, _)| text);
    // Messages in debug form have escaped quotes and line feeds.
    text.replace("\\\"", "\"").replace("\\n", "\n").trim().to_owned()
}

/// Returns `true` if a message says that memory ran out.
pub(crate) fn is_out_of_memory(message: &str) -> bool {
    message.contains("Resources exhausted") || message.contains("ResourcesExhausted")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::storage::StorageError;

    #[test]
    fn failures_are_found_in_messages_of_the_scheduler() {
        let error = StorageError::read(
            "s3://b/a",
            object_store::Error::Generic { store: "S3", source: "timed out".into() },
        );
        let error = of_task(error.into());
        assert!(matches!(error, DataFusionError::IoError(_)));
        let message = format!("Job x failed: Task failed: {error:?} at stage 1");
        assert!(failure_of(&message).starts_with("cannot read s3://b/a: "), "{message}");
        assert_eq!(failure_of("no marks"), "no marks");
        let gone = StorageError::read(
            "s3://b/a",
            object_store::Error::NotFound { path: "a".to_owned(), source: "gone".into() },
        );
        assert!(matches!(of_task(gone.into()), DataFusionError::Execution(_)));
    }
}
