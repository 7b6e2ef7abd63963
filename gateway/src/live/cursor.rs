//! The cursor: the SSE `id` of an event, which browsers send back as `Last-Event-ID`.

use std::fmt;

/// `MS-FEED-NUMBER`. At the gateway that issued it, the number tells exactly what was missed. Other
/// gateways read the same records in another order and use the time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Cursor {
    /// The time of the newest record so far.
    pub(super) ms: i64,
    /// The run of a gateway.
    pub(super) feed: String,
    /// The number of the event in this feed.
    pub(super) number: u64,
}

impl fmt::Display for Cursor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}-{}", self.ms, self.feed, self.number)
    }
}

impl Cursor {
    pub(super) fn parse(text: &str) -> Option<Self> {
        let parts: Vec<&str> = text.split('-').collect();
        let [ms, feed, number] = parts[..] else {
            return None;
        };
        let cursor = Self {
            ms: ms.parse().ok()?,
            feed: feed.to_owned(),
            number: number.parse().ok()?,
        };
        (cursor.ms >= 0).then_some(cursor)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cursor_is_parsed_from_its_text_and_nothing_else() {
        let cursor = Cursor {
            ms: 1_763_900_000_000,
            feed: "0a1b2c3d".to_owned(),
            number: 42,
        };
        assert_eq!(Cursor::parse(&cursor.to_string()), Some(cursor));
        for text in [
            "",
            "1",
            "1-2",
            "x-a-1",
            "1-a-x",
            "1-a-2-3",
            "-1-a-2",
            "99999999999999999999-a-1",
        ] {
            assert_eq!(Cursor::parse(text), None, "{text}");
        }
    }
}
