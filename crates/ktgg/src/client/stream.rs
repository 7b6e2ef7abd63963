//! Reads server-sent events.

use anyhow::Result;
use http_body_util::BodyExt as _;
use hyper::body::Incoming;
use serde_json::Value;

/// The client's end of a stream.
#[derive(Debug)]
pub struct Stream {
    body: Incoming,
    text: String,
}

/// One event of the stream.
#[derive(Debug, Clone, PartialEq)]
pub struct StreamEvent {
    /// The cursor to resume from.
    pub id: Option<String>,
    pub event: String,
    pub data: Value,
}

impl Stream {
    pub(super) fn new(body: Incoming) -> Self {
        Self {
            body,
            text: String::new(),
        }
    }

    /// The next event, without comments and retry times; `None` when the gateway ended the stream.
    ///
    /// # Errors
    /// When the connection breaks.
    pub async fn next(&mut self) -> Result<Option<StreamEvent>> {
        loop {
            while let Some((block, rest)) = self.text.split_once("\n\n") {
                let (event, rest) = (parse(block), rest.len());
                self.text.drain(..self.text.len() - rest);
                if event.is_some() {
                    return Ok(event);
                }
            }
            let Some(frame) = self.body.frame().await else {
                return Ok(None);
            };
            if let Ok(bytes) = frame?.into_data() {
                self.text.push_str(&String::from_utf8_lossy(&bytes));
            }
        }
    }
}

fn parse(block: &str) -> Option<StreamEvent> {
    let field = |name: &str| {
        block
            .lines()
            .find_map(|line| line.strip_prefix(name)?.strip_prefix(':'))
            .map(str::trim_start)
    };
    let event = field("event")?.to_owned();
    let data = field("data")
        .and_then(|data| serde_json::from_str(data).ok())
        .unwrap_or(Value::Null);
    Some(StreamEvent {
        id: field("id").map(str::to_owned),
        event,
        data,
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn an_event_is_parsed_and_a_comment_is_not() {
        let event = parse("id: 7-1\nevent: SalesmanMatched\ndata: {\"version\": 1}").unwrap();
        assert_eq!(
            (event.id.as_deref(), event.event.as_str(), event.data),
            (Some("7-1"), "SalesmanMatched", json!({ "version": 1 }))
        );
        assert_eq!(parse(": still here"), None);
        assert_eq!(parse("retry: 3000"), None);
    }
}
