//! `starlift demo`: works wherever it is started, again and again.

use std::path::Path;

use super::support::{Outcome, Workspace, files};
use super::text;

/// Fails the test unless the demo ran to its end and its files are where it says, seen from
/// `current`.
#[track_caller]
fn done(outcome: &Outcome, current: &Path, folder: &str) {
    outcome.exits(0).says("all 12 passed").says("Query: most_played_songs");
    outcome.says(&format!("The sample data is in {folder}/data, the star in {folder}/star.\n"));
    let folder = current.join(folder);
    assert!(folder.join("star/_starlift.json").is_file(), "{outcome}");
    assert_eq!(files(&folder.join("data/log_data")).len(), 14, "{outcome}");
    assert_eq!(files(&folder.join("data/song_data")).len(), 120, "{outcome}");
}

#[test]
fn from_an_empty_folder_twice_in_a_row() {
    let here = Workspace::new();
    let first = here.run(["demo"]);
    done(&first, here.path(), "starlift-demo");
    let second = here.run(["demo"]);
    done(&second, here.path(), "starlift-demo");
    let answers = |outcome: &Outcome| outcome.stdout.split("\nCheck: ").nth(1).unwrap().to_owned();
    assert_eq!(answers(&first), answers(&second));
    assert_eq!(files(&here.join("starlift-demo/star/songplays")).len(), 1);

    here.run(["query", "--star", "starlift-demo/star", "evening_artists", "--format", "csv"])
        .exits(0)
        .says("artist_id,artist_name,plays,listeners\nAR");
}

#[test]
fn in_a_folder_of_an_odd_name() {
    let here = Workspace::new();
    let odd = here.join("odd #1 %41 [x] * {a,b} ? é");
    std::fs::create_dir(&odd).unwrap();
    let outcome = here.outcome(here.command().current_dir(&odd).arg("demo"));
    done(&outcome, &odd, "starlift-demo");
}

#[test]
fn where_one_says() {
    let here = Workspace::new();
    for out in ["mine", "a/b c", "glob [x] *"] {
        done(&here.run(["demo", "--out", out]), here.path(), out);
    }
    assert!(!here.join("starlift-demo").exists());
    here.write("file", "");
    here.run(["demo", "--out", "file/x"]).exits(1).complains("cannot create file/x");
}

#[test]
fn where_the_current_folder_cannot_be_written_the_temporary_one_is_used() {
    let here = Workspace::new();
    let temporary = here.join("tmp");
    std::fs::create_dir(&temporary).unwrap();
    here.write("full/starlift-demo", "a file where the demo's folder would be");
    let mut places = vec![here.join("full")];
    places.extend(Path::new("/proc/self").exists().then(|| Path::new("/proc").to_owned()));
    for place in places {
        let mut command = here.command();
        let outcome =
            here.outcome(command.current_dir(&place).env("TMPDIR", &temporary).arg("demo"));
        done(&outcome, &place, text(&temporary.join("starlift-demo")));
        std::fs::remove_dir_all(temporary.join("starlift-demo")).unwrap();
    }
}

#[test]
fn settings_of_real_work_have_no_part_in_it() {
    let here = Workspace::new();
    let mut command = here.command();
    command
        .env("STARLIFT_STAR", "s3://nobody/star")
        .env("STARLIFT_OUT", "s3://nobody/out")
        .env("STARLIFT_SONGS", "s3://nobody/songs")
        .env("STARLIFT_MAX_REJECTS", "0");
    done(&here.outcome(command.arg("demo")), here.path(), "starlift-demo");
}
