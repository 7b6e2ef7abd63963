//! A connection of bytes, for what HTTP clients do not do.

use std::net::SocketAddr;
use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpSocket, TcpStream};

/// The limit of every wait.
const TIMEOUT: Duration = Duration::from_secs(20);

async fn with_timeout<F: Future>(what: &str, future: F) -> F::Output {
    tokio::time::timeout(TIMEOUT, future)
        .await
        .unwrap_or_else(|_| panic!("timed out: {what}"))
}

/// A kept-alive connection. Its methods panic after 20 s.
#[derive(Debug)]
pub struct RawConnection {
    stream: TcpStream,
    /// What was received and is not part of an answer yet.
    received: Vec<u8>,
}

/// An answer with `Content-Length`.
#[derive(Debug, PartialEq, Eq)]
pub struct RawAnswer {
    /// The status code.
    pub status: u16,
    /// Whether it says `Connection: close`.
    pub closes: bool,
}

impl RawConnection {
    /// Connects from 127.0.0.1.
    ///
    /// # Panics
    /// When nothing listens on the address.
    pub async fn open(address: SocketAddr) -> Self {
        Self::open_from(address, "127.0.0.1").await
    }

    /// Connects from this address of the machine.
    ///
    /// # Panics
    /// When that is none of its addresses, or nothing listens.
    pub async fn open_from(address: SocketAddr, source: &str) -> Self {
        let socket = TcpSocket::new_v4().unwrap();
        socket
            .bind(SocketAddr::new(source.parse().unwrap(), 0))
            .unwrap();
        let stream = socket.connect(address).await.unwrap();
        stream.set_nodelay(true).unwrap();
        let received = Vec::new();
        Self { stream, received }
    }

    /// Sends bytes. Whether that fails depends on when the other side closes, so it is ignored.
    pub async fn send(&mut self, bytes: &[u8]) {
        let _ = with_timeout("sending", self.stream.write_all(bytes)).await;
    }

    /// The next answer; `None` if the connection ends without one.
    ///
    /// # Panics
    /// When it is not HTTP.
    pub async fn answer(&mut self) -> Option<RawAnswer> {
        with_timeout("an answer", async {
            let head = loop {
                match self.received.windows(4).position(|end| end == b"\r\n\r\n") {
                    Some(end) => break self.received.drain(..end + 4).collect::<Vec<u8>>(),
                    None => self.receive().await?,
                }
            };
            let head = String::from_utf8(head).unwrap().to_lowercase();
            let header = |name: &str| {
                let mut lines = head.lines();
                lines.find_map(|line| line.strip_prefix(name)?.strip_prefix(": "))
            };
            let length = header("content-length").map_or(0, |length| length.parse().unwrap());
            while self.received.len() < length {
                self.receive().await?;
            }
            self.received.drain(..length);
            Some(RawAnswer {
                status: head.split(' ').nth(1).unwrap().parse().unwrap(),
                closes: header("connection") == Some("close"),
            })
        })
        .await
    }

    /// Whether the other side closes the connection, without another byte.
    pub async fn is_closed(&mut self) -> bool {
        with_timeout("the end", self.receive()).await.is_none() && self.received.is_empty()
    }

    async fn receive(&mut self) -> Option<()> {
        let count = self.stream.read_buf(&mut self.received).await.ok()?;
        (count > 0).then_some(())
    }
}
