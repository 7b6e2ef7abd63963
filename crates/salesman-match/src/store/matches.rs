//! Single matches: inserted, locked and saved.

use chrono::{DateTime, Utc};
use events::{CustomerId, CustomerRef, MatchId, Origin, ProjectId, SalesmanId};
use service_kit::Tx;
use service_kit::messaging::event_log;
use sqlx::types::Json;
use sqlx::{AssertSqlSafe, PgExecutor};
use uuid::Uuid;

use super::row::{COLUMNS, MatchRow, decode_role};
use crate::salesman_match::{Change, SalesmanMatch};
use crate::strategy::{Assignment, Choices};

/// A request for a match.
#[derive(Debug, Clone, Copy)]
pub(crate) struct MatchRequest<'a> {
    pub(crate) origin: Origin,
    /// The version of the requesting event.
    pub(crate) origin_version: i64,
    pub(crate) project_id: ProjectId,
    pub(crate) project_name: Option<&'a str>,
    pub(crate) customer: &'a CustomerRef,
    /// The salesman who brought the customer in.
    pub(crate) brought_by: Option<SalesmanId>,
    /// When the event was recorded.
    pub(crate) at: DateTime<Utc>,
}

/// Inserts a match without people. `false` if the origin has one already.
pub(crate) async fn insert(tx: &mut Tx, request: MatchRequest<'_>) -> Result<bool, sqlx::Error> {
    let id = tx.new_id();
    let inserted = sqlx::query(
        "insert into salesman_match (id, origin_kind, origin_id, origin_version,
                                     project_id, project_name, customer_id, last_four,
                                     brought_by, requested_at, version)
         values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, 0)
         on conflict (origin_id) do nothing",
    )
    .bind(id)
    .bind(request.origin.kind())
    .bind(request.origin.id())
    .bind(request.origin_version)
    .bind(request.project_id.0)
    .bind(request.project_name)
    .bind(request.customer.customer_id.0)
    .bind(request.customer.last_four.to_string())
    .bind(request.brought_by.map(|id| id.0))
    .bind(request.at)
    .execute(&mut **tx)
    .await?
    .rows_affected();
    Ok(inserted == 1)
}

pub(crate) async fn load(
    executor: impl PgExecutor<'_>,
    id: MatchId,
) -> Result<Option<MatchRow>, sqlx::Error> {
    let sql = format!("select {COLUMNS} from salesman_match m where m.id = $1");
    sqlx::query_as(AssertSqlSafe(sql))
        .bind(id.0)
        .fetch_optional(executor)
        .await
}

/// Locks a match until `tx` ends.
pub(crate) async fn lock(tx: &mut Tx, id: MatchId) -> Result<Option<SalesmanMatch>, sqlx::Error> {
    lock_by(tx, "id", id.0).await
}

/// Locks the match of an interest or a consultation until `tx` ends.
pub(crate) async fn lock_by_origin(
    tx: &mut Tx,
    origin: Origin,
) -> Result<Option<SalesmanMatch>, sqlx::Error> {
    lock_by(tx, "origin_id", origin.id()).await
}

async fn lock_by(
    tx: &mut Tx,
    column: &str,
    value: Uuid,
) -> Result<Option<SalesmanMatch>, sqlx::Error> {
    let sql = format!("select id from salesman_match where {column} = $1 for update");
    let id: Option<Uuid> = sqlx::query_scalar(AssertSqlSafe(sql))
        .bind(value)
        .fetch_optional(&mut **tx)
        .await?;
    let Some(id) = id else { return Ok(None) };
    // A statement of its own, because it must see what was committed while the first one waited.
    let row = load(&mut **tx, MatchId(id)).await?;
    row.map(|row| row.to_match()).transpose()
}

/// Locks out every other assignment until `tx` ends, so that two cannot use the same free capacity.
pub(crate) async fn lock_assignments(tx: &mut Tx) -> Result<(), sqlx::Error> {
    let sql = "select pg_advisory_xact_lock(
                   hashtextextended('ktgg/salesman-match/assigning', 0))";
    sqlx::query(sql).execute(&mut **tx).await?;
    Ok(())
}

