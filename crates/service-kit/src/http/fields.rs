//! Fields of a request body, all of them checked before any is refused.

use serde::de::DeserializeOwned;
use serde::{Deserialize, Deserializer};
use serde_json::Value;

use crate::http::problem::{FieldProblem, Problem, Text};

/// A field of a request body that never fails to be read, so that all wrong fields can be told at once.
#[derive(Debug, Clone, Default)]
pub enum Field<T> {
    /// Not sent, or null.
    #[default]
    Missing,
    /// Sent, and readable.
    Given(T),
    /// Sent, and something else.
    Wrong {
        /// What is wrong, in the words of the type that refused it.
        why: String,
    },
}

impl<'de, T: DeserializeOwned> Deserialize<'de> for Field<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let value = Value::deserialize(deserializer)?;
        if value.is_null() {
            return Ok(Self::Missing);
        }
        Ok(match serde_json::from_value(value) {
            Ok(value) => Self::Given(value),
            Err(error) => Self::Wrong {
                why: error.to_string(),
            },
        })
    }
}

/// The longest explanation of a field that cannot be read, in characters: it may quote what was sent.
pub(crate) const MAX_EXPLANATION_LENGTH: usize = 200;

/// Collects what is wrong with a request's fields.
#[derive(Debug, Default)]
pub struct Fields {
    wrong: Vec<FieldProblem>,
}

impl Fields {
    /// A field that must be there.
    pub fn required<T>(&mut self, pointer: &str, field: Field<T>) -> Option<T> {
        if matches!(field, Field::Missing) {
            self.refuse(
                pointer,
                "required",
                Text::new("필수 항목입니다", "This field is required"),
            );
        }
        self.optional(pointer, field)
    }

    /// A field that may be absent.
    pub fn optional<T>(&mut self, pointer: &str, field: Field<T>) -> Option<T> {
        match field {
            Field::Given(value) => Some(value),
            Field::Missing => None,
            Field::Wrong { why } => {
                // The reader's own words, and not more of them than a form can show.
                let why: String = why.chars().take(MAX_EXPLANATION_LENGTH).collect();
                self.refuse(
                    pointer,
                    "wrong-type",
                    Text::new(
                        "형식이 올바르지 않습니다",
                        format!("It cannot be read: {why}"),
                    ),
                );
                None
            }
        }
    }

    /// A text that must be there: trimmed, not empty, of at most `longest` characters, without control characters.
    pub fn text(&mut self, pointer: &str, field: Field<String>, longest: usize) -> Option<String> {
        let text = self.required(pointer, field)?;
        self.checked(pointer, &text, longest).and_then(|text| {
            if text.is_empty() {
                self.refuse(
                    pointer,
                    "required",
                    Text::new("필수 항목입니다", "This field is required"),
                );
                None
            } else {
                Some(text)
            }
        })
    }

    /// A text that may be absent or empty.
    pub fn optional_text(
        &mut self,
        pointer: &str,
        field: Field<String>,
        longest: usize,
    ) -> Option<String> {
        let text = self.optional(pointer, field)?;
        self.checked(pointer, &text, longest)
    }

    fn checked(&mut self, pointer: &str, text: &str, longest: usize) -> Option<String> {
        let text = text.trim();
        // Postgres refuses NUL, and no other control character belongs in a text but the line's end and the tab.
        if text
            .chars()
            .any(|letter| letter.is_control() && !matches!(letter, '\n' | '\r' | '\t'))
        {
            self.refuse(
                pointer,
                "control-character",
                Text::new(
                    "사용할 수 없는 문자가 있습니다",
                    "It holds a control character",
                ),
            );
            return None;
        }
        if text.chars().count() > longest {
            let message = Text::new(
                format!("{longest}자 이하로 적어 주세요"),
                format!("It is longer than {longest} characters"),
            );
            self.refuse(pointer, "too-long", message);
            return None;
        }
        Some(text.to_owned())
    }

    /// Notes one more wrong field. What is said of a field first stands: one that is too long is not also missing.
    pub fn refuse(&mut self, pointer: &str, code: &'static str, message: Text) {
        if self.wrong.iter().any(|wrong| wrong.pointer == pointer) {
            return;
        }
        self.wrong.push(FieldProblem {
            pointer: pointer.to_owned(),
            code,
            message,
        });
    }

    /// All that was wrong, as one problem.
    pub fn problem(self) -> Problem {
        Problem::wrong_fields(self.wrong)
    }

    /// Whether nothing was wrong.
    pub fn is_valid(&self) -> bool {
        self.wrong.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, Deserialize)]
    struct Person {
        #[serde(default)]
        name: Field<String>,
        #[serde(default)]
        count: Field<u32>,
        #[serde(default)]
        date: Field<chrono::NaiveDate>,
    }

    #[test]
    fn every_wrong_field_is_found_at_once() {
        let body: Person =
            serde_json::from_str(r#"{"name": 7, "count": "many", "date": null}"#).unwrap();
        let mut fields = Fields::default();
        fields.text("/name", body.name, 10);
        fields.required("/count", body.count);
        fields.required("/date", body.date);
        let found: Vec<_> = fields
            .wrong
            .iter()
            .map(|wrong| (wrong.pointer.as_str(), wrong.code))
            .collect();
        assert_eq!(
            found,
            [
                ("/name", "wrong-type"),
                ("/count", "wrong-type"),
                ("/date", "required")
            ]
        );
    }

    #[test]
    fn a_text_is_trimmed_and_measured_in_characters() {
        let mut fields = Fields::default();
        assert_eq!(
            fields
                .text("/a", Field::Given(" 지원사업 ".to_owned()), 4)
                .as_deref(),
            Some("지원사업")
        );
        assert_eq!(
            fields.text("/b", Field::Given("지원사업".to_owned()), 3),
            None
        );
        assert_eq!(fields.text("/c", Field::Given("  ".to_owned()), 3), None);
        assert_eq!(fields.text("/d", Field::Given("a\0b".to_owned()), 9), None);
        assert_eq!(
            fields
                .wrong
                .iter()
                .map(|wrong| wrong.code)
                .collect::<Vec<_>>(),
            ["too-long", "required", "control-character"]
        );
    }
}
