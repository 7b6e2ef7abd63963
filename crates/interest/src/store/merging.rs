//! Merges two interests of one customer that turn out to be in the same series.

use events::{Actor, InterestId, ProjectId, SeriesId};
use service_kit::Tx;
use service_kit::http::problem::ChangeError;
use sqlx::types::Json;
use uuid::Uuid;

use crate::interest::{Command, Refusal};
use crate::store::interests::{change, load};
use crate::store::{notifications, served};

/// Moves every interest that marked the edition into the edition's series, and notifies its
/// customer of what has happened to the series since the interest was turned on.
///
/// Such an interest was marked before the project was known, or while the edition belonged to
/// another series. Erased interests stay as they are.
///
/// If the customer already has an interest in the series, the newer of the two is merged into the
/// older one: the newer one is turned off with an event, so that its match is closed. The older
/// one takes over the details of the newer one, and is on if one of the two was.
pub(super) async fn move_to_series(
    tx: &mut Tx,
    project: ProjectId,
    series: SeriesId,
) -> Result<(), ChangeError<Refusal>> {
    // No request marks the edition meanwhile: it is locked.
    let is_marked: bool = sqlx::query_scalar(
        "select exists (select 1 from interest
                        where project_id = $1 and subject_id <> $2
                          and merged_into is null and erased_at is null)",
    )
    .bind(project.0)
    .bind(series.0)
    .fetch_one(&mut **tx)
    .await?;
    if !is_marked {
        return Ok(());
    }
    served::take_batch_lock(tx).await?;
    // Locked in one order, so that two of these transactions cannot deadlock.
    sqlx::query(
        "select 1 from customer
         where id in (select customer_id from interest
                      where project_id = $1 and subject_id <> $2
                        and merged_into is null and erased_at is null)
         order by id for update",
    )
    .bind(project.0)
    .bind(series.0)
    .execute(&mut **tx)
    .await?;
    let duplicates: Vec<(Uuid, Uuid)> = sqlx::query_as(
        "select least(moving.id, other.id), greatest(moving.id, other.id) from interest moving
         join interest other on other.customer_id = moving.customer_id
                            and other.subject_id = $2 and other.erased_at is null
         where moving.project_id = $1 and moving.subject_id <> $2
           and moving.merged_into is null and moving.erased_at is null
         order by 1, 2",
    )
    .bind(project.0)
    .bind(series.0)
    .fetch_all(&mut **tx)
    .await?;
    let mut moved = Vec::new();
    for (older, newer) in duplicates {
        merge(tx, InterestId(newer), InterestId(older), series).await?;
        moved.push(older);
    }
    let others: Vec<Uuid> = sqlx::query_scalar(
        "update interest set series_id = $2, subject_id = $2, project_name = null
         where project_id = $1 and subject_id <> $2 and merged_into is null and erased_at is null
         returning id",
    )
    .bind(project.0)
    .bind(series.0)
    .fetch_all(&mut **tx)
    .await?;
    moved.extend(others);
    Ok(notifications::notify_moved(tx, &moved).await?)
}

async fn merge(
    tx: &mut Tx,
    newer: InterestId,
    older: InterestId,
    series: SeriesId,
) -> Result<(), ChangeError<Refusal>> {
    let stored = load(tx, newer).await?.ok_or(ChangeError::NotFound)?;
    let (merged, last_activity) = (stored.interest, stored.updated_at);
    let turned_on_by = actor_of(tx, newer, merged.on_version).await?;
    let command = Command::Merge { into: older };
    change(tx, newer, last_activity, command, Actor::System).await?;
    sqlx::query("update interest set series_id = $2, project_name = null where id = $1")
        .bind(newer.0)
        .bind(series.0)
        .execute(&mut **tx)
        .await?;
    // Interests that were merged into the newer one before now point to the older one.
    sqlx::query("update interest set merged_into = $2 where merged_into = $1")
        .bind(newer.0)
        .bind(older.0)
        .execute(&mut **tx)
        .await?;
    sqlx::query(
        "update interest set series_id = $2, subject_id = $2, project_name = null,
                updated_at = greatest(updated_at, $3)
         where id = $1",
    )
    .bind(older.0)
    .bind(series.0)
    .bind(last_activity)
    .execute(&mut **tx)
    .await?;
    let command = Command::TakeOver {
        interested: merged.interested,
        details: merged.details(),
    };
    change(tx, older, last_activity, command, turned_on_by).await
}

/// The actor of the event with that version. A salesman who created or turned on the interest is
/// the one who should serve the customer.
async fn actor_of(tx: &mut Tx, id: InterestId, version: i64) -> Result<Actor, sqlx::Error> {
    let actor: Option<Json<Actor>> = sqlx::query_scalar(
        "select payload -> 'actor' from event_log where aggregateid = $1 and version = $2",
    )
    .bind(id.0)
    .bind(version)
    .fetch_optional(&mut **tx)
    .await?;
    Ok(actor.map_or(Actor::System, |Json(actor)| actor))
}
