//! What moved in the programmes a customer marked, and what he has read of it.

use axum::extract::State;
use chrono::{DateTime, NaiveDate, Utc};
use events::CustomerId;
use serde::Serialize;
use service_kit::auth::Identity;
use service_kit::forms::notifications::{
    NotificationPage, NotificationQuery, ReadNotifications, ReadView, is_first_attempt,
};
use service_kit::http::{Json, Query, View};
use service_kit::{Context, Problem};
use utoipa::ToSchema;
use uuid::Uuid;

use crate::store::notifications::{self as store, Kind, Notification};

/// Something a customer was told.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = InterestNotificationView)]
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

/// What moved in the programmes the caller marked, newest first. Looking at it reads nothing.
#[utoipa::path(
    get, path = "/interests/notifications", tag = "interest", params(NotificationQuery),
    responses((status = 200, body = NotificationPage<NotificationView>, description = "A page of it, and how much is unread")),
)]
pub(crate) async fn notifications(
    State(context): State<Context>,
    who: Identity,
    Query(query): Query<NotificationQuery>,
) -> Result<NotificationPage<NotificationView>, Problem> {
    let is_unread_only = query.is_unread_only();
    let (page, customer) = (query.page()?, CustomerId(who.subject));
    let rows = store::list(context.db.pool(), customer, is_unread_only, page).await?;
    let unread = store::unread(&mut *context.db.pool().acquire().await?, customer).await?;
    let views = rows.into_iter().map(NotificationView::from).collect();
    Ok(NotificationPage::from_rows(
        views,
        page,
        unread,
        |view: &NotificationView| view.id,
    ))
}

/// `ReadNotifications`: a customer has read some of what he was told, or all of it. Once more changes nothing.
#[utoipa::path(
    post, path = "/interests/notifications/read", tag = "interest", request_body = ReadNotifications,
    params(("Idempotency-Key" = Option<String>, Header, description = "Sent again, nothing more is marked")),
    responses((status = 200, body = ReadView, description = "How many were marked, and how many are left")),
    extensions(("x-command" = json!("ReadNotifications")), ("x-events" = json!([]))),
)]
pub(crate) async fn read(
    State(context): State<Context>,
    who: Identity,
    Json {
        body,
        idempotency_key,
    }: Json<ReadNotifications>,
) -> Result<View<ReadView>, Problem> {
    let ids = body.selection()?;
    let customer = CustomerId(who.subject);
    let mut tx = context.db.begin().await?;
    let is_first_attempt = is_first_attempt(&mut tx, who.subject, idempotency_key.as_ref()).await?;
    let read = if is_first_attempt {
        store::read(&mut tx, customer, ids.as_deref()).await?
    } else {
        0
    };
    let unread = store::unread(&mut tx, customer).await?;
    tx.commit().await?;
    Ok(View(ReadView { read, unread }))
}
