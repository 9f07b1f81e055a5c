//! Networks that are cut, and executors that are slow or stop for a while.

use std::time::{Duration, Instant};

use super::faults::{ended, spawn};
use super::link::Link;
use super::processes::free_address;
use super::{Cluster, assert_equal, assert_tidy, generate};
use crate::support::Workspace;

const OPTIONS: [&str; 4] = ["--max-rejects", "10%", "--partition", "day"];

/// Generates data, transforms it to `here` without a cluster, and returns the time that a cluster takes.
fn prepare(here: &Workspace, cluster: &Cluster) -> Duration {
    generate(here, 20_000, "0.01");
    here.outcome(&mut here.transform("here", &OPTIONS)).exits(0);
    let begun = Instant::now();
    cluster.transform(here, "there", &OPTIONS).exits(0);
    assert_equal(here, "there", "here");
    begun.elapsed()
}

fn port_of(address: &str) -> u16 {
    address.rsplit_once(':').unwrap().1.parse().unwrap()
}

/// Adds executors that the others reach over links of their own.
fn add_executors_behind_links(here: &Workspace, cluster: &mut Cluster) -> Vec<Link> {
    let add = |number| {
        let address = free_address();
        let host = format!("127.0.0.{}", number + 2);
        let link = Link::new(&host, port_of(&address));
        cluster.add_executor(here, 1, &["--bind", &address, "--advertise", &host]);
        link
    };
    (0..2).map(add).collect()
}

#[test]
fn a_network_that_is_cut_for_ten_seconds_changes_nothing() {
    let here = Workspace::new();
    let mut cluster = Cluster::start(&here, 0, 1);
    let links = add_executors_behind_links(&here, &mut cluster);
    let usual = prepare(&here, &cluster);
    let run = spawn(&here, &cluster, "cut");
    std::thread::sleep(usual / 2);
    links.iter().for_each(|link| link.set_cut(true));
    std::thread::sleep(Duration::from_secs(10));
    links.iter().for_each(|link| link.set_cut(false));
    ended(&here, run).exits(0);
    assert_equal(&here, "cut", "here");
    assert_tidy(&here, "cut");
}

#[test]
fn an_executor_that_is_cut_off_from_the_scheduler_is_lost_and_joins_again() {
    let here = Workspace::new();
    let mut cluster = Cluster::with_short_timeout(&here, 1);
    let address = cluster.address.clone();
    let port = port_of(&address);
    let link = Link::new("127.0.0.9", port);
    cluster.address = format!("127.0.0.9:{port}");
    cluster.add_executor(&here, 1, &[]);
    cluster.address = address;
    let usual = prepare(&here, &cluster);
    let run = spawn(&here, &cluster, "cut");
    std::thread::sleep(usual / 2);
    link.set_cut(true);
    ended(&here, run).exits(0);
    assert_equal(&here, "cut", "here");
    assert_tidy(&here, "cut");
    link.set_cut(false);
    let begun = Instant::now();
    while !cluster.status(&here).contains(" 2 executors, ") {
        assert!(begun.elapsed() < Duration::from_secs(60), "{}", cluster.status(&here));
        std::thread::sleep(Duration::from_millis(200));
    }
    cluster.transform(&here, "after", &OPTIONS).exits(0);
    assert_equal(&here, "after", "here");
}

#[test]
fn an_executor_that_stops_until_it_is_lost_and_goes_on_changes_nothing() {
    let here = Workspace::new();
    let cluster = Cluster::with_short_timeout(&here, 2);
    let usual = prepare(&here, &cluster);
    let run = spawn(&here, &cluster, "stopped");
    std::thread::sleep(usual / 3);
    cluster.executors[0].signal("-STOP");
    // The others have begun again by then; its late results must not count.
    std::thread::sleep(Duration::from_secs(11));
    cluster.executors[0].signal("-CONT");
    ended(&here, run).exits(0);
    assert_equal(&here, "stopped", "here");
    assert_tidy(&here, "stopped");
    cluster.transform(&here, "after", &OPTIONS).exits(0);
    assert_equal(&here, "after", "here");
}

#[test]
fn a_slow_executor_changes_nothing() {
    let here = Workspace::new();
    let cluster = Cluster::start(&here, 2, 1);
    prepare(&here, &cluster);
    let mut run = spawn(&here, &cluster, "slow");
    while run.try_wait().unwrap().is_none() {
        cluster.executors[0].signal("-STOP");
        std::thread::sleep(Duration::from_millis(150));
        cluster.executors[0].signal("-CONT");
        std::thread::sleep(Duration::from_millis(50));
    }
    ended(&here, run).exits(0);
    assert_equal(&here, "slow", "here");
    assert_tidy(&here, "slow");
}
