//! Named cases.

use super::*;

#[test]
fn only_new_objects_are_read() {
    let mut history = History::started();
    history.write("logs/3.json", &play(172_800_001, 9));
    let report = history.run();
    assert_eq!(numbers(&report), [1, 0, 0, 3, 0]);
    let changes = changes(&report);
    assert_eq!(changes.bytes_read, play(172_800_001, 9).len() as u64);
    assert!(changes.bytes_listed > 3 * changes.bytes_read);
    assert!(changes.reasons.is_empty());
}

#[test]
fn a_star_without_changes_is_left_as_it_is() {
    let history = History::started();
    let before = crate::support::files(&history.path("star"));
    let report = history.run();
    assert!(report.is_up_to_date);
    assert_eq!(numbers(&report), [0, 0, 0, 3, 0]);
    assert_eq!(crate::support::files(&history.path("star")), before);
}

#[test]
fn an_object_with_another_content_replaces_its_rows() {
    let mut history = History::started();
    history.write("logs/1.json", &(play(1, 8) + &play(3, 10)));
    assert_eq!(numbers(&history.run()), [0, 1, 0, 2, 0]);
    // The same size, at another time.
    history.write("logs/1.json", &(play(1, 8) + &play(4, 10)));
    assert_eq!(numbers(&history.run()), [0, 1, 0, 2, 0]);
    history.write("logs/1.json", "");
    assert_eq!(numbers(&history.run()), [0, 1, 0, 2, 0]);
}

#[test]
fn an_object_that_was_only_touched_changes_nothing() {
    let mut history = History::started();
    let before = history.record();
    history.touch("logs/1.json");
    let report = history.run();
    assert_eq!(numbers(&report), [0, 1, 0, 2, 0]);
    let after = history.record();
    assert_eq!(before.star_hash, after.star_hash);
    for (name, table) in &before.tables {
        assert_eq!(table.files, after.tables[name].files, "{name} was written again");
    }
}

#[test]
fn tables_that_do_not_change_keep_their_files() {
    let mut history = History::started();
    let before = history.record();
    history.write("songs/b.json", &song("B", "Title B"));
    history.run();
    let after = history.record();
    for (name, is_kept) in
        [("songplays", true), ("users", true), ("time", true), ("songs", false), ("artists", false)]
    {
        let (before, after) = (&before.tables[name], &after.tables[name]);
        assert_eq!(before.files == after.files, is_kept, "{name}");
        assert_eq!(before.hash == after.hash, is_kept, "{name}");
    }
}

#[test]
fn songs_match_plays_of_earlier_runs_and_the_other_way_round() {
    let mut history = History::new();
    history.write("logs/1.json", &play(1, 8));
    let report = history.run();
    assert_eq!(report.record.unwrap().accounting["plays"]["plays_matched"], 0);
    history.write("songs/a.json", &song("A", "Title A"));
    let report = history.run();
    assert_eq!(report.record.unwrap().accounting["plays"]["plays_matched"], 1);
    history.remove("songs/a.json");
    history.run_removing(Removed::Drop);
    history.assert_equals_full(&history.outcome().unwrap());
    assert_eq!(history.record().accounting["plays"]["plays_matched"], 0);
}

#[test]
fn a_play_that_was_delivered_twice_stays_when_one_object_goes() {
    let mut history = History::started();
    history.write("logs/again.json", &play(2, 9));
    assert_eq!(history.run().record.unwrap().accounting["copies"]["duplicates"], 1);
    history.remove("logs/again.json");
    let report = history.run_removing(Removed::Drop);
    assert_eq!(numbers(&report), [0, 0, 1, 3, 0]);
    assert_eq!(report.record.unwrap().accounting["copies"]["duplicates"], 0);
    history.assert_equals_full(&history.outcome().unwrap());
}

#[test]
fn events_of_any_time_are_late_or_early() {
    let mut history = History::started();
    let year_1 = -62_135_596_800_000;
    history.write("logs/old.json", &(play(year_1, 8) + &play(year_1 + 86_400_000 - 1, 8)));
    history.run();
    history.write("logs/midnight.json", &(play(86_399_999, 8) + &play(86_400_000, 8)));
    history.run();
    history.write("logs/future.json", &play(253_402_300_799_999, 8));
    history.run();
}

#[test]
fn objects_that_are_gone_stop_the_run_unless_the_options_say_what_to_do() {
    let mut history = History::started();
    let before = std::fs::read(history.path("star/_starlift.json")).unwrap();
    history.remove("logs/1.json");
    let error = history.outcome().unwrap_err().error;
    assert!(matches!(&error, starlift::Error::ObjectsGone { objects: 1, .. }), "{error:?}");
    assert!(error.to_string().contains("logs/1.json"), "{error}");
    assert_eq!(std::fs::read(history.path("star/_starlift.json")).unwrap(), before);
    assert!(history.files_are_named(&history.record()));

    let report = history.run_removing(Removed::Drop);
    assert_eq!(numbers(&report), [0, 0, 1, 2, 0]);
    assert!(history.run().is_up_to_date);
}

