//! Incremental runs in a bucket: the requests that they send.

use crate::support::s3::{Op, S3Server};
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
        run.join().unwrap().exits(1).complains("[object-changed]");
    });
    assert_eq!(bucket.server.get("star/_starlift.json"), record);
}
