//! What this service keeps of others: editions, names of people, when a customer's consultations last moved. Each is one upsert of what the
//! newest event of its aggregate tells, so that it does not matter which topic is read first.

use chrono::{DateTime, Utc};
use events::{Actor, CustomerId, Edition, InterestId, ProjectId, SalesmanId, SeriesId};
use service_kit::Tx;
use service_kit::problem::ChangeError;
use sqlx::types::Json;
use uuid::Uuid;

use crate::interest::{Command, Refusal};
use crate::store::{change, word};

/// A name as names are compared: without white space, in lower case.
fn key(name: &str) -> String {
    name.chars().filter(|letter| !letter.is_whitespace()).flat_map(char::to_lowercase).collect()
}

/// An edition and its series, as far as this service has heard.
#[derive(Debug, Clone)]
pub(crate) struct Known {
    /// The series.
    pub(crate) series_id: SeriesId,
    /// The edition that an interest in the series shows: the newest that has not ended, or the newest of all.
    pub(crate) shown: ProjectId,
    /// Its name.
    pub(crate) name: String,
}

/// The series of a project, if this service has heard of it.
///
/// Until `tx` ends nobody else completes what was marked by this id: an interest that is created meanwhile would be missed, and never
/// learn its series.
pub(crate) async fn known_project(tx: &mut Tx, id: ProjectId) -> Result<Option<Known>, sqlx::Error> {
    sqlx::query("select pg_advisory_xact_lock_shared(hashtextextended(current_schema() || '/project/' || $1::text, 2))")
        .bind(id.0)
        .execute(&mut **tx)
        .await?;
    let found: Option<(Uuid, Uuid, String)> = sqlx::query_as(
        "select shown.series_id, shown.id, shown.name from known_project marked
         join known_project shown on shown.series_id = marked.series_id
         where marked.id = $1
         order by (shown.status = 'ended'), shown.year desc, shown.id desc limit 1",
    )
    .bind(id.0)
    .fetch_optional(&mut **tx)
    .await?;
    Ok(found.map(|(series, shown, name)| Known { series_id: SeriesId(series), shown: ProjectId(shown), name }))
}

/// An edition that a name may mean.
#[derive(Debug)]
pub(crate) struct Candidate {
    pub(crate) id: ProjectId,
    pub(crate) name: String,
    pub(crate) year: i32,
    pub(crate) agency: String,
    pub(crate) status: events::ProjectStatus,
    pub(crate) period: events::Period,
}

/// More than this many editions of one name are not told apart by a list.
const MOST_CANDIDATES: i64 = 20;

/// The editions of that name that have not ended, newest first.
pub(crate) async fn candidates(tx: &mut Tx, name: &str) -> Result<Vec<Candidate>, sqlx::Error> {
    let rows: Vec<(Uuid, String, i32, String, String, Json<events::Period>)> = sqlx::query_as(
        "select id, name, year, agency, status, period from known_project
         where name_key = $1 and status <> 'ended' order by year desc, id desc limit $2",
    )
    .bind(key(name))
    .bind(MOST_CANDIDATES)
    .fetch_all(&mut **tx)
    .await?;
    rows.into_iter()
        .map(|(id, name, year, agency, status, Json(period))| {
            Ok(Candidate { id: ProjectId(id), name, year, agency, status: word(status)?, period })
        })
        .collect()
}

/// Keeps what this service shows of an edition, and completes what was marked by its id.
pub(crate) async fn keep_project(
    tx: &mut Tx,
    id: ProjectId,
    edition: &Edition,
    at: DateTime<Utc>,
) -> Result<(), ChangeError<Refusal>> {
    sqlx::query("select pg_advisory_xact_lock(hashtextextended(current_schema() || '/project/' || $1::text, 2))")
        .bind(id.0)
        .execute(&mut **tx)
        .await?;
    sqlx::query(
        "insert into known_project (id, series_id, name, name_key, year, category, agency, status, period, ends_on)
         values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)
         on conflict (id) do update
             set series_id = excluded.series_id, name = excluded.name, name_key = excluded.name_key, year = excluded.year,
                 category = excluded.category, agency = excluded.agency, status = excluded.status, period = excluded.period,
                 ends_on = excluded.ends_on",
    )
    .bind(id.0)
    .bind(edition.series_id.0)
    .bind(&edition.name)
    .bind(key(&edition.name))
    .bind(edition.year)
    .bind(edition.category.as_str())
    .bind(&edition.agency)
    .bind(edition.status.as_str())
    .bind(Json(&edition.period))
    .bind(edition.period.ends_on)
    .execute(&mut **tx)
    .await?;
    settle(tx, id, edition, at).await
}

