//! The URLs in the configuration.

use std::fmt;
use std::net::{IpAddr, SocketAddr};
use std::str::FromStr;

use axum::http::Uri;
use axum::http::uri::{Authority, Scheme};

/// Scheme and authority of a URL without user, path or query.
fn parse_origin(text: &str) -> Option<(Scheme, Authority)> {
    let parts = text.trim().parse::<Uri>().ok()?.into_parts();
    let is_bare = parts.path_and_query.is_none_or(|path| path == "/");
    let authority = parts.authority?;
    (is_bare && !authority.as_str().contains('@')).then_some((parts.scheme?, authority))
}

/// `http://HOST:PORT` of a service. Services have no TLS of their own; between pods that is left to
/// the service mesh.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BaseUrl(Authority);

impl BaseUrl {
    pub(crate) fn authority(&self) -> &Authority {
        &self.0
    }
}

impl fmt::Display for BaseUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "http://{}", self.0)
    }
}

impl FromStr for BaseUrl {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match parse_origin(text) {
            Some((scheme, authority)) if scheme == Scheme::HTTP => Ok(Self(authority)),
            _ => Err("expected http://HOST:PORT"),
        }
    }
}

impl From<SocketAddr> for BaseUrl {
    fn from(address: SocketAddr) -> Self {
        // Every socket address is a valid authority.
        let authority = Authority::try_from(address.to_string());
        Self(authority.unwrap_or_else(|_| Authority::from_static("localhost")))
    }
}

/// The names of this machine that people type.
const LOCAL_HOSTS: [&str; 3] = ["localhost", "127.0.0.1", "[::1]"];

/// The gateway's origin in browsers: `https://HOST`, or `http://localhost:PORT` on this machine.
/// Its text is equal to the `Origin` header that browsers send.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PublicOrigin(String);

impl PublicOrigin {
    /// `http://localhost:PORT`.
    pub fn local(port: u16) -> Self {
        Self(format!("http://localhost:{port}"))
    }

    /// The text of the `Origin` header.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether this is the `Origin` header of a page of the gateway. A page on this machine may
    /// have been opened by any name of it.
    pub(crate) fn is_sent_as(&self, header: &[u8]) -> bool {
        let port = |origin: &str| {
            let authority = origin.strip_prefix("http://")?;
            let mut ports = LOCAL_HOSTS
                .iter()
                .filter_map(|host| authority.strip_prefix(host));
            ports.next().map(str::to_owned)
        };
        let is_same_port = |sent| port(&self.0).is_some_and(|own| Some(own) == port(sent));
        header == self.0.as_bytes() || str::from_utf8(header).is_ok_and(is_same_port)
    }

    /// Whether browsers use TLS.
    pub fn is_https(&self) -> bool {
        self.0.starts_with("https://")
    }
}

impl fmt::Display for PublicOrigin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl FromStr for PublicOrigin {
    type Err = &'static str;

    /// Lower-cases the host and drops the scheme's default port, like browsers do.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        const INVALID: &str = "expected https://HOST, or http://localhost:PORT";
        let (scheme, authority) = parse_origin(text).ok_or(INVALID)?;
        let host = authority.host().to_ascii_lowercase();
        let default_port = match scheme.as_str() {
            _ if host.is_empty() => return Err(INVALID),
            "https" => 443,
            "http" if is_loopback(&host) => 80,
            "http" => return Err("cookies need TLS: http:// is only for this machine"),
            _ => return Err(INVALID),
        };
        let port = authority.port_u16().filter(|port| *port != default_port);
        let port = port.map(|port| format!(":{port}")).unwrap_or_default();
        Ok(Self(format!("{scheme}://{host}{port}")))
    }
}

fn is_loopback(host: &str) -> bool {
    let address = host.trim_start_matches('[').trim_end_matches(']');
    host == "localhost"
        || host.ends_with(".localhost")
        || address
            .parse()
            .is_ok_and(|address: IpAddr| address.is_loopback())
}

/// The URL of the SMS webhook: `https://…`, or `http://…` for this machine and for names without a
/// dot, which exist only within a cluster. Everywhere else codes and numbers need TLS. The path may
/// be a secret, so `Debug` shows only the host.
#[derive(Clone, PartialEq, Eq)]
pub struct WebhookUrl(Uri);

