//! A record of a portal's answer, whose fields become cells of a draft.

use serde::Deserialize;
use serde_json::{Map, Value};

use super::draft::Cell;
use super::row::Column;
use super::texts;

#[derive(Debug, Deserialize)]
#[serde(transparent)]
pub(super) struct Record(Map<String, Value>);

impl Record {
    pub(super) fn has(&self, name: &str) -> bool {
        self.0.contains_key(name)
    }

    /// The raw text of a field: numbers as they are written, empty for anything that is not a text.
    pub(super) fn text(&self, name: &str) -> String {
        match self.0.get(name) {
            Some(Value::String(text)) => text.clone(),
            Some(value @ (Value::Number(_) | Value::Bool(_))) => value.to_string(),
            _ => String::new(),
        }
    }

    pub(super) fn line(&self, name: &str) -> Cell {
        cell(name, texts::line(&self.text(name)))
    }

    pub(super) fn prose(&self, name: &str) -> Cell {
        cell(name, texts::prose(&self.text(name)))
    }

    pub(super) fn link(&self, name: &str, host: &str) -> Cell {
        cell(name, texts::link(&self.text(name), host))
    }
}

/// A cell of the field with that name.
pub(super) fn cell(name: &str, text: String) -> Cell {
    Cell {
        column: Column {
            name: name.to_owned(),
            number: None,
        },
        text,
    }
}
