//! Fields of a request body: all errors are reported together.

use chrono::NaiveDate;
use events::Region;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Deserializer};
use serde_json::Value;

use crate::forms::phone::Phone;
use crate::forms::text;
use crate::http::date::Date;
use crate::http::problem::{FieldProblem, Problem, Text};

/// A field of a request body. Deserializing never fails, so that all errors can be reported
/// together.
#[derive(Debug, Clone, Default)]
pub enum Field<T> {
    /// Absent or null.
    #[default]
    Missing,
    /// Sent and valid.
    Present(T),
    /// Sent and invalid.
    Invalid {
        /// Serde's text.
        reason: String,
    },
}

impl<'de, T: DeserializeOwned> Deserialize<'de> for Field<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let value = Value::deserialize(deserializer)?;
        if value.is_null() {
            return Ok(Self::Missing);
        }
        Ok(match serde_json::from_value(value) {
            Ok(value) => Self::Present(value),
            Err(error) => Self::Invalid {
                reason: error.to_string(),
            },
        })
    }
}

impl Field<String> {
    /// The same text as [one line](text::clean_line). Names stand in lists, sentences and logs.
    #[must_use]
    pub fn one_line(self) -> Self {
        match self {
            Self::Present(text) => Self::Present(text::clean_line(&text)),
            other => other,
        }
    }
}

/// In characters: serde's text may quote the value.
pub(crate) const MAX_EXPLANATION_LENGTH: usize = 200;

/// Collects the errors of a request's fields.
#[derive(Debug, Default)]
pub struct Fields {
    errors: Vec<FieldProblem>,
}

impl Fields {
    /// A required field.
    pub fn required<T>(&mut self, pointer: &str, field: Field<T>) -> Option<T> {
        if matches!(field, Field::Missing) {
            self.refuse(pointer, "required", required());
        }
        self.optional(pointer, field)
    }

    /// An optional field.
    pub fn optional<T>(&mut self, pointer: &str, field: Field<T>) -> Option<T> {
        match field {
            Field::Present(value) => Some(value),
            Field::Missing => None,
            Field::Invalid { reason } => {
                let reason: String = reason.chars().take(MAX_EXPLANATION_LENGTH).collect();
                let message = Text::new("형식을 확인해 주세요", format!("Invalid: {reason}"));
                self.refuse(pointer, "wrong-type", message);
                None
            }
        }
    }

    /// Says how to write a field, if what was sent is invalid. Call it before the field is read.
    pub fn explain<T>(&mut self, pointer: &str, field: &Field<T>, how: Text) {
        if matches!(field, Field::Invalid { .. }) {
            self.refuse(pointer, "wrong-type", how);
        }
    }

    /// A required phone number.
    pub fn phone(&mut self, pointer: &str, field: Field<Phone>) -> Option<Phone> {
        self.explain(pointer, &field, how_to_write_a_phone());
        self.required(pointer, field)
    }

    /// An optional phone number.
    pub fn optional_phone(&mut self, pointer: &str, field: Field<Phone>) -> Option<Phone> {
        self.explain(pointer, &field, how_to_write_a_phone());
        self.optional(pointer, field)
    }

    /// A required day.
    pub fn date(&mut self, pointer: &str, field: Field<Date>) -> Option<NaiveDate> {
        self.explain(pointer, &field, how_to_write_a_date());
        self.required(pointer, field).map(NaiveDate::from)
    }

    /// An optional day.
    pub fn optional_date(&mut self, pointer: &str, field: Field<Date>) -> Option<NaiveDate> {
        self.explain(pointer, &field, how_to_write_a_date());
        self.optional(pointer, field).map(NaiveDate::from)
    }

    /// An optional list of regions. The error names all of them.
    pub fn regions(&mut self, pointer: &str, field: Field<Vec<Region>>) -> Option<Vec<Region>> {
        if matches!(field, Field::Invalid { .. }) {
            let names = Region::ALL.map(Region::as_str).join(", ");
            let message = Text::new(
                format!("다음 중에서 골라 주세요: {names}"),
                format!("Expected a list of some of {names}"),
            );
            self.refuse(pointer, "wrong-type", message);
            return None;
        }
        self.optional(pointer, field)
    }

    /// A required text: [clean](text::clean), not empty, at most `max_length` characters, no
    /// control characters.
    pub fn text(
        &mut self,
        pointer: &str,
        field: Field<String>,
        max_length: usize,
    ) -> Option<String> {
        let text = self.required(pointer, field)?;
        let text = self.cleaned(pointer, &text, max_length)?;
        if text.is_empty() {
            self.refuse(pointer, "required", required());
            return None;
        }
        Some(text)
    }

    /// An optional text, which may be empty.
    pub fn optional_text(
        &mut self,
        pointer: &str,
        field: Field<String>,
        max_length: usize,
    ) -> Option<String> {
        let text = self.optional(pointer, field)?;
        self.cleaned(pointer, &text, max_length)
    }

    /// A required name: a [text](Self::text) of [one line](text::clean_line).
    pub fn name(
        &mut self,
        pointer: &str,
        field: Field<String>,
        max_length: usize,
    ) -> Option<String> {
        self.text(pointer, field.one_line(), max_length)
    }

    /// An optional name: absent if it is blank, refused if it has only invisible characters.
    pub fn optional_name(
        &mut self,
        pointer: &str,
        field: Field<String>,
        max_length: usize,
    ) -> Option<String> {
        match field {
            Field::Present(name) if name.trim().is_empty() => None,
            Field::Missing => None,
            sent => self.name(pointer, sent, max_length),
        }
    }

