//! Incremental runs: each ends with the star, the counts and the rejects of a full run from the same objects.

mod cases;
mod command;
mod earlier;
mod histories;
mod joins;
mod kills;
mod lists;
mod partitions;
mod remote;
mod restored;
mod state;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use serde_json::{Value, json};
use starlift::incremental::{Changes, IncrementalOptions, Removed};
use starlift::ingest::TransformProgress;
use starlift::limits::MaxRejects;
use starlift::pipeline::{TransformFailure, TransformOptions, TransformReport, transform};
use starlift::star::RunRecord;
use starlift::storage::{StoreOptions, Stores};

/// A folder with the objects of two datasets, a star that incremental runs keep up to date, and the options
/// of the runs.
struct History {
    folder: tempfile::TempDir,
    options: TransformOptions,
    /// Seconds since 1970 of the last modification of a file. Each modification has its own time, so that no
    /// test depends on the clock of the file system.
    now: u64,
}

impl History {
    fn new() -> History {
        let folder = tempfile::tempdir().unwrap();
        let below = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
        for name in ["songs", "logs"] {
            std::fs::create_dir(below(name)).unwrap();
        }
        let inputs = [("songs", below("songs")), ("logs", below("logs"))];
        let inputs = inputs.iter().map(|(name, folder)| (*name, folder.as_str()));
        let mut options = TransformOptions::new(inputs, &below("star"));
        options.max_rejects = MaxRejects::Percent(100.0);
        options.allow_empty = true;
        options.engine.threads = Some(2);
        options.incremental = Some(IncrementalOptions::default());
        History { folder, options, now: 1_500_000_000 }
    }

