//! Texts as they are pasted from elsewhere, and the fields of a service that take them.

use std::collections::BTreeSet;

use serde_json::{Map, Value};
use unicode_normalization::UnicodeNormalization as _;

/// The text decomposed, with a bidirectional control before it, a character without width behind
/// its first letter, and white space around it. [`crate::forms::text::clean`] gives the text back.
pub fn as_pasted(text: &str) -> String {
    let mut letters = text.nfd();
    let first: String = letters.by_ref().take(1).collect();
    format!(
        " \u{202E}{first}\u{200B}{}\u{FEFF}\n",
        letters.collect::<String>()
    )
}

/// A text of nothing visible.
pub const INVISIBLE: &str = "\u{200B}\u{3164}\u{202E}\u{2060} ";

/// Every field of a request body that takes a free text, as "POST /path /pointer".
pub fn text_fields(description: &Value) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    let paths = description["paths"].as_object().into_iter().flatten();
    for (path, operations) in paths {
        for (method, operation) in operations.as_object().into_iter().flatten() {
            let schema = &operation["requestBody"]["content"]["application/json"]["schema"];
            let place = format!("{} {path} ", method.to_uppercase());
            collect(description, schema, &place, &mut found);
        }
    }
    found
}

fn collect(description: &Value, schema: &Value, place: &str, found: &mut BTreeSet<String>) {
    let name = schema["$ref"]
        .as_str()
        .and_then(|path| path.rsplit('/').next());
    if let Some(name) = name {
        let referred = &description["components"]["schemas"][name];
        return collect(description, referred, place, found);
    }
    let alternatives = ["oneOf", "anyOf", "allOf"].map(|key| schema[key].as_array());
    for schema in alternatives.into_iter().flatten().flatten() {
        collect(description, schema, place, found);
    }
    let types = match &schema["type"] {
        Value::Array(types) => types.clone(),
        one => vec![one.clone()],
    };
    let is_restricted = ["format", "enum", "const"]
        .iter()
        .any(|key| !schema[*key].is_null());
    if types.contains(&Value::from("string")) && !is_restricted {
        found.insert(place.to_owned());
    }
    let none = Map::new();
    for (name, property) in schema["properties"].as_object().unwrap_or(&none) {
        collect(description, property, &format!("{place}/{name}"), found);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::forms::text::clean;

    #[test]
    fn pasted_text_is_cleaned_to_itself() {
        assert_eq!(clean(&as_pasted("한빛 상사")), "한빛 상사");
        assert_ne!(as_pasted("한빛"), "한빛");
        assert_eq!(clean(INVISIBLE), "");
    }
}
