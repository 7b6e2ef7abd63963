//! What salesmen and consultants are told, and how they say that they have read it.

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use service_kit::auth::{Colleagues, Only};
use service_kit::http::{Field, Fields, Json, PageQuery, Paged, Query, View};
use service_kit::problem::Text;
use service_kit::{Context, Problem, idempotency};
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

use crate::notification::{Details, Kind, LinkKind};
use crate::store::notifications::{self, Notification};

/// More than a page of them nobody picks by hand; `all` is for the rest.
const MOST_IDS: usize = 500;

/// Something a salesman or consultant is told, linked to what he can do about it.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(example = json!({
    "id": "0193a5d0-b7a1-7d20-8f11-9c3e5a7b2d04", "kind": "consultation_progressed",
    "link": { "kind": "consultation", "id": "0193a5d0-9f3a-7c11-8d4e-2b7f60c1a902" },
    "details": {
        "projectId": "0193a5d0-1c22-7e5f-b1a0-6f0d3c2b1a90", "projectName": "2026년 스마트상점 보급사업",
        "customerId": "5f0c1b7e-4d01-8b64-9a3f-0193a5d08c5e", "lastFour": "5678", "from": "apply", "to": "approved",
    },
    "createdAt": "2026-11-24T01:00:00Z", "readAt": null,
}))]
pub(crate) struct NotificationView {
    /// Which.
    id: Uuid,
    /// What it is about.
    #[schema(value_type = Kind)]
    kind: String,
    /// Where he can do something about it.
    link: LinkView,
    /// What a page shows of it.
    details: DetailsView,
    /// When he was told.
    created_at: DateTime<Utc>,
    /// When he said that he has read it; null until then.
    read_at: Option<DateTime<Utc>>,
}

/// Where something can be done.
#[derive(Debug, Serialize, ToSchema)]
#[schema(example = json!({ "kind": "consultation", "id": "0193a5d0-9f3a-7c11-8d4e-2b7f60c1a902" }))]
pub(crate) struct LinkView {
    /// What sort of thing it leads to.
    #[schema(value_type = LinkKind)]
    kind: String,
    /// Which.
    id: Uuid,
}

/// What a page shows of a notification; what does not belong to its kind is absent.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(example = json!({
    "projectId": "0193a5d0-1c22-7e5f-b1a0-6f0d3c2b1a90", "projectName": "2026년 스마트상점 보급사업", "previous": "2026-12-11",
    "new": "2026-12-18", "periodText": "2026-11-02 ~ 2026-12-18", "year": 2026, "customers": 3,
}))]
pub(crate) struct DetailsView {
    /// The edition it is about; null in what was told before editions were noted.
    project_id: Option<Uuid>,
    /// Its name; null while the project is not known.
    project_name: Option<String>,
    #[serde(flatten)]
    more: Details,
}

impl From<Notification> for NotificationView {
    fn from(row: Notification) -> Self {
        let Notification { id, kind, link_kind, link_id, project_id, project_name, details, created_at, read_at } = row;
        let details = DetailsView { project_id, project_name, more: details.0 };
        Self { id, kind, link: LinkView { kind: link_kind, id: link_id }, details, created_at, read_at }
    }
}

/// A page of what somebody was told, and how much of all of it he has not read.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct NotificationPage {
    /// The rows.
    items: Vec<NotificationView>,
    /// Pass it as `after` for the next page; absent on the last.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = "0193a5d0-b7a1-7d20-8f11-9c3e5a7b2d04")]
    next: Option<String>,
    /// All that is unread, on whichever page.
    #[schema(example = 3)]
    unread: i64,
}

impl IntoResponse for NotificationPage {
    fn into_response(self) -> Response {
        // The link to the next page is made for pages of the kit: an empty one that ends at the same place has it.
        let linked = Paged::<()> { items: Vec::new(), next: self.next.clone() }.into_response();
        let mut response = View(self).into_response();
        *response.extensions_mut() = linked.into_parts().0.extensions;
        response
    }
}

/// `?limit&after&unread` of what somebody was told.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct NotificationQuery {
    /// How many at most: 1 to 100, 50 unless given.
    #[param(minimum = 1, maximum = 100, default = 50)]
    limit: Option<u32>,
    /// Where the page before this one ended: the `next` of its answer.
    after: Option<String>,
    /// `true`: only what is unread.
    unread: Option<bool>,
}

