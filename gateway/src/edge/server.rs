//! Connections, their limits, and how they end.
//!
//! The gateway faces browsers, so it sets what `axum::serve` leaves open: how long the head of a request may take, how large it may be, how
//! long a browser may take in nothing of its answer, and how many connections there are. A body that trickles in ends with the patience for
//! the answer. Left to the proxy in front of it: TLS, HTTP/2, and how many connections an address may have.

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

use crate::config::{Patience, Room};
use crate::edge::client_ip::Peer;
use crate::edge::write_timeout::Reader;

/// How many headers a request may have.
const HEADERS: usize = 100;

/// How long to wait when no connection can be accepted: only an exhausted process or machine refuses one.
const EXHAUSTED: Duration = Duration::from_millis(100);

/// Serves until `closing`; then accepts nothing more, lets what is in flight finish within `finish`, and cuts the rest off.
pub(crate) async fn serve(
    listener: TcpListener,
    router: Router,
    patience: Patience,
    room: Room,
    closing: CancellationToken,
    finish: Duration,
) {
    let mut builder = http1::Builder::new();
    builder
        .timer(TokioTimer::new())
        .header_read_timeout(patience.headers)
        .max_headers(HEADERS)
        .max_buf_size(room.head as usize);
    let free = Arc::new(Semaphore::new(room.connections as usize));
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            () = closing.cancelled() => break,
            Some(_) = connections.join_next() => {}
            accepted = accept(&listener, &free) => {
                if let Some((stream, peer, permit)) = accepted {
                    let stream = Reader::new(stream, patience.reading);
                    let connection = connection(builder.clone(), stream, peer, router.clone(), closing.clone());
                    connections.spawn(async move {
                        connection.await;
                        drop(permit);
                    });
                }
            }
        }
    }
    drop(listener);
    let finished = async { while connections.join_next().await.is_some() {} };
    if tokio::time::timeout(finish, finished).await.is_err() {
        tracing::warn!(
            connections = connections.len(),
            "requests did not finish in time"
        );
        connections.shutdown().await;
    }
}

async fn accept(
    listener: &TcpListener,
    free: &Arc<Semaphore>,
) -> Option<(TcpStream, SocketAddr, OwnedSemaphorePermit)> {
    let permit = free.clone().acquire_owned().await.ok()?;
    match listener.accept().await {
        Ok((stream, peer)) => Some((stream, peer, permit)),
        Err(error) => {
            tracing::warn!(%error, "no connection can be accepted");
            tokio::time::sleep(EXHAUSTED).await;
            None
        }
    }
}

async fn connection(
    builder: http1::Builder,
    stream: Reader,
    peer: SocketAddr,
    router: Router,
    closing: CancellationToken,
) {
    // Events are small and must not wait for the next one.
    if stream.socket().set_nodelay(true).is_err() {
        return;
    }
    let service = service_fn(move |request: hyper::Request<Incoming>| {
        let mut request = request.map(Body::new);
        request.extensions_mut().insert(Peer(peer));
        let router = router.clone();
        async move {
            let response: Result<Response, Infallible> = router.oneshot(request).await;
            response
        }
    });
    let mut connection = std::pin::pin!(builder.serve_connection(TokioIo::new(stream), service));
    // What goes wrong with a connection is the browser's doing, and it has been told by then or has gone.
    tokio::select! {
        _ = connection.as_mut() => return,
        () = closing.cancelled() => connection.as_mut().graceful_shutdown(),
    }
    drop(connection.await);
}
