//! Cuts connections at random moments of random loads while a reader queries in a loop, and runs
//! several loaders at once. `STARLIFT_CUTS` and `STARLIFT_LOADER_SECONDS` extend the tests.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};
use std::time::{Duration, Instant};

use super::redshift::Cloud;
use super::*;
use crate::support::dice::Dice;
use crate::support::redshift::{Fault, On, What, When};
use starlift::warehouse::connection::session::Session;

/// Default number of cuts per warehouse.
const CUTS: u64 = 6;

/// Default number of seconds for the loaders.
const SECONDS: u64 = 6;

/// One in this many loads is not cut and must succeed.
const WHOLE_LOADS: u64 = 4;

/// A statement that counts the rows of each table.
const COUNTS: &str = "SELECT 'a' AS t, COUNT(*) FROM star.songplays UNION ALL SELECT 'b', COUNT(*) FROM star.time \
    UNION ALL SELECT 'c', COUNT(*) FROM star.users UNION ALL SELECT 'd', COUNT(*) FROM star.songs \
    UNION ALL SELECT 'e', COUNT(*) FROM star.artists";

/// A statement that counts the tables of the schema: five of the star and two of the bookkeeping if
/// nothing is left behind.
const TABLES: &str = "SELECT COUNT(*) FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace \
    WHERE n.nspname = 'star' AND c.relkind = 'r'";

fn asked(name: &str, usual: u64) -> u64 {
    std::env::var(name).map_or(usual, |number| number.parse().unwrap())
}

async fn counts(client: &Client) -> String {
    let mut rows = rows(client, COUNTS).await;
    rows.sort();
    rows.join(" ")
}

/// Returns the counts through the stand-in, which fails readers as Redshift does, or `None` if the
/// reader's own connection was cut.
async fn counts_of(session: &Session) -> Option<String> {
    match session.rows("look at the star", COUNTS).await {
        Ok(rows) => {
            let text = |row: &Vec<Option<String>>| {
                row.iter().flatten().cloned().collect::<Vec<_>>().join("|")
            };
            let mut rows: Vec<String> = rows.iter().map(text).collect();
            rows.sort();
            Some(rows.join(" "))
        }
        Err(error) if error.is_lost() => None,
        Err(error) => panic!("a reader failed: {error}: {}", error.cause),
    }
}

/// A reader in a loop, in a separate task.
struct Reading {
    stop: Arc<AtomicBool>,
    looks: tokio::task::JoinHandle<u64>,
}

impl Reading {
    /// Starts to call `look`, which returns `None` if its connection was cut; every result must be
    /// one of `stars`.
    fn start<F>(stars: &Arc<Vec<String>>, look: impl Fn() -> F + Send + 'static) -> Reading
    where
        F: Future<Output = Option<String>> + Send + 'static,
    {
        let stop = Arc::new(AtomicBool::new(false));
        let (stars, stopped) = (stars.clone(), stop.clone());
        let looks = tokio::spawn(async move {
            let mut looks = 0;
            while !stopped.load(Relaxed) {
                if let Some(seen) = look().await {
                    assert!(stars.contains(&seen), "torn: {seen}, not one of {stars:?}");
                    looks += 1;
                }
                tokio::time::sleep(Duration::from_millis(3)).await;
            }
            looks
        });
        Reading { stop, looks }
    }

    /// Starts a reader of the stand-in that connects again after its connection was cut.
    async fn of_redshift(cloud: &Cloud, stars: &Arc<Vec<String>>) -> Reading {
        let access = cloud.access();
        let session = Arc::new(tokio::sync::Mutex::new(cloud.session().await));
        Reading::start(stars, move || {
            let (access, session) = (access.clone(), session.clone());
            async move {
                let mut session = session.lock().await;
                let seen = counts_of(&session).await;
                if seen.is_none() {
                    *session = Session::open(&access).await.unwrap();
                }
                seen
            }
        })
    }

    /// Stops the reader and returns the number of its reads.
    async fn finish(self) -> u64 {
        self.stop.store(true, Relaxed);
        self.looks.await.unwrap()
    }
}

#[derive(Default)]
struct Tally {
    cuts: u64,
    survived: u64,
    failed: u64,
    whole: u64,
}

impl std::fmt::Display for Tally {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Tally { cuts, survived, failed, whole } = self;
        write!(
            f,
            "{cuts} cuts: {survived} loads succeeded all the same, {failed} failed; {whole} loads were \
             not cut and succeeded"
        )
    }
}

