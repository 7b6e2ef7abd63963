//! Notifications of salesmen and consultants.

use chrono::{DateTime, Utc};
use events::Envelope;
use serde::{Deserialize, Serialize};
use service_kit::Tx;
use service_kit::forms::notifications::MAX_UNREAD;
use service_kit::http::Page;
use sqlx::types::Json;
use sqlx::{AssertSqlSafe, FromRow, PgConnection};
use utoipa::ToSchema;
use uuid::Uuid;

use crate::notification::{Details, Kind, LinkKind, Notification};

/// SQL for a version 7 UUID of each row: the instant `$1` in milliseconds, then random digits.
const NEW_ID: &str = "(lpad(to_hex($1::bigint), 12, '0') || '7'
    || substr(replace(gen_random_uuid()::text, '-', ''), 14))::uuid";

/// Stores the notifications that an event causes. A redelivered event adds none.
///
/// They have the time of the event, not of its arrival, so that the order of a list follows the
/// events even when many arrive at the same time.
pub(crate) async fn insert(
    tx: &mut Tx,
    event: &Envelope,
    notifications: &[Notification],
) -> Result<(), sqlx::Error> {
    if notifications.is_empty() {
        return Ok(());
    }
    let sql = format!(
        "insert into notification (id, salesman_id, kind, origin_kind, origin_id, project_id,
                                   project_name, details, event_id, created_at)
         select {NEW_ID}, new.*, $9, $10
         from unnest($2::uuid[], $3::text[], $4::text[], $5::uuid[], $6::uuid[], $7::text[],
                     $8::jsonb[]) new
         on conflict (salesman_id, event_id, kind) do nothing"
    );
    let all = notifications;
    sqlx::query(AssertSqlSafe(sql))
        .bind(event.recorded_at.timestamp_millis())
        .bind(column(all, |row| row.recipient.0))
        .bind(column(all, |row| row.content.kind.as_str()))
        .bind(column(all, |row| row.content.link.kind.as_str()))
        .bind(column(all, |row| row.content.link.id))
        .bind(column(all, |row| row.content.project_id.0))
        .bind(column(all, |row| row.content.project_name.as_deref()))
        .bind(column(all, |row| Json(&row.content.details)))
        .bind(event.id)
        .bind(event.recorded_at)
        .execute(&mut **tx)
        .await?;
    Ok(())
}

fn column<'a, T>(
    notifications: &'a [Notification],
    value: impl Fn(&'a Notification) -> T,
) -> Vec<T> {
    notifications.iter().map(value).collect()
}

/// A notification of a salesman or consultant, with a link to where they can react.
#[derive(Debug, Serialize, ToSchema, FromRow)]
#[serde(rename_all = "camelCase")]
pub(crate) struct NotificationView {
    pub(crate) id: Uuid,
    /// The reason.
    #[schema(value_type = Kind)]
    kind: String,
    /// Where the recipient can react; the project once the recipient is not assigned any more, null
    /// if that is unknown.
    #[sqlx(json(nullable))]
    link: Option<LinkView>,
    #[sqlx(flatten)]
    details: DetailsView,
    /// When the event happened.
    created_at: DateTime<Utc>,
    /// When the recipient marked it as read; null while it is unread.
    read_at: Option<DateTime<Utc>>,
}

/// The target of a notification.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub(crate) struct LinkView {
    #[schema(value_type = LinkKind)]
    kind: String,
    id: Uuid,
}

/// The details of a notification. Fields that do not belong to its kind are absent; so are all
/// fields but the project once the recipient is not assigned any more.
#[derive(Debug, Serialize, ToSchema, FromRow)]
#[serde(rename_all = "camelCase")]
pub(crate) struct DetailsView {
    /// The edition; null in notifications from before editions were stored with them.
    project_id: Option<Uuid>,
    /// The name of the edition; null while the project is unknown here.
    project_name: Option<String>,
    #[serde(flatten)]
    #[sqlx(json, rename = "details")]
    by_kind: Details,
}

/// One page of the notifications of a person, newest first.
///
/// A project without a name in its event gets the name from the projection. Once a person is not
/// assigned any more, the link leads to the project, if any, and the details are empty.
pub(crate) async fn list(
    connection: &mut PgConnection,
    salesman: Uuid,
    unread_only: bool,
    page: Page,
) -> Result<Vec<NotificationView>, sqlx::Error> {
    // Part of the text, so that the planner can use the partial index.
    let unread = if unread_only {
        "and read_at is null"
    } else {
        ""
    };
    let sql = format!(
        "select stored.id, kind, coalesce(project_name, known_project.name) as project_name,
                case when has_lost_access then '{{}}' else details end as details,
                created_at, read_at, current_project as project_id,
                case when not has_lost_access
                     then jsonb_build_object('kind', origin_kind, 'id', origin_id)
                     when current_project is not null
                     then jsonb_build_object('kind', 'project', 'id', current_project)
                end as link
         from (
             select notification.*,
                    coalesce(notification.project_id, assignment.project_id) as current_project,
                    (kind = 'taken_away' or coalesce(assignment.match_version > 0, false))
                    and not coalesce(
                        $1 in (assignment.salesman_id, assignment.consultant_id), false
                    ) as has_lost_access
             from notification
             left join assignment
                 on assignment.origin_kind
                    = coalesce(details #>> '{{origin,kind}}', notification.origin_kind)
                and assignment.origin_id
                    = coalesce((details #>> '{{origin,id}}')::uuid, notification.origin_id)
             where notification.salesman_id = $1
               and notification.id < $2 {unread}
             order by notification.id desc limit $3
         ) stored
         left join known_project on known_project.id = current_project
         order by stored.id desc"
    );
    sqlx::query_as(AssertSqlSafe(sql))
        .bind(salesman)
        .bind(page.before())
        .bind(page.fetch_limit())
        .fetch_all(connection)
        .await
}

pub(crate) async fn count_unread(
    connection: &mut PgConnection,
    salesman: Uuid,
) -> Result<i64, sqlx::Error> {
    let sql = "select count(*) from (
                   select from notification where salesman_id = $1 and read_at is null limit $2
               ) unread";
    sqlx::query_scalar(sql)
        .bind(salesman)
        .bind(MAX_UNREAD)
        .fetch_one(connection)
        .await
}

/// Marks the recipient's unread notifications as read, all of them or those with these ids.
/// Returns how many that were.
pub(crate) async fn mark_read(
    tx: &mut Tx,
    salesman: Uuid,
    ids: Option<&[Uuid]>,
) -> Result<u64, sqlx::Error> {
    let now = tx.now();
    let marked = sqlx::query(
        "update notification set read_at = $2
         where salesman_id = $1 and read_at is null and ($3::uuid[] is null or id = any($3))",
    )
    .bind(salesman)
    .bind(now)
    .bind(ids)
    .execute(&mut **tx)
    .await?;
    Ok(marked.rows_affected())
}
