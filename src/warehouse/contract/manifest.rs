//! Checks manifests: their form, their keys, and that they list the files of the run record.

use std::collections::{HashMap, HashSet};

use serde_json::{Map, Value};

use super::finding::Finding;
use super::rule::Rule;
use crate::star::TableRecord;
use crate::storage::Place;
use crate::warehouse::sql::validate::object_url_problem;

/// First bytes of a gzip file.
const GZIP: &[u8] = &[0x1f, 0x8b];
const BYTE_ORDER_MARK: &[u8] = &[0xef, 0xbb, 0xbf];

/// An entry of a manifest.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Entry {
    pub url: String,
    /// `None` if missing or not a valid size, which is already reported as a finding.
    pub content_length: Option<u64>,
}

/// Checks the form of a manifest. `bytes` is the content of the object at `place`.
pub fn check_manifest(place: &str, bytes: &[u8]) -> Vec<Finding> {
    let mut findings = Vec::new();
    parse(place, bytes, &mut findings);
    findings
}

/// Returns the entries of a manifest, or `None` if the bytes are not a manifest.
pub(super) fn parse(place: &str, bytes: &[u8], findings: &mut Vec<Finding>) -> Option<Vec<Entry>> {
    let mut reject = |problem: String| {
        findings.push(Finding::new(Rule::ManifestForm, place, problem));
        None
    };
    if bytes.starts_with(GZIP) {
        return reject("it is compressed".to_owned());
    }
    if bytes.starts_with(BYTE_ORDER_MARK) {
        return reject("it begins with a byte order mark".to_owned());
    }
    let manifest: Value = match serde_json::from_slice(bytes) {
        Ok(manifest) => manifest,
        Err(error) => return reject(format!("it is not JSON: {error}")),
    };
    let Some(Value::Array(entries)) = manifest.get("entries") else {
        return reject("it is not an object with an array named entries".to_owned());
    };
    if let Some(more) = unknown(manifest.as_object(), &["entries"]) {
        let problem = format!("it has unknown keys: {more}");
        findings.push(Finding::new(Rule::ManifestForm, place, problem));
    }
    let parsed = entries.iter().enumerate().filter_map(|(at, entry)| {
        parse_entry(&format!("{place}, entry {}", at + 1), entry, findings)
    });
    Some(parsed.collect())
}

fn parse_entry(place: &str, entry: &Value, findings: &mut Vec<Finding>) -> Option<Entry> {
    let mut reject = |rule, problem: String| findings.push(Finding::new(rule, place, problem));
    let meta = entry.get("meta").and_then(Value::as_object);
    for (object, known) in
        [(entry.as_object(), &["url", "mandatory", "meta"][..]), (meta, &["content_length"])]
    {
        if let Some(more) = unknown(object, known) {
            reject(Rule::ManifestForm, format!("it has unknown keys: {more}"));
        }
    }
    let Some(url) = entry.get("url").and_then(Value::as_str) else {
        reject(Rule::ManifestForm, "it has no url, or its url is not a string".to_owned());
        return None;
    };
    match entry.get("mandatory") {
        Some(Value::Bool(true)) => {}
        None => reject(Rule::ManifestMandatory, format!("{url} has no key mandatory")),
        Some(other) => reject(Rule::ManifestMandatory, format!("mandatory of {url} is {other}")),
    }
    let length = meta.and_then(|meta| meta.get("content_length"));
    let content_length = length.and_then(Value::as_u64);
    if content_length.is_none() {
        let found = length.map_or("missing".to_owned(), Value::to_string);
        reject(Rule::ManifestContentLength, format!("meta.content_length of {url} is {found}"));
    }
    Some(Entry { url: url.to_owned(), content_length })
}

/// Returns the unknown keys of an object, joined by commas.
fn unknown(object: Option<&Map<String, Value>>, known: &[&str]) -> Option<String> {
    let unknown = object?.keys().filter(|key| !known.contains(&key.as_str()));
    let unknown: Vec<&str> = unknown.map(String::as_str).collect();
    (!unknown.is_empty()).then(|| unknown.join(", "))
}

/// Checks that the manifest at `place` lists exactly the files of the table's record.
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
            let problem = format!("{url} is listed twice");
            findings.push(Finding::new(Rule::ManifestDuplicate, place, problem));
        } else if !wanted.contains(url) {
            let problem = format!("{url} is not a file of the record");
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
        let problem = "it lists no files: COPY fails";
        findings.push(Finding::new(Rule::ManifestFiles, place, problem));
    }
}

/// Checks that the URLs of the entries are valid S3 keys and end in `.parquet`.
pub(super) fn check_keys(entries: &[Entry], findings: &mut Vec<Finding>) {
    for Entry { url, .. } in entries {
        if let Some(problem) = object_url_problem(url) {
            findings.push(Finding::new(Rule::ManifestKey, url, problem));
        }
        if let Some(problem) = name_problem(url) {
            findings.push(Finding::new(Rule::FileName, url, problem));
        }
    }
}

/// Returns a single finding for all URLs outside S3, because they have a common fix.
pub(super) fn check_location<'a>(
    star: &Place,
    urls: impl Iterator<Item = &'a str>,
) -> Option<Finding> {
    let mut elsewhere = urls.filter(|url| !url.starts_with("s3://"));
    let first = elsewhere.next()?;
    let problem = match elsewhere.count() {
        0 => format!("{first} is not in S3"),
        more => format!("{first} and {more} more are not in S3"),
    };
    Some(Finding::new(Rule::ManifestLocation, star, problem))
}

fn name_problem(url: &str) -> Option<String> {
    let name = url.rsplit('/').next().unwrap_or(url);
    match name.rsplit_once('.') {
        Some((_, "parquet")) => None,
        Some((_, end)) => Some(format!("it ends with .{end}")),
        None => Some("it has no extension".to_owned()),
    }
}

/// Returns the URL under which a manifest lists the file at `path` of a star.
pub(super) fn url(star: &Place, path: &str) -> String {
    star.location.url(star.child(path).path())
}

/// Returns the content lengths in a manifest by URL.
pub(super) fn lengths(entries: &[Entry]) -> HashMap<&str, u64> {
    entries.iter().filter_map(|e| Some((e.url.as_str(), e.content_length?))).collect()
}
