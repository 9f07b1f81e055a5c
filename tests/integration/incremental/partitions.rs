//! Tables in files by day or month.

use starlift::Partitioning;
use starlift::star::TableRecord;

use super::*;

const DAY: i64 = 86_400_000;

fn started(partitioning: Partitioning) -> History {
    let mut history = History::new();
    history.options.partitioning = partitioning;
    history.write("songs/a.json", &song("A", "Title A"));
    for day in 0..40 {
        history.write(&format!("logs/{day}.json"), &(play(day * DAY, 8) + &play(day * DAY + 5, 9)));
    }
    history.run();
    history
}

/// Returns the first days of the partitions whose files differ.
fn written(before: &TableRecord, after: &TableRecord) -> Vec<String> {
    let files = |table: &TableRecord| {
        let mut files = table.files.iter();
        let of_partition = table.partitions.iter().map(|partition| {
            let files: Vec<_> = files.by_ref().take(partition.files).cloned().collect();
            (partition.from.clone(), files)
        });
        of_partition.collect::<BTreeMap<_, _>>()
    };
    let before = files(before);
    let after = files(after);
    let changed = after.iter().filter(|(from, files)| before.get(*from) != Some(files));
    changed.map(|(from, _)| from.clone()).collect()
}

#[test]
fn facts_and_times_have_one_partition_per_day_or_month() {
    for (partitioning, count, first, last) in [
        (Partitioning::Day, 40, "1970-01-01", "1970-02-09"),
        (Partitioning::Month, 2, "1970-01-01", "1970-02-01"),
    ] {
        let record = started(partitioning).record();
        for (name, table) in &record.tables {
            let is_partitioned = ["songplays", "time"].contains(&name.as_str());
            assert_eq!(table.partitions.len(), if is_partitioned { count } else { 0 }, "{name}");
            if let [begin, .., end] = &table.partitions[..] {
                assert_eq!((begin.from.as_str(), end.from.as_str()), (first, last));
                assert_eq!(table.partitions.iter().map(|p| p.rows).sum::<u64>(), table.rows);
                assert_eq!(table.partitions.iter().map(|p| p.bytes).sum::<u64>(), table.bytes);
                assert_eq!(
                    table.partitions.iter().map(|p| p.files).sum::<usize>(),
                    table.files.len()
                );
            }
        }
    }
}

#[test]
fn only_partitions_whose_rows_have_changed_are_replaced() {
    let mut history = started(Partitioning::Day);
    let mut before = history.record();
    let mut expect = |history: &History, songplays: &[&str], time: &[&str]| {
        let after = history.record();
        for (table, expected) in [("songplays", songplays), ("time", time)] {
            assert_eq!(written(&before.tables[table], &after.tables[table]), expected, "{table}");
        }
        before = after;
    };
    // A late event at a new moment, and one at a known moment.
    history.write("logs/late.json", &play(7 * DAY + 1, 10));
    history.run();
    expect(&history, &["1970-01-08"], &["1970-01-08"]);
    history.write("logs/later.json", &play(9 * DAY, 10));
    history.run();
    expect(&history, &["1970-01-10"], &[]);
    // A song without plays.
    history.write("songs/b.json", &song("B", "Title B"));
    history.run();
    expect(&history, &[], &[]);
    // A new day, an early one, and one that becomes empty.
    history.write("logs/new.json", &play(100 * DAY, 8));
    history.write("logs/old.json", &play(-62_135_596_800_000, 8));
    history.write("logs/3.json", "");
    history.run();
    expect(&history, &["0001-01-01", "1970-04-11"], &["0001-01-01", "1970-04-11"]);
    assert!(!history.record().tables["time"].partitions.iter().any(|p| p.from == "1970-01-04"));
    history.run();
}

#[test]
fn files_have_the_same_bytes_for_any_number_of_threads() {
    let mut history = started(Partitioning::Month);
    let expected = history.record();
    for threads in [1, 3] {
        history.options.engine.threads = Some(threads);
        history.options.out = history.path(&format!("star-{threads}")).to_str().unwrap().to_owned();
        let record = history.outcome().unwrap().record.unwrap();
        assert_eq!(record.star_hash, expected.star_hash);
        assert_eq!(record.tables["time"].partitions, expected.tables["time"].partitions);
    }
}

#[test]
fn another_partitioning_is_applied_to_all_rows() {
    let mut history = started(Partitioning::Day);
    for partitioning in [Partitioning::Month, Partitioning::None, Partitioning::Day] {
        history.options.partitioning = partitioning;
        let report = history.run();
        assert!(!report.is_up_to_date);
        assert_eq!(numbers(&report), [0, 0, 0, 41, 0]);
        assert!(history.run().is_up_to_date);
    }
}

#[test]
fn a_star_without_plays_has_empty_tables() {
    let mut history = History::new();
    history.options.partitioning = Partitioning::Day;
    history.write("songs/a.json", &song("A", "Title A"));
    let record = history.run().record.unwrap();
    let time = &record.tables["time"];
    assert_eq!((time.rows, time.files.len(), time.partitions.len()), (0, 1, 0));
}

#[test]
fn a_partitioned_star_is_queried_checked_and_listed_like_any_other() {
    let history = started(Partitioning::Day);
    let here = crate::support::Workspace::new();
    let star = history.path("star");
    let star = star.to_str().unwrap();
    here.run(["check", "--star", star]).exits(0);
    let sql = "SELECT COUNT(*) AS n, COUNT(DISTINCT t.start_time) AS m FROM songplays AS p \
               JOIN \"time\" AS t ON p.start_time = t.start_time";
    let outcome = here.run(["query", "--star", star, "--format", "csv", "--sql", sql]);
    outcome.exits(0);
    assert_eq!(outcome.stdout, "n,m\n80,80\n");
    let manifest = std::fs::read_to_string(history.path("star/time.manifest")).unwrap();
    assert_eq!(manifest.matches("\"url\"").count(), 40);
}
