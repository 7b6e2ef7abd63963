//! From which address somebody asks.

use std::net::{IpAddr, SocketAddr};

use axum::extract::FromRequestParts;
use axum::http::HeaderMap;
use axum::http::request::Parts;
use service_kit::Problem;

/// The address at the other end of the connection a request came by.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Peer(pub(crate) SocketAddr);

/// The address of whoever asks: that of the peer, or what the proxies that are trusted say of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Address(pub(crate) IpAddr);

/// Each proxy appends the address that it was called from, so that what stands furthest to the left is what the caller says himself.
const FORWARDED_FOR: &str = "x-forwarded-for";

impl Address {
    /// What the outermost of so many proxies has seen. Where there are fewer entries than proxies, or one that is no address, it is the last
    /// one that is known.
    pub(crate) fn of(peer: SocketAddr, headers: &HeaderMap, trusted_proxies: usize) -> Self {
        let said: Vec<&str> = headers
            .get_all(FORWARDED_FOR)
            .iter()
            .flat_map(|value| value.to_str().unwrap_or_default().split(','))
            .collect();
        let known = said
            .iter()
            .rev()
            .take(trusted_proxies)
            .map_while(|entry| ip(entry.trim()))
            .last();
        Self(known.unwrap_or(peer.ip()).to_canonical())
    }
}

/// Some proxies write the port too.
fn ip(entry: &str) -> Option<IpAddr> {
    let with_port = || entry.parse().ok().map(|address: SocketAddr| address.ip());
    entry.parse().ok().or_else(with_port)
}

impl<S: Send + Sync> FromRequestParts<S> for Address {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        parts
            .extensions
            .get()
            .copied()
            .ok_or_else(|| Problem::internal("a request came by no connection"))
    }
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;

    use super::*;

    fn seen(trusted: usize, said: &[&'static str]) -> String {
        let headers = said
            .iter()
            .map(|value| {
                (
                    FORWARDED_FOR.parse().unwrap(),
                    HeaderValue::from_static(value),
                )
            })
            .collect();
        Address::of("10.0.0.1:1".parse().unwrap(), &headers, trusted)
            .0
            .to_string()
    }

    #[test]
    fn without_proxies_what_the_header_says_is_not_believed() {
        assert_eq!(seen(0, &["6.6.6.6"]), "10.0.0.1");
    }

    #[test]
    fn behind_proxies_it_is_what_the_outermost_of_them_has_seen() {
        assert_eq!(seen(1, &["6.6.6.6, 203.0.113.7"]), "203.0.113.7");
        assert_eq!(
            seen(2, &["6.6.6.6, 203.0.113.7", "10.0.0.2"]),
            "203.0.113.7"
        );
        assert_eq!(seen(1, &["[2001:db8::1]:443"]), "2001:db8::1");
        assert_eq!(seen(1, &["::ffff:203.0.113.7"]), "203.0.113.7");
    }

    #[test]
    fn what_is_missing_or_no_address_is_passed_over() {
        assert_eq!(seen(1, &[]), "10.0.0.1");
        assert_eq!(seen(3, &["203.0.113.7"]), "203.0.113.7");
        assert_eq!(seen(2, &["unknown, 10.0.0.2"]), "10.0.0.2");
        assert_eq!(seen(1, &["203.0.113.7, "]), "10.0.0.1");
    }
}
