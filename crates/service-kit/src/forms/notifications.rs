//! Requests and pages of notification lists. The notifications themselves are each service's own.

use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

use crate::Tx;
use crate::http::idempotency::{self, IdempotencyKey};
use crate::http::problem::{Problem, Text};
use crate::http::{Field, Fields, NextPage, Page, PageQuery, Paged, View};

/// Ids per call: more than a page has. Beyond that, there is `all`.
pub const MAX_IDS: usize = 500;

/// Up to this number, unread notifications are counted.
pub const MAX_UNREAD: i64 = 1000;

/// `?limit&after&unread` of a notification list.
#[derive(Debug, Clone, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct NotificationQuery {
    /// Items per page, 50 by default.
    #[param(minimum = 1, maximum = 100, default = 50)]
    pub limit: Option<u32>,
    /// The `next` of the previous page.
    #[param(value_type = Option<String>)]
    pub after: Option<String>,
    /// `true` for unread notifications only.
    pub unread: Option<bool>,
}

impl NotificationQuery {
    /// Whether to list unread notifications only.
    pub fn is_unread_only(&self) -> bool {
        self.unread == Some(true)
    }

    /// Reads limit and cursor.
    ///
    /// # Errors
    /// 422 for a limit out of range or an invalid cursor.
    pub fn page(self) -> Result<Page, Problem> {
        PageQuery {
            limit: self.limit,
            after: self.after,
        }
        .page()
    }
}

/// A page of notifications, with the number of unread ones.
#[derive(Debug, Serialize, ToSchema)]
pub struct NotificationPage<T> {
    /// Newest first.
    pub items: Vec<T>,
    /// The `after` of the next page; absent on the last page.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = "0193a5d0-b7a1-7d20-8f11-9c3e5a7b2d04")]
    pub next: Option<String>,
    /// Unread notifications on all pages, counted up to 1,000.
    #[schema(example = 3, minimum = 0, maximum = 1000)]
    pub unread: i64,
}

impl<T> NotificationPage<T> {
    /// A page of up to [`Page::fetch_limit`] rows.
    pub fn from_rows(items: Vec<T>, page: Page, unread: i64, id: impl Fn(&T) -> Uuid) -> Self {
        let Paged { items, next } = Paged::from_rows(items, page, id);
        Self {
            items,
            next,
            unread,
        }
    }
}

impl<T: Serialize> IntoResponse for NotificationPage<T> {
    fn into_response(self) -> Response {
        (self.next.clone().map(NextPage), View(self)).into_response()
    }
}

/// The notifications to mark as read: either `ids` or `all`.
#[derive(Debug, Deserialize, ToSchema)]
#[schema(example = json!({ "ids": ["0193a5d0-b7a1-7d20-8f11-9c3e5a7b2d04"] }))]
pub struct ReadNotifications {
    /// Ids of other readers' notifications, and unknown ids, are ignored.
    #[serde(default)]
    #[schema(value_type = Option<Vec<Uuid>>, max_items = 500)]
    ids: Field<Vec<Uuid>>,
    /// `true` for all notifications.
    #[serde(default)]
    #[schema(value_type = Option<bool>)]
    all: Field<bool>,
}

impl ReadNotifications {
    /// The ids; `None` for all.
    ///
    /// # Errors
    /// 422 with all invalid fields.
    pub fn selection(self) -> Result<Option<Vec<Uuid>>, Problem> {
        let mut fields = Fields::default();
        let (has_ids, has_all) = (
            !matches!(self.ids, Field::Missing),
            !matches!(self.all, Field::Missing),
        );
        let ids = fields.optional("/ids", self.ids);
        let all = fields.optional("/all", self.all);
        if ids.as_ref().is_some_and(|ids| ids.len() > MAX_IDS) {
            let ko = format!(
                "한 번에 {MAX_IDS}개까지 고를 수 있습니다. 더 많으면 모두 읽음을 선택해 주세요"
            );
            fields.refuse(
                "/ids",
                "too-many",
                Text::new(ko, format!("Send at most {MAX_IDS} ids, or all: true")),
            );
        }
        if !has_ids && !has_all {
            let message = Text::new(
                "읽은 알림을 고르거나 모두 읽음을 선택해 주세요",
                "Send ids, or all: true",
            );
            fields.refuse("/ids", "required", message);
        }
        if has_ids && has_all {
            let message = Text::new(
                "읽은 알림과 모두 읽음 중 하나만 선택해 주세요",
                "Send either ids or all, not both",
            );
            fields.refuse("/all", "not-both", message);
        }
        if all == Some(false) {
            let message = Text::new(
                "모두 읽음은 취소할 수 없습니다. 읽은 알림을 골라 주세요",
                "all must be true; otherwise send ids",
            );
            fields.refuse("/all", "must-be-true", message);
        }
        if fields.is_valid() {
            Ok(ids)
        } else {
            Err(fields.problem())
        }
    }
}

/// The result of marking notifications as read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[schema(as = NotificationsRead, example = json!({ "read": 2, "unread": 1 }))]
pub struct ReadView {
    /// Newly read, without those that were read before.
    pub read: u64,
    /// Still unread, counted up to 1,000.
    pub unread: i64,
}

