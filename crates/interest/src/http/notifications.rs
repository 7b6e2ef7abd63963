//! A customer's notifications about the programmes they marked.

use axum::extract::State;
use events::CustomerId;
use service_kit::auth::Identity;
use service_kit::forms::notifications::{
    NotificationPage, NotificationQuery, ReadNotifications, ReadView, is_first_attempt,
};
use service_kit::http::{IdempotencyKey, Json, Query, View};
use service_kit::{Context, Problem};

use crate::store::notifications::{self as store, Notification};

/// What happened to the programmes that the caller marked, newest first. Reading the list marks
/// nothing as read.
#[utoipa::path(
    get, path = "/interests/notifications", tag = "interest", params(NotificationQuery),
    responses((
        status = 200, body = NotificationPage<Notification>,
        description = "A page, and the number of all unread notifications",
    )),
)]
pub(crate) async fn notifications(
    State(context): State<Context>,
    caller: Identity,
    Query(query): Query<NotificationQuery>,
) -> Result<NotificationPage<Notification>, Problem> {
    let is_unread_only = query.is_unread_only();
    let (page, customer) = (query.page()?, CustomerId(caller.subject));
    let pool = context.db.pool();
    let rows = store::list(pool, customer, is_unread_only, page).await?;
    let unread = store::count_unread(&mut *pool.acquire().await?, customer).await?;
    Ok(NotificationPage::from_rows(
        rows,
        page,
        unread,
        |row: &Notification| row.id,
    ))
}

/// `ReadNotifications`: mark some or all of the caller's notifications as read. Repeating it
/// changes nothing.
#[utoipa::path(
    post, path = "/interests/notifications/read", tag = "interest",
    request_body = ReadNotifications,
    params(IdempotencyKey),
    responses((
        status = 200, body = ReadView, description = "How many were marked, and how many are left",
    )),
    extensions(("x-command" = json!("ReadNotifications")), ("x-events" = json!([]))),
)]
pub(crate) async fn read(
    State(context): State<Context>,
    caller: Identity,
    Json {
        body,
        idempotency_key,
    }: Json<ReadNotifications>,
) -> Result<View<ReadView>, Problem> {
    let ids = body.selection()?;
    let customer = CustomerId(caller.subject);
    let mut tx = context.db.begin().await?;
    let read = if is_first_attempt(&mut tx, caller.subject, idempotency_key.as_ref()).await? {
        store::mark_read(&mut tx, customer, ids.as_deref()).await?
    } else {
        0
    };
    let unread = store::count_unread(&mut tx, customer).await?;
    tx.commit().await?;
    Ok(View(ReadView { read, unread }))
}
