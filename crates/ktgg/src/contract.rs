//! The generated contract: routes, topics, a JSON Schema per event, and the event-storming board.
//!
//! - `asyncapi`: the topics and their messages (`AsyncAPI` 3.0).
//! - [`policies`]: name and summary of each policy, read from its doc comment.
//! - [`board`]: actors, commands, events and policies, gathered from the code.
//! - `diagram`: the board as Mermaid flowcharts; `page`: the board as tables.
//!
//! The same code gives the same bytes: `cargo xtask check` compares them with the committed files.

mod asyncapi;
pub mod board;
mod diagram;
mod page;
pub mod policies;

use std::collections::BTreeMap;
use std::path::Path;

use anyhow::Result;
use events::TypeName;
use events::schema::EventSchema;
use gateway::openapi::sorted;
use serde_json::{Value, json};

use board::Board;
use policies::PolicyDocs;

/// Every file of the contract by its path in the checkout at `root`.
///
/// # Errors
/// When the sources of the policies cannot be read.
pub fn files(root: &Path) -> Result<BTreeMap<String, String>> {
    let docs = PolicyDocs::read(root)?;
    let board = Board::gather(&crate::openapi(), &crate::services(), &docs);
    let mut files = BTreeMap::from([
        ("docs/openapi.json".to_owned(), pretty(crate::openapi())),
        ("docs/asyncapi.json".to_owned(), pretty(asyncapi(&docs))),
        ("docs/events.md".to_owned(), page::markdown(&board)),
    ]);
    for event in events::schema::all() {
        let path = format!("docs/{}", schema_path(event.type_name));
        files.insert(path, pretty(schema(&event)));
    }
    Ok(files)
}

/// The description of the topics.
pub fn asyncapi(docs: &PolicyDocs) -> Value {
    asyncapi::describe(&events::schema::all(), &crate::services(), docs)
}

/// One event's JSON Schema, with its golden file as the example.
pub fn schema(event: &EventSchema) -> Value {
    let mut schema = event.schema.clone().to_value();
    schema["$id"] = json!(format!("urn:ktgg:event:{}", bare(event.type_name)));
    schema["examples"] = json!([golden(event)]);
    schema
}

/// The payload of the event's golden file.
pub fn golden(event: &EventSchema) -> Value {
    serde_json::from_str(event.golden).unwrap_or_default()
}

/// The path of an event's schema, relative to `docs/`.
fn schema_path(type_name: TypeName) -> String {
    format!("events/{type_name}.schema.json")
}

/// `ProjectEnded.v1` of `ktgg.ProjectEnded.v1`.
fn bare(type_name: &str) -> &str {
    type_name.strip_prefix("ktgg.").unwrap_or(type_name)
}

/// `ProjectEnded` of `ktgg.ProjectEnded.v1`.
pub fn short(type_name: &str) -> &str {
    bare(type_name).split('.').next().unwrap_or_default()
}

/// `SalesmanMatch` of `salesman-match` and of `salesman_match`.
fn pascal(name: &str) -> String {
    let capitalized = |word: &str| {
        let (first, rest) = word.split_at_checked(1)?;
        Some(first.to_uppercase() + rest)
    };
    name.split(['-', '_']).filter_map(capitalized).collect()
}

/// The committed form: sorted keys, one per line, with a final newline.
fn pretty(value: Value) -> String {
    format!("{:#}\n", sorted(value))
}

/// The first sentence of a text, on one line.
fn first_sentence(text: &str) -> String {
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
