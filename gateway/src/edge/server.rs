//! The HTTP server: connections, their limits, and graceful shutdown.
//!
//! The gateway faces browsers, so it sets the limits that `axum::serve` leaves open: size and
//! timeout of a request's head, a write timeout, and the number of connections. A request body that
//! is too slow is ended by the response timeout. Left to the reverse proxy: TLS, HTTP/2, and the
//! number of connections of one address.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::response::Response;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;
use tower::ServiceExt as _;

use crate::config::{ServerLimits, Timeouts};
use crate::edge::client_ip::PeerAddress;
use crate::edge::write_timeout::WriteTimeout;

const MAX_HEADERS: usize = 100;

/// The pause after a failed `accept`, which fails only when process or machine lack resources.
const ACCEPT_BACKOFF: Duration = Duration::from_millis(100);

/// Serves until `shutdown`, then accepts no more connections, lets requests finish within
/// `shutdown_timeout`, and aborts the rest.
pub(crate) async fn serve(
    listener: TcpListener,
    router: Router,
    timeouts: Timeouts,
    limits: ServerLimits,
    shutdown: CancellationToken,
    shutdown_timeout: Duration,
) {
    let mut builder = http1::Builder::new();
    builder
        .timer(TokioTimer::new())
        .header_read_timeout(timeouts.request_head)
        .max_headers(MAX_HEADERS)
        .max_buf_size(limits.head_bytes as usize);
    let permits = Arc::new(Semaphore::new(limits.connections as usize));
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            () = shutdown.cancelled() => break,
            Some(_) = connections.join_next() => {}
            accepted = accept(&listener, &permits) => {
                let Some((stream, peer, permit)) = accepted else { continue };
                let stream = WriteTimeout::new(stream, timeouts.write);
                let connection =
                    connection(builder.clone(), stream, peer, router.clone(), shutdown.clone());
                connections.spawn(async move {
                    connection.await;
                    drop(permit);
                });
            }
        }
    }
    drop(listener);
    let finished = async { while connections.join_next().await.is_some() {} };
    if tokio::time::timeout(shutdown_timeout, finished)
        .await
        .is_err()
    {
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
    permits: &Arc<Semaphore>,
) -> Option<(TcpStream, SocketAddr, OwnedSemaphorePermit)> {
    let permit = permits.clone().acquire_owned().await.ok()?;
    match listener.accept().await {
        Ok((stream, peer)) => Some((stream, peer, permit)),
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
        async move {
            let response: Result<Response, Infallible> = router.oneshot(request).await;
            response
        }
    });
    let mut connection = std::pin::pin!(builder.serve_connection(TokioIo::new(stream), service));
    // Errors of a connection are caused by the client, which got a response or is gone.
    tokio::select! {
        _ = connection.as_mut() => return,
        () = shutdown.cancelled() => connection.as_mut().graceful_shutdown(),
    }
    drop(connection.await);
}
