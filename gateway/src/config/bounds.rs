//! Timeouts, and limits of the HTTP server.

use std::fmt;
use std::ops::RangeInclusive;
use std::str::FromStr;
use std::time::Duration;

use service_kit::config::Env;

/// The gateway's timeouts. Their variables are in whole seconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Timeouts {
    /// `TIMEOUT_CONNECT`: for a connection to a service. Services are on the same network.
    pub connect: Duration,
    /// `TIMEOUT_ANSWER`: from a request to a service to the head of its response, with one retry.
    pub response: Duration,
    /// `TIMEOUT_HEAD`: for a browser to send a request's head. Idle connections close after it too.
    pub request_head: Duration,
    /// `TIMEOUT_READING`: for a browser to read any of what is sent to it.
    pub write: Duration,
}

const MAX_SECONDS: u64 = 300;

/// A service answers within 15 s, with its own timeout problem at the latest. The gateway waits
/// longer, so that callers get that answer.
const MIN_RESPONSE_SECONDS: u64 = 16;

impl Timeouts {
    /// The timeouts of a gateway without `TIMEOUT_` variables.
    pub const DEFAULT: Self = Self {
        connect: Duration::from_secs(1),
        response: Duration::from_secs(20),
        request_head: Duration::from_secs(30),
        write: Duration::from_secs(30),
    };

    pub(super) fn read(env: &mut Env) -> Self {
        let mut seconds = |name, default: Duration, min| {
            Duration::from_secs(in_range(env, name, default.as_secs(), min..=MAX_SECONDS))
        };
        Self {
            connect: seconds("TIMEOUT_CONNECT", Self::DEFAULT.connect, 1),
            response: seconds(
                "TIMEOUT_ANSWER",
                Self::DEFAULT.response,
                MIN_RESPONSE_SECONDS,
            ),
            request_head: seconds("TIMEOUT_HEAD", Self::DEFAULT.request_head, 1),
            write: seconds("TIMEOUT_READING", Self::DEFAULT.write, 1),
        }
    }
}

/// Limits of the HTTP server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ServerLimits {
    /// `LIMIT_CONNECTIONS`: open connections. A browser keeps one for the stream. More wait in the
    /// kernel's queue.
    pub connections: u32,
    /// `LIMIT_CONNECTIONS_PER_ADDRESS`: open connections of one peer that is no trusted proxy. An
    /// office may share an address, and a browser opens up to seven. More are closed at once.
    pub connections_per_address: u32,
    /// `LIMIT_HEAD`: bytes of a request's head. A browser with a session sends less than 3 KiB.
    pub head_bytes: u32,
}

impl ServerLimits {
    /// The limits of a gateway without these variables.
    pub const DEFAULT: Self = Self {
        connections: 16_384,
        connections_per_address: 512,
        head_bytes: 32 * 1024,
    };

    pub(super) fn read(env: &mut Env) -> Self {
        const MAX_CONNECTIONS: u32 = 1_000_000;
        let Self {
            connections,
            connections_per_address,
            head_bytes,
        } = Self::DEFAULT;
        Self {
            connections: in_range(env, "LIMIT_CONNECTIONS", connections, 1..=MAX_CONNECTIONS),
            connections_per_address: in_range(
                env,
                "LIMIT_CONNECTIONS_PER_ADDRESS",
                connections_per_address,
                1..=MAX_CONNECTIONS,
            ),
            // hyper's read buffer is at least 8 KiB.
            head_bytes: in_range(env, "LIMIT_HEAD", head_bytes, 8 * 1024..=1024 * 1024),
        }
    }
}

fn in_range<T>(env: &mut Env, name: &str, default: T, range: RangeInclusive<T>) -> T
where
    T: FromStr<Err: fmt::Display> + fmt::Display + Copy + PartialOrd,
{
    let value = env.or(name, default);
    if !range.contains(&value) {
        let (min, max) = range.into_inner();
        env.refuse(format!(
            "{name}={value} is invalid: expected {min} to {max}"
        ));
    }
    value
}
