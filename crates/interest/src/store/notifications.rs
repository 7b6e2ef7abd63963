//! What customers are told about the programmes they marked, and what they have read of it.

use chrono::{DateTime, NaiveDate, Utc};
use events::{CustomerId, Edition, ProjectId};
use serde::Serialize;
use service_kit::Tx;
use service_kit::http::Page;
use sqlx::PgPool;
use sqlx::postgres::PgConnection;
use utoipa::ToSchema;
use uuid::Uuid;

/// What happened to a programme.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema, sqlx::Type)]
#[serde(rename_all = "snake_case")]
#[schema(as = InterestNotificationKind)]
#[sqlx(type_name = "text", rename_all = "snake_case")]
pub(crate) enum Kind {
    /// There is another edition of it.
    NewEdition,
    /// An edition was started.
    Started,
    /// An edition is described otherwise, or its period moved.
    Edited,
    /// An edition was ended.
    Ended,
    /// An edition's last day is in seven days.
    #[serde(rename = "deadline_d7")]
    #[sqlx(rename = "deadline_d7")]
    DeadlineD7,
    /// An edition's last day is tomorrow.
    #[serde(rename = "deadline_d1")]
    #[sqlx(rename = "deadline_d1")]
    DeadlineD1,
}

/// An event about an edition, as customers are told it.
#[derive(Debug)]
pub(crate) struct News<'a> {
    pub(crate) event_id: Uuid,
    /// When it happened, not when this service heard of it: whoever marked the series later knows it already, and what a customer reads stays
    /// in its order when much of it arrives at once.
    pub(crate) happened_at: DateTime<Utc>,
    pub(crate) kind: Kind,
    pub(crate) project_id: ProjectId,
    pub(crate) edition: &'a Edition,
    /// The fields that changed, in the event's words.
    pub(crate) changed: Vec<String>,
    pub(crate) deadline_moved: bool,
    /// The last day before it moved.
    pub(crate) previous_deadline: Option<NaiveDate>,
}

/// An id of version 7 for each row of a statement: the instant, and the random part of an id of version 4.
const NEW_ID: &str = "(lpad(to_hex($1::bigint), 12, '0') || '7' || substr(replace(gen_random_uuid()::text, '-', ''), 14))::uuid";

/// Tells everybody who had marked the series when it happened, and has not turned it off since. Nobody is told of a new edition that it was
/// himself who marked. The same event again adds nothing.
pub(crate) async fn tell(tx: &mut Tx, news: News<'_>) -> Result<(), sqlx::Error> {
    let sql = format!(
        "insert into notification (id, customer_id, kind, event_id, series_id, project_id, project_name, changed,
                                   deadline, deadline_moved, previous_deadline, created_at)
         select {NEW_ID}, customer_id, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11
         from interest
         where series_id = $4 and interested and merged_into is null and created_at <= $11
           and ($2 <> 'new_edition' or project_id <> $5)
         on conflict (customer_id, event_id) do nothing"
    );
    sqlx::query(sqlx::AssertSqlSafe(sql))
        .bind(news.happened_at.timestamp_millis())
        .bind(news.kind)
        .bind(news.event_id)
        .bind(news.edition.series_id.0)
        .bind(news.project_id.0)
        .bind(&news.edition.name)
        .bind(&news.changed)
        .bind(news.edition.period.ends_on)
        .bind(news.deadline_moved)
        .bind(news.previous_deadline)
        .bind(news.happened_at)
        .execute(&mut **tx)
        .await?;
    Ok(())
}

/// Reminds everybody who is interested of the running editions whose last day is `day`, once for each customer, edition and kind; tells how
/// many it reminded.
pub(crate) async fn remind(tx: &mut Tx, kind: Kind, day: NaiveDate) -> Result<u64, sqlx::Error> {
    let now = tx.now();
    let sql = format!(
        "insert into notification (id, customer_id, kind, series_id, project_id, project_name, deadline, created_at)
         select {NEW_ID}, it.customer_id, $2, edition.series_id, edition.id, edition.name, edition.ends_on, $3
         from known_project edition join interest it on it.series_id = edition.series_id
         where edition.ends_on = $4 and edition.status = 'ongoing' and it.interested and it.merged_into is null
         on conflict (customer_id, project_id, kind) where event_id is null do nothing"
    );
    let reminded = sqlx::query(sqlx::AssertSqlSafe(sql))
        .bind(now.timestamp_millis())
        .bind(kind)
        .bind(now)
        .bind(day)
        .execute(&mut **tx)
        .await?;
    Ok(reminded.rows_affected())
}

/// Something a customer was told.
#[derive(Debug, sqlx::FromRow)]
pub(crate) struct Notification {
    pub(crate) id: Uuid,
    pub(crate) kind: Kind,
    pub(crate) series_id: Uuid,
    pub(crate) project_id: Uuid,
    pub(crate) project_name: String,
    pub(crate) changed: Vec<String>,
    pub(crate) deadline: Option<NaiveDate>,
    pub(crate) deadline_moved: bool,
    pub(crate) previous_deadline: Option<NaiveDate>,
    pub(crate) created_at: DateTime<Utc>,
    pub(crate) read_at: Option<DateTime<Utc>>,
}

/// What a customer was told, newest first; only what is unread, where that is asked for.
pub(crate) async fn list(
    pool: &PgPool,
    customer: CustomerId,
    is_unread_only: bool,
    page: Page,
) -> Result<Vec<Notification>, sqlx::Error> {
    // As a text of its own it goes by the index of what is unread, however much was read.
    let unread = if is_unread_only { "and read_at is null" } else { "" };
    let sql = format!(
        "select id, kind, series_id, project_id, project_name, changed, deadline, deadline_moved, previous_deadline, created_at, read_at
         from notification
         where customer_id = $1 and ($2::uuid is null or id < $2) {unread}
         order by id desc limit $3"
    );
    sqlx::query_as(sqlx::AssertSqlSafe(sql)).bind(customer.0).bind(page.after).bind(page.fetch()).fetch_all(pool).await
}

/// How much a customer has not read yet.
pub(crate) async fn unread(connection: &mut PgConnection, customer: CustomerId) -> Result<i64, sqlx::Error> {
    sqlx::query_scalar("select count(*) from notification where customer_id = $1 and read_at is null")
        .bind(customer.0)
        .fetch_one(connection)
        .await
}

/// Marks these as read, or all of them; tells how many were not before. An id of somebody else's, or of nothing, marks nothing.
pub(crate) async fn read(tx: &mut Tx, customer: CustomerId, ids: Option<&[Uuid]>) -> Result<u64, sqlx::Error> {
    let now = tx.now();
    let read = sqlx::query(
        "update notification set read_at = $3
         where customer_id = $1 and ($2::uuid[] is null or id = any($2)) and read_at is null",
    )
    .bind(customer.0)
    .bind(ids)
    .bind(now)
    .execute(&mut **tx)
    .await?;
    Ok(read.rows_affected())
}
