//! Size limits, timeouts and rate limits of requests.

use std::time::Duration;

use axum::http::Method;
use gateway::config::Rate;
use service_kit::auth::{Identity, Role};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpSocket, TcpStream};
use uuid::Uuid;

use crate::test_gateway::{TestGateway, config, cookie, identity, start, start_with, with_timeout};

/// Sends raw bytes and returns everything that the gateway sends until it closes the connection.
async fn send_raw(gateway: &TestGateway, parts: &[&[u8]]) -> String {
    let mut stream = TcpStream::connect(gateway.address).await.unwrap();
    for part in parts {
        // The gateway may have responded and closed the connection already.
        if stream.write_all(part).await.is_err() {
            break;
        }
    }
    let mut answer = Vec::new();
    let _ = with_timeout("the gateway closes", stream.read_to_end(&mut answer)).await;
    String::from_utf8_lossy(&answer).into_owned()
}

#[tokio::test]
async fn body_over_one_mebibyte_is_refused() {
    let gateway = start().await;
    let post = |size: usize| {
        gateway
            .request(Method::POST, "/api/projects")
            .body("x".repeat(size))
            .send()
    };
    assert_eq!(
        post(1024 * 1024).await.json()["body"]
            .as_str()
            .unwrap()
            .len(),
        1024 * 1024
    );
    let answer = post(1024 * 1024 + 1).await;
    assert_eq!(answer.problem(), (413, "too-large".to_owned()));
    assert_eq!(answer.json()["limitBytes"], 1024 * 1024);
}

#[tokio::test]
async fn import_file_has_a_larger_limit() {
    let gateway = start().await;
    let post = |size: usize| {
        gateway
            .request(Method::POST, "/api/projects/imports")
            .body("x".repeat(size))
            .send()
    };
    assert_eq!(post(3 * 1024 * 1024).await.status, 200);
    let answer = post(33 * 1024 * 1024 + 1).await;
    assert_eq!(answer.problem(), (413, "too-large".to_owned()));
    assert_eq!(answer.json()["limitBytes"], 33 * 1024 * 1024);
}

#[tokio::test]
async fn too_large_content_length_is_refused_before_the_body() {
    let gateway = start().await;
    let answer = send_raw(
        &gateway,
        &[
            b"POST /api/projects HTTP/1.1\r\nhost: x\r\nktgg-csrf: 1\r\n\
            content-length: 2000000\r\nconnection: close\r\n\r\n",
        ],
    )
    .await;
    assert!(answer.starts_with("HTTP/1.1 413"), "{answer}");
}

#[tokio::test]
async fn chunked_body_is_refused_at_the_limit() {
    let gateway = start().await;
    let chunk = [b"10000\r\n".as_slice(), &vec![b'x'; 0x1_0000], b"\r\n"].concat();
    let mut parts: Vec<&[u8]> = vec![
        b"POST /api/projects HTTP/1.1\r\nhost: x\r\nktgg-csrf: 1\r\n\
          transfer-encoding: chunked\r\nconnection: close\r\n\r\n",
    ];
    parts.extend((0..17).map(|_| chunk.as_slice()));
    let answer = send_raw(&gateway, &parts).await;
    assert!(answer.starts_with("HTTP/1.1 413"), "{answer}");
}

#[tokio::test]
async fn incomplete_request_head_times_out() {
    let mut config = config().await;
    config.timeouts.request_head = Duration::from_millis(200);
    let gateway = start_with(config).await;
    let answer = send_raw(
        &gateway,
        &[b"GET /api/projects HTTP/1.1\r\nhost: x\r\nx-slow: "],
    )
    .await;
    assert!(
        answer.is_empty() || answer.starts_with("HTTP/1.1 408"),
        "{answer}"
    );
}

#[tokio::test]
async fn too_large_request_head_is_refused() {
    let gateway = start().await;
    let large = format!(
        "GET /api/projects HTTP/1.1\r\nhost: x\r\nx-large: {}\r\n\r\n",
        "x".repeat(64 * 1024)
    );
    let answer = send_raw(&gateway, &[large.as_bytes()]).await;
    assert!(answer.starts_with("HTTP/1.1 431"), "{answer}");
}

#[tokio::test]
async fn too_many_request_headers_are_refused() {
    let gateway = start().await;
    let many = "x-many: 1\r\n".repeat(150);
    let answer = send_raw(
        &gateway,
        &[format!("GET /api/projects HTTP/1.1\r\nhost: x\r\n{many}\r\n").as_bytes()],
    )
    .await;
    assert!(answer.starts_with("HTTP/1.1 431"), "{answer}");
}

