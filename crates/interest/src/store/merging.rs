//! Two interests of one customer that turn out to be in one series become one.

use chrono::{DateTime, Utc};
use events::{Actor, InterestId, ProjectId, SeriesId};
use service_kit::Tx;
use service_kit::http::problem::ChangeError;
use sqlx::types::Json;
use uuid::Uuid;

use crate::interest::{Command, Legacy, Refusal};
use crate::store::{change, load, notifications};

/// Moves every interest that marked the edition into the edition's series: what was marked before this service had heard of it, and what was
/// marked while it belonged to another one. Whoever is moved is told what happened to the series since he marked it. What was erased is
/// nobody's, and stays as it is.
///
/// Where the customer has another interest in that series already, the older of the two stays and stands for both: the newer is merged into
/// it, which turns it off with an event, so that its match is closed; and the older one takes over what the newer one knew, and is on if one
/// of the two was.
pub(super) async fn settle(
    tx: &mut Tx,
    project: ProjectId,
    series: SeriesId,
) -> Result<(), ChangeError<Refusal>> {
    // In one order, so that two of these cannot wait for each other.
    sqlx::query(
        "select 1 from customer
         where id in (select customer_id from interest
                      where project_id = $1 and subject_id <> $2 and merged_into is null and erased_at is null)
         order by id for update",
    )
    .bind(project.0)
    .bind(series.0)
    .execute(&mut **tx)
    .await?;
    let doubles: Vec<(Uuid, Uuid)> = sqlx::query_as(
        "select least(mine.id, other.id), greatest(mine.id, other.id) from interest mine
         join interest other on other.customer_id = mine.customer_id and other.subject_id = $2 and other.erased_at is null
         where mine.project_id = $1 and mine.subject_id <> $2 and mine.merged_into is null and mine.erased_at is null
         order by 1, 2",
    )
    .bind(project.0)
    .bind(series.0)
    .fetch_all(&mut **tx)
    .await?;
    let mut moved = Vec::new();
    for (older, newer) in doubles {
        merge(tx, InterestId(newer), InterestId(older), series).await?;
        moved.push(older);
    }
    let settled: Vec<Uuid> = sqlx::query_scalar(
        "update interest set series_id = $2, subject_id = $2, project_name = null
         where project_id = $1 and subject_id <> $2 and merged_into is null and erased_at is null
         returning id",
    )
    .bind(project.0)
    .bind(series.0)
    .fetch_all(&mut **tx)
    .await?;
    moved.extend(settled);
    Ok(notifications::tell_moved(tx, &moved).await?)
}

async fn merge(
    tx: &mut Tx,
    newer: InterestId,
    older: InterestId,
    series: SeriesId,
) -> Result<(), ChangeError<Refusal>> {
    let left = load(tx, newer).await?.ok_or(ChangeError::NotFound)?.it;
    let (legacy, last): (Legacy, DateTime<Utc>) = (
        Legacy::of(&left),
        sqlx::query_scalar("select updated_at from interest where id = $1")
            .bind(newer.0)
            .fetch_one(&mut **tx)
            .await?,
    );
    let marked_by = who_turned_on(tx, newer, left.on_version).await?;
    change(
        tx,
        newer,
        last,
        |_| Ok(()),
        Command::Merge { into: older },
        Actor::System,
    )
    .await?;
    sqlx::query("update interest set series_id = $2, project_name = null where id = $1")
        .bind(newer.0)
        .bind(series.0)
        .execute(&mut **tx)
        .await?;
    // What was merged into the newer one before.
    sqlx::query("update interest set merged_into = $2 where merged_into = $1")
        .bind(newer.0)
        .bind(older.0)
        .execute(&mut **tx)
        .await?;
    sqlx::query(
        "update interest set series_id = $2, subject_id = $2, project_name = null, updated_at = greatest(updated_at, $3)
         where id = $1",
    )
    .bind(older.0)
    .bind(series.0)
    .bind(last)
    .execute(&mut **tx)
    .await?;
    change(
        tx,
        older,
        last,
        |_| Ok(()),
        Command::TakeOver(legacy),
        marked_by,
    )
    .await
}

/// Who turned it on last, as its event of that version tells: a salesman who brought the customer in is the one to serve him.
async fn who_turned_on(tx: &mut Tx, id: InterestId, on_version: i64) -> Result<Actor, sqlx::Error> {
    let actor: Option<Json<Actor>> = sqlx::query_scalar(
        "select payload -> 'actor' from event_log where aggregateid = $1 and version = $2",
    )
    .bind(id.0)
    .bind(on_version)
    .fetch_optional(&mut **tx)
    .await?;
    Ok(actor.map_or(Actor::System, |Json(actor)| actor))
}
