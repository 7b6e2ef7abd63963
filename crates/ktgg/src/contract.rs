//! The contract as files that others read: the routes, the topics, a JSON Schema of every event, and the board of all of it.
//!
//! - `asyncapi`: the topics and what is on them (`AsyncAPI` 3.0).
//! - [`policies`]: what each policy says of itself, read from its source.
//! - [`board`]: who does what, what happens then, and who reacts: the sticky notes of an event storming, put together from the code.
//! - `drawing`: the board as a picture.
//! - `page`: the board as tables.
//!
//! The same code gives the same bytes: `cargo xtask check` compares them with what is committed.

mod asyncapi;
pub mod board;
mod drawing;
mod page;
pub mod policies;

use std::collections::BTreeMap;
use std::path::Path;

use anyhow::Result;
use events::TypeName;
use events::schema::Described;
use gateway::openapi::sorted;
use serde_json::{Value, json};

use board::Board;
use policies::Said;

/// Every file of the contract, by its path in the checkout; `root` is where that is.
///
/// # Errors
/// When the sources of the policies cannot be read.
pub fn files(root: &Path) -> Result<BTreeMap<String, String>> {
    let said = Said::read(root)?;
    let board = Board::gather(&crate::openapi(), &crate::services(), &said);
    let mut files = BTreeMap::from([
        ("docs/openapi.json".to_owned(), text(crate::openapi())),
        ("docs/asyncapi.json".to_owned(), text(asyncapi(&said))),
        ("docs/events.md".to_owned(), page::markdown(&board)),
        ("docs/events.svg".to_owned(), drawing::svg(&board)),
    ]);
    for event in events::schema::all() {
        files.insert(
            format!("docs/{}", schema_path(event.type_name)),
            text(schema(&event)),
        );
    }
    Ok(files)
}

/// The description of the topics.
pub fn asyncapi(said: &Said) -> Value {
    asyncapi::describe(&events::schema::all(), &crate::services(), said)
}

/// One event's JSON Schema, with its golden file as the example.
pub fn schema(event: &Described) -> Value {
    let mut schema = event.schema.clone().to_value();
    schema["$id"] = json!(format!("urn:ktgg:event:{}", bare(event.type_name)));
    schema["examples"] = json!([golden(event)]);
    schema
}

/// A payload as it was published.
pub fn golden(event: &Described) -> Value {
    serde_json::from_str(event.golden).unwrap_or_default()
}

/// Where an event's schema lies, beside the page that links it.
fn schema_path(type_name: TypeName) -> String {
    format!("events/{type_name}.schema.json")
}

/// `ProjectEnded.v1` of `ktgg.ProjectEnded.v1`.
fn bare(type_name: &str) -> &str {
    type_name.strip_prefix("ktgg.").unwrap_or(type_name)
}

/// `ProjectEnded` of `ktgg.ProjectEnded.v1`: what people call it.
pub fn short(type_name: &str) -> &str {
    bare(type_name).split('.').next().unwrap_or_default()
}

/// As it is committed: one key a line, in order, whichever features the JSON library was built with.
fn text(value: Value) -> String {
    format!("{:#}\n", sorted(value))
}

/// The first sentence of a text, on one line.
fn first_sentence(text: &str) -> String {
    let line = text
        .split("\n\n")
        .next()
        .unwrap_or_default()
        .split_whitespace()
        .collect::<Vec<_>>()
        .join(" ");
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
    fn an_event_is_called_by_its_type_without_prefix_and_version() {
        assert_eq!(short("ktgg.ProjectEnded.v1"), "ProjectEnded");
        assert_eq!(bare("ktgg.ProjectEnded.v1"), "ProjectEnded.v1");
    }
}
