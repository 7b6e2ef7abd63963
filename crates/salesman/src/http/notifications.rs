//! Notifications of the calling salesman or consultant.

use axum::extract::State;
use service_kit::auth::Identity;
use service_kit::forms::notifications::{
    NotificationPage, NotificationQuery, ReadNotifications, ReadView, is_first_attempt,
};
use service_kit::http::{IdempotencyKey, Json, Query, View};
use service_kit::{Context, Problem};

use crate::store::notifications::{self, NotificationView};

/// The caller's notifications, newest first. Reading the list does not mark them as read.
#[utoipa::path(
    get, path = "/salesmen/me/notifications", tag = "salesman", params(NotificationQuery),
    responses((
        status = 200, body = NotificationPage<NotificationView>,
        description = "One page, and the number of unread notifications",
    )),
)]
pub(super) async fn list(
    State(context): State<Context>,
    caller: Identity,
    Query(query): Query<NotificationQuery>,
) -> Result<NotificationPage<NotificationView>, Problem> {
    let unread_only = query.is_unread_only();
    let page = query.page()?;
    let mut connection = context.db.pool().acquire().await?;
    let views = notifications::list(&mut connection, caller.subject, unread_only, page).await?;
    let unread = notifications::count_unread(&mut connection, caller.subject).await?;
    let id = |view: &NotificationView| view.id;
    Ok(NotificationPage::from_rows(views, page, unread, id))
}

/// `ReadNotifications`: mark some or all of the caller's notifications as read. Repeating it has
/// no further effect.
#[utoipa::path(
    post, path = "/salesmen/me/notifications/read", tag = "salesman",
    request_body = ReadNotifications, params(IdempotencyKey),
    responses((
        status = 200, body = ReadView,
        description = "How many were marked, and how many are still unread",
    )),
    extensions(("x-command" = json!("ReadNotifications")), ("x-events" = json!([]))),
)]
pub(super) async fn read(
    State(context): State<Context>,
    caller: Identity,
    Json {
        body,
        idempotency_key,
    }: Json<ReadNotifications>,
) -> Result<View<ReadView>, Problem> {
    let ids = body.selection()?;
    let reader = caller.subject;
    let mut tx = context.db.begin().await?;
    let read = if is_first_attempt(&mut tx, reader, idempotency_key.as_ref()).await? {
        notifications::mark_read(&mut tx, reader, ids.as_deref()).await?
    } else {
        0
    };
    let unread = notifications::count_unread(&mut tx, reader).await?;
    tx.commit().await?;
    Ok(View(ReadView { read, unread }))
}
