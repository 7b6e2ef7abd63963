//! What of a request gets into the audit log: words and ids of its path, and names of its body's
//! top-level fields, but no values and no query.

use std::fmt;

use serde::de::{IgnoredAny, MapAccess, Visitor};
use serde::{Deserialize, Deserializer};
use uuid::Uuid;

/// Replaces a path segment that could be a value.
const REDACTED: &str = "…";

/// The longest word of a path and the longest field name, in characters.
const MAX_WORD_LENGTH: usize = 40;

/// The gateway's paths have fewer segments, and its bodies fewer fields. The rest is omitted.
const MAX_SEGMENTS: usize = 12;
const MAX_FIELDS: usize = 50;

/// The path with only lower-case words and ids.
pub(super) fn path(path: &str) -> String {
    let mut redacted = String::new();
    for (index, segment) in path.split('/').skip(1).enumerate() {
        redacted.push('/');
        if index >= MAX_SEGMENTS {
            redacted.push_str(REDACTED);
            break;
        }
        let is_plain = segment.is_empty() || is_word(segment) || is_id(segment);
        redacted.push_str(if is_plain { segment } else { REDACTED });
    }
    redacted
}

fn is_word(segment: &str) -> bool {
    let is_lowercase =
        |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_lowercase());
    segment.len() <= MAX_WORD_LENGTH && segment.split('-').all(is_lowercase)
}

/// Only ids with hyphens: 32 digits in a row could be something else.
fn is_id(segment: &str) -> bool {
    const HYPHENATED_LENGTH: usize = 36;
    segment.len() == HYPHENATED_LENGTH && Uuid::try_parse(segment).is_ok()
}

/// The names of a JSON object's fields that look like names. Empty for everything else.
pub(super) fn field_names(body: &[u8]) -> Vec<String> {
    serde_json::from_slice(body)
        .map(|FieldNames(names)| names)
        .unwrap_or_default()
}

struct FieldNames(Vec<String>);

impl<'de> Deserialize<'de> for FieldNames {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct ObjectVisitor;
        impl<'de> Visitor<'de> for ObjectVisitor {
            type Value = FieldNames;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<FieldNames, A::Error> {
                let mut names: Vec<String> = Vec::new();
                while let Some((name, IgnoredAny)) = map.next_entry::<String, _>()? {
                    let is_name = (1..=MAX_WORD_LENGTH).contains(&name.len())
                        && name.bytes().all(|byte| byte.is_ascii_alphabetic());
                    if is_name && names.len() < MAX_FIELDS && !names.contains(&name) {
                        names.push(name);
                    }
                }
                Ok(FieldNames(names))
            }
        }
        deserializer.deserialize_map(ObjectVisitor)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_keeps_only_words_and_ids() {
        let id = "0193a5d0-8c5e-7b64-9a3f-5f2c1b7e4d01";
        assert_eq!(
            path(&format!("/api/salesman-matches/{id}/assign")),
            format!("/api/salesman-matches/{id}/assign")
        );
        for (given, redacted) in [
            ("/api/interests/01012345678", "/api/interests/…"),
            ("/api/interests/010-1234-5678/end", "/api/interests/…/end"),
            ("/api/interests/%2B821012345678", "/api/interests/…"),
            (
                "/api/interests/010123456780101234567801012345678",
                "/api/interests/…",
            ),
            ("/api/interests/홍길동", "/api/interests/…"),
            ("/api/interests/Hong", "/api/interests/…"),
            ("/api/projects/", "/api/projects/"),
            ("/api/x--y/-/a", "/api/…/…/a"),
        ] {
            assert_eq!(path(given), redacted);
        }
        assert_eq!(
            path(&"/a".repeat(500)),
            format!("{}/…", "/a".repeat(MAX_SEGMENTS))
        );
    }

    #[test]
    fn a_body_keeps_only_top_level_names() {
        let body = r#"{"phone": "01012345678", "note": {"deep": 1}, "01012345678": 1, "a b": 2,
            "phone": null, "": 3, "홍길동": 4}"#;
        assert_eq!(field_names(body.as_bytes()), ["phone", "note"]);
        assert_eq!(
            field_names(format!(r#"{{"{}": 1}}"#, "a".repeat(41)).as_bytes()),
            [""; 0]
        );
        for invalid in [
            "[{\"phone\": 1}]",
            "\"phone\"",
            "",
            "{\"phone\": 1",
            "{\"phone\": 1} x",
            "\u{0}",
        ] {
            assert_eq!(field_names(invalid.as_bytes()), [""; 0], "{invalid}");
        }
        let many: Vec<String> = (0..200)
            .map(|number| format!("\"{}\": 1", "x".repeat(number % 41)))
            .collect();
        assert!(field_names(format!("{{{}}}", many.join(",")).as_bytes()).len() <= MAX_FIELDS);
    }
}
