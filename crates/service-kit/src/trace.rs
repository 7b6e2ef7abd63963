//! Trace context (W3C): finds the log lines of one request in every process that it reaches.
//!
//! Each HTTP request and each consumed record has a context of its own: the trace id of its parent
//! (the `traceparent` of the request or of the event), and a new span id. Outgoing requests and
//! appended events carry it on as their `traceparent`.
//!
//! A task-local carries the context, because it works without a subscriber, too, as in most tests.
//! The `tracing` span of the request or record only mirrors the ids, so that every log line below
//! it has them. A spawned task has neither: it must be given both with [`instrument`].

use std::fmt;
use std::future::Future;
use std::str::FromStr;

use axum::http::HeaderName;
use tracing::{Instrument as _, Span};
use uuid::Uuid;

tokio::task_local! {
    static CURRENT: TraceContext;
}

/// The header of the trace context.
pub const TRACEPARENT: HeaderName = HeaderName::from_static("traceparent");

/// A position in a trace. Its text is a `traceparent` of version 00.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TraceContext {
    trace_id: u128,
    span_id: u64,
    flags: u8,
}

impl TraceContext {
    /// A new, sampled trace.
    pub fn start() -> Self {
        Self {
            trace_id: Uuid::new_v4().as_u128(),
            span_id: random_span_id(),
            flags: 1,
        }
    }

    /// A child of the parent in a `traceparent`, or a new trace if that is missing or invalid.
    pub fn child_of(traceparent: Option<&str>) -> Self {
        let parent = traceparent.and_then(|text| text.parse::<Self>().ok());
        parent.map_or_else(Self::start, |parent| Self {
            span_id: random_span_id(),
            ..parent
        })
    }

    /// The trace id, in hex.
    pub fn trace_id(self) -> String {
        format!("{:032x}", self.trace_id)
    }
}

fn random_span_id() -> u64 {
    // The variant bits are set, so it is never 0, which would be invalid.
    Uuid::new_v4().as_u64_pair().1
}

impl fmt::Display for TraceContext {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (trace_id, span_id, flags) = (self.trace_id, self.span_id, self.flags);
        write!(f, "00-{trace_id:032x}-{span_id:016x}-{flags:02x}")
    }
}

impl FromStr for TraceContext {
    type Err = InvalidTraceparent;

    fn from_str(text: &str) -> Result<Self, InvalidTraceparent> {
        let is_allowed = |byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f' | b'-');
        let parts: Vec<&str> = text.split('-').collect();
        let ["00", trace_id, span_id, flags] = parts[..] else {
            return Err(InvalidTraceparent);
        };
        let lengths = (trace_id.len(), span_id.len(), flags.len());
        let fields = (
            u128::from_str_radix(trace_id, 16),
            u64::from_str_radix(span_id, 16),
            u8::from_str_radix(flags, 16),
        );
        match fields {
            (Ok(trace_id @ 1..), Ok(span_id @ 1..), Ok(flags))
                if lengths == (32, 16, 2) && text.bytes().all(is_allowed) =>
            {
                Ok(Self {
                    trace_id,
                    span_id,
                    flags,
                })
            }
            _ => Err(InvalidTraceparent),
        }
    }
}

/// The text is not a `traceparent` of version 00.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a traceparent")]
pub struct InvalidTraceparent;

/// Runs the future in this context, without a span.
pub async fn within<F: Future>(context: TraceContext, future: F) -> F::Output {
    CURRENT.scope(context, future).await
}

/// Runs the future in this context and span. It is boxed, because the wrappers would copy it.
pub fn instrument<F: Future>(
    context: TraceContext,
    span: Span,
    future: F,
) -> impl Future<Output = F::Output> {
    CURRENT.scope(context, Box::pin(future)).instrument(span)
}

/// The context of this task.
pub fn current() -> Option<TraceContext> {
    CURRENT.try_with(|context| *context).ok()
}

/// The context of this task, or a new trace: for the `traceparent` of an outgoing request.
pub fn current_or_start() -> TraceContext {
    current().unwrap_or_else(TraceContext::start)
}

/// Records the caller's role in the span of the current request; `None` is anonymous.
pub fn record_role(role: Option<&'static str>) {
    Span::current().record("role", role.unwrap_or("anonymous"));
}

/// Records the route in the span of the current request, where the router does not match it itself.
/// Must be a template, not a path with ids.
pub fn record_route(route: &str) {
    Span::current().record("http.route", route);
}

#[cfg(test)]
mod tests {
    use super::*;

    const PARENT: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

    #[test]
    fn only_a_well_formed_traceparent_is_continued() {
        assert_eq!(PARENT.parse::<TraceContext>().unwrap().to_string(), PARENT);
        for invalid in [
            "",
            "00-4bf9-00f0-01",
            "00-00000000000000000000000000000000-00f067aa0ba902b7-01",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-0000000000000000-01",
            "00-4bf92f3577b34da6a3ce929d0e0e473+-00f067aa0ba902b7-01",
            &PARENT.to_uppercase(),
            &format!("{PARENT}-00"),
            "01-x",
        ] {
            assert_eq!(
                invalid.parse::<TraceContext>(),
                Err(InvalidTraceparent),
                "{invalid}"
            );
            let started = TraceContext::child_of(Some(invalid));
            assert_ne!(started.trace_id(), "4bf92f3577b34da6a3ce929d0e0e4736");
        }
        assert!(
            TraceContext::start()
                .to_string()
                .parse::<TraceContext>()
                .is_ok()
        );
    }

    #[test]
    fn child_has_the_trace_id_and_a_new_span_id() {
        let child = TraceContext::child_of(Some(PARENT)).to_string();
        assert_eq!(child[..36], PARENT[..36]);
        assert_eq!(child[52..], PARENT[52..]);
        assert_ne!(child[36..52], PARENT[36..52]);
    }
}
