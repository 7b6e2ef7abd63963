//! Notifications: what happened to the programmes that a customer marked, and what was read.

use chrono::{DateTime, NaiveDate, Utc};
use events::{CustomerId, Edition, ProjectId};
use serde::{Deserialize, Serialize};
use service_kit::Tx;
use service_kit::forms::notifications::MAX_UNREAD;
use service_kit::forms::on_behalf_of::PersonView;
use service_kit::http::Page;
use service_kit::http::describe::StepName;
use sqlx::postgres::PgConnection;
use sqlx::{AssertSqlSafe, PgPool};
use utoipa::ToSchema;
use uuid::Uuid;

use crate::store::served;

/// What happened to the programme, or to who serves the customer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema, sqlx::Type)]
#[serde(rename_all = "snake_case")]
#[schema(as = InterestNotificationKind)]
#[sqlx(type_name = "text", rename_all = "snake_case")]
pub(crate) enum Kind {
    /// The series has another edition.
    NewEdition,
    /// An edition was started.
    Started,
    /// An edition was edited, for example its period.
    Edited,
    /// An edition was ended.
    Ended,
    /// The last day of an edition is in seven days.
    #[serde(rename = "deadline_d7")]
    #[sqlx(rename = "deadline_d7")]
    DeadlineD7,
    /// The last day of an edition is tomorrow.
    #[serde(rename = "deadline_d1")]
    #[sqlx(rename = "deadline_d1")]
    DeadlineD1,
    /// The salesman or the consultant of an interest or consultation left, and another is sought.
    Rematching,
    /// Another salesman or consultant serves an interest or consultation.
    Rematched,
    /// A colleague moved a consultation to another step.
    Progressed,
}

/// An event about an edition that customers are notified of.
#[derive(Debug)]
pub(crate) struct News<'a> {
    pub(crate) event_id: Uuid,
    /// When the event was recorded, not when it was consumed: only interests that were on by then
    /// are notified, and a backlog keeps the order of the events.
    pub(crate) recorded_at: DateTime<Utc>,
    pub(crate) kind: Kind,
    pub(crate) project_id: ProjectId,
    pub(crate) edition: &'a Edition,
    /// The changed fields, under their names in the event.
    pub(crate) changed: Vec<String>,
    pub(crate) deadline_moved: bool,
    /// The last day before it moved.
    pub(crate) previous_deadline: Option<NaiveDate>,
}

/// SQL for a new `UUIDv7` per row: the timestamp of `instant`, and random bits from a `UUIDv4`.
pub(super) fn new_id_sql(instant: &str) -> String {
    format!(
        "(lpad(to_hex((extract(epoch from {instant}) * 1000)::bigint), 12, '0') || '7'
          || substr(replace(gen_random_uuid()::text, '-', ''), 14))::uuid"
    )
}

/// Held, shared, by transactions that store news, and alone by one that moved interests into a
/// series: one of the two sees what the other one committed, and notifies.
const NEWS_LOCK: &str = "news";

/// The number of interests per statement, which bounds the time that a statement takes.
const BATCH_SIZE: i64 = 1000;

/// Joins news to interests `marked` that were on at the time of the news and still are. A new
/// edition is no news to a customer who already marked it.
const JOIN_NEWS: &str = "news.series_id = marked.series_id and marked.interested
    and marked.merged_into is null and marked.on_since <= news.at
    and (news.kind <> 'new_edition' or not exists (
        select 1 from interest own
        where own.customer_id = marked.customer_id and own.project_id = news.project_id
          and own.erased_at is null))";

/// SQL that inserts a notification for each pair of news and interest `marked` in `from`.
fn insert_sql(from: &str) -> String {
    format!(
        "insert into notification (id, customer_id, kind, event_id, series_id, project_id,
                                   project_name, changed, deadline, deadline_moved,
                                   previous_deadline, created_at)
         select {id}, marked.customer_id, news.kind, news.event_id, news.series_id,
                news.project_id, news.project_name, news.changed, news.deadline,
                news.deadline_moved, news.previous_deadline, news.at
         from {from}
         on conflict (customer_id, event_id) do nothing",
        id = new_id_sql("news.at"),
    )
}

