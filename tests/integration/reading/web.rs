//! Objects of a web server.

use std::convert::Infallible;
use std::net::TcpListener;
use std::sync::{Arc, Mutex};

use bytes::Bytes;
use http_body_util::Full;
use hyper::header::{ACCEPT_RANGES, CONTENT_LENGTH, CONTENT_RANGE, ETAG, IF_MATCH, RANGE};
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::rt::TokioIo;

use super::*;

/// A minimal HTTP server for these files.
#[derive(Default)]
struct Web {
    files: BTreeMap<String, Vec<u8>>,
    /// Serves byte ranges.
    ranges: bool,
    /// Value of every `ETag` header.
    etag: Option<&'static str>,
    /// Required value of the `Authorization` header.
    authorization: Option<&'static str>,
    /// Rejects HEAD, as a URL that is signed for GET does.
    only_get: bool,
    /// Status and `Range` header of every GET.
    gets: Mutex<Vec<(u16, Option<String>)>>,
}

impl Web {
    fn file(mut self, path: &str, content: impl AsRef<[u8]>) -> Web {
        self.files.insert(path.to_owned(), content.as_ref().to_vec());
        self
    }

    /// Serves until the test process ends, and returns the base URL.
    fn start(self) -> (String, Arc<Web>) {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let web = Arc::new(self);
        std::thread::spawn({
            let web = web.clone();
            move || {
                let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
                runtime.unwrap().block_on(web.accept(listener));
            }
        });
        (url, web)
    }

    async fn accept(self: Arc<Self>, listener: TcpListener) {
        listener.set_nonblocking(true).unwrap();
        let listener = tokio::net::TcpListener::from_std(listener).unwrap();
        loop {
            let (socket, _) = listener.accept().await.unwrap();
            let web = self.clone();
            let service = hyper::service::service_fn(move |request| {
                let response = web.answer(&request);
                async { Ok::<_, Infallible>(response) }
            });
            let http = hyper::server::conn::http1::Builder::new();
            tokio::spawn(http.serve_connection(TokioIo::new(socket), service));
        }
    }

    fn answer<B>(&self, request: &Request<B>) -> Response<Full<Bytes>> {
        let header = |name| request.headers().get(name).and_then(|value| value.to_str().ok());
        if header("authorization") != self.authorization {
            return Response::builder().status(401).body(Full::default()).unwrap();
        }
        if self.only_get && request.method() != Method::GET {
            return Response::builder().status(403).body(Full::default()).unwrap();
        }
        let target = request.uri().path_and_query().unwrap().as_str();
        let response = self.response(target, header(RANGE.as_str()), header(IF_MATCH.as_str()));
        if request.method() == Method::GET {
            let asked = header(RANGE.as_str()).map(str::to_owned);
            self.gets.lock().unwrap().push((response.status().as_u16(), asked));
            return response;
        }
        let (mut parts, body) = response.into_parts();
        let length = http_body_util::combinators::UnsyncBoxBody::new(body);
        let length = hyper::body::Body::size_hint(&length).exact().unwrap();
        parts.headers.insert(CONTENT_LENGTH, length.into());
        Response::from_parts(parts, Full::default())
    }

    fn response(
        &self,
        path: &str,
        range: Option<&str>,
        if_match: Option<&str>,
    ) -> Response<Full<Bytes>> {
        let status = |status| Response::builder().status(status);
        let Some(file) = self.files.get(path) else {
            return status(StatusCode::NOT_FOUND).body(Full::default()).unwrap();
        };
        // RFC 9110, 13.1.1: If-Match uses strong comparison, which a weak tag never satisfies.
        let matches = |tag| tag == "*" || self.etag == Some(tag) && !tag.starts_with("W/");
        if if_match.is_some_and(|tag| !matches(tag)) {
            return status(StatusCode::PRECONDITION_FAILED).body(Full::default()).unwrap();
        }
        let mut builder = status(StatusCode::OK);
        if let Some(etag) = self.etag {
            builder = builder.header(ETAG, etag);
        }
        let Some((start, end)) = range.filter(|_| self.ranges).and_then(parse_range) else {
            return builder.body(Full::from(file.clone())).unwrap();
        };
        let end = end.min(file.len() - 1);
        builder
            .status(StatusCode::PARTIAL_CONTENT)
            .header(ACCEPT_RANGES, "bytes")
            .header(CONTENT_RANGE, format!("bytes {start}-{end}/{}", file.len()))
            .body(Full::from(file[start..=end].to_vec()))
            .unwrap()
    }
}

