//! What moved in the programmes a customer marked, and what he has read of it.

use axum::extract::State;
use axum::response::{IntoResponse, Response};
use chrono::{DateTime, NaiveDate, Utc};
use events::CustomerId;
use serde::{Deserialize, Serialize};
use service_kit::auth::{Customers, Only};
use service_kit::http::{Field, Fields, Json, PageQuery, Paged, Query, View};
use service_kit::problem::Text;
use service_kit::{Context, Problem};
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

use crate::store::notifications::{self as store, Kind, Notification};

/// How many notifications one call may mark as read by their ids: more than any page shows.
const MOST_IDS: usize = 500;

/// Something a customer was told.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = InterestNotificationView, example = json!({
    "id": "0193a5d0-8c5e-7b64-9a3f-5f2c1b7e4d40",
    "kind": "edited",
    "projectId": "0193a5d0-8c5e-7b64-9a3f-5f2c1b7e4d30",
    "projectName": "2026년 소상공인 스마트상점 기술보급사업",
    "seriesId": "0193a5d0-8c5e-7b64-9a3f-5f2c1b7e4d20",
    "changed": ["period"],
    "deadline": "2026-12-18",
    "deadlineMoved": true,
    "previousDeadline": "2026-12-11",
    "createdAt": "2026-11-24T01:00:00Z",
    "readAt": null
}))]
pub(crate) struct NotificationView {
    id: Uuid,
    kind: Kind,
    /// The edition it is about.
    project_id: Uuid,
    /// Its name at that moment.
    project_name: String,
    series_id: Uuid,
    /// Which fields changed, in the words of the event; empty unless it was edited.
    changed: Vec<String>,
    /// The edition's last day at that moment, where it has one.
    deadline: Option<NaiveDate>,
    /// Whether that is another one than before.
    deadline_moved: bool,
    /// The last day before it moved, where there was one.
    previous_deadline: Option<NaiveDate>,
    /// When it happened.
    created_at: DateTime<Utc>,
    /// Null while unread. Nothing is ever read by itself.
    read_at: Option<DateTime<Utc>>,
}

impl From<Notification> for NotificationView {
    fn from(it: Notification) -> Self {
        Self {
            id: it.id,
            kind: it.kind,
            project_id: it.project_id,
            project_name: it.project_name,
            series_id: it.series_id,
            changed: it.changed,
            deadline: it.deadline,
            deadline_moved: it.deadline_moved,
            previous_deadline: it.previous_deadline,
            created_at: it.created_at,
            read_at: it.read_at,
        }
    }
}

/// One page of what a customer was told, and how much he has not read.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = InterestNotifications)]
pub(crate) struct NotificationsView {
    /// The rows, newest first.
    items: Vec<NotificationView>,
    /// Pass it as `after` for the next page; absent on the last.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = "0193a5d0-8c5e-7b64-9a3f-5f2c1b7e4d40")]
    next: Option<String>,
    /// How many are unread altogether.
    #[schema(example = 3, minimum = 0)]
    unread: i64,
}

impl IntoResponse for NotificationsView {
    fn into_response(self) -> Response {
        // A page alone knows how to make the `Link` to the next.
        let page = Paged::<()> { items: Vec::new(), next: self.next.clone() }.into_response();
        let mut response = View(self).into_response();
        response.extensions_mut().extend(page.extensions().clone());
        response
    }
}

/// Which notifications, and which page of them.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct NotificationsQuery {
    /// How many at most: 1 to 100, 50 unless given.
    #[param(minimum = 1, maximum = 100, default = 50)]
    limit: Option<u32>,
    /// Where the page before this one ended: the `next` of its answer.
    after: Option<String>,
    /// Only what is unread, or only what is read.
    unread: Option<bool>,
}