#[test]
fn rows_of_objects_that_are_gone_can_be_kept() {
    let mut history = History::started();
    history.write("logs/bad.json", "{\n");
    history.run();
    let before = history.record();
    history.remove("logs/1.json");
    history.remove("logs/bad.json");
    let report = history.run_removing(Removed::Keep);
    assert_eq!(numbers(&report), [0, 0, 2, 4, 0]);
    assert_eq!(history.record().star_hash, before.star_hash);
    assert_eq!(history.record().rejects.rows, 1);
    // Later runs keep them without the option, and read all other objects again with --full.
    assert!(history.outcome().unwrap().is_up_to_date);
    history.write("logs/3.json", &play(172_800_001, 9));
    assert_eq!(numbers(&history.outcome().unwrap()), [1, 0, 0, 4, 0]);
    history.options.incremental = Some(IncrementalOptions { full: true, removed: Removed::Stop });
    assert_eq!(numbers(&history.outcome().unwrap()), [0, 0, 0, 2, 3]);
    assert_eq!(history.record().tables["songplays"].rows, 4);
    // Other runs would lose them.
    let incremental = history.options.incremental.take();
    let error = history.outcome().unwrap_err().error;
    assert!(matches!(error, starlift::Error::KeptObjects { objects: 2, .. }), "{error:?}");
    history.options.incremental = incremental;
    // An object that comes back is like any other.
    history.write("logs/1.json", &(play(1, 8) + &play(2, 9)));
    history.options.incremental = Some(IncrementalOptions::default());
    assert_eq!(numbers(&history.outcome().unwrap()), [0, 1, 0, 4, 0]);
    let report = history.run_removing(Removed::Drop);
    assert_eq!(numbers(&report), [0, 0, 1, 4, 0]);
    history.assert_equals_full(&report);
}

#[test]
fn kept_rows_do_not_survive_a_model_that_decodes_them_differently() {
    let mut history = History::started();
    history.remove("logs/1.json");
    history.run_removing(Removed::Keep);
    history.options.rules.repair_encoding = starlift::transform::RepairEncoding::Store;
    let error = history.outcome().unwrap_err().error;
    assert!(matches!(error, starlift::Error::KeptObjects { objects: 1, .. }), "{error:?}");
    assert!(error.to_string().contains("decoded differently"), "{error}");
    let report = history.run_removing(Removed::Drop);
    history.assert_equals_full(&report);
}

#[test]
fn files_that_were_just_written_are_read_again() {
    let mut history = History::started();
    std::fs::write(history.path("logs/3.json"), play(5, 8)).unwrap();
    assert_eq!(numbers(&history.run()), [1, 0, 0, 3, 0]);
    // As if the clock of the file system had not advanced.
    let modified = std::fs::metadata(history.path("logs/3.json")).unwrap().modified().unwrap();
    std::fs::write(history.path("logs/3.json"), play(6, 8)).unwrap();
    let file = std::fs::File::options().write(true).open(history.path("logs/3.json")).unwrap();
    file.set_modified(modified).unwrap();
    assert_eq!(numbers(&history.run()), [0, 0, 0, 3, 1]);
    history.touch("logs/3.json");
    history.run();
    assert!(history.run().is_up_to_date);
}

#[test]
fn rejects_of_unchanged_objects_count_and_are_kept() {
    let mut history = History::started();
    history.write("logs/bad.json", &("{\"page\": 1,\n".to_owned() + &play(3, 8)));
    history.run();
    history.write("logs/worse.json", "[1, 2\n{}\n");
    let report = history.run();
    assert!(report.total(|counts| counts.rejected) >= 3);
    // The limit is that of all objects, as in a full run.
    history.options.max_rejects = MaxRejects::Count(1);
    history.touch("logs/worse.json");
    let error = history.outcome().unwrap_err().error;
    assert!(matches!(error, starlift::Error::TooManyRejects { .. }), "{error:?}");
}

#[test]
fn another_definition_of_the_star_is_applied_to_all_rows() {
    let mut history = History::started();
    history.options.rules.unmatched = starlift::transform::Unmatched::Drop;
    let report = history.run();
    assert!(!report.is_up_to_date);
    assert_eq!(numbers(&report), [0, 0, 0, 3, 0]);
    // The query reads other columns, so the rows are decoded again; the songs are not.
    let users = "SELECT \"userId\" AS user_id, method AS first_name, CAST(NULL AS VARCHAR) AS last_name, \
                 CAST(NULL AS VARCHAR) AS gender, MAX(level) AS level FROM staging_events \
                 WHERE \"userId\" IS NOT NULL GROUP BY 1, 2";
    std::fs::create_dir(history.path("queries")).unwrap();
    std::fs::write(history.path("queries/users.sql"), users).unwrap();
    history.options.queries = Some(history.path("queries"));
    let report = history.run();
    assert_eq!(numbers(&report), [0, 0, 0, 1, 2]);
    assert!(changes(&report).reasons[0].contains("logs are decoded differently"));
    assert!(history.run().is_up_to_date);
    std::fs::write(history.path("queries/users.sql"), users.replace("MAX", "MIN")).unwrap();
    let report = history.run();
    assert!(!report.is_up_to_date);
    assert_eq!(numbers(&report), [0, 0, 0, 3, 0]);
}

#[test]
fn long_texts_that_are_gone_do_not_change_the_files() {
    let mut history = History::started();
    let title = "x".repeat(100_000);
    history.write("songs/long.json", &song("L", &title));
    history.write("logs/long.json", &play(7, 8).replace("Title A", &title).repeat(3));
    history.write("logs/other.json", &play(8, 8).replace("Title A", &title));
    history.run();
    for name in ["songs/long.json", "logs/long.json", "logs/other.json"] {
        history.remove(name);
        let report = history.run_removing(Removed::Drop);
        history.assert_equals_full(&report);
    }
}
