//! What is too large, too slow or too much.

use std::time::Duration;

use axum::http::Method;
use gateway::config::Rate;
use service_kit::auth::{Identity, Role};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpSocket, TcpStream};
use uuid::Uuid;

use crate::fixture::{Running, config, in_time, somebody, start, start_with};

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
    let post = |size: usize| {
        gateway
            .ask(Method::POST, "/api/projects")
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
async fn a_file_to_import_may_be_larger_and_has_a_limit_of_its_own() {
    let gateway = start().await;
    let post = |size: usize| {
        gateway
            .ask(Method::POST, "/api/projects/imports")
            .body("x".repeat(size))
            .send()
    };
    assert_eq!(post(3 * 1024 * 1024).await.status, 200);
    let answer = post(33 * 1024 * 1024 + 1).await;
    assert_eq!(answer.problem(), (413, "too-large".to_owned()));
    assert_eq!(answer.json()["limitBytes"], 33 * 1024 * 1024);
}

#[tokio::test]
async fn a_body_announced_as_too_large_is_refused_before_it_is_sent() {
    let gateway = start().await;
    let answer = raw(
        &gateway,
        &[b"POST /api/projects HTTP/1.1\r\nhost: x\r\nktgg-csrf: 1\r\ncontent-length: 2000000\r\nconnection: close\r\n\r\n"],
    )
    .await;
    assert!(answer.starts_with("HTTP/1.1 413"), "{answer}");
}

#[tokio::test]
async fn a_body_of_unknown_length_is_cut_off_at_the_limit() {
    let gateway = start().await;
    let chunk = [b"10000\r\n".as_slice(), &vec![b'x'; 0x1_0000], b"\r\n"].concat();
    let mut parts: Vec<&[u8]> = vec![
        b"POST /api/projects HTTP/1.1\r\nhost: x\r\nktgg-csrf: 1\r\ntransfer-encoding: chunked\r\nconnection: close\r\n\r\n",
    ];
    parts.extend((0..17).map(|_| chunk.as_slice()));
    let answer = raw(&gateway, &parts).await;
    assert!(answer.starts_with("HTTP/1.1 413"), "{answer}");
}

#[tokio::test]
async fn whoever_does_not_finish_a_head_is_not_waited_for() {
    let mut config = config().await;
    config.patience.headers = Duration::from_millis(200);
    let gateway = start_with(config).await;
    let answer = raw(
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
async fn a_head_that_is_too_large_is_refused() {
    let gateway = start().await;
    let large = format!(
        "GET /api/projects HTTP/1.1\r\nhost: x\r\nx-large: {}\r\n\r\n",
        "x".repeat(64 * 1024)
    );
    let answer = raw(&gateway, &[large.as_bytes()]).await;
    assert!(answer.starts_with("HTTP/1.1 431"), "{answer}");
}

#[tokio::test]
async fn a_head_of_too_many_headers_is_refused() {
    let gateway = start().await;
    let many = "x-many: 1\r\n".repeat(150);
    let answer = raw(
        &gateway,
        &[format!("GET /api/projects HTTP/1.1\r\nhost: x\r\n{many}\r\n").as_bytes()],
    )
    .await;
    assert!(answer.starts_with("HTTP/1.1 431"), "{answer}");
}

#[tokio::test]
async fn whoever_does_not_finish_a_body_is_not_waited_for() {
    let mut config = config().await;
    config.patience.answer = Duration::from_millis(300);
    let gateway = start_with(config).await;
    let begun = |path: &str, more: &str| {
        format!(
            "POST {path} HTTP/1.1\r\nhost: x\r\nktgg-csrf: 1\r\n{more}content-type: application/json\r\ncontent-length: 100\r\n\r\n{{"
        )
    };
    for (path, more, status) in [
        // The gateway's own.
        ("/api/auth/sign-in", "", "408"),
        ("/api/auth/otp", "", "408"),
        // Held, to be sent again where that is needed.
        ("/api/projects", "idempotency-key: k\r\n", "408"),
        // Passed on as it comes: the service waits for the rest of it.
        ("/api/projects", "", "504"),
    ] {
        let answer = raw(&gateway, &[begun(path, more).as_bytes()]).await;
        assert!(
            answer.starts_with(&format!("HTTP/1.1 {status}")),
            "{path} {more}: {answer}"
        );
    }
}

#[tokio::test]
async fn a_body_for_the_gateway_itself_has_the_limit_that_services_have() {
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
async fn whoever_reads_nothing_of_his_answer_is_not_waited_for() {
    let mut config = config().await;
    config.patience.reading = Duration::from_millis(500);
    let gateway = start_with(config).await;
    // What this end can hold unread is less than what it is sent.
    let socket = TcpSocket::new_v4().unwrap();
    socket.set_recv_buffer_size(4096).unwrap();
    let mut stream = socket.connect(gateway.address).await.unwrap();
    let length = 1024 * 1024;
    let head = format!(
        "POST /api/projects HTTP/1.1\r\nhost: x\r\nktgg-csrf: 1\r\ncontent-length: {length}\r\n\r\n"
    );
    stream.write_all(head.as_bytes()).await.unwrap();
    // Repeated as JSON it is six times as long.
    stream.write_all(&vec![1; length]).await.unwrap();
    // Once it has broken off, what is sent to it is refused.
    in_time("the gateway breaks it off", async {
        while stream.write_all(b"x").await.is_ok() {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    })
    .await;
    let mut answer = Vec::new();
    let end = in_time("the gateway breaks it off", stream.read_to_end(&mut answer)).await;
    assert!(
        end.is_err() || answer.len() < 6 * length,
        "{} bytes were read",
        answer.len()
    );
}

#[tokio::test]
async fn each_person_may_write_so_often_and_whoever_writes_more_hinders_nobody() {
    let mut config = config().await;
    config.limits.writes = Rate::new(3, 3600);
    let gateway = start_with(config).await;
    let staff = gateway.as_(&somebody(Role::Staff)).await;
    let writes = [
        (Method::POST, "/api/consultations"),
        (Method::PATCH, "/api/interests/1"),
        (Method::POST, "/api/auth/sign-out"),
        (Method::DELETE, "/api/salesmen/1"),
    ];
    for (method, path) in &writes[..2] {
        assert_eq!(staff.ask(method.clone(), path).send().await.status, 200);
    }
    // By whichever session, and by whichever service.
    let elsewhere = gateway.as_(&somebody(Role::Staff)).await;
    assert_eq!(
        elsewhere.post("/api/salesman-matches").send().await.status,
        200
    );
    for (method, path) in writes {
        let refused = staff.ask(method, path).send().await;
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
    let namesake = gateway.as_(&somebody(Role::Salesman)).await;
    let other = gateway
        .as_(&Identity {
            subject: Uuid::from_u128(8),
            ..somebody(Role::Staff)
        })
        .await;
    for other in [namesake, other] {
        assert_eq!(other.post("/api/consultations").send().await.status, 200);
    }
    assert_eq!(gateway.post("/api/projects").send().await.status, 200);
}

#[tokio::test]
async fn looking_at_a_whole_number_counts_as_writing() {
    let mut config = config().await;
    config.limits.writes = Rate::new(2, 3600);
    let gateway = start_with(config).await;
    let salesman = gateway.as_(&somebody(Role::Salesman)).await;
    for path in ["/api/interests/1/phone", "/api/consultations/2/phone"] {
        assert_eq!(salesman.get(path).send().await.status, 200);
    }
    let refused = [
        salesman.get("/api/interests/3/phone").send().await,
        salesman.post("/api/consultations").send().await,
    ];
    for refused in refused {
        assert_eq!(refused.problem(), (429, "too-many-requests".to_owned()));
    }
    assert_eq!(salesman.get("/api/interests/1").send().await.status, 200);
}

#[tokio::test]
async fn strangers_write_so_often_from_one_address_which_proxies_that_are_trusted_tell() {
    let mut config = config().await;
    config.limits.writes = Rate::new(2, 3600);
    config.trusted_proxies = 1;
    let gateway = start_with(config).await;
    let from = async |said: &str| {
        gateway
            .post("/api/projects")
            .header("x-forwarded-for", said)
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
    let said = gateway
        .get("/api/projects")
        .header("x-forwarded-for", "6.6.6.6, 203.0.113.9")
        .send()
        .await
        .json();
    assert_eq!(said["headers"]["x-forwarded-for"], "203.0.113.9");
}

#[tokio::test]
async fn a_write_that_is_refused_for_another_reason_costs_nothing() {
    let mut config = config().await;
    config.limits.writes = Rate::new(1, 3600);
    let gateway = start_with(config).await;
    let staff = gateway.as_(&somebody(Role::Staff)).await;
    for _ in 0..3 {
        assert_eq!(
            staff
                .post("/api/consultations")
                .of_no_page()
                .send()
                .await
                .status,
            403
        );
        assert_eq!(staff.post("/api/nothing").send().await.status, 404);
        assert_eq!(
            staff.ask(Method::DELETE, "/api/me").send().await.status,
            403
        );
    }
    assert_eq!(staff.post("/api/consultations").send().await.status, 200);
}
