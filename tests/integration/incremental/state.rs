//! The state that runs leave: it is disposable, bounded, and never trusted blindly.

use super::*;

/// Returns the paths of the files of the state, relative to the star.
fn state_files(history: &History) -> Vec<String> {
    let found = crate::support::files(&history.path("star"));
    found.into_iter().filter(|file| file.starts_with("_state/")).collect()
}

/// Returns the file of the state whose name contains `name`.
fn state_file(history: &History, name: &str) -> PathBuf {
    let files = state_files(history);
    let found = files.iter().find(|file| file.contains(name));
    history.path("star").join(found.unwrap_or_else(|| panic!("no {name} in {files:?}")))
}

#[test]
fn rows_that_are_missing_or_cut_are_decoded_again() {
    for (name, again) in [("-logs-", 2), ("-songs-", 1), ("-objects", 3)] {
        for is_cut in [false, true] {
            let mut history = History::started();
            let path = state_file(&history, name);
            if is_cut {
                let length = std::fs::metadata(&path).unwrap().len();
                std::fs::File::options()
                    .write(true)
                    .open(&path)
                    .unwrap()
                    .set_len(length / 2)
                    .unwrap();
            } else {
                std::fs::remove_file(&path).unwrap();
            }
            history.write("logs/3.json", &play(172_800_001, 9));
            let report = history.run();
            let read =
                if name == "-objects" { [4, 0, 0, 0, 0] } else { [1, 0, 0, 3 - again, again] };
            assert_eq!(numbers(&report), read, "{name} {is_cut}");
            assert_eq!(changes(&report).reasons.len(), 1, "{name} {is_cut}");
            assert!(changes(&report).reasons[0].contains("_state/"), "{:?}", changes(&report));
            assert!(history.run().is_up_to_date);
        }
    }
}

#[test]
fn a_damaged_file_of_the_right_size_is_named() {
    let mut history = History::started();
    let path = state_file(&history, "-logs-");
    let length = std::fs::metadata(&path).unwrap().len() as usize;
    std::fs::write(&path, vec![0; length]).unwrap();
    history.write("logs/3.json", &play(172_800_001, 9));
    let error = history.outcome().unwrap_err().error.to_string();
    assert!(error.contains("_state/") && error.contains("--full"), "{error}");
    history.options.incremental = Some(IncrementalOptions { full: true, ..Default::default() });
    history.run();
}

#[test]
fn rejects_that_are_missing_are_made_again() {
    let mut history = History::started();
    history.write("logs/bad.json", "{\n");
    history.run();
    std::fs::remove_file(history.path("star").join(history.record().rejects.path)).unwrap();
    let report = history.run();
    assert_eq!(numbers(&report), [0, 0, 0, 3, 1]);
    assert_eq!(history.record().rejects.rows, 1);
}

#[test]
fn files_of_the_star_that_are_missing_are_made_again() {
    let history = History::started();
    for table in ["songs", "songplays", "time"] {
        let path = history.record().tables[table].files[0].path.clone();
        std::fs::remove_file(history.path("star").join(path)).unwrap();
        let report = history.run();
        assert!(!report.is_up_to_date, "{table}");
        assert_eq!(numbers(&report), [0, 0, 0, 3, 0]);
    }
}

#[test]
fn the_state_of_another_version_is_not_used() {
    for (field, reason) in [("version", "version 0.0.9"), ("format", "another format")] {
        let history = History::started();
        let mut record = serde_json::to_value(history.record()).unwrap();
        match field {
            "version" => record["version"] = json!("0.0.9"),
            _ => record["state"]["format"] = json!(99),
        }
        std::fs::write(history.path("star/_starlift.json"), record.to_string()).unwrap();
        let report = history.run();
        assert_eq!(changes(&report).unchanged, 0, "{field}");
        assert!(changes(&report).reasons[0].contains(reason), "{:?}", changes(&report));
        assert!(history.run().is_up_to_date);
    }
}

#[test]
fn other_runs_leave_no_state_and_use_none() {
    let mut history = History::started();
    let incremental = history.options.incremental.take();
    history.run();
    assert!(history.record().state.is_none());
    assert_eq!(state_files(&history), [""; 0]);
    history.options.incremental = incremental;
    let report = history.run();
    assert_eq!(numbers(&report), [3, 0, 0, 0, 0]);
    assert_eq!(changes(&report).reasons, ["the last run was not incremental"]);
}

#[test]
fn many_runs_leave_few_files() {
    let mut history = History::started();
    for day in 3..40 {
        history.write(&format!("logs/{day}.json"), &play(day * 86_400_000, 8));
        history.outcome().unwrap_or_else(|failure| panic!("{:?}", failure.error));
    }
    assert!(state_files(&history).len() <= 9, "{:?}", state_files(&history));
    assert!(history.run().is_up_to_date);
    for day in 3..40 {
        history.remove(&format!("logs/{day}.json"));
    }
    let report = history.run_removing(Removed::Drop);
    history.assert_equals_full(&report);
    let parts = &history.record().state.unwrap().datasets["logs"].parts;
    assert_eq!(parts.iter().map(|part| part.records).sum::<u64>(), 3);
}

#[test]
fn a_verification_finds_what_has_changed_behind_the_program() {
    let mut history = History::started();
    history.options.verify = true;
    let before = crate::support::files(&history.path("star"));
    history.outcome().unwrap_or_else(|failure| panic!("{:?}", failure.error));
    // An object with the time and the size of another version, which an incremental run cannot detect.
    let modified = std::fs::metadata(history.path("logs/2.json")).unwrap().modified().unwrap();
    std::fs::write(history.path("logs/2.json"), play(86_400_002, 8)).unwrap();
    let file = std::fs::File::options().write(true).open(history.path("logs/2.json")).unwrap();
    file.set_modified(modified).unwrap();
    history.options.verify = false;
    assert!(history.outcome().unwrap().is_up_to_date);
    history.options.verify = true;
    match history.outcome().unwrap_err().error {
        starlift::Error::StarDiffers { tables, .. } => assert_eq!(tables, ["songplays", "time"]),
        error => panic!("{error:?}"),
    }
    assert_eq!(crate::support::files(&history.path("star")), before);
    history.options.verify = false;
    history.options.incremental = Some(IncrementalOptions { full: true, ..Default::default() });
    history.run();
}
