//! Pages of a list, and the cursors between them.

use std::convert::Infallible;

use axum::http::HeaderValue;
use axum::response::{IntoResponse, IntoResponseParts, Response, ResponseParts};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

use crate::http::problem::{Problem, Text, invalid_query};
use crate::http::respond::View;

/// `?limit&after` of a list.
#[derive(Debug, Clone, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct PageQuery {
    /// How many at most: 1 to 100, 50 unless given.
    #[param(minimum = 1, maximum = 100, default = 50)]
    pub limit: Option<u32>,
    /// Where the page before this one ended: the `next` of its answer.
    #[param(value_type = Option<String>)]
    pub after: Option<String>,
}

/// A place in a list that is ordered by id, newest first: the same cost on row 10 and on row 10 million.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Page {
    /// How many rows.
    pub limit: usize,
    /// Only rows below this id.
    pub after: Option<Uuid>,
}

impl PageQuery {
    /// Reads the place.
    ///
    /// # Errors
    /// 422 for a limit out of range or a cursor that no page gave.
    pub fn page(self) -> Result<Page, Problem> {
        let limit = parse_limit(self.limit)?;
        let after = self
            .after
            .map(|after| Uuid::parse_str(&after))
            .transpose()
            .map_err(|_| wrong_cursor())?;
        Ok(Page { limit, after })
    }
}

/// `?limit` of a list, 50 unless given.
///
/// # Errors
/// 422 for one that is not 1 to 100.
pub fn parse_limit(given: Option<u32>) -> Result<usize, Problem> {
    match usize::try_from(given.unwrap_or(50)) {
        Ok(limit @ 1..=100) => Ok(limit),
        _ => Err(wrong_limit()),
    }
}

fn wrong_limit() -> Problem {
    invalid_query(Text::new(
        "limit는 1에서 100까지입니다",
        "limit is 1 to 100",
    ))
}

impl Page {
    /// [`fetch_limit`] of this page.
    pub fn fetch_limit(self) -> i64 {
        fetch_limit(self.limit)
    }
}

/// The `limit` of the SQL query for a page of `limit` rows: one row more, which shows that there is a next page.
pub fn fetch_limit(limit: usize) -> i64 {
    i64::try_from(limit).unwrap_or(100) + 1
}

/// A place in a list that is ordered by something else and then by id, as an opaque text.
pub fn encode_cursor<T: Serialize>(place: &T) -> String {
    URL_SAFE_NO_PAD.encode(serde_json::to_vec(place).unwrap_or_default())
}

/// The place that [`cursor`] made a text of.
///
/// # Errors
/// 422 for a text that no page gave.
pub fn decode_cursor<T: DeserializeOwned>(cursor: &str) -> Result<T, Problem> {
    let bytes = URL_SAFE_NO_PAD.decode(cursor).ok();
    bytes
        .and_then(|bytes| serde_json::from_slice(&bytes).ok())
        .ok_or_else(wrong_cursor)
}

fn wrong_cursor() -> Problem {
    invalid_query(Text::new(
        "after는 이전 응답의 next 값이어야 합니다",
        "after must be the `next` of an earlier answer",
    ))
}

/// One page of a list.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Paged<T> {
    /// The rows.
    pub items: Vec<T>,
    /// Pass it as `after` for the next page; absent on the last.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next: Option<String>,
}

impl<T> Paged<T> {
    /// Cuts the one row too many off, and makes the cursor from the last that is left.
    pub fn from_rows(mut items: Vec<T>, page: Page, id: impl Fn(&T) -> Uuid) -> Self {
        let more = items.len() > page.limit;
        items.truncate(page.limit);
        let next = items
            .last()
            .filter(|_| more)
            .map(|last| id(last).to_string());
        Self { items, next }
    }

    /// The same for a list in another order: `place` makes the cursor of the last row that is left.
    pub fn from_rows_by<P: Serialize>(
        mut items: Vec<T>,
        limit: usize,
        place: impl Fn(&T) -> P,
    ) -> Self {
        let more = items.len() > limit;
        items.truncate(limit);
        let next = items
            .last()
            .filter(|_| more)
            .map(|last| encode_cursor(&place(last)));
        Self { items, next }
    }
}

impl<T: Serialize> IntoResponse for Paged<T> {
    fn into_response(self) -> Response {
        (self.next.clone().map(NextPage), View(self)).into_response()
    }
}

/// Where the next page begins, until [`layers`](crate::http::layers) makes a `Link` of it, which has to repeat the rest of the query.
///
/// A page of another form than [`Paged`] answers with it as `(self.next.clone().map(NextPage), View(self))`.
#[derive(Debug, Clone)]
pub struct NextPage(pub String);

impl IntoResponseParts for NextPage {
    type Error = Infallible;

    fn into_response_parts(self, mut parts: ResponseParts) -> Result<ResponseParts, Infallible> {
        parts.extensions_mut().insert(self);
        Ok(parts)
    }
}

impl NextPage {
    pub(crate) fn link(&self, query: &str) -> Option<HeaderValue> {
        let kept = query
            .split('&')
            .filter(|pair| !pair.is_empty() && *pair != "after" && !pair.starts_with("after="));
        let query: String = kept.flat_map(|pair| [pair, "&"]).collect();
        HeaderValue::from_str(&format!("<?{query}after={}>; rel=\"next\"", self.0)).ok()
    }
}

#[cfg(test)]
mod tests {
    use axum::http::StatusCode;

    use super::*;

    #[test]
    fn a_cursor_is_the_place_it_was_made_of_and_anything_else_is_refused() {
        let id = Uuid::from_u128(7);
        assert_eq!(
            decode_cursor::<(String, Uuid)>(&encode_cursor(&("가".to_owned(), id))).unwrap(),
            ("가".to_owned(), id)
        );
        for text in ["", "!", "bm8", &encode_cursor(&7)] {
            assert_eq!(
                decode_cursor::<(String, Uuid)>(text).unwrap_err().status(),
                StatusCode::UNPROCESSABLE_ENTITY,
                "{text}"
            );
        }
    }
}
