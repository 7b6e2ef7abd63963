//! Query parameters that several lists share.

use service_kit::Problem;
use service_kit::forms::text::searchable;
use service_kit::http::problem::{Text, invalid_query};

use crate::letters::is_unprintable;

/// In characters.
const MAX_SEARCH_LENGTH: usize = 100;

/// A text to search for; `None` without a visible character. `ko` is its name in Korean with a
/// particle.
pub(super) fn search_text(
    name: &str,
    ko: &str,
    text: Option<String>,
) -> Result<Option<String>, Problem> {
    let is_valid =
        |text: &str| text.chars().count() <= MAX_SEARCH_LENGTH && !text.chars().any(is_unprintable);
    if text.as_deref().is_none_or(is_valid) {
        return Ok(text.filter(|text| !searchable(text).is_empty()));
    }
    Err(invalid_query(Text::new(
        format!("{ko} 제어 문자 없이 {MAX_SEARCH_LENGTH}자 이하로 적어 주세요"),
        format!("{name} has at most {MAX_SEARCH_LENGTH} characters and no control characters"),
    )))
}
