//! How many connections are open, in total and from each peer.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::config::{ServerLimits, TrustedProxies};
use crate::edge::client_ip::ClientIp;

/// The open connections of one gateway.
pub(crate) struct Connections {
    total: Arc<Semaphore>,
    per_address: usize,
    proxies: TrustedProxies,
    open: Arc<Mutex<HashMap<IpAddr, usize>>>,
}

/// An open connection. Dropping it makes room for another one.
pub(crate) struct Connection {
    _place: OwnedSemaphorePermit,
    /// `None` for a proxy.
    network: Option<IpAddr>,
    open: Arc<Mutex<HashMap<IpAddr, usize>>>,
}

impl Connections {
    pub(crate) fn new(limits: ServerLimits, proxies: TrustedProxies) -> Self {
        Self {
            total: Arc::new(Semaphore::new(limits.connections as usize)),
            per_address: limits.connections_per_address as usize,
            proxies,
            open: Arc::default(),
        }
    }

    /// Waits until another connection may be open.
    pub(crate) async fn place(&self) -> Option<OwnedSemaphorePermit> {
        self.total.clone().acquire_owned().await.ok()
    }

    /// Counts a connection. `None` if its peer has too many: a host, or an IPv6 network of 64 bits.
    /// Proxies, whose connections are those of all clients, have no limit of their own.
    pub(crate) fn open(&self, place: OwnedSemaphorePermit, peer: IpAddr) -> Option<Connection> {
        let is_client = !self.proxies.is_proxy(peer);
        let network = is_client.then(|| ClientIp(peer).network());
        if let Some(network) = network {
            let mut open = lock(&self.open);
            let count = open.entry(network).or_default();
            if *count >= self.per_address {
                return None;
            }
            *count += 1;
        }
        Some(Connection {
            _place: place,
            network,
            open: self.open.clone(),
        })
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        let Some(network) = self.network else { return };
        let mut open = lock(&self.open);
        if let Some(count) = open.get_mut(&network) {
            *count -= 1;
            if *count == 0 {
                open.remove(&network);
            }
        }
    }
}

fn lock(open: &Mutex<HashMap<IpAddr, usize>>) -> MutexGuard<'_, HashMap<IpAddr, usize>> {
    open.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIMITS: ServerLimits = ServerLimits {
        connections_per_address: 2,
        ..ServerLimits::DEFAULT
    };

    async fn open(connections: &Connections, peer: &str) -> Option<Connection> {
        let place = connections.place().await.unwrap();
        connections.open(place, peer.parse().unwrap())
    }

    #[tokio::test]
    async fn connections_of_one_network_are_bounded_until_some_close() {
        let connections = Connections::new(LIMITS, TrustedProxies::NONE);
        let first = open(&connections, "2001:db8::1").await;
        let second = open(&connections, "2001:db8::2").await;
        assert!(first.is_some() && second.is_some());
        assert!(open(&connections, "2001:db8::3").await.is_none());
        assert!(open(&connections, "2001:db8:0:1::1").await.is_some());
        drop(first);
        assert!(open(&connections, "2001:db8::3").await.is_some());
        drop(second);
        assert!(lock(&connections.open).is_empty());
        assert_eq!(
            connections.total.available_permits(),
            LIMITS.connections as usize
        );
    }

    #[tokio::test]
    async fn proxies_have_no_limit_of_their_own() {
        let proxies = TrustedProxies {
            count: 1,
            addresses: "10.0.0.0/8".parse().unwrap(),
        };
        let connections = Connections::new(LIMITS, proxies);
        let mut kept = Vec::new();
        for (peer, expected) in [("10.0.0.1", 3), ("203.0.113.7", 2)] {
            for _ in 0..3 {
                kept.extend(open(&connections, peer).await);
            }
            let opened = std::mem::take(&mut kept);
            assert_eq!(opened.len(), expected, "{peer}");
        }
    }
}
