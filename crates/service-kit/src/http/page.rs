//! Pages of a list, and their cursors.

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
    /// Items per page, 50 by default.
    #[param(minimum = 1, maximum = 100, default = 50)]
    pub limit: Option<u32>,
    /// The `next` of the previous page.
    #[param(value_type = Option<String>)]
    pub after: Option<String>,
}

/// A page of a list in the order of ids, newest first. Keyset pagination: row 10 million costs as
/// much as row 10.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Page {
    /// Rows per page.
    pub limit: usize,
    /// Only rows with smaller ids.
    pub after: Option<Uuid>,
}

impl Page {
    /// The bound below which all ids of the page are. A parameter of `id <` that is never null, so
    /// that every plan starts there.
    pub fn before(self) -> Uuid {
        self.after.unwrap_or(Uuid::max())
    }
}

impl PageQuery {
    /// Reads limit and cursor.
    ///
    /// # Errors
    /// 422 for a limit out of range or an invalid cursor.
    pub fn page(self) -> Result<Page, Problem> {
        let limit = parse_limit(self.limit)?;
        let after = self
            .after
            .map(|after| Uuid::parse_str(&after))
            .transpose()
            .map_err(|_| invalid_cursor())?;
        Ok(Page { limit, after })
    }
}

/// Reads `?limit`, 50 by default.
///
/// # Errors
/// 422 unless it is 1 to 100.
pub fn parse_limit(limit: Option<u32>) -> Result<usize, Problem> {
    match usize::try_from(limit.unwrap_or(50)) {
        Ok(limit @ 1..=100) => Ok(limit),
        _ => Err(invalid_limit()),
    }
}

pub(crate) fn invalid_limit() -> Problem {
    invalid_query(Text::new(
        "limit는 1에서 100까지로 보내 주세요",
        "limit must be 1 to 100",
    ))
}

impl Page {
    /// [`fetch_limit`] of this page.
    pub fn fetch_limit(self) -> i64 {
        fetch_limit(self.limit)
    }
}

/// The `limit` of the query for a page of `limit` rows: one more, which shows whether there is a
/// next page.
pub fn fetch_limit(limit: usize) -> i64 {
    i64::try_from(limit).unwrap_or(100) + 1
}

/// An opaque cursor for a list in another order: the sort key of the last row.
pub fn encode_cursor<T: Serialize>(sort_key: &T) -> String {
    URL_SAFE_NO_PAD.encode(serde_json::to_vec(sort_key).unwrap_or_default())
}

/// The sort key in a cursor of [`encode_cursor`].
///
/// # Errors
/// 422 for an invalid cursor.
pub fn decode_cursor<T: DeserializeOwned>(cursor: &str) -> Result<T, Problem> {
    let bytes = URL_SAFE_NO_PAD.decode(cursor).ok();
    bytes
        .and_then(|bytes| serde_json::from_slice(&bytes).ok())
        .ok_or_else(invalid_cursor)
}

fn invalid_cursor() -> Problem {
    invalid_query(Text::new(
        "after는 이전 응답의 next 값으로 보내 주세요",
        "after must be the `next` of a previous page",
    ))
}

/// A page of a list.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Paged<T> {
    /// The items of this page.
    pub items: Vec<T>,
    /// The `after` of the next page; absent on the last page.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next: Option<String>,
}

impl<T> Paged<T> {
    /// A page of up to [`Page::fetch_limit`] rows, whose cursor is the id.
    pub fn from_rows(items: Vec<T>, page: Page, id: impl Fn(&T) -> Uuid) -> Self {
        Self::new(items, page.limit, |last| id(last).to_string())
    }

    /// A page of up to [`fetch_limit`] rows in another order, whose cursor is the sort key.
    pub fn from_rows_by<K: Serialize>(
        items: Vec<T>,
        limit: usize,
        sort_key: impl Fn(&T) -> K,
    ) -> Self {
        Self::new(items, limit, |last| encode_cursor(&sort_key(last)))
    }

    fn new(mut items: Vec<T>, limit: usize, cursor: impl Fn(&T) -> String) -> Self {
        let has_more = items.len() > limit;
        items.truncate(limit);
        let next = items.last().filter(|_| has_more).map(cursor);
        Self { items, next }
    }

    /// The same page with every item converted.
    pub fn map<U>(self, convert: impl FnMut(T) -> U) -> Paged<U> {
        Paged {
            items: self.items.into_iter().map(convert).collect(),
            next: self.next,
        }
    }
}

impl<T: Serialize> IntoResponse for Paged<T> {
    fn into_response(self) -> Response {
        (self.next.clone().map(NextPage), View(self)).into_response()
    }
}

/// The cursor of the next page. [`layers`](crate::http::layers()) adds the rest of the query and
/// makes it a `Link` header.
///
/// Another kind of page than [`Paged`] answers with `(self.next.clone().map(NextPage),
/// View(self))`.
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
        let others = query
            .split('&')
            .filter(|pair| !pair.is_empty() && *pair != "after" && !pair.starts_with("after="));
        let query: String = others.flat_map(|pair| [pair, "&"]).collect();
        HeaderValue::from_str(&format!("<?{query}after={}>; rel=\"next\"", self.0)).ok()
    }
}

#[cfg(test)]
mod tests {
    use axum::http::StatusCode;

    use super::*;

    #[test]
    fn cursor_survives_a_round_trip_and_other_texts_fail() {
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
