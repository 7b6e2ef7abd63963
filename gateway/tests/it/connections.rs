//! How many connections the gateway keeps, in total and of each peer, and for how long.

use std::time::Duration;

use gateway::Config;
use gateway::config::TrustedProxies;
use service_kit::testing::RawConnection;

use crate::test_gateway::{TestGateway, config, start_with, with_timeout};

/// The limit of one peer in these tests.
const PER_ADDRESS: u32 = 20;

const REQUEST: &[u8] = b"GET /api/nothing HTTP/1.1\r\nhost: x\r\n\r\n";

async fn limited() -> Config {
    let mut config = config().await;
    config.server.connections_per_address = PER_ADDRESS;
    config
}

/// Connects from this address. `None` if the gateway closes the connection at once.
async fn open(gateway: &TestGateway, source: &str) -> Option<RawConnection> {
    let mut connection = RawConnection::open_from(gateway.address, source).await;
    connection.send(REQUEST).await;
    let answer = connection.answer().await?;
    assert_eq!((answer.status, answer.closes), (404, false));
    Some(connection)
}

#[tokio::test]
async fn peer_with_too_many_connections_leaves_room_for_others() {
    let gateway = start_with(limited().await).await;
    let mut kept = Vec::new();
    for _ in 0..200 {
        kept.extend(open(&gateway, "127.0.0.1").await);
    }
    assert_eq!(kept.len(), PER_ADDRESS as usize);
    assert!(open(&gateway, "127.0.0.2").await.is_some());
    kept.pop();
    with_timeout("the gateway notices the end", async {
        while open(&gateway, "127.0.0.1").await.is_none() {}
    })
    .await;
}

#[tokio::test]
async fn proxies_may_open_more_connections_and_report_addresses() {
    let mut config = limited().await;
    config.trusted_proxies = TrustedProxies {
        count: 1,
        addresses: "127.0.0.2".parse().unwrap(),
    };
    let gateway = start_with(config).await;
    for (source, expected) in [("127.0.0.2", 30), ("127.0.0.3", PER_ADDRESS as usize)] {
        let mut kept = Vec::new();
        for _ in 0..30 {
            kept.extend(open(&gateway, source).await);
        }
        assert_eq!(kept.len(), expected, "{source}");
    }
    // The client of these tests connects from 127.0.0.1, which is no proxy here.
    let request = gateway.get("/api/projects");
    let echoed = request
        .header("x-forwarded-for", "203.0.113.9")
        .send()
        .await;
    assert_eq!(echoed.json()["headers"]["x-forwarded-for"], "127.0.0.1");
}

#[tokio::test]
async fn idle_connection_is_closed() {
    let mut config = config().await;
    config.timeouts.request_head = Duration::from_millis(300);
    let gateway = start_with(config).await;
    let mut connection = open(&gateway, "127.0.0.1").await.unwrap();
    assert!(connection.is_closed().await);
}

#[tokio::test]
async fn head_that_arrives_byte_by_byte_ends_its_connection() {
    let mut config = config().await;
    config.timeouts.request_head = Duration::from_millis(300);
    let gateway = start_with(config).await;
    let mut connection = RawConnection::open(gateway.address).await;
    with_timeout("the gateway closes", async {
        for byte in b"GET / HTTP/1.1\r\nx-slow: ".iter().cycle() {
            connection.send(&[*byte]).await;
            let ended = tokio::time::timeout(Duration::from_millis(50), connection.is_closed());
            if ended.await.is_ok() {
                return;
            }
        }
    })
    .await;
}
