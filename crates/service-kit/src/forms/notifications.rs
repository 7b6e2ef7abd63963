//! What every list of notifications has in common: how one asks for it, how one says what was read, and what is answered. What somebody is
//! told, and who may read it, is each service's own.

use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

use crate::Tx;
use crate::http::idempotency::{self, IdempotencyKey};
use crate::http::problem::{Problem, Text};
use crate::http::{Field, Fields, NextPage, Page, PageQuery, Paged, View};

/// How many one call may mark as read by their ids: more than any page shows. `all` is for the rest.
pub const MAX_IDS: usize = 500;

/// `?limit&after&unread` of what somebody was told.
#[derive(Debug, Clone, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct NotificationQuery {
    /// How many at most: 1 to 100, 50 unless given.
    #[param(minimum = 1, maximum = 100, default = 50)]
    pub limit: Option<u32>,
    /// Where the page before this one ended: the `next` of its answer.
    #[param(value_type = Option<String>)]
    pub after: Option<String>,
    /// `true`: only what is unread; otherwise everything.
    pub unread: Option<bool>,
}

impl NotificationQuery {
    /// Whether only what is unread is asked for.
    pub fn is_unread_only(&self) -> bool {
        self.unread == Some(true)
    }

    /// Reads the place.
    ///
    /// # Errors
    /// 422 for a limit out of range or a cursor that no page gave.
    pub fn page(self) -> Result<Page, Problem> {
        PageQuery {
            limit: self.limit,
            after: self.after,
        }
        .page()
    }
}

/// A page of what somebody was told, and how much of all of it he has not read.
#[derive(Debug, Serialize, ToSchema)]
pub struct NotificationPage<T> {
    /// The rows, newest first.
    pub items: Vec<T>,
    /// Pass it as `after` for the next page; absent on the last.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = "0193a5d0-b7a1-7d20-8f11-9c3e5a7b2d04")]
    pub next: Option<String>,
    /// All that is unread, on whichever page.
    #[schema(example = 3, minimum = 0)]
    pub unread: i64,
}

impl<T> NotificationPage<T> {
    /// Cuts the one row too many off, and makes the cursor from the last that is left.
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

/// Which of what he was told the caller has read: exactly one of the two.
#[derive(Debug, Deserialize, ToSchema)]
#[schema(example = json!({ "ids": ["0193a5d0-b7a1-7d20-8f11-9c3e5a7b2d04"] }))]
pub struct ReadNotifications {
    /// These. What is not the caller's, or not there, is passed over.
    #[serde(default)]
    #[schema(value_type = Option<Vec<Uuid>>, max_items = 500)]
    ids: Field<Vec<Uuid>>,
    /// `true`: everything there is.
    #[serde(default)]
    #[schema(value_type = Option<bool>)]
    all: Field<bool>,
}

impl ReadNotifications {
    /// The ids, or nothing for all.
    ///
    /// # Errors
    /// 422 with all that is wrong.
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
                Text::new(
                    ko,
                    format!("Send at most {MAX_IDS} ids; for more of them send all"),
                ),
            );
        }
        if !has_ids && !has_all {
            let message = Text::new(
                "읽은 알림을 고르거나 모두 읽음을 선택해 주세요",
                "Send the ids of what was read, or all: true",
            );
            fields.refuse("/ids", "required", message);
        }
        if has_ids && has_all {
            let message = Text::new(
                "읽은 알림을 고르거나 모두 읽음을 선택하거나, 둘 중 하나만 해 주세요",
                "Send either ids or all, not both",
            );
            fields.refuse("/all", "not-both", message);
        }
        if all == Some(false) {
            let message = Text::new(
                "모두 읽음은 취소할 수 없습니다. 읽은 알림을 골라 주세요",
                "all can only be true; otherwise send ids",
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

/// What came of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[schema(as = NotificationsRead, example = json!({ "read": 2, "unread": 1 }))]
pub struct ReadView {
    /// How many were marked as read now: what was read before is not counted again.
    pub read: u64,
    /// How many are unread still.
    pub unread: i64,
}

/// Whether the caller says this for the first time: where not, nothing is to be marked, for what came since he has not seen.
///
/// # Errors
/// When its twin is in flight, the key stands for another write, or the store fails.
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
    // The key stands for no thing that was made: the reader himself is what it leads to.
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

    /// The ids, or nothing for all; or the wrong fields with their codes.
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
    fn either_some_were_read_or_all() {
        let id = Uuid::from_u128(7);
        assert_eq!(read(&json!({ "ids": [id] })), Ok(Some(vec![id])));
        assert_eq!(read(&json!({ "ids": [] })), Ok(Some(vec![])));
        assert_eq!(read(&json!({ "all": true })), Ok(None));
        assert_eq!(read(&json!({ "ids": null, "all": true })), Ok(None));
    }

    #[test]
    fn whatever_else_is_said_of_what_was_read_is_refused_at_once() {
        let many: Vec<Uuid> = (0..501).map(Uuid::from_u128).collect();
        for (body, wrong) in [
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
            let wrong = wrong
                .into_iter()
                .map(|(pointer, code)| (pointer.to_owned(), code.to_owned()))
                .collect();
            assert_eq!(read(&body), Err(wrong), "{body}");
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
    fn people_are_told_in_a_sentence_what_to_do() {
        let refused = ReadNotifications {
            ids: Field::Missing,
            all: Field::Missing,
        }
        .selection()
        .unwrap_err();
        let document = refused.document(Language::Korean);
        assert_eq!(
            document.errors[0].message,
            "읽은 알림을 고르거나 모두 읽음을 선택해 주세요"
        );
    }

    #[test]
    fn only_true_asks_for_what_is_unread_alone() {
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
    async fn a_page_says_how_much_is_unread_and_where_the_next_begins() {
        let page = Page {
            limit: 2,
            after: None,
        };
        let ids = |count: u128| (1..=count).map(Uuid::from_u128).collect::<Vec<_>>();
        for (rows, next) in [
            (ids(3), Some(Uuid::from_u128(2))),
            (ids(2), None),
            (Vec::new(), None),
        ] {
            let length = rows.len().min(2);
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
            let shown: Value = serde_json::from_slice(&bytes).unwrap();
            assert_eq!(
                (shown["items"].as_array().unwrap().len(), &shown["unread"]),
                (length, &json!(7))
            );
            assert_eq!(shown.get("next"), next.map(|next| json!(next)).as_ref());
        }
    }
}