/// What the caller was told, newest first. Reading the list marks nothing as read.
#[utoipa::path(
    get, path = "/salesmen/me/notifications", tag = "salesman", params(NotificationQuery),
    responses((status = 200, body = NotificationPage, description = "A page of it, and how much is unread")),
    extensions(("x-actors" = json!(["salesman", "consultant"]))),
)]
pub(super) async fn list(
    State(context): State<Context>,
    who: Only<Colleagues>,
    Query(query): Query<NotificationQuery>,
) -> Result<NotificationPage, Problem> {
    let NotificationQuery { limit, after, unread } = query;
    let page = PageQuery { limit, after }.page()?;
    let rows = notifications::list(context.db.pool(), who.0.subject, unread == Some(true), page).await?;
    let mut connection = context.db.pool().acquire().await?;
    let unread = notifications::unread(&mut connection, who.0.subject).await?;
    let cut = Paged::cut(rows.into_iter().map(NotificationView::from).collect(), page, |view: &NotificationView| view.id);
    Ok(NotificationPage { items: cut.items, next: cut.next, unread })
}

/// What the caller has read: these, or all of it.
#[derive(Deserialize, ToSchema)]
#[schema(example = json!({ "ids": ["0193a5d0-b7a1-7d20-8f11-9c3e5a7b2d04"] }))]
pub(crate) struct ReadBody {
    /// These; at most 500. Another person's are left alone.
    #[serde(default)]
    #[schema(value_type = Option<Vec<Uuid>>, max_items = 500)]
    ids: Field<Vec<Uuid>>,
    /// `true`, instead of ids: everything there is.
    #[serde(default)]
    #[schema(value_type = Option<bool>)]
    all: Field<bool>,
}

/// What came of it.
#[derive(Debug, Serialize, ToSchema)]
#[schema(example = json!({ "read": 2, "unread": 1 }))]
pub(crate) struct ReadView {
    /// How many were marked as read now: what was read before is not counted again.
    read: u64,
    /// How many are unread still.
    unread: i64,
}

/// `ReadNotifications`: the caller has read some of what he was told, or all of it. Saying it twice is fine.
#[utoipa::path(
    post, path = "/salesmen/me/notifications/read", tag = "salesman", request_body = ReadBody,
    params(("Idempotency-Key" = Option<String>, Header, description = "Sent again, nothing more is marked")),
    responses((status = 200, body = ReadView, description = "How many were marked, and how many are left")),
    extensions(
        ("x-actors" = json!(["salesman", "consultant"])), ("x-command" = json!("ReadNotifications")), ("x-events" = json!([])),
    ),
)]
pub(super) async fn read(
    State(context): State<Context>,
    who: Only<Colleagues>,
    Json { body, retry }: Json<ReadBody>,
) -> Result<View<ReadView>, Problem> {
    let mut fields = Fields::default();
    let ids = fields.optional("/ids", body.ids);
    let is_all = fields.optional("/all", body.all) == Some(true);
    if ids.as_ref().is_some_and(|ids| ids.len() > MOST_IDS) {
        fields.refuse(
            "/ids",
            "too-many",
            Text::new(format!("{MOST_IDS}개까지입니다"), format!("There are more than {MOST_IDS}")),
        );
    }
    if ids.is_some() && is_all {
        fields.refuse("/all", "exclusive", Text::new("ids와 all 중 하나만 보내 주세요", "Send either ids or all, not both"));
    }
    if ids.is_none() && !is_all {
        fields.refuse("/ids", "required", Text::new("ids나 all: true를 보내 주세요", "Send ids, or all: true"));
    }
    if !fields.all_right() {
        return Err(fields.problem());
    }
    let mut tx = context.db.begin().await?;
    let read = if idempotency::seen(&mut tx, who.0.subject, retry.as_ref()).await?.is_some() {
        0
    } else {
        idempotency::remember(&mut tx, who.0.subject, retry.as_ref(), StatusCode::OK, who.0.subject).await?;
        notifications::read(&mut tx, who.0.subject, ids.as_deref()).await?
    };
    let unread = notifications::unread(&mut tx, who.0.subject).await?;
    tx.commit().await?;
    Ok(View(ReadView { read, unread }))
}
