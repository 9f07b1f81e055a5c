//! Runs while requests fail and while disks are full: the star is either the old or the new one.
//! `STARLIFT_OUTAGES` is the number of runs while requests fail.

use super::campaign::Campaign;
use super::*;
use crate::support::small_disk::SmallDisk;

/// Default number of runs while requests fail.
const RUNS: usize = 10;

/// One in this many requests fails.
const FAILURES: usize = 20;

#[test]
fn failures_of_one_request_in_twenty_leave_no_torn_star() {
    let runs = std::env::var("STARLIFT_OUTAGES").map_or(RUNS, |runs| runs.parse().unwrap());
    let campaign = Campaign::new(Bench::s3());
    let (mut published, mut failed) = (0, 0);
    for _ in 0..runs {
        let before = campaign.standing();
        let other = if before == "a" { "b" } else { "a" };
        campaign.bench().server().fail_one_in(FAILURES);
        let bench = campaign.bench();
        let outcome = bench.workspace.outcome(&mut bench.transform(other, &[]));
        bench.server().fail_one_in(0);
        match outcome.code {
            Some(0) => {
                assert_eq!(campaign.standing(), other, "{outcome}");
                published += 1;
            }
            Some(1) => {
                campaign.standing();
                failed += 1;
            }
            _ => panic!("{outcome}"),
        }
        campaign.assert_foreign_files_are_whole();
        bench.assert_manifests_are_whole();
    }
    campaign.run_to_the_end();
    println!(
        "{runs} runs, 1 request in {FAILURES} failing: {published} published, {failed} failed"
    );
    assert!(published > 0);
}

#[test]
fn full_disk_keeps_the_old_star() {
    let bench = Bench::local();
    let Some(disk) = SmallDisk::mount(bench.workspace.join("star"), 64 * 1024) else {
        eprintln!("skipped: this user cannot mount a small disk");
        return;
    };
    let campaign = Campaign::new(bench);
    let bench = campaign.bench();
    // Failed runs leave their rejects.
    let used = || bench.star().values().map(|file| file.len().div_ceil(4096) * 4).sum::<usize>();
    let (mut failures, mut published) = (0, 0);
    // From no free space to enough for the whole star, in steps of one page.
    for room in (0..400).step_by(4) {
        let before = campaign.standing();
        let other = if before == "a" { "b" } else { "a" };
        disk.resize(used() + 8 + room);
        let outcome = bench.workspace.outcome(&mut bench.transform(other, &[]));
        disk.resize(64 * 1024);
        if outcome.code == Some(0) {
            assert_eq!(campaign.standing(), other, "{outcome}");
            published += 1;
        } else {
            outcome.exits(1).complains("No space left on device");
            assert_eq!(campaign.standing(), before, "{outcome}");
            failures += 1;
        }
        campaign.assert_foreign_files_are_whole();
        if published == 3 {
            break;
        }
    }
    println!("{failures} runs on a full disk, 0 torn stars; {published} with enough room");
    assert!(failures > 0 && published > 0, "{failures} failed, {published} published");
    campaign.run_to_the_end();
}

#[test]
fn full_temporary_folder_keeps_the_old_star() {
    let bench = Bench::local();
    let Some(_disk) = SmallDisk::mount(bench.workspace.join("tmp"), 16) else {
        eprintln!("skipped: this user cannot mount a small disk");
        return;
    };
    let generate = "generate --songs 3000 --events 40000 --users 50 --days 2 --seed 3 --out large";
    bench.run(&generate.split(' ').collect::<Vec<_>>()).exits(0);
    bench.publish("a");
    let before = bench.star();
    let limit = ["--memory-limit", "128MiB", "--threads", "1"];
    let outcome = bench.workspace.outcome(&mut bench.transform("large", &limit));
    // The run may succeed if the data fits in memory; if it has to spill, it must fail cleanly.
    if outcome.code != Some(0) {
        outcome.exits(1).complains("No space left on device");
        assert_eq!(bench.star(), before, "{outcome}");
    }
}
