//! The HTTP server: connections, their limits, and graceful shutdown.
//!
//! The gateway faces browsers, so it sets the limits that `axum::serve` leaves open: size and
//! timeout of a request's head, a write timeout, and the number of connections, in total and of
//! each peer. A request body that is too slow is ended by the response timeout. Left to the reverse
//! proxy: TLS and HTTP/2.

use std::convert::Infallible;
use std::future::poll_fn;
use std::net::SocketAddr;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::response::Response;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;
use tower::ServiceExt as _;

use crate::config::{ServerLimits, Timeouts, TrustedProxies};
use crate::edge::client_ip::PeerAddress;
use crate::edge::connections::{Connection, Connections};
use crate::edge::write_timeout::WriteTimeout;

const MAX_HEADERS: usize = 100;

/// The pause after a failed `accept`, which fails only when process or machine lack resources.
const ACCEPT_BACKOFF: Duration = Duration::from_millis(100);

/// Clients that have read the answer close their side at once.
const LINGER_TIMEOUT: Duration = Duration::from_secs(2);

/// Serves until `shutdown`, then accepts no more connections, lets requests finish within
/// `shutdown_timeout`, and aborts the rest.
pub(crate) async fn serve(
    listener: TcpListener,
    router: Router,
    timeouts: Timeouts,
    limits: ServerLimits,
    proxies: TrustedProxies,
    shutdown: CancellationToken,
    shutdown_timeout: Duration,
) {
    let mut builder = http1::Builder::new();
    builder
        .timer(TokioTimer::new())
        .header_read_timeout(timeouts.request_head)
        .max_headers(MAX_HEADERS)
        .max_buf_size(limits.head_bytes as usize);
    let open = Connections::new(limits, proxies);
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            () = shutdown.cancelled() => break,
            Some(_) = connections.join_next() => {}
            accepted = accept(&listener, &open) => {
                let Some((stream, peer, counted)) = accepted else { continue };
                let stream = WriteTimeout::new(stream, timeouts.write);
                let connection =
                    connection(builder.clone(), stream, peer, router.clone(), shutdown.clone());
                connections.spawn(async move {
                    connection.await;
                    drop(counted);
                });
            }
        }
    }
    drop(listener);
    let finished = async { while connections.join_next().await.is_some() {} };
    if timeout(shutdown_timeout, finished).await.is_err() {
        let connections_left = connections.len();
        tracing::warn!(
            connections_left,
            "aborting requests that did not finish in time"
        );
        connections.shutdown().await;
    }
}

async fn accept(
    listener: &TcpListener,
    open: &Connections,
) -> Option<(TcpStream, SocketAddr, Connection)> {
    let place = open.place().await?;
    match listener.accept().await {
        Ok((stream, peer)) => {
            let counted = open.open(place, peer.ip());
            if counted.is_none() {
                tracing::debug!("closing a connection of a peer with too many");
            }
            counted.map(|counted| (stream, peer, counted))
        }
        Err(error) => {
            tracing::warn!(%error, "accepting a connection failed");
            tokio::time::sleep(ACCEPT_BACKOFF).await;
            None
        }
    }
}

async fn connection(
    builder: http1::Builder,
    stream: WriteTimeout,
    peer: SocketAddr,
    router: Router,
    shutdown: CancellationToken,
) {
    // Without Nagle's algorithm: stream events are small and must not wait for each other.
    if stream.socket().set_nodelay(true).is_err() {
        return;
    }
    let service = service_fn(move |request: hyper::Request<Incoming>| {
        let mut request = request.map(Body::new);
        request.extensions_mut().insert(PeerAddress(peer));
        let router = router.clone();
        Box::pin(async move {
            let response: Result<Response, Infallible> = router.oneshot(request).await;
            response
        })
    });
    let mut connection = builder.serve_connection(TokioIo::new(stream), service);
    // Errors of a connection are caused by the client, which got a response or is gone.
    tokio::select! {
        _ = poll_fn(|cx| connection.poll_without_shutdown(cx)) => {}
        () = shutdown.cancelled() => {
            Pin::new(&mut connection).graceful_shutdown();
            drop(poll_fn(|cx| connection.poll_without_shutdown(cx)).await);
        }
    }
    drop(
        timeout(
            LINGER_TIMEOUT,
            linger(connection.into_parts().io.into_inner()),
        )
        .await,
    );
}

/// Ends a connection whose client may still be sending: bytes that arrive at a closed socket would
/// make the client's system discard an answer that was not read yet.
async fn linger(mut stream: WriteTimeout) {
    if stream.shutdown().await.is_ok() {
        let mut discarded = vec![0; 16 * 1024];
        while matches!(stream.read(&mut discarded).await, Ok(1..)) {}
    }
}
