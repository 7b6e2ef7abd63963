//! The trace that a request or a record belongs to (W3C trace context).

use std::future::Future;

use uuid::Uuid;

tokio::task_local! {
    static TRACEPARENT: Option<String>;
}

/// Runs the future within the trace.
pub async fn within<F: Future>(traceparent: Option<String>, future: F) -> F::Output {
    TRACEPARENT.scope(traceparent, future).await
}

/// The trace context this task runs in.
pub fn current() -> Option<String> {
    TRACEPARENT.try_with(Clone::clone).ok().flatten()
}

/// The trace's id alone.
pub fn id() -> Option<String> {
    current().and_then(|text| text.split('-').nth(1).map(str::to_owned))
}

/// The text, if it is a well-formed `traceparent` of version 00.
pub fn valid(text: &str) -> Option<String> {
    let parts: Vec<&str> = text.split('-').collect();
    let hex = |part: &str, length: usize| {
        part.len() == length
            && part
                .bytes()
                .all(|byte| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte))
    };
    let [version, trace, span, flags] = parts.as_slice() else {
        return None;
    };
    let well_formed = *version == "00" && hex(trace, 32) && hex(span, 16) && hex(flags, 2);
    let set = |part: &str| part.bytes().any(|byte| byte != b'0');
    (well_formed && set(trace) && set(span)).then(|| text.to_owned())
}

/// A new trace, sampled.
pub fn start() -> String {
    let span = Uuid::new_v4().simple().to_string();
    format!("00-{}-{}-01", Uuid::new_v4().simple(), &span[..16])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_well_formed_traceparent_is_carried_on() {
        let good = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
        assert_eq!(valid(good).as_deref(), Some(good));
        for bad in [
            "",
            "00-4bf9-00f0-01",
            "00-00000000000000000000000000000000-00f067aa0ba902b7-01",
            &good.to_uppercase(),
            "01-x",
        ] {
            assert_eq!(valid(bad), None, "{bad}");
        }
        assert!(valid(&start()).is_some());
    }
}