/// Injects one to three cuts at random statements of the next load, and returns their number: a failing network can
/// fail several times.
fn inject_cuts(cloud: &Cloud, dice: &mut Dice, statements: u64) -> u64 {
    let cuts = 1 + dice.roll(3);
    for _ in 0..cuts {
        let when = [When::Before, When::Within, When::After][dice.roll(3) as usize];
        let skip = dice.roll(statements) as usize;
        // Do not count the reader's statements.
        let on = On::AnyBut("'a' AS t".to_owned());
        cloud.redshift.inject(Fault { on, skip, when, what: What::Cut });
    }
    cuts
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn random_cuts_of_redshift_connections_leave_complete_stars() {
    let cloud = Cloud::new().await;
    cloud.transform("other", &["--unmatched", "drop"]);
    let client = cloud.redshift.database().client().await;
    let mut stars = Vec::new();
    let mut statements = 0;
    for star in ["other", "star"] {
        let before = cloud.redshift.statements().len();
        cloud.load(star, &[]).exits(0);
        statements = (cloud.redshift.statements().len() - before) as u64;
        stars.push(counts(&client).await);
    }
    assert_ne!(stars[0], stars[1]);
    let (mut dice, mut tally, stars) = (Dice(2018), Tally::default(), Arc::new(stars));
    let reading = Reading::of_redshift(&cloud, &stars).await;
    let cuts = asked("STARLIFT_CUTS", CUTS);
    while tally.cuts < cuts {
        let star = ["star", "other"][dice.roll(2) as usize];
        let wanted = inject_cuts(&cloud, &mut dice, statements);
        let outcome = tokio::task::block_in_place(|| cloud.load(star, &["--force"]));
        tally.cuts += wanted - cloud.redshift.clear_faults() as u64;
        match outcome.code {
            Some(0) => {
                tally.survived += 1;
                assert_eq!(loaded_run(&client).await, cloud.run_id(star), "{outcome}");
            }
            Some(1) => tally.failed += 1,
            _ => panic!("{outcome}"),
        }
        let seen = counts(&client).await;
        assert!(stars.contains(&seen), "torn: {seen}\n{outcome}");
        if dice.roll(WHOLE_LOADS) == 0 {
            let next = tokio::task::block_in_place(|| cloud.load("other", &["--force"]));
            next.exits(0);
            assert_eq!(counts(&client).await, stars[0]);
            assert_eq!(value(&client, TABLES).await, "8", "{next}");
            tally.whole += 1;
        }
    }
    tokio::task::block_in_place(|| cloud.load("star", &["--force"]).exits(0).code);
    assert_eq!(counts(&client).await, stars[1]);
    assert_eq!(value(&client, TABLES).await, "8");
    let looks = reading.finish().await;
    assert!(looks > tally.cuts, "the reader hardly looked");
    println!("Redshift stand-in: {tally}; a reader looked {looks} times");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn random_cuts_of_postgresql_connections_leave_complete_stars() {
    let here = with_star();
    transform(&here, "other", &["--unmatched", "drop"]).exits(0);
    cut_postgresql(&here, &["--force"]).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn random_cuts_of_updates_in_postgresql_leave_complete_stars() {
    let days = super::update::Days::new();
    days.add_play("late", &days.play_of(3, |play| play["userId"] = "9001".into()));
    std::fs::remove_file(days.here.join("data").join(&days.logs()[5])).unwrap();
    days.transform("other", &[]).exits(0);
    cut_postgresql(&days.here, &[]).await;
}

/// A statement that cuts the connection of a load, and returns the number of connections cut.
const CUT: &str = "SELECT COUNT(pg_terminate_backend(pid)) FROM (SELECT pid FROM pg_stat_activity \
    WHERE datname = current_database() AND application_name LIKE 'starlift %' ORDER BY random() LIMIT 1) p";

/// Runs a load, and cuts its connections until it ends: a load is fast, so several times. Returns its outcome and the
/// number of cuts.
fn cut_while(
    cutter: &Client,
    wait: &mut dyn FnMut() -> Duration,
    load: impl FnOnce() -> Outcome + Send,
) -> (Outcome, u64) {
    let (is_over, mut cuts) = (AtomicBool::new(false), 0);
    let outcome = std::thread::scope(|scope| {
        let running = scope.spawn(|| {
            let outcome = load();
            is_over.store(true, Relaxed);
            outcome
        });
        tokio::task::block_in_place(|| {
            while !is_over.load(Relaxed) {
                std::thread::sleep(wait());
                let cut = futures::executor::block_on(value(cutter, CUT));
                cuts += cut.parse::<u64>().unwrap();
            }
        });
        running.join().unwrap()
    });
    (outcome, cuts)
}

/// Loads the stars `star` and `other` in turn with the options `more`, cuts the connections of the loads, and reads
/// the tables in a loop.
async fn cut_postgresql(here: &Workspace, more: &[&str]) {
    let database = database();
    let client = database.client().await;
    let url = database.url();
    let load = |star: &str| here.run(["load", "--star", star, "--to", &url].iter().chain(more));
    let mut stars = Vec::new();
    let mut took = Duration::ZERO;
    for star in ["star", "other", "star"] {
        let begun = Instant::now();
        let outcome = load(star);
        let mode = if more.is_empty() && !stars.is_empty() { "updated " } else { "loaded " };
        outcome.exits(0).says(mode);
        took = begun.elapsed();
        stars.push(counts(&client).await);
    }
    assert_ne!(stars[0], stars[1]);
    stars.remove(0);
    let (mut dice, mut tally, stars) = (Dice(1918), Tally::default(), Arc::new(stars));
    let reading = Reading::start(&stars, {
        let reader = Arc::new(database.client().await);
        move || {
            let reader = reader.clone();
            async move { Some(counts(&reader).await) }
        }
    });
    let cutter = database.client().await;
    let cuts = asked("STARLIFT_CUTS", CUTS);
    while tally.cuts < cuts {
        let star = ["star", "other"][dice.roll(2) as usize];
        let longest = took.as_micros() as u64 / 2;
        let mut wait = || Duration::from_micros(dice.roll(longest));
        let (loaded, cut) = cut_while(&cutter, &mut wait, || load(star));
        tally.cuts += cut;
        match loaded.code {
            Some(0) => tally.survived += 1,
            Some(1) => tally.failed += 1,
            _ => panic!("{loaded}"),
        }
        let seen = counts(&client).await;
        assert!(stars.contains(&seen), "torn: {seen}\n{loaded}");
        if dice.roll(WHOLE_LOADS) == 0 {
            let next = tokio::task::block_in_place(|| load("other"));
            next.exits(0);
            assert_eq!(value(&client, TABLES).await, "8", "{next}");
            tally.whole += 1;
        }
    }
    tokio::task::block_in_place(|| load("star").exits(0).code);
    assert_eq!(counts(&client).await, stars[1]);
    assert_eq!(value(&client, TABLES).await, "8");
    let looks = reading.finish().await;
    println!("PostgreSQL: {tally}; a reader looked {looks} times");
}

/// Repeats a command until `end`, and counts its runs in `done`.
fn repeat(here: &Workspace, args: &[&str], end: Instant, done: &AtomicU64) {
    while Instant::now() < end {
        let outcome = here.run(args);
        // `run` verifies after its load, when another star may already be in place: exit code 4.
        let is_run = args[0] == "run";
        assert!(outcome.code == Some(0) || is_run && outcome.code == Some(4), "{outcome}");
        done.fetch_add(1, Relaxed);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn two_loaders_and_a_concurrent_run_leave_complete_stars() {
    let (here, database) = (with_star(), database());
    transform(&here, "other", &["--unmatched", "drop"]).exits(0);
    let client = database.client().await;
    let url = database.url();
    let mut stars = Vec::new();
    for star in ["other", "star"] {
        here.run(["load", "--star", star, "--to", &url]).exits(0);
        stars.push(counts(&client).await);
    }
    let sample = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/sample");
    let (songs, logs) = (sample.join("song_data"), sample.join("log_data"));
    let (songs, logs) = (songs.to_str().unwrap(), logs.to_str().unwrap());
    let end = Instant::now() + Duration::from_secs(asked("STARLIFT_LOADER_SECONDS", SECONDS));
    let (done, looks) = (AtomicU64::new(0), AtomicU64::new(0));
    let locations = ["--songs", songs, "--logs", logs, "--out", "third", "--to", &url];
    let run = [&["run", "--max-rejects", "14"], &locations[..]].concat();
    std::thread::scope(|scope| {
        let (here, done) = (&here, &done);
        let workers = [
            vec!["load", "--force", "--star", "star", "--to", &url],
            vec!["load", "--force", "--star", "other", "--to", &url],
            run,
        ];
        let workers = workers.map(|args| scope.spawn(move || repeat(here, &args, end, done)));
        tokio::task::block_in_place(|| {
            while workers.iter().any(|worker| !worker.is_finished()) {
                let seen = futures::executor::block_on(counts(&client));
                assert!(stars.contains(&seen), "torn: {seen}, not one of {stars:?}");
                looks.fetch_add(1, Relaxed);
                std::thread::sleep(Duration::from_millis(3));
            }
        });
    });
    assert_eq!(value(&client, TABLES).await, "8");
    let numbers = "SELECT COUNT(DISTINCT load_number) = MAX(load_number) FROM star.starlift_loads";
    assert_eq!(value(&client, numbers).await, "t");
    let loads = value(&client, "SELECT MAX(load_number) FROM star.starlift_loads").await;
    println!(
        "{} commands of two loaders and a run, {loads} loads; a reader looked {} times",
        done.load(Relaxed),
        looks.load(Relaxed)
    );
}
