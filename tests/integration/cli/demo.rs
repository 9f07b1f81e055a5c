//! `starlift demo`: works in any folder, and can be repeated.

use std::path::Path;

use super::text;
use crate::support::{Outcome, Workspace, files};

/// Fails the test unless the demo succeeded and its files are in the reported folder, relative to
/// `current`.
#[track_caller]
fn done(outcome: &Outcome, current: &Path, folder: &str) {
    outcome.exits(0).says("all 16 passed").says("Query: most_played_songs");
    outcome.says(&format!("The sample data is in {folder}/data, the star in {folder}/star.\n"));
    let last = outcome.stdout.trim_end().lines().last().unwrap_or_default();
    assert!(last.starts_with(&format!("report    {folder}/report.html (")), "{outcome}");
    let folder = current.join(folder);
    let page = std::fs::read_to_string(folder.join("report.html")).unwrap();
    assert!(page.contains("Most played titles that the catalogue lacks"), "{outcome}");
    assert!(folder.join("star/_starlift.json").is_file(), "{outcome}");
    assert_eq!(files(&folder.join("data/log_data")).len(), 14, "{outcome}");
    assert_eq!(files(&folder.join("data/song_data")).len(), 120, "{outcome}");
}

#[test]
fn runs_twice_in_a_row_in_an_empty_folder() {
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
fn runs_in_a_folder_with_an_odd_name() {
    let here = Workspace::new();
    let odd = here.join("odd #1 %41 [x] * {a,b} ? é");
    std::fs::create_dir(&odd).unwrap();
    let outcome = here.outcome(here.command().current_dir(&odd).arg("demo"));
    done(&outcome, &odd, "starlift-demo");
}

#[test]
fn runs_in_the_given_folder() {
    let here = Workspace::new();
    for out in ["mine", "a/b c", "glob [x] *"] {
        done(&here.run(["demo", "--out", out]), here.path(), out);
    }
    assert!(!here.join("starlift-demo").exists());
    here.write("file", "");
    here.run(["demo", "--out", "file/x"]).fails_with("file-failed").naming(&["file/x"]);
}

#[test]
fn unwritable_current_folder_falls_back_to_a_temporary_one() {
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
        let mut made = std::fs::read_dir(&temporary).unwrap().map(|entry| entry.unwrap().path());
        let folder = made.next().unwrap();
        assert!(made.next().is_none(), "{outcome}");
        // Another user could create a predictable name in advance.
        let name = folder.file_name().unwrap().to_str().unwrap();
        assert!(name.strip_prefix("starlift-demo-").is_some_and(|rest| rest.len() >= 6), "{name}");
        done(&outcome, &place, text(&folder));
        std::fs::remove_dir_all(folder).unwrap();
    }
}

#[test]
fn environment_settings_do_not_affect_it() {
    let here = Workspace::new();
    let mut command = here.command();
    command
        .env("STARLIFT_STAR", "s3://missing/star")
        .env("STARLIFT_OUT", "s3://missing/out")
        .env("STARLIFT_SONGS", "s3://missing/songs")
        .env("STARLIFT_MAX_REJECTS", "0");
    done(&here.outcome(command.arg("demo")), here.path(), "starlift-demo");
}

/// A user's own file to put into the folder of a demo.
const MINE: &str = r#"{"song_id":"SOMINE","title":"Mine","artist_id":"ARMINE","artist_name":"Me"}"#;

/// Returns all files of the workspace with their contents.
fn contents(here: &Workspace) -> Vec<(String, Vec<u8>)> {
    let read = |path: String| (path.clone(), std::fs::read(here.join(&path)).unwrap());
    files(here.path()).into_iter().map(read).collect()
}

/// Fails the test unless a demo does not write to `out` because of `path`, and changes nothing.
#[track_caller]
fn rejected(here: &Workspace, out: &[&str], path: &str) {
    let before = contents(here);
    let outcome = here.run([&["demo"], out].concat());
    outcome.exits(2).complains(&format!("{path} was not created by `starlift demo`"));
    outcome.complains("specify an empty folder with --out").complains("nothing was changed");
    assert!(contents(here) == before, "{outcome}");
}

#[test]
fn data_not_created_by_a_demo_is_left_alone() {
    for mine in ["data/song_data/A/mine.json", "data/log_data/x/y/2018-11-01-events.json"] {
        let here = Workspace::new();
        here.write(mine, MINE);
        rejected(&here, &["--out", "."], &format!("./{mine}"));
        here.write(&format!("starlift-demo/{mine}"), MINE);
        rejected(&here, &[], &format!("starlift-demo/{mine}"));
    }
}

