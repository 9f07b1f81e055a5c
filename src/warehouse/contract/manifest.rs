//! Manifests: their form, their keys, and that they list what the record does.

use std::collections::{HashMap, HashSet};

use serde_json::{Map, Value};

use super::finding::Finding;
use super::rule::Rule;
use crate::star::TableRecord;
use crate::storage::Place;

/// The beginning of a gzip file, and of a UTF-8 text with a byte order mark.
const GZIP: &[u8] = &[0x1f, 0x8b];
const BYTE_ORDER_MARK: &[u8] = &[0xef, 0xbb, 0xbf];

/// An entry, as far as it can be understood.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Entry {
    pub url: String,
    /// `None` where it is missing or no size: that is a finding already.
    pub content_length: Option<u64>,
}

/// Checks the form of a manifest, whose bytes are those of the object at `place`.
pub fn check_manifest(place: &str, bytes: &[u8]) -> Vec<Finding> {
    let mut findings = Vec::new();
    parse(place, bytes, &mut findings);
    findings
}

/// The entries of a manifest, or `None` when it is none.
pub(super) fn parse(place: &str, bytes: &[u8], findings: &mut Vec<Finding>) -> Option<Vec<Entry>> {
    let mut refuse = |problem: String| {
        findings.push(Finding::new(Rule::ManifestForm, place, problem));
        None
    };
    if bytes.starts_with(GZIP) {
        return refuse("it is compressed".to_owned());
    }
    if bytes.starts_with(BYTE_ORDER_MARK) {
        return refuse("it begins with a byte order mark".to_owned());
    }
    let manifest: Value = match serde_json::from_slice(bytes) {
        Ok(manifest) => manifest,
        Err(error) => return refuse(format!("it is not JSON: {error}")),
    };
    let Some(Value::Array(entries)) = manifest.get("entries") else {
        return refuse("it is no object with an array called entries".to_owned());
    };
    if let Some(more) = unknown(manifest.as_object(), &["entries"]) {
        let problem = format!("beside entries it has {more}");
        findings.push(Finding::new(Rule::ManifestForm, place, problem));
    }
    let parsed = entries.iter().enumerate().filter_map(|(at, entry)| {
        parse_entry(&format!("{place}, entry {}", at + 1), entry, findings)
    });
    Some(parsed.collect())
}

fn parse_entry(place: &str, entry: &Value, findings: &mut Vec<Finding>) -> Option<Entry> {
    let mut refuse = |rule, problem: String| findings.push(Finding::new(rule, place, problem));
    let meta = entry.get("meta").and_then(Value::as_object);
    for (object, known) in
        [(entry.as_object(), &["url", "mandatory", "meta"][..]), (meta, &["content_length"])]
    {
        if let Some(more) = unknown(object, known) {
            refuse(Rule::ManifestForm, format!("beside {} it has {more}", known.join(", ")));
        }
    }
    let Some(url) = entry.get("url").and_then(Value::as_str) else {
        refuse(Rule::ManifestForm, "it has no url that is text".to_owned());
        return None;
    };
    match entry.get("mandatory") {
        Some(Value::Bool(true)) => {}
        None => refuse(Rule::ManifestMandatory, format!("{url} has no mandatory")),
        Some(other) => refuse(Rule::ManifestMandatory, format!("mandatory of {url} is {other}")),
    }
    let length = meta.and_then(|meta| meta.get("content_length"));
    let content_length = length.and_then(Value::as_u64);
    if content_length.is_none() {
        let found = length.map_or("missing".to_owned(), Value::to_string);
        refuse(Rule::ManifestContentLength, format!("meta.content_length of {url} is {found}"));
    }
    Some(Entry { url: url.to_owned(), content_length })
}

/// The keys of an object that are not among the known ones.
fn unknown(object: Option<&Map<String, Value>>, known: &[&str]) -> Option<String> {
    let unknown = object?.keys().filter(|key| !known.contains(&key.as_str()));
    let unknown: Vec<&str> = unknown.map(String::as_str).collect();
    (!unknown.is_empty()).then(|| unknown.join(", "))
}

