//! Keys of objects in a bucket, also those that are not paths.

use crate::support::s3::{Op, Rule};

use super::*;

#[test]
fn marker_with_the_name_of_a_prefix_hides_nothing() {
    let bucket = Bucket::new(Faults {
        synthetic: vec![
            Synthetic::new("", 1, |_| Vec::new()).named(|_| "song_data".into()),
            Synthetic::new("", 1, |_| Vec::new()).named(|_| "song_data/".into()),
            Synthetic::new("", 1, |_| Vec::new()).named(|_| "song_data/A/".into()),
        ],
        ..Faults::default()
    });
    bucket.server.put("song_data/A/one.json", song("one"));
    for songs in ["song_data", "song_data/", "song_data/*", "song_*"] {
        let outcome = bucket.transform(songs, &[]);
        outcome.exits(0).says("1 record read = 1 decoded");
        if songs.starts_with("song_data") {
            outcome.says("songs     1 object listed = 1 read");
        }
    }
}

#[test]
fn object_named_like_a_prefix_is_read_with_the_objects_below_it() {
    let bucket = Bucket::with_keys(&["data", "data/a.json", "data/b.json", "data2/c.json"]);
    bucket.assert_reads("data", &[], &["data", "data/a.json", "data/b.json"]);
    bucket.assert_reads("data/", &[], &["data/a.json", "data/b.json"]);
    bucket.assert_reads("data/a.json", &[], &["data/a.json"]);
}

#[test]
fn single_object_is_read_without_permission_to_list() {
    let bucket = Bucket::with_keys(&["data/a.json"]);
    bucket.server.inject(Rule::status(403, Op::List, ""));
    bucket.assert_reads("data/a.json", &[], &["data/a.json"]);
    bucket.transform("data", &[]).fails_with("access-denied").naming(&["s3:ListBucket"]);
}

#[test]
fn keys_that_are_not_paths_are_read_unchanged() {
    let keys = [
        "data/plain.json",
        "data//double.json",
        "data/a//b///c.json",
        "data/./dot.json",
        "data/../up.json",
        "data/x/../up.json",
        "data/ blank .json",
        "data/plus+and%2Bhalf.json",
        "data/control\u{1}\u{1f}.json",
        "data/line\nend.json",
        "data/é?*[x]{y}#1.json",
    ];
    let bucket = Bucket::with_keys(&keys);
    bucket.assert_reads("data", &[], &keys);
    bucket.assert_reads("data/", &[], &keys);
    bucket.assert_reads("data/**/*.json", &[], &keys);
    for key in &keys[1..8] {
        bucket.assert_reads(key, &[], &[key]);
    }
    let urls = "SELECT url FROM inputs WHERE dataset = 'songs' ORDER BY 1";
    bucket.transform("data", &[]).exits(0);
    let mut wanted = keys.map(|key| format!("s3://sparkify/{key}"));
    wanted.sort();
    assert_eq!(answer(&bucket.workspace, &mut bucket.workspace.command(), urls), wanted);
}

#[test]
fn a_leading_slash_is_part_of_a_key() {
    let keys = ["/k.json", "k.json", "//k.json", "/a/k.json"];
    let bucket = Bucket::with_keys(&keys);
    bucket.assert_reads("", &[], &keys);
    bucket.assert_reads("/k.json", &[], &["/k.json"]);
    bucket.assert_reads("/a/", &[], &["/a/k.json"]);
}

#[test]
fn keys_that_are_not_paths_are_retried_and_read_in_ranges() {
    let large = song("large").repeat(1 + 9 * 1024 * 1024 / song("large").len());
    let content = move |_| large.clone().into_bytes();
    let synthetic = Synthetic::new("", 1, content).named(|_| "data//large.json".into());
    let bucket = Bucket::new(Faults { synthetic: vec![synthetic], ..Faults::default() });
    bucket.server.inject(Rule::status(503, Op::Get, "large").times(2));
    bucket.server.inject(Rule::hang_up(Op::Get, "large").times(1));
    bucket.server.inject(Rule::status(500, Op::List, "").times(2));
    bucket.transform("data", &[]).exits(0);
    assert_eq!(bucket.server.count(Op::Get, "large"), 2 + 3);
    let gone = Rule::status(403, Op::Get, "large");
    bucket.server.inject(gone);
    let outcome = bucket.transform("data", &[]);
    outcome.fails_with("access-denied").naming(&["s3://sparkify/data//large.json", "s3:GetObject"]);
}

#[test]
fn many_objects_with_large_zstandard_windows_are_read() {
    let object = |i: usize| {
        let mut encoder = zstd::Encoder::new(Vec::new(), 1).unwrap();
        encoder.window_log(if i.is_multiple_of(2) { 27 } else { 24 }).unwrap();
        let songs = song(&format!("S{i}")).repeat(if i == 0 { 1_000_000 } else { 1 });
        std::io::Write::write_all(&mut encoder, songs.as_bytes()).unwrap();
        encoder.finish().unwrap()
    };
    let bucket = Bucket::new(Faults::default());
    for i in 0..12 {
        bucket.server.put(&format!("songs/{i}.json.zst"), object(i));
    }
    let outcome = bucket.transform("songs", &[]);
    outcome.exits(0).says("songs     12 objects listed = 12 read");
    outcome.says("1,000,011 records read = 1,000,011 decoded");
}

#[test]
fn existing_key_with_glob_characters_is_not_a_pattern() {
    let keys = ["run[1]/x.json", "run1/x.json", "what?.json", "whats.json", "a{b,c}/x.json", "b/x"];
    let bucket = Bucket::with_keys(&keys);
    for (typed, wanted) in [
        ("run[1]", &keys[..1]),
        ("run[1]/", &keys[..1]),
        ("run[1]/*.json", &keys[..1]),
        ("run[12]/*.json", &keys[1..2]),
        ("what?.json", &keys[2..3]),
        ("wh?t?.json", &keys[2..4]),
        ("a{b,c}", &keys[4..5]),
    ] {
        bucket.assert_reads(typed, &[], wanted);
    }
}
