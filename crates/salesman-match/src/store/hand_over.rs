//! The open matches of people who left.

use events::{SalesmanId, Strategy};
use service_kit::Tx;
use service_kit::messaging::event_log;
use sqlx::AssertSqlSafe;
use uuid::Uuid;

use super::queue::Waiting;
use super::row::{COLUMNS, MatchRow};
use crate::salesman_match::{Change, SalesmanMatch};

/// Locks the oldest open matches of these people, except `skipped` ones and those that another
/// transaction has locked: waiting for them could deadlock.
pub(crate) async fn lock_open(
    tx: &mut Tx,
    people: &[SalesmanId],
    skipped: &[Uuid],
    limit: i64,
) -> Result<Vec<Waiting>, sqlx::Error> {
    let people: Vec<Uuid> = people.iter().map(|id| id.0).collect();
    let rows: Vec<MatchRow> = sqlx::query_as(AssertSqlSafe(open_sql()))
        .bind(people)
        .bind(skipped)
        .bind(limit)
        .fetch_all(&mut **tx)
        .await?;
    Ok(rows.iter().map(|row| (row.id, row.to_match())).collect())
}

/// Whether open matches of these people are left, except `skipped` ones: another transaction has
/// locked them.
pub(crate) async fn has_open(
    tx: &mut Tx,
    people: &[SalesmanId],
    skipped: &[Uuid],
) -> Result<bool, sqlx::Error> {
    let people: Vec<Uuid> = people.iter().map(|id| id.0).collect();
    sqlx::query_scalar(
        "select exists (select 1 from salesman_match
                        where salesman_id = any($1) and closed_at is null and id <> all($2))
             or exists (select 1 from salesman_match
                        where consultant_id = any($1) and closed_at is null and id <> all($2))",
    )
    .bind(people)
    .bind(skipped)
    .fetch_one(&mut **tx)
    .await
}

/// One index for each role. The outer condition is checked again after a lock was waited for.
fn open_sql() -> String {
    format!(
        "select {COLUMNS} from salesman_match m
         where m.id in (
                 select id from salesman_match where salesman_id = any($1) and closed_at is null
                 union all
                 select id from salesman_match where consultant_id = any($1) and closed_at is null)
           and closed_at is null and m.id <> all($2)
         order by requested_at, m.id limit $3 for update of m skip locked"
    )
}

/// Saves a match without the people who left, and appends the event. What was stored about the
/// choice of those who stay is kept.
pub(crate) async fn save(
    tx: &mut Tx,
    salesman_match: &SalesmanMatch,
    change: &Change,
) -> Result<(), sqlx::Error> {
    let Change::Unmatched(event) = change else {
        return Ok(());
    };
    sqlx::query(
        "update salesman_match
         set salesman_id = $2, salesman_name = case when $2 is not null then salesman_name end,
             consultant_id = $3,
             consultant_name = case when $3 is not null then consultant_name end,
             strategy = $4,
             reason = reason - array_remove(array[case when $2 is null then 'salesman' end,
                                                  case when $3 is null then 'consultant' end],
                                            null),
             matched_at = case when $2 is not null or $3 is not null then matched_at end,
             version = $5
         where id = $1",
    )
    .bind(event.match_id.0)
    .bind(event.salesman.as_ref().map(|person| person.id.0))
    .bind(event.consultant.as_ref().map(|person| person.id.0))
    .bind(salesman_match.strategy.map(Strategy::as_str))
    .bind(salesman_match.version)
    .execute(&mut **tx)
    .await?;
    event_log::append(tx, salesman_match.version, &**event).await
}
