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

/// An id of version 7 for each row of a statement: the instant that is spliced in, and the random part of an id of version 4.
fn new_id(instant: &str) -> String {
    format!(
        "(lpad(to_hex((extract(epoch from {instant}) * 1000)::bigint), 12, '0') || '7'
          || substr(replace(gen_random_uuid()::text, '-', ''), 14))::uuid"
    )
}

/// How many interests one statement goes through: however many there are, none comes near the time that a statement may take.
const BATCH: i64 = 1000;

/// The news that concern interests `it`: they were on when it happened, and are. Nobody is told of a new edition that it was himself who marked.
const CONCERNS: &str = "news.series_id = it.series_id and it.interested and it.merged_into is null and it.on_since <= news.at
    and (news.kind <> 'new_edition' or not exists (
        select 1 from interest own
        where own.customer_id = it.customer_id and own.project_id = news.project_id and own.erased_at is null))";

/// `insert into notification` of the news for the interests `it` of `from`.
fn insert(from: &str) -> String {
    format!(
        "insert into notification (id, customer_id, kind, event_id, series_id, project_id, project_name, changed, deadline,
                                   deadline_moved, previous_deadline, created_at)
         select {id}, it.customer_id, news.kind, news.event_id, news.series_id, news.project_id, news.project_name, news.changed,
                news.deadline, news.deadline_moved, news.previous_deadline, news.at
         from {from}
         on conflict (customer_id, event_id) do nothing",
        id = new_id("news.at"),
    )
}

/// Tells everybody who had marked the series when it happened, and has not turned it off since; and keeps it for whoever turns out to have
/// ([`tell_moved`]). The same event again adds nothing.
pub(crate) async fn tell(tx: &mut Tx, news: News<'_>) -> Result<(), sqlx::Error> {
    sqlx::query(
        "insert into news (event_id, kind, series_id, project_id, project_name, changed, deadline, deadline_moved, previous_deadline, at)
         values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)
         on conflict (event_id) do nothing",
    )
    .bind(news.event_id)
    .bind(news.kind)
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
    let sql = format!(
        "with batch as materialized (select * from interest where series_id = $2 and id > $3 order by id limit $4),
              told as ({told})
         select id from batch order by id desc limit 1",
        told = insert(&format!("batch it join news on news.event_id = $1 and {CONCERNS}")),
    );
    let mut after = Some(Uuid::nil());
    while let Some(last) = after {
        after = sqlx::query_scalar(sqlx::AssertSqlSafe(sql.as_str()))
            .bind(news.event_id)
            .bind(news.edition.series_id.0)
            .bind(last)
            .bind(BATCH)
            .fetch_optional(&mut **tx)
            .await?;
    }
    Ok(())
}

/// Tells the customers of these interests, which are in their series only now, what happened to it since they are on.
pub(crate) async fn tell_moved(tx: &mut Tx, interests: &[Uuid]) -> Result<(), sqlx::Error> {
    let sql = insert(&format!(
        "interest it join news on {CONCERNS} where it.id = any($1)"
    ));
    for batch in interests.chunks(usize::try_from(BATCH).unwrap_or(1)) {
        sqlx::query(sqlx::AssertSqlSafe(sql.as_str()))
            .bind(batch)
            .execute(&mut **tx)
            .await?;
    }
    Ok(())
}

/// The running editions whose last day is `day`.
pub(crate) async fn closing_on(
    pool: &PgPool,
    day: NaiveDate,
) -> Result<Vec<ProjectId>, sqlx::Error> {
    let ids: Vec<Uuid> = sqlx::query_scalar(
        "select id from known_project where ends_on = $1 and status = 'ongoing' order by id",
    )
    .bind(day)
    .fetch_all(pool)
    .await?;
    Ok(ids.into_iter().map(ProjectId).collect())
}

/// What one batch of reminders came to.
#[derive(Debug, sqlx::FromRow)]
pub(crate) struct Reminded {
    /// How many were reminded.
    pub(crate) count: i64,
    /// The last interest that was looked at; nothing at the end.
    pub(crate) last: Option<Uuid>,
}

/// Reminds those who are interested of a running edition whose last day is `day`, as far as one batch after that interest goes; once for each
/// customer, edition and kind.
pub(crate) async fn remind(
    tx: &mut Tx,
    kind: Kind,
    edition: ProjectId,
    day: NaiveDate,
    after: Uuid,
) -> Result<Reminded, sqlx::Error> {
    let now = tx.now();
    let sql = format!(
        "with edition as materialized (select * from known_project where id = $3 and ends_on = $4 and status = 'ongoing'),
              batch as materialized (
                  select * from interest where series_id = (select series_id from edition) and id > $5 order by id limit $6),
              reminded as (
                  insert into notification (id, customer_id, kind, series_id, project_id, project_name, deadline, created_at)
                  select {id}, it.customer_id, $1, edition.series_id, edition.id, edition.name, edition.ends_on, $2
                  from batch it cross join edition
                  where it.interested and it.merged_into is null and not exists (
                      select 1 from notification
                      where customer_id = it.customer_id and project_id = edition.id and kind = $1 and event_id is null)
                  on conflict (customer_id, project_id, kind) where event_id is null do nothing
                  returning 1)
         select (select count(*) from reminded) as count, (select id from batch order by id desc limit 1) as last",
        id = new_id("$2::timestamptz"),
    );
    sqlx::query_as(sqlx::AssertSqlSafe(sql))
        .bind(kind)
        .bind(now)
        .bind(edition.0)
        .bind(day)
        .bind(after)
        .bind(BATCH)
        .fetch_one(&mut **tx)
        .await
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
    let unread = if is_unread_only {
        "and read_at is null"
    } else {
        ""
    };
    let sql = format!(
        "select id, kind, series_id, project_id, project_name, changed, deadline, deadline_moved, previous_deadline, created_at, read_at
         from notification
         where customer_id = $1 and ($2::uuid is null or id < $2) {unread}
         order by id desc limit $3"
    );
    sqlx::query_as(sqlx::AssertSqlSafe(sql))
        .bind(customer.0)
        .bind(page.after)
        .bind(page.fetch_limit())
        .fetch_all(pool)
        .await
}

/// All that a customer was told, oldest first.
pub(crate) async fn all(
    pool: &PgPool,
    customer: CustomerId,
) -> Result<Vec<Notification>, sqlx::Error> {
    sqlx::query_as(
        "select id, kind, series_id, project_id, project_name, changed, deadline, deadline_moved, previous_deadline, created_at, read_at
         from notification where customer_id = $1 order by id",
    )
    .bind(customer.0)
    .fetch_all(pool)
    .await
}

/// How much a customer has not read yet.
pub(crate) async fn unread(
    connection: &mut PgConnection,
    customer: CustomerId,
) -> Result<i64, sqlx::Error> {
    sqlx::query_scalar(
        "select count(*) from notification where customer_id = $1 and read_at is null",
    )
    .bind(customer.0)
    .fetch_one(connection)
    .await
}

/// Marks these as read, or all of them; tells how many were not before. An id of somebody else's, or of nothing, marks nothing.
pub(crate) async fn read(
    tx: &mut Tx,
    customer: CustomerId,
    ids: Option<&[Uuid]>,
) -> Result<u64, sqlx::Error> {
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
