//! Names, summaries and payloads of events in the generated files.

use events::TypeName;
use events::schema::EventSchema;
use serde_json::Value;

/// The payload of the event's golden file.
pub fn golden(event: &EventSchema) -> Value {
    serde_json::from_str(event.golden).unwrap_or_default()
}

/// The path of an event's schema, relative to `docs/`.
pub(super) fn schema_path(type_name: TypeName) -> String {
    format!("events/{type_name}.schema.json")
}

/// `ProjectEnded.v1` of `ktgg.ProjectEnded.v1`.
pub(super) fn bare(type_name: &str) -> &str {
    type_name.strip_prefix("ktgg.").unwrap_or(type_name)
}

/// `ProjectEnded` of `ktgg.ProjectEnded.v1`.
pub fn short(type_name: &str) -> &str {
    bare(type_name).split('.').next().unwrap_or_default()
}

/// `SalesmanMatch` of `salesman-match` and of `salesman_match`.
pub(super) fn pascal(name: &str) -> String {
    let capitalized = |word: &str| {
        let (first, rest) = word.split_at_checked(1)?;
        Some(first.to_uppercase() + rest)
    };
    name.split(['-', '_']).filter_map(capitalized).collect()
}

/// The first sentence of a text, on one line.
pub(super) fn first_sentence(text: &str) -> String {
    let paragraph = text.split("\n\n").next().unwrap_or_default();
    let line = paragraph.split_whitespace().collect::<Vec<_>>().join(" ");
    match line.find(". ") {
        Some(end) => line[..=end].to_owned(),
        None => line,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sentence_ends_with_its_stop_or_its_paragraph() {
        assert_eq!(
            first_sentence("Whenever it\nends. And more."),
            "Whenever it ends."
        );
        assert_eq!(first_sentence("D-7 at 9.30\n\nAnd more."), "D-7 at 9.30");
    }

    #[test]
    fn an_event_is_named_by_its_type_without_prefix_and_version() {
        assert_eq!(short("ktgg.ProjectEnded.v1"), "ProjectEnded");
        assert_eq!(bare("ktgg.ProjectEnded.v1"), "ProjectEnded.v1");
    }
}
