//! Kills runs at random moments while they alternate between two stars, and suspends runs while
//! others publish. `STARLIFT_KILLS` is the number of kills per store.

use super::*;
use crate::support::dice::Dice;

/// Default number of kills per store.
const KILLS: usize = 20;

/// One in this many kills is followed by a run that is not killed.
const WHOLE_RUNS: u64 = 4;

/// Files that are not part of the star and must never change.
const FOREIGN: [&str; 5] = [
    "star/notes.txt",
    "star/songs/mine.parquet",
    "star/songs/x/20181112T030405Z-0a1b2c3d-00000.parquet",
    "star/users/bob/star/users/20181112T030405Z-0a1b2c3d-00000.parquet",
    "star/users/bob/star/_starlift.json",
];

/// A store in which runs are killed.
pub struct Campaign {
    bench: Bench,
    dice: Dice,
    /// Name and fingerprint of each star.
    stars: [(&'static str, u64); 2],
    whole: Duration,
    publishing: Duration,
    /// Number of kills per stage.
    stages: BTreeMap<String, usize>,
}

impl Campaign {
    pub fn new(bench: Bench) -> Campaign {
        for path in FOREIGN {
            match &bench.server {
                Some(server) => server.put(path, path),
                None => drop(bench.workspace.write(path, path)),
            }
        }
        let mut times = Vec::new();
        let stars = ["b", "a"].map(|data| {
            let outcome = bench.publish(data);
            times.push(["total", "publish"].map(|stage| time_of(&outcome, stage)));
            (data, fingerprint(&bench))
        });
        assert_ne!(stars[0].1, stars[1].1);
        let dice = Dice(2018);
        let [whole, publishing] = times[1];
        Campaign { bench, dice, stars, whole, publishing, stages: BTreeMap::new() }
    }

    pub fn bench(&self) -> &Bench {
        &self.bench
    }

    /// Returns the name of the current star; fails the test unless it is one of the two, byte for
    /// byte.
    #[track_caller]
    pub fn standing(&self) -> &'static str {
        let print = fingerprint(&self.bench);
        let found = self.stars.iter().find(|(_, star)| *star == print);
        found.unwrap_or_else(|| panic!("the star is torn after {:?}", self.stages)).0
    }

    #[track_caller]
    pub fn assert_foreign_files_are_whole(&self) {
        let found = self.bench.star();
        for path in FOREIGN {
            let content = found.get(&path["star/".len()..]);
            assert_eq!(content.map(Vec::as_slice), Some(path.as_bytes()), "{path}");
        }
    }

    /// Starts a run of the other star, kills it, and checks the result.
    fn kill(&mut self) {
        let before = self.standing();
        let other = if before == "a" { "b" } else { "a" };
        let log = self.bench.workspace.join("log");
        let mut command = self.bench.transform(other, &["--log-format", "text", "-v"]);
        let errors = File::create(&log).unwrap();
        let mut run = Run::start(command.stdout(Stdio::null()).stderr(errors));
        let read_log = || std::fs::read_to_string(&log).unwrap_or_default();
        self.wait_for_a_moment(&mut run, read_log);
        run.kill();
        let stage = self.stage(&read_log(), before);
        *self.stages.entry(stage).or_default() += 1;
        self.assert_foreign_files_are_whole();
        self.bench.assert_manifests_are_whole();
    }

    /// Waits for a random moment of a run; half of the moments are while it publishes.
    fn wait_for_a_moment(&mut self, run: &mut Run, read_log: impl Fn() -> String) {
        if self.dice.roll(2) == 0 {
            return self.wait_at_most(self.whole);
        }
        // Publishing is a small part of a run, but the critical one.
        while !read_log().contains(" write the manifests")
            && run.child().try_wait().unwrap().is_none()
        {
            std::thread::sleep(Duration::from_micros(200));
        }
        self.wait_at_most(self.publishing);
    }

    fn wait_at_most(&mut self, longest: Duration) {
        std::thread::sleep(Duration::from_micros(self.dice.roll(longest.as_micros() as u64)));
    }

    /// Returns the stage in which a run was killed, from its log and the current star.
    #[track_caller]
    fn stage(&self, log: &str, before: &str) -> String {
        let is_new = self.standing() != before;
        let stages = [
            (" removed superseded files", "7 removing the lock"),
            (" put the record", "6 after the record"),
            (" synced the star", "5 at the record"),
            (" write the manifests", "4 writing manifests"),
            (" checking", "3 checking"),
            (" transforming", "2 transforming"),
            (" reading", "1 reading"),
        ];
        let found = stages.into_iter().find(|(line, _)| log.contains(line));
        let stage = found.map_or("0 starting", |(_, stage)| stage);
        format!("{stage}, the {} star", if is_new { "new" } else { "old" })
    }

    /// Completes a run: it must remove the files of dead runs, and all manifests must belong to one
    /// star.
    pub fn run_to_the_end(&self) {
        let other = if self.standing() == "a" { "b" } else { "a" };
        self.bench.publish(other);
        assert_eq!(self.standing(), other);
        self.bench.assert_manifests_agree();
        self.assert_nothing_else_is_there();
    }

    #[track_caller]
    fn assert_nothing_else_is_there(&self) {
        let mut found: Vec<String> = self.bench.star().into_keys().collect();
        found.retain(|path| !FOREIGN.contains(&format!("star/{path}").as_str()));
        assert_eq!(found, self.bench.files_of_the_star());
    }

    /// Suspends a run, lets another run take over its lock and publish, and resumes the first run.
    fn stall(&mut self) {
        let log = self.bench.workspace.join("log");
        let mut command = self.bench.transform("b", &["-v"]);
        let errors = File::create(&log).unwrap();
        let mut stalled = Run::start(command.stdout(Stdio::null()).stderr(errors));
        let read_log = || std::fs::read_to_string(&log).unwrap_or_default();
        self.wait_for_a_moment(&mut stalled, read_log);
        stalled.signal("STOP");
        let stage = self.stage(&read_log(), "a");
        *self.stages.entry(stage).or_default() += 1;
        self.overtake();
        stalled.signal("CONT");
        stalled.child().wait().unwrap();
        self.standing();
        self.assert_foreign_files_are_whole();
        self.bench.assert_manifests_agree();
        if self.standing() == "b" {
            // The run was suspended before it had the lock, or after it had released the lock.
            assert!(read_log().contains("put the record"), "{}", read_log());
        }
        self.bench.publish("a");
        self.assert_nothing_else_is_there();
    }

    /// Publishes as a run that finds an expired lease.
    fn overtake(&self) {
        for _ in 0..5 {
            self.bench.server().put("star/_lock", lease(-1));
            let outcome = self.bench.workspace.outcome(&mut self.bench.transform("a", &[]));
            if outcome.code == Some(0) {
                return;
            }
            // A request of the suspended run was in flight and renewed its lease.
            outcome.fails_with("output-locked");
        }
        panic!("the lease of a stopped run is renewed again and again");
    }

    fn stall_often(mut self) {
        let stalls = kills();
        for _ in 0..stalls {
            self.stall();
        }
        println!("on S3: {stalls} runs stopped while another one published, 0 torn stars");
        self.print_stages();
    }

    fn print_stages(&self) {
        for (stage, count) in &self.stages {
            println!("  {count:>5} {stage}");
        }
    }

    fn fight(mut self, place: &str) {
        let kills = kills();
        let (mut whole_runs, mut killed) = (0, 0);
        while killed < kills {
            self.kill();
            killed += 1;
            if self.dice.roll(WHOLE_RUNS) == 0 || killed == kills {
                self.run_to_the_end();
                whole_runs += 1;
            }
        }
        self.bench.answer();
        println!("{place}: {kills} kills, {whole_runs} whole runs in between, 0 torn stars");
        self.print_stages();
    }
}

fn kills() -> usize {
    let kills = std::env::var("STARLIFT_KILLS").ok();
    kills.map_or(KILLS, |kills| kills.parse().unwrap())
}

/// Returns the duration of a stage from the summary of its run.
fn time_of(outcome: &Outcome, stage: &str) -> Duration {
    let line = outcome.stdout.lines().find(|line| line.trim().starts_with(stage)).unwrap();
    let seconds = line.split_ascii_whitespace().nth(1).unwrap().parse().unwrap();
    Duration::from_secs_f64(seconds)
}

/// Returns a hash of the files of the current star, as listed in its record.
#[track_caller]
fn fingerprint(bench: &Bench) -> u64 {
    let (star, record) = (bench.star(), bench.record());
    let mut bytes = Vec::new();
    for table in TABLES {
        for file in record["tables"][table]["files"].as_array().unwrap() {
            let path = file["path"].as_str().unwrap();
            bytes.extend(star.get(path).unwrap_or_else(|| panic!("{path} is gone")));
        }
    }
    xxhash_rust::xxh3::xxh3_64(&bytes)
}

#[test]
fn kills_at_random_moments_on_disk_leave_one_of_two_stars() {
    Campaign::new(Bench::local()).fight("on disk");
}

#[test]
fn kills_at_random_moments_on_s3_leave_one_of_two_stars() {
    Campaign::new(Bench::s3()).fight("on S3");
}

#[test]
fn suspensions_at_random_moments_on_s3_leave_the_star_of_another_run() {
    Campaign::new(Bench::s3()).stall_often();
}