impl WebhookUrl {
    pub(crate) fn uri(&self) -> &Uri {
        &self.0
    }
}

impl FromStr for WebhookUrl {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        const INVALID: &str = "expected http(s)://HOST/PATH";
        let uri: Uri = text.trim().parse().map_err(|_| INVALID)?;
        let has_user = uri
            .authority()
            .is_none_or(|authority| authority.as_str().contains('@'));
        let host = uri.host().unwrap_or_default();
        let is_internal = is_loopback(host)
            || (host.starts_with(|first: char| first.is_ascii_alphabetic()) && !host.contains('.'));
        match uri.scheme_str() {
            Some("http" | "https") if has_user => Err(INVALID),
            Some("http") if !is_internal => {
                Err("codes need TLS: http:// is only for this machine and for names without a dot")
            }
            Some("http" | "https") => Ok(Self(uri)),
            _ => Err(INVALID),
        }
    }
}

impl fmt::Debug for WebhookUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (scheme, host) = (self.0.scheme_str(), self.0.host());
        write!(
            f,
            "{}://{}/…",
            scheme.unwrap_or_default(),
            host.unwrap_or_default()
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn public_origin_equals_what_browsers_send() {
        let origin = |text: &str| {
            text.parse::<PublicOrigin>()
                .map(|origin| origin.to_string())
        };
        for (text, sent) in [
            ("https://KT.gg", "https://kt.gg"),
            ("https://kt.gg:443/", "https://kt.gg"),
            ("https://kt.gg:8443", "https://kt.gg:8443"),
            ("http://localhost:8088", "http://localhost:8088"),
            ("http://127.0.0.1:80", "http://127.0.0.1"),
            ("http://[::1]:8088", "http://[::1]:8088"),
        ] {
            assert_eq!(origin(text).as_deref(), Ok(sent));
        }
        for invalid in [
            "",
            "kt.gg",
            "https://kt.gg/path",
            "https://kt.gg?q",
            "https://u@kt.gg",
            "http://kt.gg",
            "http://10.0.0.7:8088",
            "ftp://kt.gg",
        ] {
            assert!(origin(invalid).is_err(), "{invalid}");
        }
    }

    #[test]
    fn pages_on_this_machine_may_use_any_of_its_names() {
        let is_sent_as = |origin: &str, header: &str| {
            let origin: PublicOrigin = origin.parse().unwrap();
            origin.is_sent_as(header.as_bytes())
        };
        for (origin, header) in [
            ("http://localhost:8088", "http://localhost:8088"),
            ("http://localhost:8088", "http://127.0.0.1:8088"),
            ("http://127.0.0.1:8088", "http://[::1]:8088"),
            ("http://localhost", "http://127.0.0.1"),
            ("http://ktgg.localhost:8088", "http://ktgg.localhost:8088"),
            ("https://kt.gg", "https://kt.gg"),
        ] {
            assert!(is_sent_as(origin, header), "{origin} {header}");
        }
        for (origin, header) in [
            ("http://localhost:8088", "http://127.0.0.1:8089"),
            ("http://localhost:8088", "https://127.0.0.1:8088"),
            (
                "http://localhost:8088",
                "http://127.0.0.1.evil.example:8088",
            ),
            ("http://localhost", "http://localhost.evil.example"),
            ("http://localhost:8088", "http://10.0.0.7:8088"),
            ("http://ktgg.localhost:8088", "http://localhost:8088"),
            ("https://localhost:8088", "https://127.0.0.1:8088"),
            ("https://kt.gg", "http://localhost"),
        ] {
            assert!(!is_sent_as(origin, header), "{origin} {header}");
        }
    }

    #[test]
    fn webhook_url_needs_tls_outside_of_the_cluster() {
        for text in [
            "",
            "/messages",
            "ftp://relay/x",
            "https://me:secret@relay/x",
            "relay",
            "http://relay.example/x",
            "http://relay./x",
            "http://10.0.0.7/x",
            "http://167772167/x",
            "http://[2001:db8::7]/x",
        ] {
            assert!(text.parse::<WebhookUrl>().is_err(), "{text}");
        }
        for text in [
            "https://relay.example/x",
            "http://relay/x",
            "http://127.0.0.1:8089/x",
            "http://[::1]/x",
            "http://localhost/x",
        ] {
            assert!(text.parse::<WebhookUrl>().is_ok(), "{text}");
        }
    }
}
