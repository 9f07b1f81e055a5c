//! Golden files in `tests/golden`. `STARLIFT_UPDATE_GOLDEN=1` rewrites them: review the diff before you commit it.

use std::path::Path;

/// Fails the test unless `answer` equals the golden file `name`.
#[track_caller]
pub fn hold_file(name: &str, answer: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden").join(name);
    if std::env::var_os("STARLIFT_UPDATE_GOLDEN").is_some_and(|value| value == "1") {
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, answer).unwrap();
    }
    let wanted = std::fs::read_to_string(&path);
    let wanted = wanted.unwrap_or_else(|e| panic!("cannot read {}: {e}", path.display()));
    assert!(answer == wanted, "{name}: wanted\n{wanted}\nfound\n{answer}");
}
