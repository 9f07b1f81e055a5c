//! Files in and below an output that are not part of its star are kept.

use std::os::unix::fs::symlink;

use super::*;

/// Folders within a star that can contain another star.
const NESTED: [&str; 8] = [
    "star/users/bob/star",
    "star/songs",
    "star/artists/2018",
    "star/time/songs",
    "star/songplays/songplays",
    "star/_inputs",
    "star/_rejects/x",
    "star/_manifests/y",
];

impl Bench {
    fn publish_at(&self, data: &str, out: &str) {
        let data = self.url(data);
        let (songs, logs) = (format!("{data}/song_data"), format!("{data}/log_data"));
        let out = self.url(out);
        let args = ["transform", "--songs", &songs, "--logs", &logs, "--out", &out];
        self.run(&args).exits(0);
    }

    fn answer_at(&self, star: &str) -> String {
        let star = self.url(star);
        self.run(&["check", "--quiet", "--star", &star]).exits(0);
        let outcome = self.run(&["query", "--star", &star, "--format", "csv", "--sql", SQL]);
        outcome.exits(0);
        outcome.stdout
    }
}

#[test]
fn nested_stars_are_kept() {
    for bench in [Bench::local(), Bench::s3()] {
        for nested in NESTED {
            bench.publish_at("a", nested);
        }
        let answer = bench.answer_at(NESTED[0]);
        for data in ["a", "b"] {
            bench.publish_at(data, "star");
            for nested in NESTED {
                assert_eq!(bench.answer_at(nested), answer, "{nested}");
            }
        }
        assert_ne!(bench.answer(), answer);
        // Replacing an inner star leaves the outer one unchanged.
        let outer = bench.answer();
        bench.publish_at("b", NESTED[1]);
        assert_eq!(bench.answer(), outer);
    }
}

#[test]
fn targets_of_links_are_kept() {
    let bench = Bench::local();
    bench.publish_at("a", "archive");
    let archive = files(&bench.workspace.join("archive"));
    let answer = bench.answer_at("archive");
    bench.publish("a");
    let at = |path: &str| bench.workspace.join(path);
    symlink(at("archive/songs"), at("star/songs/old")).unwrap();
    symlink(at("archive/users"), at("star/_inputs/users")).unwrap();
    // A table's folder is a link to that of the other star.
    let artists = files(&at("star/artists"));
    std::fs::rename(at("star/artists"), at("moved")).unwrap();
    for file in &artists {
        std::fs::copy(at("moved").join(file), at("archive/artists").join(file)).unwrap();
    }
    symlink(at("archive/artists"), at("star/artists")).unwrap();
    // A link has the name of a run's file.
    let song = &files(&at("archive/songs"))[0];
    symlink(at("archive/songs").join(song), at("star/songs").join(song)).unwrap();
    for data in ["b", "a"] {
        bench.publish(data);
        bench.answer();
        assert_eq!(bench.answer_at("archive"), answer);
    }
    for file in archive {
        assert!(at("archive").join(&file).is_file(), "{file}");
    }
    assert!(at("star/songs").join(song).is_symlink());
}

#[test]
fn run_files_in_nested_folders_are_kept() {
    for bench in [Bench::local(), Bench::s3()] {
        let kept = [
            "star/songs/x/20181112T030405Z-0a1b2c3d-00000.parquet",
            "star/_rejects/mine/20181112T030405Z-0a1b2c3d.parquet",
            "star/mine/20181112T030405Z-0a1b2c3d.parquet",
            "star/songs/20181112T030405Z-0a1b2c3d.parquet",
            "star/songs/20181112T030405Z-0a1b2c3d-00000.csv",
            "star/_manifests/mine.manifest",
            // A file of a newer run, which must have taken over the lock.
            "star/songs/29991112T030405Z-0a1b2c3d-00000.parquet",
        ];
        let removed = "star/songs/20181112T030405Z-0a1b2c3d-00000.parquet";
        for path in kept.iter().chain([&removed]) {
            match &bench.server {
                Some(server) => server.put(path, "mine"),
                None => drop(bench.workspace.write(path, "mine")),
            }
        }
        bench.publish("a");
        bench.publish("b");
        let star = bench.star();
        for path in kept {
            assert!(star.contains_key(&path["star/".len()..]), "{path}");
        }
        assert!(!star.contains_key(&removed["star/".len()..]));
    }
}

/// Fails the test unless a run immediately rejects the object in place of its lock.
#[track_caller]
fn assert_lock_is_rejected(bench: &Bench, complaint: &str) {
    let mut run = bench.spawn("b", &[]);
    let begun = Instant::now();
    while run.child().try_wait().unwrap().is_none() {
        assert!(begun.elapsed() < PATIENCE, "{complaint}: it waits");
        std::thread::sleep(Duration::from_millis(10));
    }
    run.finish().exits(1).complains("star/_lock").complains(complaint);
}

#[test]
fn lock_name_used_by_something_else_is_left_alone() {
    let bench = Bench::local();
    let (mine, lock) =
        (bench.workspace.write("mine.txt", "mine"), bench.workspace.join("star/_lock"));
    std::fs::create_dir(bench.workspace.join("star")).unwrap();
    symlink(&mine, &lock).unwrap();
    assert_lock_is_rejected(&bench, "it is a symbolic link");
    std::fs::remove_file(&lock).unwrap();
    symlink(bench.workspace.join("nothing"), &lock).unwrap();
    assert_lock_is_rejected(&bench, "it is a symbolic link");
    assert!(!bench.workspace.join("nothing").exists());
    std::fs::remove_file(&lock).unwrap();
    std::fs::hard_link(&mine, &lock).unwrap();
    assert_lock_is_rejected(&bench, "it is not the lock of a run");
    assert_eq!(bench.workspace.read("mine.txt"), "mine");
    std::fs::remove_file(&lock).unwrap();
    bench.workspace.write("star/_lock", "the lock of another program");
    assert_lock_is_rejected(&bench, "it is not the lock of a run");
    assert_eq!(bench.workspace.read("star/_lock"), "the lock of another program");
    std::fs::remove_file(&lock).unwrap();
    assert!(Command::new("mkfifo").arg(&lock).status().unwrap().success());
    assert_lock_is_rejected(&bench, "it is not a file");
    std::fs::remove_file(&lock).unwrap();
    bench.publish("b");
    bench.assert_nothing_is_left_over();
}

#[test]
fn record_that_is_a_link_is_replaced_and_not_followed() {
    let bench = Bench::local();
    bench.publish_at("a", "other");
    bench.publish("a");
    let record = bench.workspace.join("star/_starlift.json");
    std::fs::remove_file(&record).unwrap();
    symlink(bench.workspace.join("other/_starlift.json"), &record).unwrap();
    for table in TABLES {
        let manifest = bench.workspace.join(&format!("star/{table}.manifest"));
        std::fs::remove_file(&manifest).unwrap();
        symlink(bench.workspace.join("mine.txt"), &manifest).unwrap();
    }
    bench.workspace.write("mine.txt", "mine");
    let other = files(&bench.workspace.join("other"));
    let content = bench.workspace.read("other/_starlift.json");
    bench.publish("b");
    assert_eq!(bench.workspace.read("other/_starlift.json"), content);
    assert_eq!(bench.workspace.read("mine.txt"), "mine");
    assert_eq!(files(&bench.workspace.join("other")), other);
    bench.answer();
}