#[tokio::test]
async fn incomplete_request_body_times_out() {
    let mut config = config().await;
    config.timeouts.response = Duration::from_millis(300);
    let gateway = start_with(config).await;
    let incomplete = |path: &str, more: &str| {
        format!(
            "POST {path} HTTP/1.1\r\nhost: x\r\nktgg-csrf: 1\r\n{more}\
             content-type: application/json\r\ncontent-length: 100\r\n\r\n{{"
        )
    };
    for (path, more, status) in [
        // Operations of the gateway itself.
        ("/api/auth/sign-in", "", "408"),
        ("/api/auth/otp", "", "408"),
        // Buffered, so that the request can be retried.
        ("/api/projects", "idempotency-key: k\r\n", "408"),
        // Streamed: the service waits for the rest.
        ("/api/projects", "", "504"),
    ] {
        let answer = send_raw(&gateway, &[incomplete(path, more).as_bytes()]).await;
        assert!(
            answer.starts_with(&format!("HTTP/1.1 {status}")),
            "{path} {more}: {answer}"
        );
    }
}

#[tokio::test]
async fn own_operations_have_the_body_limit_of_the_services() {
    let gateway = start().await;
    let answer = gateway
        .post("/api/auth/sign-in")
        .header("content-type", "application/json")
        .body("x".repeat(300 * 1024))
        .send()
        .await;
    assert_eq!(answer.problem(), (413, "too-large".to_owned()));
    assert_eq!(answer.json()["limitBytes"], 256 * 1024);
}

