//! The client's IP address.

use std::net::{IpAddr, SocketAddr};

use axum::extract::FromRequestParts;
use axum::http::HeaderMap;
use axum::http::request::Parts;
use service_kit::Problem;

use crate::config::{Network, TrustedProxies};

/// The address of a request's TCP peer, as a request extension.
#[derive(Debug, Clone, Copy)]
pub(crate) struct PeerAddress(pub(crate) SocketAddr);

/// The client's address: the peer's, or the one that trusted proxies report. A request extension.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct ClientIp(pub(crate) IpAddr);

/// Each proxy appends the address of its peer; the leftmost entries are the client's own claims.
const FORWARDED_FOR: &str = "x-forwarded-for";

impl ClientIp {
    /// The address that the outermost of the `proxies` reports. If the header has fewer entries
    /// or an invalid one, it is the last valid address before that.
    pub(crate) fn new(peer: SocketAddr, headers: &HeaderMap, proxies: &TrustedProxies) -> Self {
        let trusted_proxies = proxies.count_behind(peer.ip());
        let entries: Vec<&str> = headers
            .get_all(FORWARDED_FOR)
            .iter()
            .flat_map(|value| value.to_str().unwrap_or_default().split(','))
            .collect();
        let trusted = entries.iter().rev().take(trusted_proxies);
        let reported = trusted.map_while(|entry| parse_ip(entry.trim())).last();
        Self(reported.unwrap_or(peer.ip()).to_canonical())
    }

    /// The network that rate limits count as one client: a household has 2^64 IPv6 addresses.
    pub(crate) fn network(self) -> IpAddr {
        Network::around(self.0, 64).address
    }
}

/// Some proxies append the port too.
fn parse_ip(entry: &str) -> Option<IpAddr> {
    let with_port = || entry.parse().ok().map(|address: SocketAddr| address.ip());
    entry.parse().ok().or_else(with_port)
}

impl<S: Send + Sync> FromRequestParts<S> for ClientIp {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        let address = parts.extensions.get().copied();
        address.ok_or_else(|| Problem::internal("a request without a peer address"))
    }
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;

    use super::*;

    fn client_ip(trusted: usize, forwarded_for: &[&'static str]) -> String {
        let headers = forwarded_for
            .iter()
            .map(|value| {
                (
                    FORWARDED_FOR.parse().unwrap(),
                    HeaderValue::from_static(value),
                )
            })
            .collect();
        let mut proxies = TrustedProxies::NONE;
        proxies.count = trusted;
        ClientIp::new("10.0.0.1:1".parse().unwrap(), &headers, &proxies)
            .0
            .to_string()
    }

    #[test]
    fn without_trusted_proxies_the_header_is_ignored() {
        assert_eq!(client_ip(0, &["6.6.6.6"]), "10.0.0.1");
    }

    #[test]
    fn behind_proxies_it_is_what_the_outermost_reports() {
        assert_eq!(client_ip(1, &["6.6.6.6, 203.0.113.7"]), "203.0.113.7");
        assert_eq!(
            client_ip(2, &["6.6.6.6, 203.0.113.7", "10.0.0.2"]),
            "203.0.113.7"
        );
        assert_eq!(client_ip(1, &["[2001:db8::1]:443"]), "2001:db8::1");
        assert_eq!(client_ip(1, &["::ffff:203.0.113.7"]), "203.0.113.7");
    }

    #[test]
    fn missing_and_invalid_entries_are_skipped() {
        assert_eq!(client_ip(1, &[]), "10.0.0.1");
        assert_eq!(client_ip(3, &["203.0.113.7"]), "203.0.113.7");
        assert_eq!(client_ip(2, &["unknown, 10.0.0.2"]), "10.0.0.2");
        assert_eq!(client_ip(1, &["203.0.113.7, "]), "10.0.0.1");
    }

    #[test]
    fn ipv6_counts_by_its_64_bit_network() {
        let network = |text: &str| ClientIp(text.parse().unwrap()).network().to_string();
        assert_eq!(network("2001:db8:1:2:3:4:5:6"), "2001:db8:1:2::");
        assert_eq!(network("203.0.113.7"), "203.0.113.7");
        assert_eq!(network("::ffff:203.0.113.7"), "203.0.113.7");
    }
}