/// What moved in the programmes the caller marked, newest first. Looking at it reads nothing.
#[utoipa::path(
    get, path = "/interests/notifications", tag = "interest", params(NotificationsQuery),
    responses((status = 200, body = NotificationsView)),
    extensions(("x-actors" = json!(["customer"]))),
)]
pub(crate) async fn notifications(
    State(context): State<Context>,
    Only { 0: who, .. }: Only<Customers>,
    Query(query): Query<NotificationsQuery>,
) -> Result<NotificationsView, Problem> {
    let NotificationsQuery { limit, after, unread } = query;
    let page = PageQuery { limit, after }.page()?;
    let customer = CustomerId(who.subject);
    let rows = store::list(context.db.pool(), customer, unread, page).await?;
    let unread = store::unread(&mut *context.db.pool().acquire().await?, customer).await?;
    let views = rows.into_iter().map(NotificationView::from).collect();
    let Paged { items, next } = Paged::cut(views, page, |view: &NotificationView| view.id);
    Ok(NotificationsView { items, next, unread })
}

/// Which to mark as read: exactly one of the two.
#[derive(Deserialize, ToSchema)]
#[schema(as = ReadInterestNotifications, example = json!({ "ids": ["0193a5d0-8c5e-7b64-9a3f-5f2c1b7e4d40"] }))]
pub(crate) struct ReadNotifications {
    /// These. What is not the caller's, or not there, is passed over.
    #[serde(default)]
    #[schema(value_type = Option<Vec<Uuid>>, max_items = 500)]
    ids: Field<Vec<Uuid>>,
    /// `true`: all there are.
    #[serde(default)]
    #[schema(value_type = Option<bool>)]
    all: Field<bool>,
}

impl ReadNotifications {
    /// The ids, or nothing for all.
    fn which(self) -> Result<Option<Vec<Uuid>>, Problem> {
        let mut fields = Fields::default();
        let (has_ids, has_all) = (!matches!(self.ids, Field::Missing), !matches!(self.all, Field::Missing));
        let ids = fields.optional("/ids", self.ids);
        let all = fields.optional("/all", self.all);
        if ids.as_ref().is_some_and(|ids| ids.len() > MOST_IDS) {
            let message = Text::new(format!("{MOST_IDS}개까지 보낼 수 있습니다"), format!("Send at most {MOST_IDS}"));
            fields.refuse("/ids", "too-many", message);
        }
        if !has_ids && !has_all {
            fields.refuse("/ids", "required", Text::new("ids나 all이 필요합니다", "Send ids, or all"));
        }
        if has_ids && has_all {
            fields.refuse("/all", "not-both", Text::new("ids와 all 중 하나만 보내 주세요", "Send either ids or all"));
        }
        if all == Some(false) {
            fields.refuse("/all", "must-be-true", Text::new("true만 보낼 수 있습니다", "It can only be true"));
        }
        if fields.all_right() { Ok(ids) } else { Err(fields.problem()) }
    }
}

/// What was read.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = InterestNotificationsRead, example = json!({ "read": 2, "unread": 1 }))]
pub(crate) struct ReadView {
    /// How many became read by this call.
    read: u64,
    /// How many are unread still.
    unread: i64,
}

/// `ReadNotifications`: a customer has read some of what he was told, or all of it. Once more changes nothing.
#[utoipa::path(
    post, path = "/interests/notifications/read", tag = "interest", request_body = ReadNotifications,
    responses((status = 200, body = ReadView)),
    extensions(("x-actors" = json!(["customer"])), ("x-command" = json!("ReadNotifications")), ("x-events" = json!([]))),
)]
pub(crate) async fn read(
    State(context): State<Context>,
    Only { 0: who, .. }: Only<Customers>,
    Json { body, .. }: Json<ReadNotifications>,
) -> Result<View<ReadView>, Problem> {
    let ids = body.which()?;
    let customer = CustomerId(who.subject);
    let mut tx = context.db.begin().await?;
    let read = store::read(&mut tx, customer, ids.as_deref()).await?;
    let unread = store::unread(&mut tx, customer).await?;
    tx.commit().await?;
    Ok(View(ReadView { read, unread }))
}
