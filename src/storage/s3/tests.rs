//! Responses that stall.

use std::io::{Read, Write};
use std::net::TcpListener;
use std::time::Instant;

use super::*;

/// Starts a server that sends the beginning of a listing and then stalls while the client waits.
fn stalling() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/bucket", listener.local_addr().unwrap());
    std::thread::spawn(move || {
        let mut open = Vec::new();
        while let Ok((mut socket, _)) = listener.accept() {
            let _ = socket.read(&mut [0; 4096]);
            let head =
                "HTTP/1.1 200 OK\r\ncontent-length: 1000\r\n\r\n<ListBucketResult><Contents>";
            let _ = socket.write_all(head.as_bytes());
            open.push(socket);
        }
    });
    url
}

#[tokio::test]
async fn a_listing_that_stops_within_a_page_is_an_error_in_bounded_time() {
    let options = StoreOptions { retries: 1, ..StoreOptions::default() };
    let mut api = S3Api::new(stalling(), "us-east-1".to_owned(), None, &options);
    api.read_timeout = Duration::from_millis(200);
    let begun = Instant::now();
    let listed: Result<Vec<Found>, _> = Arc::new(api).list(String::new(), true).try_collect().await;
    let error = listed.unwrap_err().to_string();
    assert!(
        error.contains("the server stopped in the middle of its response for 200ms"),
        "{error}"
    );
    let elapsed = begun.elapsed();
    assert!(
        elapsed >= Duration::from_millis(400) && elapsed < Duration::from_secs(20),
        "{elapsed:?}"
    );
}
