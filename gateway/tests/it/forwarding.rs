//! Forwarding: what a service receives, what the browser gets back, and when to retry.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use axum::http::Method;
use gateway::config::BaseUrl;
use service_kit::auth::Role;
use service_kit::tasks;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

use crate::test_gateway::{closed_port, config, identity, start, start_with};

#[tokio::test]
async fn identity_headers_of_a_browser_are_not_forwarded() {
    let gateway = start().await;
    let claims = [
        ("authorization-x", false),
        ("cookie", true),
        ("x-user", true),
        ("x-user-id", true),
        ("x-forwarded-user", true),
        ("x-internal-role", true),
        ("ktgg-identity", true),
        ("x-real-ip", true),
        ("forwarded", true),
        ("proxy-authorization", true),
        ("te", true),
    ];
    let mut request = gateway
        .get("/api/projects")
        .header("connection", "x-named")
        .header("x-named", "claimed");
    for (name, _) in claims {
        request = request.header(name, "claimed");
    }
    let echoed = request
        .header("x-forwarded-for", "6.6.6.6")
        .send()
        .await
        .json();
    for (name, is_stripped) in claims.into_iter().chain([
        ("x-named", true),
        ("connection", true),
        ("authorization", true),
    ]) {
        assert_eq!(echoed["headers"].get(name).is_none(), is_stripped, "{name}");
    }
    assert_eq!(echoed["headers"]["x-forwarded-for"], "127.0.0.1");
    assert_eq!(echoed["headers"]["x-forwarded-proto"], "http");
    assert_eq!(
        echoed["headers"]["x-forwarded-host"],
        gateway.address.to_string()
    );
}

#[tokio::test]
async fn service_that_refuses_a_token_ends_no_session() {
    let gateway = start().await;
    let staff = gateway.cookie(&identity(Role::Staff)).await;
    let request = gateway.get("/api/interests/refusing").cookie(&staff);
    let refused = request.send().await;
    assert_eq!(refused.problem().0, 503);
    assert!(refused.header("retry-after").is_some());
}

#[tokio::test]
async fn version_to_wait_for_is_forwarded_only_with_a_session() {
    let gateway = start().await;
    let staff = gateway.cookie(&identity(Role::Staff)).await;
    let after = "salesman-match/00000000-0000-0000-0000-000000000002@3";
    for (cookie, is_forwarded) in [(&*staff, true), ("ktgg=unknown", false), ("", false)] {
        let request = gateway.get("/api/projects").cookie(cookie);
        let echoed = request.header("ktgg-after", after).send().await.json();
        let forwarded = echoed["headers"].get("ktgg-after");
        assert_eq!(forwarded.is_some(), is_forwarded, "{cookie}");
    }
}

#[tokio::test]
async fn headers_and_body_for_the_service_are_forwarded() {
    let gateway = start().await;
    let staff = gateway.cookie(&identity(Role::Staff)).await;
    let sent = [
        ("if-match", "\"3\""),
        ("idempotency-key", "k1"),
        ("accept-language", "en"),
        (
            "ktgg-after",
            "salesman-match/00000000-0000-0000-0000-000000000002@3",
        ),
        ("content-type", "application/json"),
        ("if-none-match", "\"2\""),
    ];
    let mut request = gateway
        .request(Method::PATCH, "/api/consultations/7")
        .cookie(&staff)
        .body("{\"memo\":\"가\"}");
    for (name, value) in sent {
        request = request.header(name, value);
    }
    let echoed = request.send().await.json();
    for (name, value) in sent {
        assert_eq!(echoed["headers"][name], value, "{name}");
    }
    assert_eq!(echoed["method"], "PATCH");
    assert_eq!(echoed["body"], "{\"memo\":\"가\"}");
}

#[tokio::test]
async fn response_paths_get_the_api_prefix_and_cookies_are_dropped() {
    let gateway = start().await;
    let staff = gateway.cookie(&identity(Role::Staff)).await;
    let answer = gateway
        .request(Method::POST, "/api/consultations/created")
        .cookie(&staff)
        .send()
        .await;
    assert_eq!(answer.status, 201);
    assert_eq!(answer.header("location"), Some("/api/consultations/7"));
    assert_eq!(
        answer.header("link"),
        Some("</api/consultations?after=7>; rel=\"next\"")
    );
    assert_eq!(answer.header("etag"), Some("\"1\""));
    for stripped in ["set-cookie", "x-hop"] {
        assert_eq!(answer.header(stripped), None, "{stripped}");
    }
}

#[tokio::test]
async fn valid_request_id_is_kept_and_an_invalid_one_replaced() {
    let gateway = start().await;
    let answer = gateway
        .get("/api/projects")
        .header("x-request-id", "page-7.retry_2")
        .send()
        .await;
    assert_eq!(answer.header("x-request-id"), Some("page-7.retry_2"));
    assert_eq!(answer.json()["headers"]["x-request-id"], "page-7.retry_2");
    for path in ["/api/projects", "/api/nothing"] {
        let answer = gateway.get(path).header("x-request-id", "a b").send().await;
        let id = answer.header("x-request-id").unwrap();
        assert_eq!(id.len(), 36, "{id}");
    }
    let answer = gateway
        .get("/api/projects")
        .header("connection", "x-request-id")
        .header("x-request-id", "valid")
        .send()
        .await;
    assert_eq!(answer.json()["headers"]["x-request-id"], "valid");
}