/// Whether this is the first request with this key. A repeated request must mark nothing: the
/// reader has not seen later notifications.
///
/// # Errors
/// As [`idempotency::find`].
pub async fn is_first_attempt(
    tx: &mut Tx,
    reader: Uuid,
    idempotency_key: Option<&IdempotencyKey>,
) -> Result<bool, Problem> {
    if idempotency::find(tx, reader, idempotency_key)
        .await?
        .is_some()
    {
        return Ok(false);
    }
    // There is no new resource: the reader takes its place.
    idempotency::store(tx, reader, idempotency_key, StatusCode::OK, reader).await?;
    Ok(true)
}

#[cfg(test)]
mod tests {
    use axum::body::Body;
    use axum::http::{Request, header};
    use serde_json::{Value, json};
    use tower::ServiceExt as _;

    use super::*;
    use crate::http::problem::Language;

    /// The ids, `None` for all, or the invalid fields with their codes.
    fn read(body: &Value) -> Result<Option<Vec<Uuid>>, Vec<(String, String)>> {
        let body: ReadNotifications = serde_json::from_value(body.clone()).unwrap();
        body.selection().map_err(|problem| {
            let errors = problem.document(Language::Korean).errors;
            errors
                .into_iter()
                .map(|error| (error.pointer, error.code))
                .collect()
        })
    }

    #[test]
    fn selection_is_either_ids_or_all() {
        let id = Uuid::from_u128(7);
        assert_eq!(read(&json!({ "ids": [id] })), Ok(Some(vec![id])));
        assert_eq!(read(&json!({ "ids": [] })), Ok(Some(vec![])));
        assert_eq!(read(&json!({ "all": true })), Ok(None));
        assert_eq!(read(&json!({ "ids": null, "all": true })), Ok(None));
    }

    #[test]
    fn invalid_selections_report_all_fields() {
        let many: Vec<Uuid> = (0..501).map(Uuid::from_u128).collect();
        for (body, expected) in [
            (json!({}), vec![("/ids", "required")]),
            (
                json!({ "ids": null, "all": null }),
                vec![("/ids", "required")],
            ),
            (
                json!({ "ids": [], "all": true }),
                vec![("/all", "not-both")],
            ),
            (
                json!({ "ids": [], "all": false }),
                vec![("/all", "not-both")],
            ),
            (json!({ "all": false }), vec![("/all", "must-be-true")]),
            (json!({ "ids": ["x"] }), vec![("/ids", "wrong-type")]),
            (
                json!({ "ids": "x", "all": 7 }),
                vec![("/ids", "wrong-type"), ("/all", "wrong-type")],
            ),
            (json!({ "ids": many }), vec![("/ids", "too-many")]),
            (
                json!({ "ids": many, "all": true }),
                vec![("/ids", "too-many"), ("/all", "not-both")],
            ),
        ] {
            let expected = expected
                .into_iter()
                .map(|(pointer, code)| (pointer.to_owned(), code.to_owned()))
                .collect();
            assert_eq!(read(&body), Err(expected), "{body}");
        }
        assert_eq!(
            read(&json!({ "ids": many[..MAX_IDS] }))
                .unwrap()
                .unwrap()
                .len(),
            MAX_IDS
        );
    }

    #[test]
    fn empty_selection_says_what_to_do() {
        let problem = ReadNotifications {
            ids: Field::Missing,
            all: Field::Missing,
        }
        .selection()
        .unwrap_err();
        let document = problem.document(Language::Korean);
        assert_eq!(
            document.errors[0].message,
            "읽은 알림을 고르거나 모두 읽음을 선택해 주세요"
        );
    }

    #[test]
    fn only_unread_true_filters_the_list() {
        for (unread, expected) in [(None, false), (Some(false), false), (Some(true), true)] {
            let query = NotificationQuery {
                limit: None,
                after: None,
                unread,
            };
            assert_eq!(query.is_unread_only(), expected);
            assert_eq!(query.page().unwrap().limit, 50);
        }
        assert!(
            NotificationQuery {
                limit: Some(0),
                after: None,
                unread: None
            }
            .page()
            .is_err()
        );
        assert!(
            NotificationQuery {
                limit: None,
                after: Some("x".to_owned()),
                unread: None
            }
            .page()
            .is_err()
        );
    }

    #[tokio::test]
    async fn page_has_unread_count_and_link() {
        let page = Page {
            limit: 2,
            after: None,
        };
        let ids = |last: u128| (1..=last).map(Uuid::from_u128).collect::<Vec<_>>();
        for (rows, next) in [
            (ids(3), Some(Uuid::from_u128(2))),
            (ids(2), None),
            (Vec::new(), None),
        ] {
            let count = rows.len().min(2);
            let router = axum::Router::new().route(
                "/",
                axum::routing::get(async move || {
                    NotificationPage::from_rows(rows, page, 7, |id| *id)
                }),
            );
            let request = Request::get("/?unread=true").body(Body::empty()).unwrap();
            let response = crate::http::layers(router).oneshot(request).await.unwrap();
            let link = next.map(|next| format!("<?unread=true&after={next}>; rel=\"next\""));
            assert_eq!(
                response
                    .headers()
                    .get(header::LINK)
                    .map(|link| link.to_str().unwrap().to_owned()),
                link
            );
            let bytes = axum::body::to_bytes(response.into_body(), usize::MAX)
                .await
                .unwrap();
            let page: Value = serde_json::from_slice(&bytes).unwrap();
            assert_eq!(
                (page["items"].as_array().unwrap().len(), &page["unread"]),
                (count, &json!(7))
            );
            assert_eq!(page.get("next"), next.map(|next| json!(next)).as_ref());
        }
    }
}