#[test]
fn files_added_or_changed_after_a_demo_are_left_alone() {
    let here = Workspace::new();
    here.run(["demo"]).exits(0);
    let song = files(&here.join("starlift-demo/data/song_data")).remove(0);
    let song = format!("starlift-demo/data/song_data/{song}");
    let original = here.read(&song);
    here.write(&song, MINE);
    rejected(&here, &[], &song);
    here.write(&song, original);
    let mine = here.write("starlift-demo/data/song_data/A/mine.json", MINE);
    rejected(&here, &[], "starlift-demo/data/song_data/A/mine.json");
    std::fs::remove_file(mine).unwrap();
    here.run(["demo"]).exits(0);
}

#[test]
fn star_not_created_by_a_demo_is_left_alone() {
    let here = Workspace::new();
    here.run(["demo", "--out", "made"]).exits(0);
    let transform = |out: &str| {
        let data = ["--songs", "made/data/song_data", "--logs", "made/data/log_data"];
        let more = ["--max-rejects", "1%", "--out", out];
        here.run([&["transform"], &data[..], &more].concat()).exits(0);
    };
    transform("other/star");
    rejected(&here, &["--out", "other"], "other/star");
    transform("made/star");
    rejected(&here, &["--out", "made"], "made/star");
    here.write("third/star/songs/20181112T030405Z-0a1b2c3d-00000.parquet", "mine");
    rejected(&here, &["--out", "third"], "third/star");
}

#[test]
fn forged_marker_does_not_make_a_demo_remove_other_files() {
    let here = Workspace::new();
    here.run(["demo", "--out", "made"]).exits(0);
    let mine = here.write("mine.json", MINE);
    let print = format!("{:032x}", xxhash_rust::xxh3::xxh3_128(MINE.as_bytes()));
    let files = "\"files\": {";
    let mut names = vec!["../../mine.json", "song_data/../../../mine.json"];
    names.push(text(&mine));
    for name in names {
        let forged = format!("{files}\"{name}\": \"{print}\", ");
        let marker = here.read("made/.starlift-demo");
        here.write("made/.starlift-demo", marker.replacen(files, &forged, 1));
        here.run(["demo", "--out", "made"]).exits(0);
        assert_eq!(here.read("mine.json"), MINE, "{name}");
    }
}

#[cfg(unix)]
#[test]
fn links_in_the_folder_are_not_followed() {
    use std::os::unix::fs::symlink;
    for link in ["data", "data/song_data", "data/log_data", "star", "data/song_data/A"] {
        let here = Workspace::new();
        std::fs::create_dir_all(here.join("elsewhere")).unwrap();
        let link_at = here.join("demo").join(link);
        std::fs::create_dir_all(link_at.parent().unwrap()).unwrap();
        symlink(here.join("elsewhere"), link_at).unwrap();
        rejected(&here, &["--out", "demo"], &format!("demo/{link}"));
        assert_eq!(files(&here.join("elsewhere")), [""; 0], "{link}");
    }
    let here = Workspace::new();
    here.write("mine.txt", MINE);
    std::fs::create_dir(here.join("demo")).unwrap();
    symlink(here.join("mine.txt"), here.join("demo/.starlift-demo")).unwrap();
    here.run(["demo", "--out", "demo"]).exits(0);
    assert_eq!(here.read("mine.txt"), MINE);
}

#[test]
fn killed_demo_can_run_again() {
    let here = Workspace::new();
    here.run(["demo"]).exits(0);
    let song = files(&here.join("starlift-demo/data/song_data")).remove(0);
    here.write(&format!("starlift-demo/data/song_data/{song}#1"), "{");
    std::fs::remove_file(here.join("starlift-demo/star/_starlift.json")).unwrap();
    done(&here.run(["demo"]), here.path(), "starlift-demo");
}

#[test]
fn a_url_is_not_a_folder() {
    let here = Workspace::new();
    here.write("mine/star/_starlift.json", MINE);
    for url in [format!("file://{}", here.join("mine").display()), "s3://bucket/x".to_owned()] {
        here.run(["demo", "--out", &url])
            .fails_with("invalid-option")
            .naming(&["not a local path"]);
    }
    assert_eq!(files(here.path()), ["mine/star/_starlift.json"]);
}
