//! Suffixes, compression and formats of objects.

use std::process::Stdio;
use std::time::Duration;

use super::*;

#[test]
fn every_suffix_and_compression_produces_the_same_star() {
    let workspace = sample();
    let data = ["songs", "logs"].map(|name| workspace.read(&format!("data/{name}.json")));
    transform(&workspace, &["data/songs.json"], "data/logs.json", "plain").exits(0);
    for suffix in ["json", "jsonl", "ndjson"] {
        for (ending, stored) in [
            (String::new(), data.clone().map(String::into_bytes)),
            (".gz".to_owned(), data.clone().map(|text| gzip(text.as_bytes()))),
            (".zst".to_owned(), data.clone().map(|text| zstd(text.as_bytes()))),
        ] {
            let folder = format!("{suffix}{ending}");
            workspace.write(&format!("{folder}/songs/it.{folder}"), &stored[0]);
            workspace.write(&format!("{folder}/logs/it.{folder}"), &stored[1]);
            let star = format!("{folder}/star");
            let (songs, logs) = (format!("{folder}/songs"), format!("{folder}/logs"));
            transform(&workspace, &[&songs], &logs, &star).exits(0);
            assert_same_star(&workspace, "plain", &star);
        }
    }
}

#[test]
fn truncated_compressed_file_fails_the_run_and_is_named() {
    let workspace = sample();
    let logs = workspace.read("data/logs.json");
    for (name, stored) in
        [("cut.json.gz", gzip(logs.as_bytes())), ("cut.json.zst", zstd(logs.as_bytes()))]
    {
        let path = workspace.write(&format!("cut/{name}"), &stored[..stored.len() - 5]);
        let outcome = transform(&workspace, &["data/songs.json"], path.to_str().unwrap(), "star");
        outcome.fails_with("file-failed").naming(&[path.to_str().unwrap()]);
        assert!(!workspace.join("star/_starlift.json").exists(), "{outcome}");
    }
}

#[test]
fn first_bytes_and_not_the_name_determine_the_format() {
    let workspace = sample();
    let logs = workspace.read("data/logs.json");
    transform(&workspace, &["data/songs.json"], "data/logs.json", "plain").exits(0);
    let utf16: Vec<u8> = std::iter::once(0xfeff)
        .chain(logs.encode_utf16())
        .flat_map(|unit: u16| unit.to_le_bytes())
        .collect();
    let padded = [&gzip(logs.as_bytes())[..], &[0; 512]].concat();
    for (name, stored) in [
        ("plain.json.gz", logs.clone().into_bytes()),
        ("plain.json.zst", logs.clone().into_bytes()),
        ("gzip.json", gzip(logs.as_bytes())),
        ("gzip.json.zst", gzip(logs.as_bytes())),
        ("zstd.json", zstd(logs.as_bytes())),
        ("padded.json.gz", padded),
        ("utf16.json", utf16.clone()),
        ("utf16.json.gz", gzip(&utf16)),
    ] {
        workspace.write(&format!("logs/{name}"), &stored);
        transform(&workspace, &["data/songs.json"], &format!("logs/{name}"), "star").exits(0);
        assert_same_star(&workspace, "plain", "star");
    }
}

#[test]
fn zstandard_objects_of_any_size_are_read() {
    let workspace = with_songs(&["a.json"]);
    for size in [65_536, 131_072, 1 << 20] {
        let mut logs = format!("{EVENT}\n");
        while logs.len() + 2 * EVENT.len() < size {
            logs += &format!("{EVENT}\n");
        }
        logs += &" ".repeat(size - logs.len());
        workspace.write("logs/day.json.zst", zstd(logs.as_bytes()));
        transform(&workspace, &["songs"], "logs/day.json.zst", "star").exits(0);
    }
}

#[test]
fn empty_objects_with_any_suffix_do_not_fail_a_run() {
    let workspace = with_songs(&["a.json"]);
    for suffix in ["json", "json.gz", "json.zst"] {
        workspace.write(&format!("songs/empty.{suffix}"), "");
    }
    let outcome = transform(&workspace, &["songs"], "logs", "star");
    outcome.exits(0).says("songs     4 objects listed = 4 read").says("1 record read = 1 decoded");
}

#[test]
fn unsupported_formats_are_named() {
    let workspace = with_songs(&["a.json"]);
    for (stored, named) in [
        (b"PK\x03\x04\x14\0\0\0\x08\0".to_vec(), "a zip archive"),
        (b"\xfd7zXZ\0\0\x04".to_vec(), "compressed with xz"),
        (b"BZh91AY&SY\x8c\x01\xff".to_vec(), "compressed with bzip2"),
        (b"PAR1\x15\x04\x15\x10\0".to_vec(), "a Parquet file"),
        (gzip(&gzip(SONG.as_bytes())), "compressed twice"),
    ] {
        let path = workspace.write("songs/other.json", &stored);
        let outcome = transform(&workspace, &["songs"], "logs", "star");
        outcome.fails_with("file-failed").naming(&[path.to_str().unwrap(), named]);
        assert!(!workspace.join("star/_starlift.json").exists(), "{outcome}");
    }
}

#[cfg(target_os = "linux")]
#[test]
fn a_large_file_is_read_within_bounded_memory() {
    const FILE_BYTES: usize = 100_000_000;
    let workspace = sample();
    let block = workspace.read("data/logs.json") + "\n";
    let logs = workspace.join("large.jsonl");
    let mut file = std::io::BufWriter::new(std::fs::File::create(&logs).unwrap());
    let blocks = FILE_BYTES.div_ceil(block.len());
    (0..blocks).for_each(|_| file.write_all(block.as_bytes()).unwrap());
    file.into_inner().unwrap();

    let mut command = workspace.command();
    command.args(["transform", "--songs", "data/songs.json", "--logs", "large.jsonl"]);
    command.args(["--out", "star", "--memory-limit", "256MiB", "--quiet"]);
    let mut child = command.stderr(Stdio::inherit()).spawn().unwrap();
    let (mut peak, status) = (0, format!("/proc/{}/status", child.id()));
    let ended = loop {
        peak = peak.max(high_water_mark(&status).unwrap_or(0));
        match child.try_wait().unwrap() {
            Some(ended) => break ended,
            None => std::thread::sleep(Duration::from_millis(5)),
        }
    };
    assert!(ended.success());
    assert!((10_000_000..600_000_000).contains(&peak), "{peak} bytes");
    let record: serde_json::Value =
        serde_json::from_str(&workspace.read("star/_starlift.json")).unwrap();
    assert_eq!(record["datasets"]["logs"]["bytes"], blocks * block.len());
}

#[cfg(target_os = "linux")]
fn high_water_mark(status: &str) -> Option<usize> {
    let status = std::fs::read_to_string(status).ok()?;
    let kib = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    kib.trim().strip_suffix(" kB")?.parse::<usize>().ok().map(|kib| kib * 1024)
}