    /// Returns a history with a song and two days of events, and its star.
    fn started() -> History {
        let mut history = History::new();
        history.write("songs/a.json", &song("A", "Title A"));
        history.write("logs/1.json", &(play(1, 8) + &play(2, 9)));
        history.write("logs/2.json", &play(86_400_001, 8));
        history.run();
        history
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Writes a file with its own time of modification.
    fn write(&mut self, name: &str, content: &str) {
        let path = self.path(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, content).unwrap();
        self.touch(name);
    }

    /// Sets the time of modification of a file to a new one.
    fn touch(&mut self, name: &str) {
        self.now += 1;
        let file = std::fs::File::options().write(true).open(self.path(name)).unwrap();
        file.set_modified(SystemTime::UNIX_EPOCH + Duration::from_secs(self.now)).unwrap();
    }

    fn remove(&self, name: &str) {
        std::fs::remove_file(self.path(name)).unwrap();
    }

    fn outcome(&self) -> Result<TransformReport, TransformFailure> {
        run(&self.options)
    }

    /// Runs incrementally, and checks that the star equals that of a full run in another folder.
    #[track_caller]
    fn run(&self) -> TransformReport {
        let report = self.outcome().unwrap_or_else(|failure| panic!("{:?}", failure.error));
        self.assert_equals_full(&report);
        report
    }

    /// Runs incrementally with this treatment of objects that are no longer listed.
    #[track_caller]
    fn run_removing(&mut self, removed: Removed) -> TransformReport {
        self.options.incremental = Some(IncrementalOptions { full: false, removed });
        let report = self.outcome().unwrap_or_else(|failure| panic!("{:?}", failure.error));
        self.options.incremental = Some(IncrementalOptions::default());
        report
    }

    #[track_caller]
    fn assert_equals_full(&self, report: &TransformReport) {
        let other = tempfile::tempdir().unwrap();
        let options = TransformOptions {
            out: other.path().to_str().unwrap().to_owned(),
            incremental: None,
            ..self.options.clone()
        };
        let full = run(&options).unwrap_or_else(|failure| panic!("{:?}", failure.error));
        let (found, expected) = (report.record.as_ref().unwrap(), full.record.as_ref().unwrap());
        assert_eq!(facts(found, &self.path("star")), facts(expected, other.path()));
        if !report.is_up_to_date {
            assert_eq!(counts(report), counts(&full));
        }
        assert!(self.files_are_named(found), "files that no record names");
    }

    /// Returns `true` if the record names all files of the star's folders.
    fn files_are_named(&self, record: &RunRecord) -> bool {
        let text = String::from_utf8(record.to_json().unwrap()).unwrap();
        let found = crate::support::files(&self.path("star"));
        let mut folders = found.iter().filter(|file| file.contains('/'));
        folders.all(|file| text.contains(&format!("\"{file}\"")))
    }

    fn record(&self) -> RunRecord {
        let json = std::fs::read_to_string(self.path("star/_starlift.json")).unwrap();
        serde_json::from_str(&json).unwrap()
    }
}

/// Returns the number of random histories: that of the environment, or `usual`.
fn rounds(usual: u32) -> u32 {
    let rounds = std::env::var("STARLIFT_HISTORIES").ok();
    rounds.map_or(usual, |rounds| rounds.parse().unwrap())
}

fn run(options: &TransformOptions) -> Result<TransformReport, TransformFailure> {
    tokio::runtime::Runtime::new().unwrap().block_on(async {
        let stores = Stores::new(StoreOptions::default());
        let progress = Arc::new(TransformProgress::default());
        transform(options, &stores, &progress, std::future::pending()).await
    })
}

/// Returns all that a star contains and counts: equal for a full and an incremental run from the same
/// objects.
fn facts(record: &RunRecord, star: &Path) -> Value {
    let bytes = |path: &str| hash(&std::fs::read(star.join(path)).unwrap());
    let tables: BTreeMap<_, _> = record
        .tables
        .iter()
        .map(|(name, table)| {
            let files: Vec<_> = table.files.iter().map(|file| bytes(&file.path)).collect();
            let content = json!({"rows": table.rows, "bytes": table.bytes, "hash": table.hash,
                                 "texts": table.max_text_bytes, "nulls": table.nulls,
                                 "partitions": table.partitions});
            (name, (files, content))
        })
        .collect();
    let lists: BTreeMap<_, _> = record
        .lists
        .iter()
        .map(|(name, list)| {
            let content = (bytes(&list.file.path), list.file.rows, &list.hash, &list.columns);
            (name, content)
        })
        .collect();
    assert!(!lists.is_empty(), "the model has a list");
    json!({
        "star_hash": record.star_hash,
        "tables": tables,
        "lists": lists,
        "inputs": bytes(&record.inputs.path),
        "rejects": bytes(&record.rejects.path),
        "datasets": record.datasets,
        "accounting": record.accounting,
        "checks": record.checks,
    })
}

/// Returns the counts of a report.
fn counts(report: &TransformReport) -> Vec<String> {
    let counts = report.datasets.iter().map(|(name, counts)| {
        let mut counts = counts.clone();
        counts.elapsed = Duration::ZERO;
        // Texts that cannot change the size of a batch are not always measured.
        counts.notes.longest_text = counts.notes.longest_text.max(1024);
        format!("{name} {counts:?}")
    });
    counts.chain([format!("{:?}", report.accounting)]).collect()
}

fn changes(report: &TransformReport) -> &Changes {
    report.changes.as_ref().unwrap()
}

/// Returns the numbers of objects that are new, changed, gone, unchanged and read again.
fn numbers(report: &TransformReport) -> [u64; 5] {
    let changes = changes(report);
    [changes.new, changes.changed, changes.gone, changes.unchanged, changes.again]
}

fn song(id: &str, title: &str) -> String {
    let song = json!({"song_id": id, "title": title, "artist_id": format!("AR{id}"),
                      "artist_name": "Artist", "duration": 200.5});
    format!("{song}\n")
}

/// Returns a play of the title of song A, `ts` milliseconds after 1970.
fn play(ts: i64, user: i64) -> String {
    let play = json!({"page": "NextSong", "ts": ts, "userId": user.to_string(), "sessionId": 139,
                      "song": "Title A", "artist": "Artist", "length": 200.5, "level": "free"});
    format!("{play}\n")
}

fn hash(bytes: &[u8]) -> String {
    format!("{:032x}", xxhash_rust::xxh3::xxh3_128(bytes))
}
