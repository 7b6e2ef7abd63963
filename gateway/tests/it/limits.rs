//! What is too large, too slow or too much.

use std::time::Duration;

use axum::http::Method;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use crate::fixture::{Running, config, in_time, start, start_with};

/// Writes this and returns all that comes back until the gateway closes.
async fn raw(gateway: &Running, parts: &[&[u8]]) -> String {
    let mut stream = TcpStream::connect(gateway.address).await.unwrap();
    for part in parts {
        // The gateway may have answered and closed already.
        if stream.write_all(part).await.is_err() {
            break;
        }
    }
    let mut answer = Vec::new();
    let _ = in_time("the gateway closes", stream.read_to_end(&mut answer)).await;
    String::from_utf8_lossy(&answer).into_owned()
}

#[tokio::test]
async fn a_body_of_up_to_a_megabyte_passes_and_a_larger_one_is_refused() {
    let gateway = start().await;
    let post = |size: usize| gateway.ask(Method::POST, "/api/projects").body("x".repeat(size)).send();
    assert_eq!(post(1024 * 1024).await.json()["body"].as_str().unwrap().len(), 1024 * 1024);
    let answer = post(1024 * 1024 + 1).await;
    assert_eq!(answer.problem(), (413, "too-large".to_owned()));
    assert_eq!(answer.json()["limitBytes"], 1024 * 1024);
}

#[tokio::test]
async fn a_file_to_import_may_be_larger_and_has_a_limit_of_its_own() {
    let gateway = start().await;
    let post = |size: usize| gateway.ask(Method::POST, "/api/projects/imports").body("x".repeat(size)).send();
    assert_eq!(post(3 * 1024 * 1024).await.status, 200);
    let answer = post(33 * 1024 * 1024 + 1).await;
    assert_eq!(answer.problem(), (413, "too-large".to_owned()));
    assert_eq!(answer.json()["limitBytes"], 33 * 1024 * 1024);
}

#[tokio::test]
async fn a_body_announced_as_too_large_is_refused_before_it_is_sent() {
    let gateway = start().await;
    let answer =
        raw(&gateway, &[b"POST /api/projects HTTP/1.1\r\nhost: x\r\nktgg-csrf: 1\r\ncontent-length: 2000000\r\nconnection: close\r\n\r\n"]).await;
    assert!(answer.starts_with("HTTP/1.1 413"), "{answer}");
}

#[tokio::test]
async fn a_body_of_unknown_length_is_cut_off_at_the_limit() {
    let gateway = start().await;
    let chunk = [b"10000\r\n".as_slice(), &vec![b'x'; 0x1_0000], b"\r\n"].concat();
    let mut parts: Vec<&[u8]> =
        vec![b"POST /api/projects HTTP/1.1\r\nhost: x\r\nktgg-csrf: 1\r\ntransfer-encoding: chunked\r\nconnection: close\r\n\r\n"];
    parts.extend((0..17).map(|_| chunk.as_slice()));
    let answer = raw(&gateway, &parts).await;
    assert!(answer.starts_with("HTTP/1.1 413"), "{answer}");
}

#[tokio::test]
async fn whoever_does_not_finish_a_head_is_not_waited_for() {
    let mut config = config().await;
    config.patience.headers = Duration::from_millis(200);
    let gateway = start_with(config).await;
    let answer = raw(&gateway, &[b"GET /api/projects HTTP/1.1\r\nhost: x\r\nx-slow: "]).await;
    assert!(answer.is_empty() || answer.starts_with("HTTP/1.1 408"), "{answer}");
}

#[tokio::test]
async fn a_head_that_is_too_large_is_refused() {
    let gateway = start().await;
    let large = format!("GET /api/projects HTTP/1.1\r\nhost: x\r\nx-large: {}\r\n\r\n", "x".repeat(64 * 1024));
    let answer = raw(&gateway, &[large.as_bytes()]).await;
    assert!(answer.starts_with("HTTP/1.1 431") || answer.is_empty(), "{answer}");
}