/// Holds the entries of the manifest at `place` against the files of the table's record.
pub(super) fn check_files(
    place: &str,
    entries: &[Entry],
    star: &Place,
    table: &TableRecord,
    findings: &mut Vec<Finding>,
) {
    let wanted: HashSet<String> = table.files.iter().map(|f| url(star, &f.path)).collect();
    let mut listed = HashSet::new();
    for Entry { url, .. } in entries {
        if !listed.insert(url) {
            let problem = format!("{url} is listed again");
            findings.push(Finding::new(Rule::ManifestDuplicate, place, problem));
        } else if !wanted.contains(url) {
            let problem = format!("{url} is no file of the record");
            findings.push(Finding::new(Rule::ManifestFiles, place, problem));
        }
    }
    for file in table.files.iter().map(|file| url(star, &file.path)) {
        if !listed.contains(&file) {
            let problem = format!("{file} is not listed: its rows would be lost");
            findings.push(Finding::new(Rule::ManifestFiles, place, problem));
        }
    }
    if entries.is_empty() {
        let problem = "it lists no file at all: COPY fails";
        findings.push(Finding::new(Rule::ManifestFiles, place, problem));
    }
}

/// Holds the urls of the entries against what an S3 key may be.
pub(super) fn check_keys(entries: &[Entry], findings: &mut Vec<Finding>) {
    for Entry { url, .. } in entries {
        if let Some(problem) = key_problem(url) {
            findings.push(Finding::new(Rule::ManifestKey, url, problem));
        }
        if let Some(problem) = name_problem(url) {
            findings.push(Finding::new(Rule::FileName, url, problem));
        }
    }
}

/// One finding for all urls that are not in S3: there is but one thing to do about them.
pub(super) fn check_location<'a>(
    star: &Place,
    urls: impl Iterator<Item = &'a str>,
) -> Option<Finding> {
    let mut elsewhere = urls.filter(|url| !url.starts_with("s3://"));
    let first = elsewhere.next()?;
    let problem = match elsewhere.count() {
        0 => format!("{first} is not in S3"),
        more => format!("{first} and {more} more files are not in S3"),
    };
    Some(Finding::new(Rule::ManifestLocation, star, problem))
}

/// What is wrong with the bucket and the key of a url, whatever its scheme.
pub(super) fn key_problem(url: &str) -> Option<String> {
    let Some((scheme, rest)) = url.split_once("://") else {
        return Some("it is no url: wanted is s3://BUCKET/KEY".to_owned());
    };
    let (bucket, key) = rest.split_once('/').unwrap_or((rest, ""));
    let is_bucket_char = |c: char| c.is_ascii_alphanumeric() || "-._".contains(c);
    if scheme == "s3" && (bucket.is_empty() || !bucket.chars().all(is_bucket_char)) {
        return Some(format!("{bucket:?} is no name of a bucket"));
    }
    if key.is_empty() || key.ends_with('/') {
        return Some("it names no object".to_owned());
    }
    if key.starts_with('/') || key.contains("//") {
        return Some("it has an empty part: // is another key than /".to_owned());
    }
    let bad = key.chars().find(|c| c.is_control() || ['\\', '\'', '"'].contains(c))?;
    Some(format!("it holds {bad:?}"))
}

fn name_problem(url: &str) -> Option<String> {
    let name = url.rsplit('/').next().unwrap_or(url);
    match name.rsplit_once('.') {
        Some((_, "parquet")) => None,
        Some((_, end)) => Some(format!("it ends in .{end}")),
        None => Some("it has no ending".to_owned()),
    }
}

/// The url by which a manifest has the file at `path` of a star.
pub(super) fn url(star: &Place, path: &str) -> String {
    star.location.url(star.child(path).path())
}

/// The lengths that a manifest gives, by url.
pub(super) fn lengths(entries: &[Entry]) -> HashMap<&str, u64> {
    entries.iter().filter_map(|e| Some((e.url.as_str(), e.content_length?))).collect()
}
