//! Answers that are given before a request's body has arrived.

use gateway::config::Rate;
use service_kit::auth::Role;
use service_kit::testing::{RawAnswer, RawConnection};

use crate::test_gateway::{TestGateway, config, identity, start, start_with};

const JSON: &str = "content-type: application/json\r\n";

/// A gateway whose anonymous callers have used up their writes.
async fn start_exhausted() -> TestGateway {
    let mut config = config().await;
    config.limits.writes = Rate::new(1, 3600);
    let gateway = start_with(config).await;
    assert_eq!(gateway.post("/api/projects").send().await.status, 200);
    gateway
}

fn head(target: &str, headers: &str) -> String {
    format!("{target} HTTP/1.1\r\nhost: x\r\n{headers}\r\n")
}

#[tokio::test]
async fn request_whose_body_comes_after_its_answer_is_answered() {
    let (gateway, exhausted) = (start().await, start_exhausted().await);
    let cookie = gateway.cookie(&identity(Role::Customer)).await;
    let csrf = "ktgg-csrf: 1\r\n";
    for (status, target, headers) in [
        (429, "POST /api/projects", csrf),
        (429, "POST /api/auth/otp", csrf),
        (401, "POST /api/accounts/invitations", csrf),
        (401, "DELETE /api/me", csrf),
        (403, "POST /api/projects", ""),
        (
            403,
            "POST /api/accounts/invitations",
            &format!("{csrf}cookie: {cookie}\r\n"),
        ),
        (404, "POST /api/nothing", csrf),
        (404, "POST /nothing", csrf),
        (405, "PUT /api/auth/sign-in", csrf),
    ] {
        let request = head(target, &format!("{headers}{JSON}content-length: 4\r\n"));
        let gateway = if status == 429 { &exhausted } else { &gateway };
        let mut connection = RawConnection::open(gateway.address).await;
        for count in 0..10 {
            connection.send(request.as_bytes()).await;
            let answer = connection.answer().await;
            assert_eq!(
                answer,
                Some(RawAnswer {
                    status,
                    closes: false
                }),
                "{target}, request {count}"
            );
            connection.send(b"body").await;
        }
    }
}

#[tokio::test]
async fn every_write_over_the_limit_is_answered_on_one_connection() {
    let gateway = start_exhausted().await;
    let headers = format!("ktgg-csrf: 1\r\n{JSON}content-length: 4\r\n");
    let request = head("POST /api/projects", &headers);
    let mut connection = RawConnection::open(gateway.address).await;
    let expected = Some(RawAnswer {
        status: 429,
        closes: false,
    });
    let mut others = Vec::new();
    for _ in 0..98 {
        connection.send(request.as_bytes()).await;
        connection.send(b"body").await;
        let answer = connection.answer().await;
        if answer != expected {
            others.push(answer);
            connection = RawConnection::open(gateway.address).await;
        }
    }
    assert_eq!(others, []);
}

#[tokio::test]
async fn answer_before_a_long_body_says_that_it_closes() {
    let (gateway, exhausted) = (start().await, start_exhausted().await);
    for (status, target, headers) in [
        (
            429,
            "POST /api/projects",
            "ktgg-csrf: 1\r\ncontent-length: 900000\r\n",
        ),
        (
            413,
            "POST /api/projects/imports",
            "ktgg-csrf: 1\r\ncontent-length: 40000000\r\n",
        ),
        (
            401,
            "POST /api/accounts/invitations",
            "ktgg-csrf: 1\r\ntransfer-encoding: chunked\r\n",
        ),
        (
            403,
            "POST /api/projects",
            "content-length: 4\r\nexpect: 100-continue\r\n",
        ),
        (
            404,
            "POST /api/nothing",
            "transfer-encoding: chunked\r\nexpect: 100-continue\r\n",
        ),
    ] {
        let gateway = if status == 429 { &exhausted } else { &gateway };
        let mut connection = RawConnection::open(gateway.address).await;
        connection.send(head(target, headers).as_bytes()).await;
        let answer = connection.answer().await;
        assert_eq!(
            answer,
            Some(RawAnswer {
                status,
                closes: true
            }),
            "{target} {headers}"
        );
    }
}

#[tokio::test]
async fn client_that_sends_a_long_body_before_it_reads_is_answered() {
    let gateway = start_exhausted().await;
    let chunk = [b"10000\r\n".as_slice(), &vec![b'x'; 0x1_0000], b"\r\n"].concat();
    let megabytes = 40;
    for (status, target, headers) in [
        (429, "POST /api/projects/imports", "ktgg-csrf: 1\r\n"),
        (403, "POST /api/projects", ""),
    ] {
        let mut sized = RawConnection::open(gateway.address).await;
        let length = format!("{headers}content-length: {}\r\n", megabytes << 20);
        sized.send(head(target, &length).as_bytes()).await;
        let mut chunked = RawConnection::open(gateway.address).await;
        let length = format!("{headers}transfer-encoding: chunked\r\n");
        chunked.send(head(target, &length).as_bytes()).await;
        for _ in 0..megabytes {
            sized.send(&vec![b'x'; 1 << 20]).await;
            for _ in 0..16 {
                chunked.send(&chunk).await;
            }
        }
        chunked.send(b"0\r\n\r\n").await;
        for mut connection in [sized, chunked] {
            let answer = connection.answer().await;
            assert_eq!(
                answer,
                Some(RawAnswer {
                    status,
                    closes: true
                }),
                "{target}"
            );
            assert!(connection.is_closed().await, "{target}");
        }
    }
}

#[tokio::test]
async fn client_with_a_wrong_head_is_answered_while_it_still_sends() {
    let gateway = start().await;
    for (status, start) in [(400, "nonsense\r\n"), (431, "GET / HTTP/1.1\r\nx-large: ")] {
        let mut connection = RawConnection::open(gateway.address).await;
        connection.send(start.as_bytes()).await;
        connection.send(&vec![b'x'; 4 << 20]).await;
        let answer = connection.answer().await;
        assert_eq!(answer.map(|answer| answer.status), Some(status));
    }
}

#[tokio::test]
async fn body_that_never_arrives_ends_its_connection() {
    let gateway = start().await;
    let mut connection = RawConnection::open(gateway.address).await;
    let request = head("POST /api/nothing", "content-length: 4\r\n");
    connection.send(request.as_bytes()).await;
    assert!(connection.answer().await.is_some());
    assert!(connection.is_closed().await);
}