/// Notifies every customer whose interest in the series was on when the event was recorded and
/// still is. Stores the news for interests that move into the series later ([`notify_moved`]).
/// The same event twice adds nothing.
pub(crate) async fn notify(tx: &mut Tx, news: News<'_>) -> Result<(), sqlx::Error> {
    tx.lock_shared(NEWS_LOCK).await?;
    sqlx::query(
        "insert into news (event_id, kind, series_id, project_id, project_name, changed, deadline,
                           deadline_moved, previous_deadline, at)
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
    .bind(news.recorded_at)
    .execute(&mut **tx)
    .await?;
    let is_marked: bool =
        sqlx::query_scalar("select exists (select 1 from interest where series_id = $1)")
            .bind(news.edition.series_id.0)
            .fetch_one(&mut **tx)
            .await?;
    if !is_marked {
        return Ok(());
    }
    served::take_batch_lock(tx).await?;
    let sql = format!(
        "with batch as materialized (
                  select * from interest where series_id = $2 and id > $3 order by id limit $4),
              notified as ({insert})
         select id from batch order by id desc limit 1",
        insert = insert_sql(&format!(
            "batch marked join news on news.event_id = $1 and {JOIN_NEWS}"
        )),
    );
    let mut after = Some(Uuid::nil());
    while let Some(last) = after {
        after = sqlx::query_scalar(AssertSqlSafe(sql.as_str()))
            .bind(news.event_id)
            .bind(news.edition.series_id.0)
            .bind(last)
            .bind(BATCH_SIZE)
            .fetch_optional(&mut **tx)
            .await?;
    }
    Ok(())
}

/// Notifies the customers of interests that moved into their series only now of what happened to
/// the series since the interests are on.
pub(crate) async fn notify_moved(tx: &mut Tx, interests: &[Uuid]) -> Result<(), sqlx::Error> {
    tx.lock(NEWS_LOCK).await?;
    let sql = insert_sql(&format!(
        "interest marked join news on {JOIN_NEWS} where marked.id = any($1)"
    ));
    for batch in interests.chunks(usize::try_from(BATCH_SIZE).unwrap_or(1)) {
        sqlx::query(AssertSqlSafe(sql.as_str()))
            .bind(batch)
            .execute(&mut **tx)
            .await?;
    }
    Ok(())
}

/// The ongoing editions whose last day is `day`.
pub(crate) async fn editions_ending_on(
    pool: &PgPool,
    day: NaiveDate,
) -> Result<Vec<Uuid>, sqlx::Error> {
    sqlx::query_scalar(
        "select id from known_project where ends_on = $1 and status = 'ongoing' order by id",
    )
    .bind(day)
    .fetch_all(pool)
    .await
}

#[derive(Debug, sqlx::FromRow)]
pub(crate) struct ReminderBatch {
    /// The number of reminders.
    pub(crate) count: i64,
    /// The last interest of the batch; `None` after the last batch.
    pub(crate) last: Option<Uuid>,
}

/// Reminds the customers of one batch of interests after `after`, once per customer, edition and
/// kind, if the edition is still ongoing and its last day is `day`.
pub(crate) async fn remind(
    tx: &mut Tx,
    kind: Kind,
    edition: Uuid,
    day: NaiveDate,
    after: Uuid,
) -> Result<ReminderBatch, sqlx::Error> {
    let now = tx.now();
    let sql = format!(
        "with edition as materialized (
                  select * from known_project
                  where id = $3 and ends_on = $4 and status = 'ongoing'),
              batch as materialized (
                  select * from interest
                  where series_id = (select series_id from edition) and id > $5
                  order by id limit $6),
              reminded as (
                  insert into notification (id, customer_id, kind, series_id, project_id,
                                            project_name, deadline, created_at)
                  select {id}, batch.customer_id, $1, edition.series_id, edition.id, edition.name,
                         edition.ends_on, $2
                  from batch cross join edition
                  where batch.interested and batch.merged_into is null and not exists (
                      select 1 from notification
                      where customer_id = batch.customer_id and project_id = edition.id
                        and kind = $1 and event_id is null)
                  on conflict (customer_id, project_id, kind) where event_id is null do nothing
                  returning 1)
         select (select count(*) from reminded) as count,
                (select id from batch order by id desc limit 1) as last",
        id = new_id_sql("$2::timestamptz"),
    );
    sqlx::query_as(AssertSqlSafe(sql))
        .bind(kind)
        .bind(now)
        .bind(edition)
        .bind(day)
        .bind(after)
        .bind(BATCH_SIZE)
        .fetch_one(&mut **tx)
        .await
}

/// What a notification about people refers to.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[schema(as = InterestNotificationOrigin)]
pub(crate) struct OriginView {
    #[schema(value_type = OriginKind)]
    kind: String,
    id: Uuid,
}