fn parse_range(range: &str) -> Option<(usize, usize)> {
    let (start, end) = range.strip_prefix("bytes=")?.split_once('-')?;
    Some((start.parse().ok()?, end.parse().ok()?))
}

/// Repeats `block` until it exceeds the size of one range request.
fn larger_than_a_range(block: &str) -> String {
    (block.to_owned() + "\n").repeat(10 * 1024 * 1024 / block.len())
}

#[test]
fn single_objects_are_read_from_a_web_server() {
    let workspace = sample();
    transform(&workspace, &["data/songs.json"], "data/logs.json", "plain").exits(0);
    let (songs, logs) = (workspace.read("data/songs.json"), workspace.read("data/logs.json"));
    let web = Web::default()
        .file("/a/songs%20%C3%A9.json", &songs)
        .file("/logs.json.gz", gzip(logs.as_bytes()));
    let (url, web) = web.start();
    let songs = format!("{url}/a/songs%20%C3%A9.json");
    transform(&workspace, &[&songs], &format!("{url}/logs.json.gz"), "star").exits(0);
    assert_same_star(&workspace, "plain", "star");
    assert_eq!(*web.gets.lock().unwrap(), [(200, None), (200, None)]);
}

#[test]
fn a_large_object_of_a_web_server_is_read_with_and_without_ranges() {
    let workspace = sample();
    let large = larger_than_a_range(&workspace.read("data/logs.json"));
    workspace.write("large.json", &large);
    transform(&workspace, &["data/songs.json"], "large.json", "plain").exits(0);
    for ranges in [false, true] {
        let web = Web { ranges, etag: ranges.then_some("\"1\""), ..Web::default() };
        let (url, _) = web.file("/large.json", &large).start();
        transform(&workspace, &["data/songs.json"], &format!("{url}/large.json"), "star").exits(0);
        assert_same_star(&workspace, "plain", "star");
    }
}

#[test]
fn object_with_a_weak_etag_is_read() {
    let workspace = with_songs(&["a.json"]);
    let web = Web { etag: Some("W/\"1\""), ..Web::default() };
    let (url, _) = web.file("/day.json", EVENT).start();
    transform(&workspace, &["songs"], &format!("{url}/day.json"), "star").exits(0);
}

#[test]
fn object_missing_on_a_web_server_is_named() {
    let workspace = with_songs(&["a.json"]);
    let (url, _) = Web::default().file("/day.json", EVENT).start();
    let missing = format!("{url}/night.json");
    let outcome = transform(&workspace, &["songs"], &missing, "star");
    outcome.fails_with("nothing-found").naming(&[&missing]);
    assert!(!workspace.join("star/_starlift.json").exists(), "{outcome}");
}

/// Fails the test if a secret is in the output or the files of a run.
#[track_caller]
fn assert_no_secret(workspace: &Workspace, outcome: &Outcome) {
    for secret in ["s3cret", "sIgnAture", "czNjcmV0"] {
        let printed = format!("{}{}", outcome.stdout, outcome.stderr);
        assert!(!printed.contains(secret), "{secret} was printed\n{outcome}");
        for file in files(&workspace.join("star")) {
            let bytes = std::fs::read(workspace.join("star").join(&file)).unwrap();
            let kept = bytes.windows(secret.len()).any(|window| window == secret.as_bytes());
            assert!(!kept, "{secret} is in {file}");
        }
    }
}

/// Returns a server that requires the credentials `me:s3cret`.
fn locked() -> Web {
    // Base64 of `me:s3cret`.
    Web { authorization: Some("Basic bWU6czNjcmV0"), ..Web::default() }
}

const QUERY: &str = "?X-Sig=sIgnAture%2F1&n=1";