    fn cleaned(&mut self, pointer: &str, text: &str, max_length: usize) -> Option<String> {
        let text = text::clean(text);
        // Postgres cannot store NUL. Of the other control characters, a text needs only these two.
        if text
            .chars()
            .any(|letter| letter.is_control() && !matches!(letter, '\n' | '\t'))
        {
            let message = Text::new(
                "사용할 수 없는 문자를 빼 주세요",
                "It contains a control character",
            );
            self.refuse(pointer, "control-character", message);
            return None;
        }
        if text.chars().count() > max_length {
            let message = Text::new(
                format!("{max_length}자 이하로 적어 주세요"),
                format!("It is longer than {max_length} characters"),
            );
            self.refuse(pointer, "too-long", message);
            return None;
        }
        Some(text)
    }

    /// Adds an error. Only the first one of each field counts.
    pub fn refuse(&mut self, pointer: &str, code: &'static str, message: Text) {
        if self.errors.iter().any(|error| error.pointer == pointer) {
            return;
        }
        self.errors.push(FieldProblem {
            pointer: pointer.to_owned(),
            code,
            message,
        });
    }

    /// The errors as one problem.
    pub fn problem(self) -> Problem {
        Problem::wrong_fields(self.errors)
    }

    /// Whether there is no error.
    pub fn is_valid(&self) -> bool {
        self.errors.is_empty()
    }
}

fn how_to_write_a_phone() -> Text {
    Text::new(
        "전화번호를 010-1234-5678처럼 적어 주세요",
        "Write a Korean phone number, such as 010-1234-5678",
    )
}

fn how_to_write_a_date() -> Text {
    Text::new(
        "있는 날짜를 2026-01-31처럼 적어 주세요",
        "Write a day that exists as YYYY-MM-DD, such as 2026-01-31",
    )
}

pub(crate) fn required() -> Text {
    Text::new("필수 항목입니다", "This field is required")
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
    fn all_invalid_fields_are_reported_together() {
        let body: Person =
            serde_json::from_str(r#"{"name": 7, "count": "many", "date": null}"#).unwrap();
        let mut fields = Fields::default();
        fields.text("/name", body.name, 10);
        fields.required("/count", body.count);
        fields.required("/date", body.date);
        let found: Vec<_> = fields
            .errors
            .iter()
            .map(|error| (error.pointer.as_str(), error.code))
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
    fn invalid_phone_or_date_is_refused_with_an_example() {
        let invalid = || Field::<Phone>::Invalid {
            reason: "not a Korean phone number".to_owned(),
        };
        let mut fields = Fields::default();
        assert_eq!(fields.phone("/phone", invalid()), None);
        assert_eq!(fields.optional_phone("/other", invalid()), None);
        assert_eq!(fields.phone("/none", Field::Missing), None);
        for (pointer, text) in [("/from", "\"2026-1-2\""), ("/until", "\"2026-02-30\"")] {
            let day: Field<Date> = serde_json::from_str(text).unwrap();
            assert_eq!(fields.date(pointer, day), None);
        }
        assert_eq!(fields.optional_date("/absent", Field::Missing), None);
        let found: Vec<_> = fields
            .errors
            .iter()
            .map(|error| (&*error.pointer, error.code, error.message.ko.as_ref()))
            .collect();
        let phone = "전화번호를 010-1234-5678처럼 적어 주세요";
        let day = "있는 날짜를 2026-01-31처럼 적어 주세요";
        assert_eq!(
            found,
            [
                ("/phone", "wrong-type", phone),
                ("/other", "wrong-type", phone),
                ("/none", "required", "필수 항목입니다"),
                ("/from", "wrong-type", day),
                ("/until", "wrong-type", day),
            ]
        );
    }

    #[test]
    fn name_is_one_line_however_it_was_pasted() {
        let sent = || Field::Present(" 홍\r\n길동\t(대표)\u{2028} ".to_owned());
        let mut fields = Fields::default();
        let one_line = Some("홍 길동 (대표)".to_owned());
        assert_eq!(fields.name("/a", sent(), 10), one_line);
        assert_eq!(fields.optional_name("/b", sent(), 10), one_line);
        let text = fields.text("/d", sent(), 20);
        assert_eq!(text.as_deref(), Some("홍\n길동\t(대표)"));
        assert_eq!(
            fields.name("/e", Field::Present("\n\t".to_owned()), 10),
            None
        );
        assert_eq!(fields.errors.len(), 1);
    }

    #[test]
    fn text_is_cleaned_and_measured_in_characters() {
        let mut fields = Fields::default();
        assert_eq!(
            fields
                .text("/a", Field::Present(" 지원사업 ".to_owned()), 4)
                .as_deref(),
            Some("지원사업")
        );
        assert_eq!(
            fields.text("/b", Field::Present("지원사업".to_owned()), 3),
            None
        );
        for (pointer, blank) in [("/f", ""), ("/f", " \u{A0}"), ("/f", "한빛")] {
            let name = fields.optional_name(pointer, Field::Present(blank.to_owned()), 3);
            assert_eq!(name.as_deref(), Some(blank).filter(|name| *name == "한빛"));
        }
        assert_eq!(
            fields.optional_name("/g", Field::Present("\u{200B}".to_owned()), 3),
            None
        );
        for (pointer, invisible) in [("/c", "  "), ("/e", "\u{200B}\u{3164}")] {
            assert_eq!(
                fields.text(pointer, Field::Present(invisible.to_owned()), 3),
                None
            );
        }
        assert_eq!(
            fields.text("/d", Field::Present("a\0b".to_owned()), 9),
            None
        );
        assert_eq!(
            fields
                .errors
                .iter()
                .map(|error| error.code)
                .collect::<Vec<_>>(),
            [
                "too-long",
                "required",
                "required",
                "required",
                "control-character"
            ]
        );
    }
}
