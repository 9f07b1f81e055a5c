//! Objects that are decoded on several threads: the star and the rejects must be those of decoding in order.

use std::fmt::Write as _;
use std::io::Write as _;

use crate::support::{Outcome, Workspace};

const SONG: &str = r#"{"song_id":"SO1","title":"One","artist_id":"AR1","artist_name":"Any"}"#;

const TABLES: [&str; 5] = ["songplays", "users", "songs", "artists", "time"];

/// Number of events: enough for more than 16 MiB, the size from which an object is large.
const EVENTS: usize = 50_000;

/// Every record whose number is divisible by this is rejected.
const REJECTED: usize = 4_000;

/// Returns an event. Some contain escapes, nulls or a value that is rejected.
fn event(at: usize) -> String {
    let user =
        if at.is_multiple_of(REJECTED) { "\"unknown\"".to_owned() } else { (at % 97).to_string() };
    let page = if at.is_multiple_of(3) { "Home" } else { "NextSong" };
    let song =
        if at.is_multiple_of(5) { "null".to_owned() } else { format!("\"S \\u00e9 {}\"", at % 7) };
    format!(
        r#"{{"artist":"Any","auth":"Logged In","firstName":"Ada","gender":"F","itemInSession":{},"lastName":"L{}",
"length":{}.25,"level":"free","location":"Somewhere, far away {}","method":"PUT","page":"{page}","registration":1540344794796.0,
"sessionId":{},"song":{song},"status":200,"ts":{},"userAgent":"\"Mozilla\/5.0 (Windows NT 6.1; WOW64)\"","userId":{user}}}"#,
        at % 50,
        at % 90,
        at % 300,
        at % 60,
        at / 50,
        1_541_106_106_796_u64 + at as u64 * 977,
    )
    .replace('\n', "")
}

/// Creates a workspace with the events as one object, whose name and content are `form`.
fn workspace(name: &str, form: impl FnOnce(Vec<String>) -> Vec<u8>) -> Workspace {
    let workspace = Workspace::new();
    workspace.write("songs/one.json", SONG);
    let content = form((0..EVENTS).map(event).collect());
    workspace.write(&format!("logs/{name}"), content);
    workspace
}

fn transform(workspace: &Workspace) -> Outcome {
    let args = "transform --songs songs --logs logs --out star --threads 3 --max-rejects 1%";
    workspace.run(args.split(' '))
}

/// Returns the Parquet bytes of the tables.
fn tables(workspace: &Workspace) -> Vec<Vec<u8>> {
    let table = |table: &str| {
        let folder = workspace.join("star").join(table);
        let mut files: Vec<_> =
            std::fs::read_dir(folder).unwrap().map(|file| file.unwrap().path()).collect();
        files.sort();
        files.into_iter().flat_map(|file| std::fs::read(file).unwrap()).collect()
    };
    TABLES.into_iter().map(table).collect()
}

/// Returns the result of an SQL query, as CSV.
fn query(workspace: &Workspace, sql: &str) -> String {
    let outcome = workspace.run(["query", "--star", "star", "--format", "csv", "--sql", sql]);
    outcome.exits(0);
    outcome.stdout
}

/// Returns the line, the offset and the first bytes of each reject.
fn rejects(workspace: &Workspace) -> String {
    query(
        workspace,
        "SELECT line, \"offset\", length, \"column\", left(raw, 20) AS raw FROM rejects \
         ORDER BY \"offset\"",
    )
}

fn lines(events: &[String]) -> Vec<u8> {
    (events.join("\n") + "\n").into_bytes()
}

/// Returns the events in two files, each too small to be decoded on several threads.
fn in_order() -> Workspace {
    let workspace = Workspace::new();
    workspace.write("songs/one.json", SONG);
    let events: Vec<String> = (0..EVENTS).map(event).collect();
    let (first, second) = events.split_at(EVENTS / 2);
    workspace.write("logs/a.json", lines(first));
    workspace.write("logs/b.json", lines(second));
    workspace
}

#[test]
fn a_large_object_has_the_star_of_its_parts() {
    let expected = in_order();
    transform(&expected).exits(0);
    let expected = tables(&expected);
    let plain = workspace("events.json", |events| lines(&events));
    assert!(std::fs::metadata(plain.join("logs/events.json")).unwrap().len() > 17 << 20);
    transform(&plain).exits(0);
    assert!(tables(&plain) == expected, "the star of one large file differs");
    let rejected = rejects(&plain);
    let mut wanted = "line,offset,length,column,raw\n".to_owned();
    let mut offset = 0;
    for at in 0..EVENTS {
        let length = event(at).len();
        if at.is_multiple_of(REJECTED) {
            let _ = writeln!(
                wanted,
                "{},{offset},{length},userId,\"{{\"\"artist\"\":\"\"Any\"\",\"\"aut\"",
                at + 1
            );
        }
        offset += length + 1;
    }
    assert_eq!(rejected, wanted);
    let compressed = workspace("events.json.gz", |events| {
        let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        encoder.write_all(&lines(&events)).unwrap();
        encoder.finish().unwrap()
    });
    let frames = workspace("events.json.zst", |events| {
        let frames = lines(&events);
        frames.chunks(1_000_003).flat_map(|frame| zstd::encode_all(frame, 1).unwrap()).collect()
    });
    for compressed in [compressed, frames] {
        transform(&compressed).exits(0);
        assert!(tables(&compressed) == expected, "the star of a compressed file differs");
        assert_eq!(rejects(&compressed), wanted);
    }
}

#[test]
fn a_large_object_can_have_any_form() {
    let expected = in_order();
    transform(&expected).exits(0);
    let expected = tables(&expected);
    // Lines within records and within an array begin with brackets, too.
    let array =
        workspace("array.json", |events| format!("[\n{}\n]", events.join(",\n")).into_bytes());
    let pretty = workspace("pretty.json", |events| {
        let pretty = |event: &String| event.replace(":{", ":\n{").replace(",\"", ",\n\"");
        events.iter().map(pretty).collect::<Vec<_>>().join("\n").into_bytes()
    });
    let one_line = workspace("line.json", |events| events.concat().into_bytes());
    for workspace in [array, pretty, one_line] {
        transform(&workspace).exits(0);
        assert!(tables(&workspace) == expected, "{:?}", workspace.path());
        let rejected = query(&workspace, "SELECT COUNT(*) AS n FROM rejects");
        assert_eq!(rejected, format!("n\n{}\n", EVENTS.div_ceil(REJECTED)));
    }
}

#[test]
fn a_large_compressed_object_must_be_complete() {
    let cut = workspace("cut.json.gz", |events| {
        let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::none());
        encoder.write_all(&lines(&events)).unwrap();
        let mut whole = encoder.finish().unwrap();
        whole.truncate(whole.len() - 1000);
        whole
    });
    transform(&cut).fails_with("file-failed").naming(&["cut.json.gz"]);
    assert!(!cut.join("star/_starlift.json").exists());
}
