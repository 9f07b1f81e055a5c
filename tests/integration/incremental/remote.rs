//! Incremental runs in a bucket: the requests that they send.

use crate::support::s3::{Op, Rule, S3Server};
use crate::support::{Outcome, Workspace};

struct Bucket {
    workspace: Workspace,
    server: S3Server,
}

impl Bucket {
    fn new() -> Bucket {
        let bucket = Bucket { workspace: Workspace::new(), server: S3Server::start() };
        let generate = "generate --songs 30 --events 300 --users 9 --days 2 --out data";
        bucket.workspace.run(generate.split(' ')).exits(0);
        bucket.server.put_tree(&bucket.workspace.join("data"), "data");
        bucket
    }

    fn transform(&self, more: &[&str]) -> Outcome {
        let mut command = self.workspace.command();
        self.server.apply(&mut command).arg("transform");
        for (name, folder) in [("--songs", "data/song_data"), ("--logs", "data/log_data")] {
            command.args([name, &self.server.url(folder)]);
        }
        command.args(["--out", &self.server.url("star")]).args(more);
        self.workspace.outcome(&mut command)
    }

    /// Returns the number of requests of this kind whose target contains the text, during `work`.
    fn requests(&self, op: Op, target: &str, work: impl FnOnce()) -> usize {
        let before = self.server.count(op, target);
        work();
        self.server.count(op, target) - before
    }
}

#[test]
fn a_run_without_changes_only_lists_the_objects() {
    let bucket = Bucket::new();
    bucket.transform(&["--incremental"]).exits(0).says("32 new");
    let again = || {
        let outcome = bucket.transform(&["--incremental"]);
        outcome.exits(0).says("32 unchanged; read 0 B").says("not built again");
    };
    assert_eq!(bucket.requests(Op::Get, "data/", again), 0);
    let names =
        ["star/songs/", "star/_inputs/", "star/_state/", "star/_starlift.json", ".manifest"];
    for name in names {
        assert_eq!(bucket.requests(Op::Put, name, again), 0, "{name}");
    }
    assert_eq!(bucket.requests(Op::Delete, "", again), bucket.requests(Op::Delete, "_lock", again));
}

#[test]
fn only_the_objects_that_differ_are_fetched() {
    let bucket = Bucket::new();
    bucket.transform(&["--incremental"]).exits(0);
    let keys = bucket.server.keys("data/");
    let log = keys.iter().find(|key| key.contains("log_data")).unwrap();
    let mut content = bucket.server.get(log).unwrap();
    content.extend_from_within(..);
    bucket.server.put(log, content);
    bucket.server.put("data/song_data/new.json", bucket.server.get(&keys[keys.len() - 1]).unwrap());
    let next = || {
        bucket
            .transform(&["--incremental"])
            .exits(0)
            .says("1 new, 1 changed, 0 gone, 31 unchanged");
    };
    assert_eq!(bucket.requests(Op::Get, "data/", next), 2);
    let full = bucket.transform(&["--verify"]);
    full.exits(0).says("all 5 tables are equal");
}

#[test]
fn an_object_that_changes_after_it_was_listed_fails_the_run() {
    let bucket = Bucket::new();
    bucket.transform(&["--incremental"]).exits(0);
    bucket.server.put("data/log_data/late.json", "{}\n");
    let record = bucket.server.get("star/_starlift.json");
    let gate = bucket.server.pause_first(Op::Get, "late.json");
    std::thread::scope(|scope| {
        let run = scope.spawn(|| bucket.transform(&["--incremental"]));
        gate.wait();
        bucket.server.put("data/log_data/late.json", "{\"a\": 1}\n");
        gate.release();
        run.join().unwrap().fails_with("object-changed");
    });
    assert_eq!(bucket.server.get("star/_starlift.json"), record);
}

#[test]
fn an_earlier_star_is_restored_in_a_bucket() {
    let bucket = Bucket::new();
    let options = ["--incremental", "--partition", "day", "--keep", "2"];
    let star = || -> serde_json::Value {
        serde_json::from_slice(&bucket.server.get("star/_starlift.json").unwrap()).unwrap()
    };
    bucket.transform(&options).exits(0);
    let first = star();
    let play = r#"{"page": "NextSong", "ts": 1541121600000, "userId": "9001", "sessionId": 1}"#;
    bucket.server.put("data/log_data/late.json", play);
    bucket.transform(&options).exits(0);
    let second = star();
    assert_ne!(first["star_hash"], second["star_hash"]);
    let rollback = |run: &serde_json::Value| {
        let mut command = bucket.workspace.command();
        let url = bucket.server.url("star");
        let rollback = bucket.server.apply(&mut command).args(["rollback", "--star", &url]);
        bucket.workspace.outcome(rollback.arg(run["run_id"].as_str().unwrap()))
    };
    // The store fails before the record is replaced, and while it is replaced.
    for (target, code) in [("_manifests/", 1), ("star/_starlift.json", 1)] {
        bucket.server.inject(Rule::status(403, Op::Put, target).times(1));
        rollback(&first).exits(code);
        assert_eq!(star()["run_id"], second["run_id"]);
    }
    bucket.server.inject(Rule::hang_up(Op::Put, "star/_starlift.json").times(1));
    rollback(&first).exits(0).says("restored  ");
    assert_eq!(star()["star_hash"], first["star_hash"]);
    assert_eq!(star()["restored"], first["run_id"]);
    rollback(&second).exits(0);
    assert_eq!(star()["star_hash"], second["star_hash"]);
    assert_eq!(bucket.server.keys("star/_lock"), [""; 0], "the lease is left");
    let unnamed = |key: &String| {
        let kept = bucket.server.keys("star/_history/").into_iter();
        let kept = kept.map(|key| String::from_utf8(bucket.server.get(&key).unwrap()).unwrap());
        let texts: Vec<String> = kept.chain([star().to_string()]).collect();
        let name = key.strip_prefix("star/").unwrap();
        !name.starts_with("_history/") && !texts.iter().any(|text| text.contains(name))
    };
    let files = bucket.server.keys("star/");
    let files = files.iter().filter(|key| key.matches('/').count() > 1);
    assert_eq!(files.filter(|key| unnamed(key)).collect::<Vec<_>>(), [""; 0]);
}
