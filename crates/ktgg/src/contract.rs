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
mod names;
mod page;
pub mod policies;

use std::collections::BTreeMap;
use std::path::Path;

use anyhow::Result;
use events::schema::EventSchema;
use gateway::openapi::sorted;
use serde_json::{Value, json};

pub use names::{golden, short};

use crate::services::{openapi, services};
use board::Board;
use names::{bare, schema_path};
use policies::PolicyDocs;

/// Every file of the contract by its path in the checkout at `root`.
///
/// # Errors
/// When the sources of the policies cannot be read.
pub fn files(root: &Path) -> Result<BTreeMap<String, String>> {
    let docs = PolicyDocs::read(root)?;
    let board = Board::gather(&openapi(), &services(), &docs);
    let mut files = BTreeMap::from([
        ("docs/openapi.json".to_owned(), pretty(openapi())),
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
    asyncapi::describe(&events::schema::all(), &services(), docs)
}

/// One event's JSON Schema, with its golden file as the example.
pub fn schema(event: &EventSchema) -> Value {
    let mut schema = event.schema.clone().to_value();
    schema["$id"] = json!(format!("urn:ktgg:event:{}", bare(event.type_name)));
    schema["examples"] = json!([golden(event)]);
    schema
}

/// The committed form: sorted keys, one per line, with a final newline.
fn pretty(value: Value) -> String {
    format!("{:#}\n", sorted(value))
}