#[test]
fn secrets_in_a_url_are_sent_but_neither_shown_nor_stored() {
    let workspace = with_songs(&["a.json"]);
    let bad = format!("{EVENT}\nnot JSON\n");
    let (url, _) = locked().file(&format!("/a/day.json{QUERY}"), bad).start();
    let typed = format!("{}/a/day.json{QUERY}#part", url.replace("//", "//me:s3cret@"));
    let shown = format!("{url}/a/day.json");
    for more in [&["-vv"][..], &["-vv", "--log-format", "json"], &["--dry-run"]] {
        let mut command = workspace.command();
        command.args(["transform", "--songs", "songs", "--logs", &typed, "--out", "star"]);
        let outcome = workspace.outcome(command.args(["--max-rejects", "1"]).args(more));
        outcome.exits(0).says(&shown);
        assert_no_secret(&workspace, &outcome);
    }
    let inputs = ["query", "--star", "star", "--format", "csv", "--sql"];
    let query = |sql| workspace.run(inputs.into_iter().chain([sql]));
    query("SELECT url FROM inputs WHERE dataset = 'logs'").exits(0).says(&shown);
    assert_no_secret(&workspace, &query("SELECT url FROM inputs"));
    query("SELECT object FROM rejects").exits(0).says(&shown);
    assert_no_secret(&workspace, &query("SELECT object FROM rejects"));
    let record: serde_json::Value =
        serde_json::from_str(&workspace.read("star/_starlift.json")).unwrap();
    assert_eq!(record["options"]["inputs"]["logs"], serde_json::json!([shown]));
}

#[test]
fn errors_of_a_web_server_contain_no_secrets() {
    let workspace = with_songs(&["a.json"]);
    let (url, _) = locked().file(&format!("/day.json{QUERY}"), "\x1f\u{8b}").start();
    let closed = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let secret = url.replace("//", "//me:s3cret@");
    for typed in [
        format!("{secret}/night.json{QUERY}"),
        format!("{}/day.json{QUERY}", url.replace("//", "//me:s3cret2@")),
        format!("http://me:s3cret@{closed}/day.json{QUERY}"),
        format!("http://me:s3cret@host:port/day.json{QUERY}"),
        format!("http://me:s3cret@no-such-host.invalid/day.json{QUERY}"),
        format!("ftp://me:s3cret@host/day.json{QUERY}"),
    ] {
        let mut command = workspace.command();
        command.args(["transform", "--songs", "songs", "--logs", &typed, "--out", "star", "-vv"]);
        let outcome = workspace.outcome(command.args(["--retries", "1"]));
        assert!(outcome.code != Some(0), "{outcome}");
        assert_no_secret(&workspace, &outcome);
    }
    let out = format!("{secret}/star{QUERY}");
    let outcome = transform(&workspace, &["songs"], "logs", &out);
    outcome.fails_with("invalid-location");
    assert_no_secret(&workspace, &outcome);
    let mut command = workspace.command();
    let doctor =
        workspace.outcome(command.args(["doctor", "--logs", &format!("{secret}/x{QUERY}")]));
    assert_no_secret(&workspace, &doctor);
}

#[test]
fn url_signed_only_for_get_is_read() {
    let workspace = with_songs(&["a.json"]);
    for ranges in [false, true] {
        let web = Web { only_get: true, ranges, ..Web::default() };
        let (url, _) = web.file(&format!("/day.json{QUERY}"), EVENT).start();
        let outcome = transform(&workspace, &["songs"], &format!("{url}/day.json{QUERY}"), "star");
        outcome.exits(0).says(&format!("logs      1 object listed = 1 read, {} B", EVENT.len()));
    }
}

#[test]
fn objects_that_differ_only_in_their_query_are_both_read() {
    let workspace = with_songs(&[]);
    let second = SONG.replace("SO1", "SO2");
    let (url, _) = Web::default().file("/song?id=1", SONG).file("/song?id=2", second).start();
    let songs = [1, 2].map(|id| format!("{url}/song?id={id}"));
    let outcome = transform(&workspace, &[&songs[0], &songs[1], &songs[0]], "logs", "star");
    outcome.exits(0).says("songs     2 objects listed = 2 read").says("2 records read = 2 decoded");
}

#[test]
fn jsonpaths_file_can_have_a_signed_url() {
    let workspace = with_songs(&[]);
    let paths = r#"{"jsonpaths":["$.n","$.a","$.b","$.c","$.d","$.e","$.i","$.t","$.l","$.y"]}"#;
    let (url, _) = locked().file(&format!("/paths.json{QUERY}"), paths).start();
    let typed = format!("{}/paths.json{QUERY}", url.replace("//", "//me:s3cret@"));
    workspace.write("songs/a.json", r#"{"a":"AR1","e":"Any","i":"SO1","t":"One"}"#);
    let mut command = workspace.command();
    command.args(["transform", "--songs", "songs", "--logs", "logs", "--out", "star"]);
    let outcome = workspace.outcome(command.args(["--song-jsonpaths", &typed]));
    assert_no_secret(&workspace, &outcome);
    outcome.exits(0).says("1 record read = 1 decoded");
}