/// Moves every interest that marked the edition into the edition's series: what was marked before this service had heard of it, and what was
/// marked while it belonged to another one.
///
/// Where the customer has another interest in that series already, the older of the two stays and stands for both: the newer is merged into
/// it, which turns it off with an event, so that its match is closed; and if the newer one was on, the older one is on from now on.
async fn settle(tx: &mut Tx, project: ProjectId, edition: &Edition, at: DateTime<Utc>) -> Result<(), ChangeError<Refusal>> {
    let series = edition.series_id;
    let doubles: Vec<(Uuid, Uuid)> = sqlx::query_as(
        "select least(mine.id, other.id), greatest(mine.id, other.id) from interest mine
         join interest other on other.customer_id = mine.customer_id and other.subject_id = $2
         where mine.project_id = $1 and mine.subject_id <> $2 and mine.merged_into is null
         order by 1, 2",
    )
    .bind(project.0)
    .bind(series.0)
    .fetch_all(&mut **tx)
    .await?;
    for (older, newer) in doubles {
        merge(tx, InterestId(newer), InterestId(older), series, at).await?;
    }
    sqlx::query(
        "update interest set series_id = $2, subject_id = $2, project_name = $3
         where project_id = $1 and (subject_id <> $2 or project_name <> $3) and merged_into is null",
    )
    .bind(project.0)
    .bind(series.0)
    .bind(&edition.name)
    .execute(&mut **tx)
    .await?;
    Ok(())
}

async fn merge(
    tx: &mut Tx,
    newer: InterestId,
    older: InterestId,
    series: SeriesId,
    at: DateTime<Utc>,
) -> Result<(), ChangeError<Refusal>> {
    // Both at once and in one order, so that two merges cannot wait for each other.
    let locked: Vec<(Uuid, bool)> =
        sqlx::query_as("select id, interested from interest where id = any($1) order by id for update")
            .bind([older.0, newer.0])
            .fetch_all(&mut **tx)
            .await?;
    let was_on = locked.iter().any(|(id, interested)| *id == newer.0 && *interested);
    change(tx, newer, at, |_| Ok(()), Command::Merge { into: older }, Actor::System).await?;
    sqlx::query("update interest set series_id = $2 where id = $1").bind(newer.0).bind(series.0).execute(&mut **tx).await?;
    // What was merged into the newer one before.
    sqlx::query("update interest set merged_into = $2 where merged_into = $1")
        .bind(newer.0)
        .bind(older.0)
        .execute(&mut **tx)
        .await?;
    sqlx::query("update interest set series_id = $2, subject_id = $2 where id = $1")
        .bind(older.0)
        .bind(series.0)
        .execute(&mut **tx)
        .await?;
    if was_on {
        let on = Command::Turn { interested: true, consent: None };
        change(tx, older, at, |_| Ok(()), on, Actor::System).await?;
    }
    Ok(())
}

/// Keeps the name somebody is shown by.
pub(crate) async fn keep_salesman(tx: &mut Tx, id: SalesmanId, display_name: &str) -> Result<(), sqlx::Error> {
    sqlx::query(
        "insert into known_salesman (id, display_name) values ($1, $2)
         on conflict (id) do update set display_name = excluded.display_name",
    )
    .bind(id.0)
    .bind(display_name)
    .execute(&mut **tx)
    .await?;
    Ok(())
}

/// Keeps when something last happened on a consultation of the customer.
pub(crate) async fn keep_activity(tx: &mut Tx, customer: CustomerId, at: DateTime<Utc>) -> Result<(), sqlx::Error> {
    sqlx::query(
        "insert into customer_activity (customer_id, last_at) values ($1, $2)
         on conflict (customer_id) do update set last_at = greatest(customer_activity.last_at, excluded.last_at)",
    )
    .bind(customer.0)
    .bind(at)
    .execute(&mut **tx)
    .await?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_compared_without_white_space_and_case() {
        assert_eq!(key(" 2026년  스마트상점\u{3000}SOHO\t지원 "), key("2026년 스마트상점 soho지원"));
        assert_ne!(key("2026년 스마트상점"), key("2027년 스마트상점"));
    }
}
