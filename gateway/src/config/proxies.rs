//! The reverse proxies in front of the gateway.

use std::net::IpAddr;
use std::str::FromStr;

use super::network::Network;

/// Who the reverse proxies are, and how many of them report the client's address.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TrustedProxies {
    /// `TRUSTED_PROXIES`: how many proxies append to `X-Forwarded-For`. The client's address is the
    /// one that the outermost of them has received the request from.
    pub count: usize,
    /// `TRUSTED_PROXY_ADDRESSES`. If empty, every peer is a proxy.
    pub addresses: ProxyNetworks,
}

impl TrustedProxies {
    /// No proxy: peers are clients.
    pub const NONE: Self = Self {
        count: 0,
        addresses: ProxyNetworks(Vec::new()),
    };

    /// Whether this peer is one of the proxies, so that its connections are those of all clients.
    pub(crate) fn is_proxy(&self, peer: IpAddr) -> bool {
        self.count > 0 && (self.is_any_peer() || self.addresses.contain(peer))
    }

    /// How many entries of `X-Forwarded-For` are trusted if a request comes from this peer.
    pub(crate) fn count_behind(&self, peer: IpAddr) -> usize {
        if self.is_proxy(peer) { self.count } else { 0 }
    }

    /// Whether every peer counts as a proxy, because the proxies' addresses are not set.
    pub(crate) fn is_any_peer(&self) -> bool {
        self.count > 0 && self.addresses.0.is_empty()
    }
}

/// Addresses (`10.0.0.7`) and networks (`10.0.0.0/8`), separated by commas.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ProxyNetworks(Vec<Network>);

impl ProxyNetworks {
    fn contain(&self, address: IpAddr) -> bool {
        self.0.iter().any(|network| network.contains(address))
    }
}

impl FromStr for ProxyNetworks {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let networks = text.split(',').map(|network| network.trim().parse());
        networks.collect::<Result<_, ()>>().map(Self).map_err(|()| {
            "expected addresses, or networks with zeros after the prefix, such as \
             10.0.0.7,10.1.0.0/16"
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn count_behind(addresses: &str, peer: &str) -> usize {
        let proxies = TrustedProxies {
            count: 2,
            addresses: addresses.parse().unwrap(),
        };
        proxies.count_behind(peer.parse().unwrap())
    }

    #[test]
    fn only_peers_in_a_network_are_proxies() {
        let addresses = "10.1.0.0/16, 192.0.2.7,2001:db8::/32";
        for peer in ["10.1.2.3", "::ffff:10.1.2.3", "192.0.2.7", "2001:db8:1::1"] {
            assert_eq!(count_behind(addresses, peer), 2, "{peer}");
        }
        for peer in ["10.2.0.1", "192.0.2.8", "2001:db9::1", "::1"] {
            assert_eq!(count_behind(addresses, peer), 0, "{peer}");
        }
        assert_eq!(count_behind("0.0.0.0/0", "203.0.113.7"), 2);
    }

    #[test]
    fn without_addresses_every_peer_is_a_proxy() {
        let mut proxies = TrustedProxies::NONE;
        proxies.count = 1;
        assert_eq!(proxies.count_behind([203, 0, 113, 7].into()), 1);
        assert!(proxies.is_any_peer());
    }

    #[test]
    fn without_proxies_every_peer_is_a_client() {
        let peer = [203, 0, 113, 7].into();
        assert!(!TrustedProxies::NONE.is_proxy(peer));
        assert!(!TrustedProxies::NONE.is_any_peer());
    }

    #[test]
    fn invalid_networks_are_refused() {
        for text in [
            "",
            "10.0.0.0/33",
            "::/129",
            "proxy",
            "10.0.0.1,",
            "10.0.0.0/-1",
            "10.0.0.7/8",
            "2001:db8::1/32",
            "::ffff:10.0.0.0/104",
            "::ffff:10.0.0.7",
        ] {
            assert!(text.parse::<ProxyNetworks>().is_err(), "{text}");
        }
    }
}