/// How many of a customer's matches [`history`] reads. Open ones come first.
const MAX_HISTORY: i64 = 50;

/// The people of the customer's matches, newest match first.
pub(crate) async fn history(
    tx: &mut Tx,
    customer: CustomerId,
) -> Result<Vec<Assignment>, sqlx::Error> {
    let rows: Vec<(String, Uuid, bool)> = sqlx::query_as(
        "select role, person, is_current and closed_at is null
         from (
             select * from salesman_match where customer_id = $1 and erased_at is null
             order by closed_at is null desc, requested_at desc, id desc limit $2
         ) newest, lateral (values
             ('salesman', coalesce(salesman_id, previous_salesman_id), salesman_id is not null),
             ('consultant', coalesce(consultant_id, previous_consultant_id),
              consultant_id is not null)
         ) assignment (role, person, is_current)
         where person is not null
         order by requested_at desc, id desc",
    )
    .bind(customer.0)
    .bind(MAX_HISTORY)
    .fetch_all(&mut **tx)
    .await?;
    let assignment = |(role, person, is_open): (String, _, _)| Assignment {
        role: decode_role(&role),
        person: SalesmanId(person),
        is_open,
    };
    Ok(rows.into_iter().map(assignment).collect())
}

/// Saves a match after a change of its people, with the reasons, and appends the event.
pub(crate) async fn save_matched(
    tx: &mut Tx,
    salesman_match: &SalesmanMatch,
    change: &Change,
    choices: &Choices,
) -> Result<(), sqlx::Error> {
    let Change::Matched(event) = change else {
        return Ok(());
    };
    let now = tx.now();
    sqlx::query(
        "update salesman_match
         set salesman_id = $2, salesman_name = $3, consultant_id = $4, consultant_name = $5,
             strategy = $6, reason = coalesce(reason, '{}') || $7, matched_at = $8,
             previous_salesman_id = null, previous_consultant_id = null, version = $9
         where id = $1",
    )
    .bind(event.match_id.0)
    .bind(event.salesman.id.0)
    .bind(&event.salesman.display_name)
    .bind(event.consultant.as_ref().map(|person| person.id.0))
    .bind(
        event
            .consultant
            .as_ref()
            .map(|person| person.display_name.as_str()),
    )
    .bind(event.strategy.as_str())
    .bind(Json(choices))
    .bind(now)
    .bind(salesman_match.version)
    .execute(&mut **tx)
    .await?;
    event_log::append(tx, salesman_match.version, &**event).await
}

/// Saves a closed match.
pub(crate) async fn save_closed(
    tx: &mut Tx,
    salesman_match: &SalesmanMatch,
    at: DateTime<Utc>,
) -> Result<(), sqlx::Error> {
    sqlx::query("update salesman_match set closed_at = $2, origin_version = $3 where id = $1")
        .bind(salesman_match.id.0)
        .bind(at)
        .bind(salesman_match.origin_version)
        .execute(&mut **tx)
        .await?;
    Ok(())
}

/// Saves a reopened match. It waits in the queue like a new request of that instant.
pub(crate) async fn save_reopened(
    tx: &mut Tx,
    salesman_match: &SalesmanMatch,
    request: MatchRequest<'_>,
) -> Result<(), sqlx::Error> {
    sqlx::query(
        "update salesman_match
         set closed_at = null, salesman_id = null, salesman_name = null,
             consultant_id = null, consultant_name = null,
             previous_salesman_id = $2, previous_consultant_id = $3,
             strategy = null, reason = null, matched_at = null,
             requested_at = $4, origin_version = $5, project_id = $6, project_name = $7,
             brought_by = coalesce($8, brought_by)
         where id = $1",
    )
    .bind(salesman_match.id.0)
    .bind(salesman_match.previous_salesman.map(|id| id.0))
    .bind(salesman_match.previous_consultant.map(|id| id.0))
    .bind(request.at)
    .bind(salesman_match.origin_version)
    .bind(request.project_id.0)
    .bind(request.project_name)
    .bind(request.brought_by.map(|id| id.0))
    .execute(&mut **tx)
    .await?;
    Ok(())
}