/// 관심 or 상담.
#[derive(Debug, ToSchema)]
#[schema(as = InterestNotificationOriginKind, rename_all = "snake_case")]
#[expect(dead_code, reason = "only describes the texts of `OriginView`")]
pub(crate) enum OriginKind {
    Interest,
    Consultation,
}

/// The salesman and the consultant.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[schema(as = InterestNotificationPeople)]
pub(crate) struct PeopleView {
    pub(super) salesman: Option<PersonView>,
    pub(super) consultant: Option<PersonView>,
}

/// A notification of a customer.
#[derive(Debug, Serialize, sqlx::FromRow, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = InterestNotificationView)]
pub(crate) struct Notification {
    pub(crate) id: Uuid,
    kind: Kind,
    /// The edition.
    project_id: Uuid,
    /// The name of the edition at that time; null while the project is unknown.
    project_name: Option<String>,
    /// Null while the project is unknown.
    series_id: Option<Uuid>,
    /// `rematching`, `rematched`, `progressed`: the interest or consultation.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[sqlx(json(nullable))]
    origin: Option<OriginView>,
    /// `rematching`: who stays; `rematched`: who serves it from then on; null while that place
    /// waits. `progressed`: the salesman of that moment, if known. Absent in other kinds.
    #[serde(flatten)]
    #[sqlx(json(nullable))]
    people: Option<PeopleView>,
    /// `progressed`: the step now.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<StepName>)]
    step: Option<String>,
    /// The changed fields, under their names in the event; empty unless the edition was edited.
    changed: Vec<String>,
    /// The last day of the edition at that time, if it had one.
    deadline: Option<NaiveDate>,
    /// Whether the edit changed the deadline.
    deadline_moved: bool,
    /// The deadline before it moved, if there was one.
    previous_deadline: Option<NaiveDate>,
    /// When the event happened.
    created_at: DateTime<Utc>,
    /// Null while unread. Only `ReadNotifications` marks a notification as read.
    read_at: Option<DateTime<Utc>>,
}

const COLUMNS: &str = "id, kind, series_id, project_id, project_name, changed, deadline,
    deadline_moved, previous_deadline, created_at, read_at, people, step,
    case when origin_id is not null
         then jsonb_build_object('kind', origin_kind, 'id', origin_id) end as origin";

/// Notifications of a customer, newest first.
pub(crate) async fn list(
    pool: &PgPool,
    customer: CustomerId,
    is_unread_only: bool,
    page: Page,
) -> Result<Vec<Notification>, sqlx::Error> {
    // A condition in the text, not a parameter, so that the partial index of unread rows is used.
    let unread = if is_unread_only {
        "and read_at is null"
    } else {
        ""
    };
    let sql = format!(
        "select {COLUMNS} from notification
         where customer_id = $1 and id < $2 {unread}
         order by id desc limit $3"
    );
    sqlx::query_as(AssertSqlSafe(sql))
        .bind(customer.0)
        .bind(page.before())
        .bind(page.fetch_limit())
        .fetch_all(pool)
        .await
}

/// All notifications of a customer, oldest first.
pub(crate) async fn all(
    pool: &PgPool,
    customer: CustomerId,
) -> Result<Vec<Notification>, sqlx::Error> {
    let sql = format!("select {COLUMNS} from notification where customer_id = $1 order by id");
    sqlx::query_as(AssertSqlSafe(sql))
        .bind(customer.0)
        .fetch_all(pool)
        .await
}

/// The number of unread notifications of a customer.
pub(crate) async fn count_unread(
    connection: &mut PgConnection,
    customer: CustomerId,
) -> Result<i64, sqlx::Error> {
    sqlx::query_scalar(
        "select count(*) from (
             select from notification where customer_id = $1 and read_at is null limit $2
         ) unread",
    )
    .bind(customer.0)
    .bind(MAX_UNREAD)
    .fetch_one(connection)
    .await
}

/// Marks notifications of the customer as read: those with the given ids, or all. Returns how many
/// were unread before. Unknown ids and those of other customers are ignored.
pub(crate) async fn mark_read(
    tx: &mut Tx,
    customer: CustomerId,
    ids: Option<&[Uuid]>,
) -> Result<u64, sqlx::Error> {
    let now = tx.now();
    let result = sqlx::query(
        "update notification set read_at = $3
         where customer_id = $1 and ($2::uuid[] is null or id = any($2)) and read_at is null",
    )
    .bind(customer.0)
    .bind(ids)
    .bind(now)
    .execute(&mut **tx)
    .await?;
    Ok(result.rows_affected())
}
