//! What salesmen and consultants are told, and how they say that they have read it.

use axum::extract::State;
use chrono::{DateTime, Utc};
use serde::Serialize;
use service_kit::auth::Identity;
use service_kit::forms::notifications::{
    NotificationPage, NotificationQuery, ReadNotifications, ReadView, is_first_attempt,
};
use service_kit::http::{Json, Query, View};
use service_kit::{Context, Problem};
use utoipa::ToSchema;
use uuid::Uuid;

use crate::notification::{Details, Kind, LinkKind};
use crate::store::notifications::{self, Notification};

/// Something a salesman or consultant is told, linked to what he can do about it.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct NotificationView {
    /// Which.
    id: Uuid,
    /// What it is about.
    #[schema(value_type = Kind)]
    kind: String,
    /// Where he can do something about it: the programme of what he is on no longer. Null where no programme is known of that.
    link: Option<LinkView>,
    /// What a page shows of it.
    details: DetailsView,
    /// When it happened.
    created_at: DateTime<Utc>,
    /// When he said that he has read it; null until then.
    read_at: Option<DateTime<Utc>>,
}

/// Where something can be done.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct LinkView {
    /// What sort of thing it leads to.
    #[schema(value_type = LinkKind)]
    kind: String,
    /// Which.
    id: Uuid,
}

impl LinkView {
    pub(super) fn new(kind: String, id: Uuid) -> Self {
        Self { kind, id }
    }
}

/// What a page shows of a notification; what does not belong to its kind is absent, and so is whatever is told of what he is on no longer.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
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
        let Notification {
            id,
            kind,
            link_kind,
            link_id,
            project_id,
            project_name,
            details,
            created_at,
            read_at,
        } = row;
        let details = DetailsView {
            project_id,
            project_name,
            more: details.0,
        };
        let link = link_kind
            .zip(link_id)
            .map(|(kind, id)| LinkView::new(kind, id));
        Self {
            id,
            kind,
            link,
            details,
            created_at,
            read_at,
        }
    }
}

/// What the caller was told, newest first. Reading the list marks nothing as read.
#[utoipa::path(
    get, path = "/salesmen/me/notifications", tag = "salesman", params(NotificationQuery),
    responses((status = 200, body = NotificationPage<NotificationView>, description = "A page of it, and how much is unread")),
)]
pub(super) async fn list(
    State(context): State<Context>,
    who: Identity,
    Query(query): Query<NotificationQuery>,
) -> Result<NotificationPage<NotificationView>, Problem> {
    let is_unread_only = query.is_unread_only();
    let page = query.page()?;
    let rows = notifications::list(context.db.pool(), who.subject, is_unread_only, page).await?;
    let unread =
        notifications::unread(&mut *context.db.pool().acquire().await?, who.subject).await?;
    let views = rows.into_iter().map(NotificationView::from).collect();
    Ok(NotificationPage::from_rows(
        views,
        page,
        unread,
        |view: &NotificationView| view.id,
    ))
}

/// `ReadNotifications`: the caller has read some of what he was told, or all of it. Saying it twice is fine.
#[utoipa::path(
    post, path = "/salesmen/me/notifications/read", tag = "salesman", request_body = ReadNotifications,
    params(("Idempotency-Key" = Option<String>, Header, description = "Sent again, nothing more is marked")),
    responses((status = 200, body = ReadView, description = "How many were marked, and how many are left")),
    extensions(("x-command" = json!("ReadNotifications")), ("x-events" = json!([]))),
)]
pub(super) async fn read(
    State(context): State<Context>,
    who: Identity,
    Json {
        body,
        idempotency_key,
    }: Json<ReadNotifications>,
) -> Result<View<ReadView>, Problem> {
    let ids = body.selection()?;
    let mut tx = context.db.begin().await?;
    let is_first_attempt = is_first_attempt(&mut tx, who.subject, idempotency_key.as_ref()).await?;
    let read = if is_first_attempt {
        notifications::read(&mut tx, who.subject, ids.as_deref()).await?
    } else {
        0
    };
    let unread = notifications::unread(&mut tx, who.subject).await?;
    tx.commit().await?;
    Ok(View(ReadView { read, unread }))
}
