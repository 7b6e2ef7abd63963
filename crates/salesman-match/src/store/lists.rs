//! The lists of matches, each in an order of its own.

use chrono::{DateTime, Utc};
use service_kit::auth::{Identity, Role};
use service_kit::http::Page;
use sqlx::PgPool;
use uuid::Uuid;

use super::{COLUMNS, Row, Stored};

/// Which matches a reader asks for.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Filter {
    /// The interest or consultation.
    pub(crate) origin: Option<Uuid>,
    /// Somebody who is on it, in either place.
    pub(crate) person: Option<Uuid>,
    /// Open ones, or closed ones.
    pub(crate) open: Option<bool>,
}

/// What a reader may see ($1), and asked for ($2 to $4).
fn visible(role: Role) -> String {
    let mine = match role {
        Role::Customer => "customer_id = $1",
        Role::Salesman => "salesman_id = $1",
        Role::Consultant => "consultant_id = $1",
        Role::Staff => "$1::uuid is not null",
    };
    format!(
        "{mine} and ($2::uuid is null or origin_id = $2) and ($3::uuid is null or salesman_id = $3 or consultant_id = $3)
         and ($4::boolean is null or (closed_at is null) = $4)"
    )
}

/// The matches somebody may see, newest first.
pub(crate) async fn newest(pool: &PgPool, who: &Identity, filter: Filter, page: Page) -> Result<Vec<Stored>, sqlx::Error> {
    let sql = format!(
        "select {COLUMNS} from salesman_match it where {} and ($5::uuid is null or it.id < $5) order by it.id desc limit $6",
        visible(who.role)
    );
    let rows: Vec<Row> = sqlx::query_as(sqlx::AssertSqlSafe(sql))
        .bind(who.subject)
        .bind(filter.origin)
        .bind(filter.person)
        .bind(filter.open)
        .bind(page.after)
        .bind(page.fetch())
        .fetch_all(pool)
        .await?;
    rows.into_iter().map(Stored::try_from).collect()
}

/// A place in the queue: when it was requested, and which match, where two were requested at once.
pub(crate) type QueuePlace = (DateTime<Utc>, Uuid);

/// The queue: open matches with a free place, oldest first, as the assigner takes them.
pub(crate) async fn queue(
    pool: &PgPool,
    who: &Identity,
    filter: Filter,
    after: Option<QueuePlace>,
    limit: usize,
) -> Result<Vec<Stored>, sqlx::Error> {
    let sql = format!(
        "select {COLUMNS} from salesman_match it
         where {} and closed_at is null and (salesman_id is null or consultant_id is null)
           and ($5::timestamptz is null or (requested_at, it.id) > ($5, $6))
         order by requested_at, it.id limit $7",
        visible(who.role)
    );
    let rows: Vec<Row> = sqlx::query_as(sqlx::AssertSqlSafe(sql))
        .bind(who.subject)
        .bind(filter.origin)
        .bind(filter.person)
        .bind(filter.open)
        .bind(after.map(|(requested_at, _)| requested_at))
        .bind(after.map(|(_, id)| id))
        .bind(i64::try_from(limit).unwrap_or(i64::MAX))
        .fetch_all(pool)
        .await?;
    rows.into_iter().map(Stored::try_from).collect()
}