#[tokio::test]
async fn client_that_does_not_read_the_response_is_disconnected() {
    let mut config = config().await;
    config.timeouts.write = Duration::from_millis(500);
    let gateway = start_with(config).await;
    // The receive buffer is smaller than the response.
    let socket = TcpSocket::new_v4().unwrap();
    socket.set_recv_buffer_size(4096).unwrap();
    let mut stream = socket.connect(gateway.address).await.unwrap();
    let length = 1024 * 1024;
    let head = format!(
        "POST /api/projects HTTP/1.1\r\nhost: x\r\nktgg-csrf: 1\r\ncontent-length: {length}\r\n\r\n"
    );
    stream.write_all(head.as_bytes()).await.unwrap();
    // As JSON, the echoed body is six times as long.
    stream.write_all(&vec![1; length]).await.unwrap();
    // After the gateway has closed the connection, writing fails.
    with_timeout("the gateway closes the connection", async {
        while stream.write_all(b"x").await.is_ok() {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    })
    .await;
    let mut answer = Vec::new();
    let end = with_timeout("the connection ends", stream.read_to_end(&mut answer)).await;
    assert!(
        end.is_err() || answer.len() < 6 * length,
        "{} bytes were read",
        answer.len()
    );
}

#[tokio::test]
async fn writes_are_limited_per_person_across_sessions() {
    let mut config = config().await;
    config.limits.writes = Rate::new(3, 3600);
    let gateway = start_with(config).await;
    let staff = gateway.caller(&identity(Role::Staff)).await;
    let writes = [
        (Method::POST, "/api/consultations"),
        (Method::PATCH, "/api/interests/1"),
        (Method::POST, "/api/auth/sign-out"),
        (Method::DELETE, "/api/salesmen/1"),
    ];
    for (method, path) in &writes[..2] {
        assert_eq!(staff.request(method.clone(), path).send().await.status, 200);
    }
    // Other sessions and services share the limit.
    let other_session = gateway.caller(&identity(Role::Staff)).await;
    assert_eq!(
        other_session
            .post("/api/salesman-matches")
            .send()
            .await
            .status,
        200
    );
    for (method, path) in writes {
        let refused = staff.request(method, path).send().await;
        assert_eq!(
            refused.problem(),
            (429, "too-many-requests".to_owned()),
            "{path}"
        );
        let seconds: u64 = refused.header("retry-after").unwrap().parse().unwrap();
        assert!((1..=1200).contains(&seconds), "{seconds}");
    }
    for _ in 0..10 {
        assert_eq!(staff.get("/api/consultations").send().await.status, 200);
    }
    let other_role = gateway.caller(&identity(Role::Salesman)).await;
    let other = gateway
        .caller(&Identity {
            subject: Uuid::from_u128(8),
            ..identity(Role::Staff)
        })
        .await;
    for other in [other_role, other] {
        assert_eq!(other.post("/api/consultations").send().await.status, 200);
    }
    assert_eq!(gateway.post("/api/projects").send().await.status, 200);
}

#[tokio::test]
async fn anonymous_writes_are_limited_per_address() {
    let mut config = config().await;
    config.limits.writes = Rate::new(2, 3600);
    config.trusted_proxies.count = 1;
    let gateway = start_with(config).await;
    let from = async |forwarded: &str| {
        gateway
            .post("/api/projects")
            .header("x-forwarded-for", forwarded)
            .send()
            .await
            .status
            .as_u16()
    };
    assert_eq!(
        [
            from("203.0.113.7").await,
            from("6.6.6.6, 203.0.113.7").await,
            from("7.7.7.7, 203.0.113.7").await
        ],
        [200, 200, 429]
    );
    assert_eq!(from("203.0.113.8").await, 200);
    assert_eq!(
        [
            from("2001:db8::1").await,
            from("2001:db8::2").await,
            from("2001:db8::3").await
        ],
        [200, 200, 429]
    );
    let echoed = gateway
        .get("/api/projects")
        .header("x-forwarded-for", "6.6.6.6, 203.0.113.9")
        .send()
        .await
        .json();
    assert_eq!(echoed["headers"]["x-forwarded-for"], "203.0.113.9");
}

#[tokio::test]
async fn reads_are_limited_per_person_and_per_anonymous_address() {
    let mut config = config().await;
    config.limits.reads = Rate::new(3, 3600);
    config.trusted_proxies.count = 1;
    let gateway = start_with(config).await;
    let from = async |address: &str, path: &str| {
        let request = gateway.get(path).header("x-forwarded-for", address);
        request.send().await
    };
    for (addresses, other) in [
        (["203.0.113.7"; 3], "203.0.113.8"),
        (
            ["2001:db8::1", "2001:db8::2", "2001:db8::3"],
            "2001:db8:0:1::1",
        ),
    ] {
        for (address, path) in
            addresses
                .into_iter()
                .zip(["/api/projects", "/api/auth/me", "/api/projects?q=a"])
        {
            assert_eq!(from(address, path).await.status, 200, "{address} {path}");
        }
        let refused = from(addresses[0], "/api/projects").await;
        assert_eq!(refused.problem(), (429, "too-many-requests".to_owned()));
        assert!(refused.header("retry-after").is_some());
        assert_eq!(from(other, "/api/projects").await.status, 200);
    }
    // A signed-in person has a limit of their own, and so have writes.
    let staff = gateway.caller(&identity(Role::Staff)).await;
    for status in [200, 200, 200, 429] {
        let request = staff.get("/api/consultations");
        let answer = request
            .header("x-forwarded-for", "203.0.113.7")
            .send()
            .await;
        assert_eq!(answer.status, status);
    }
    assert_eq!(staff.post("/api/consultations").send().await.status, 200);
}

#[tokio::test]
async fn write_refused_for_another_reason_is_not_counted() {
    let mut config = config().await;
    config.limits.writes = Rate::new(1, 3600);
    let gateway = start_with(config).await;
    let staff = gateway.caller(&identity(Role::Staff)).await;
    for _ in 0..3 {
        assert_eq!(
            staff
                .post("/api/consultations")
                .without_csrf_header()
                .send()
                .await
                .status,
            403
        );
        assert_eq!(staff.post("/api/nothing").send().await.status, 404);
        assert_eq!(
            staff.request(Method::DELETE, "/api/me").send().await.status,
            403
        );
    }
    assert_eq!(staff.post("/api/consultations").send().await.status, 200);
}

#[tokio::test]
async fn refused_requests_of_anonymous_callers_count() {
    let mut config = config().await;
    config.limits.reads = Rate::new(2, 3600);
    config.limits.writes = Rate::new(2, 3600);
    let gateway = start_with(config).await;
    for (method, path) in [
        (Method::GET, "/api/audit"),
        (Method::POST, "/api/accounts/invitations"),
    ] {
        for status in [401, 401, 429] {
            let answer = gateway.request(method.clone(), path).send().await;
            assert_eq!(answer.status, status, "{method}");
        }
    }
}

#[tokio::test]
async fn invented_cookies_are_limited_before_they_cost_a_query() {
    let mut config = config().await;
    config.limits.reads = Rate::new(2, 3600);
    config.trusted_proxies.count = 1;
    let gateway = start_with(config).await;
    let session = gateway.cookie(&identity(Role::Staff)).await;
    let read = async |address: &str, session: &str| {
        let request = gateway.get("/api/auth/me").cookie(session);
        let answer = request.header("x-forwarded-for", address).send().await;
        answer.status.as_u16()
    };
    let mut answers = Vec::new();
    for number in 0..20 {
        let invented = cookie(&format!("{number:042}A"));
        answers.push(read("203.0.113.7", &invented).await);
    }
    assert_eq!(answers[..3], [200, 200, 429]);
    let mut tx = gateway.db.pool().begin().await.unwrap();
    sqlx::raw_sql("lock table session in access exclusive mode")
        .execute(&mut *tx)
        .await
        .unwrap();
    assert_eq!(read("203.0.113.7", &session).await, 429);
    tx.rollback().await.unwrap();
    assert_eq!(read("203.0.113.8", &session).await, 200);
}
