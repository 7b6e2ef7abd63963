//! What people were told, and whether they have read it.

use chrono::{DateTime, Utc};
use events::Envelope;
use service_kit::Tx;
use service_kit::http::Page;
use sqlx::types::Json;
use sqlx::{AssertSqlSafe, PgConnection, PgPool};
use uuid::Uuid;

use crate::notification::{Details, Told};

/// An id of version 7 for each row of a statement: the instant, and the random part of an id of version 4.
const NEW_ID: &str = "(lpad(to_hex($1::bigint), 12, '0') || '7' || substr(replace(gen_random_uuid()::text, '-', ''), 14))::uuid";

/// Tells people about an event: each of them once, however often the event comes.
///
/// It is as old as the event, not as the moment in which this service heard of it: what somebody reads stays in its order when much of it
/// arrives at once.
pub(crate) async fn tell(tx: &mut Tx, event: &Envelope, told: &[Told]) -> Result<(), sqlx::Error> {
    if told.is_empty() {
        return Ok(());
    }
    let sql = format!(
        "insert into notification (id, salesman_id, kind, origin_kind, origin_id, project_id, project_name, details, event_id, created_at)
         select {NEW_ID}, told.*, $9, $10
         from unnest($2::uuid[], $3::text[], $4::text[], $5::uuid[], $6::uuid[], $7::text[], $8::jsonb[]) told
         on conflict (salesman_id, event_id, kind) do nothing"
    );
    sqlx::query(AssertSqlSafe(sql))
        .bind(event.recorded_at.timestamp_millis())
        .bind(told.iter().map(|told| told.person.0).collect::<Vec<_>>())
        .bind(
            told.iter()
                .map(|told| told.news.kind.as_str())
                .collect::<Vec<_>>(),
        )
        .bind(
            told.iter()
                .map(|told| told.news.link.kind.as_str())
                .collect::<Vec<_>>(),
        )
        .bind(
            told.iter()
                .map(|told| told.news.link.id)
                .collect::<Vec<_>>(),
        )
        .bind(
            told.iter()
                .map(|told| told.news.project_id.0)
                .collect::<Vec<_>>(),
        )
        .bind(
            told.iter()
                .map(|told| told.news.project_name.as_deref())
                .collect::<Vec<_>>(),
        )
        .bind(
            told.iter()
                .map(|told| Json(&told.news.details))
                .collect::<Vec<_>>(),
        )
        .bind(event.id)
        .bind(event.recorded_at)
        .execute(&mut **tx)
        .await?;
    Ok(())
}

/// What somebody was told.
#[derive(Debug, sqlx::FromRow)]
pub(crate) struct Notification {
    pub(crate) id: Uuid,
    pub(crate) kind: String,
    /// Nothing where he lost what it leads to, and no programme is known of it; the same holds for its id.
    pub(crate) link_kind: Option<String>,
    pub(crate) link_id: Option<Uuid>,
    pub(crate) project_id: Option<Uuid>,
    pub(crate) project_name: Option<String>,
    pub(crate) details: Json<Details>,
    pub(crate) created_at: DateTime<Utc>,
    pub(crate) read_at: Option<DateTime<Utc>>,
}

/// What somebody was told, newest first. A project whose name the event did not tell is named by what is known of it now. Whoever is on
/// something no longer is led to its programme, if to anything, and of what he was told nothing is left but that it was, and when.
pub(crate) async fn list(
    pool: &PgPool,
    salesman: Uuid,
    unread_only: bool,
    page: Page,
) -> Result<Vec<Notification>, sqlx::Error> {
    // As a text of its own it goes by the index of what is unread, however much was read.
    let unread = if unread_only {
        "and read_at is null"
    } else {
        ""
    };
    let sql = format!(
        "select told.id, kind, coalesce(project_name, known_project.name) as project_name, case when lost then '{{}}' else details end as details,
                created_at, read_at, case when not lost then origin_kind when programme is not null then 'project' end as link_kind,
                case when lost then programme else origin_id end as link_id, programme as project_id
         from (
             select notification.*, coalesce(notification.project_id, it.project_id) as programme,
                    (kind = 'taken_away' or coalesce(it.match_version > 0, false))
                    and not coalesce($1 in (it.salesman_id, it.consultant_id), false) as lost
             from notification
             left join assignment it on it.origin_kind = coalesce(details #>> '{{origin,kind}}', notification.origin_kind)
                  and it.origin_id = coalesce((details #>> '{{origin,id}}')::uuid, notification.origin_id)
             where notification.salesman_id = $1 and ($2::uuid is null or notification.id < $2) {unread}
             order by notification.id desc limit $3
         ) told
         left join known_project on known_project.id = programme
         order by told.id desc"
    );
    sqlx::query_as(AssertSqlSafe(sql))
        .bind(salesman)
        .bind(page.after)
        .bind(page.fetch_limit())
        .fetch_all(pool)
        .await
}

/// How much of it somebody has not read.
pub(crate) async fn unread(
    connection: &mut PgConnection,
    salesman: Uuid,
) -> Result<i64, sqlx::Error> {
    sqlx::query_scalar(
        "select count(*) from notification where salesman_id = $1 and read_at is null",
    )
    .bind(salesman)
    .fetch_one(connection)
    .await
}

/// Marks as read what somebody says that he has read, all of it unless ids are given; tells how much that was. Another person's are left alone.
pub(crate) async fn read(
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