#[tokio::test]
async fn trace_context_is_continued_or_started() {
    let gateway = start().await;
    let traceparent = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
    let echoed = gateway
        .get("/api/projects")
        .header("traceparent", traceparent)
        .send()
        .await
        .json();
    let sent = echoed["headers"]["traceparent"].as_str().unwrap();
    // The same trace, with the gateway's span as the parent.
    assert_eq!(sent[..36], traceparent[..36]);
    let echoed = gateway
        .get("/api/projects")
        .header("traceparent", "nonsense")
        .send()
        .await
        .json();
    assert_eq!(
        echoed["headers"]["traceparent"].as_str().unwrap().len(),
        traceparent.len()
    );
}

#[tokio::test]
async fn unavailable_service_does_not_affect_the_others() {
    let mut config = config().await;
    config.services.interest = closed_port().await;
    let gateway = start_with(config).await;
    let staff = gateway.cookie(&identity(Role::Staff)).await;
    let answer = gateway.get("/api/interests").cookie(&staff).send().await;
    assert_eq!(answer.problem(), (503, "service-unavailable".to_owned()));
    assert_eq!(answer.header("retry-after"), Some("1"));
    assert_eq!(answer.json()["service"], "interest");
    assert!(answer.json()["traceId"].is_string());
    assert_eq!(gateway.get("/api/projects").send().await.status, 200);
}

#[tokio::test]
async fn service_that_does_not_respond_times_out() {
    let mut config = config().await;
    config.timeouts.response = std::time::Duration::from_millis(200);
    let gateway = start_with(config).await;
    let staff = gateway.cookie(&identity(Role::Staff)).await;
    let answer = gateway
        .get("/api/interests/hanging")
        .cookie(&staff)
        .send()
        .await;
    assert_eq!(answer.problem(), (504, "service-timeout".to_owned()));
}

/// A service that closes the first `failures` connections after it has read the request.
/// Returns its address and the number of requests that it has read.
async fn failing_service(failures: usize) -> (BaseUrl, Arc<AtomicUsize>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let count = Arc::new(AtomicUsize::new(0));
    let counted = count.clone();
    drop(tasks::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let request = read_request(&mut stream).await;
            if counted.fetch_add(1, Ordering::SeqCst) < failures {
                continue;
            }
            let body = request.split_once("\r\n\r\n").map_or("", |(_, body)| body);
            let answer = format!(
                "HTTP/1.1 200 OK\r\ncontent-length: {}\r\nconnection: close\r\n\r\n{body}",
                body.len()
            );
            drop(stream.write_all(answer.as_bytes()).await);
        }
    }));
    (BaseUrl::from(address), count)
}

async fn read_request(stream: &mut TcpStream) -> String {
    let mut request = Vec::new();
    let mut chunk = [0; 4096];
    loop {
        let text = String::from_utf8_lossy(&request).to_lowercase();
        if let Some((head, body)) = text.split_once("\r\n\r\n") {
            let length = head
                .lines()
                .find_map(|line| line.strip_prefix("content-length: ")?.parse().ok())
                .unwrap_or(0);
            if body.len() >= length {
                return String::from_utf8(request).unwrap();
            }
        }
        match stream.read(&mut chunk).await {
            Ok(read) if read > 0 => request.extend_from_slice(&chunk[..read]),
            _ => return String::from_utf8_lossy(&request).into_owned(),
        }
    }
}

#[tokio::test]
async fn broken_connection_is_retried_once_where_safe() {
    for (method, key, failures, attempts, status) in [
        (Method::GET, None, 1, 2, 200),
        (Method::GET, None, 2, 2, 503),
        (Method::POST, Some("k1"), 1, 2, 200),
        (Method::POST, None, 1, 1, 503),
        (Method::DELETE, None, 1, 1, 503),
    ] {
        let mut config = config().await;
        let (url, count) = failing_service(failures).await;
        config.services.project = url;
        let gateway = start_with(config).await;
        let mut request = gateway.request(method.clone(), "/api/projects");
        if method == Method::POST {
            request = request.body("{\"name\":\"사업\"}");
        }
        if let Some(key) = key {
            request = request.header("idempotency-key", key);
        }
        let answer = request.send().await;
        assert_eq!(answer.status, status, "{method} {key:?}");
        assert_eq!(count.load(Ordering::SeqCst), attempts, "{method} {key:?}");
        if status == 200 && method == Method::POST {
            assert_eq!(answer.body, "{\"name\":\"사업\"}");
        }
    }
}

#[tokio::test]
async fn body_too_large_to_buffer_is_not_retried() {
    let mut config = config().await;
    let (url, count) = failing_service(1).await;
    config.services.project = url;
    let gateway = start_with(config).await;
    let answer = gateway
        .request(Method::POST, "/api/projects")
        .header("idempotency-key", "k1")
        .body("x".repeat(64 * 1024 + 1))
        .send()
        .await;
    assert_eq!(answer.problem(), (503, "service-unavailable".to_owned()));
    assert_eq!(count.load(Ordering::SeqCst), 1);
}
