//! Series: their keys, their locks, and the order of their editions.

use events::{ProjectId, SeriesId};
use service_kit::Tx;
use sqlx::postgres::PgConnection;
use uuid::Uuid;

use super::projects::{COLUMNS, StoredProject, load};

/// Whether the series has an edition.
pub(crate) async fn exists(
    connection: &mut PgConnection,
    id: SeriesId,
) -> Result<bool, sqlx::Error> {
    sqlx::query_scalar("select exists (select 1 from project where series_id = $1)")
        .bind(id.0)
        .fetch_one(connection)
        .await
}

/// The series with this key, or a new id. Of several, the one with the newest edition. Needs
/// [`lock_key`].
pub(crate) async fn find_or_new(tx: &mut Tx, key: &str) -> Result<SeriesId, sqlx::Error> {
    let found: Option<Uuid> = sqlx::query_scalar(
        "select series_id from project where series_key = $1
         order by year desc, id desc limit 1",
    )
    .bind(key)
    .fetch_optional(&mut **tx)
    .await?;
    Ok(SeriesId(found.unwrap_or_else(|| tx.new_id())))
}

/// Serializes the creation of editions with this key, so that two at the same time become one
/// series. Always before [`lock`].
pub(crate) async fn lock_key(tx: &mut Tx, key: &str) -> Result<(), sqlx::Error> {
    tx.lock(&format!("series-key/{key}")).await
}

/// Serializes changes to the order of the editions of a series. Always before a row of it is
/// locked.
pub(crate) async fn lock(tx: &mut Tx, id: SeriesId) -> Result<(), sqlx::Error> {
    tx.lock(&format!("series/{id}")).await
}

/// A project whose series is locked. The project may move to another series while this waits.
pub(crate) async fn load_locked(
    tx: &mut Tx,
    id: ProjectId,
) -> Result<Option<StoredProject>, sqlx::Error> {
    let mut locked = None;
    loop {
        let Some(found) = load(tx, id).await? else {
            return Ok(None);
        };
        let series_id = found.project.series_id;
        if locked == Some(series_id) {
            return Ok(Some(found));
        }
        lock(tx, series_id).await?;
        locked = Some(series_id);
    }
}

/// The predecessor of a new edition of that year: the newest edition of the year before that has no
/// successor. Needs [`lock`].
pub(crate) async fn predecessor_for(
    connection: &mut PgConnection,
    series: SeriesId,
    year: i32,
) -> Result<Option<ProjectId>, sqlx::Error> {
    let found: Option<Uuid> = sqlx::query_scalar(
        "select id from project
         where series_id = $1 and year = $2
           and not exists (select 1 from project later where later.predecessor = project.id)
         order by id desc limit 1",
    )
    .bind(series.0)
    .bind(year - 1)
    .fetch_optional(connection)
    .await?;
    Ok(found.map(ProjectId))
}

/// The edition of that year, and its predecessor: the oldest without a predecessor, else any. Needs
/// [`lock`].
pub(crate) async fn edition_of_year(
    connection: &mut PgConnection,
    series: SeriesId,
    year: i32,
) -> Result<Option<(ProjectId, Option<ProjectId>)>, sqlx::Error> {
    let found: Option<(Uuid, Option<Uuid>)> = sqlx::query_as(
        "select id, predecessor from project where series_id = $1 and year = $2
         order by predecessor is not null, id limit 1",
    )
    .bind(series.0)
    .bind(year)
    .fetch_optional(connection)
    .await?;
    Ok(found.map(|(id, predecessor)| (ProjectId(id), predecessor.map(ProjectId))))
}

/// A programme that is announced every month for eight years has so many.
const MAX_EDITIONS: i64 = 100;

/// At most [`MAX_EDITIONS`] of the series, the newest year first.
pub(crate) async fn editions(
    connection: &mut PgConnection,
    series: SeriesId,
) -> Result<Vec<StoredProject>, sqlx::Error> {
    let sql = format!(
        "select {COLUMNS} from project where series_id = $1 order by year desc, id desc limit $2"
    );
    sqlx::query_as(sqlx::AssertSqlSafe(sql))
        .bind(series.0)
        .bind(MAX_EDITIONS)
        .fetch_all(connection)
        .await
}
