//! The only SQL of this service.

use chrono::{DateTime, Utc};
use events::{Category, PersonRole, Region, SalesmanId, SalesmanMatched, SalesmanRegistered};
use service_kit::http::Page;
use service_kit::{Tx, event_log};
use sqlx::PgPool;
use sqlx::types::Json;
use uuid::Uuid;

use crate::salesman::Salesman;

/// A person as he lies in his table.
#[derive(Debug, sqlx::FromRow)]
struct Row {
    id: Uuid,
    name: String,
    display_name: String,
    phone: String,
    role: String,
    regions: Json<Vec<Region>>,
    categories: Json<Vec<Category>>,
    capacity: i32,
    active: bool,
    version: i64,
}

impl TryFrom<Row> for Salesman {
    type Error = sqlx::Error;

    fn try_from(row: Row) -> Result<Self, sqlx::Error> {
        Ok(Self {
            id: SalesmanId(row.id),
            name: row.name,
            display_name: row.display_name,
            phone: row.phone.parse().map_err(|error| sqlx::Error::Decode(Box::new(error)))?,
            role: if row.role == PersonRole::Consultant.as_str() { PersonRole::Consultant } else { PersonRole::Salesman },
            regions: row.regions.0,
            categories: row.categories.0,
            capacity: u32::try_from(row.capacity).unwrap_or_default(),
            active: row.active,
            version: row.version,
        })
    }
}

const COLUMNS: &str = "id, name, display_name, phone, role, regions, categories, capacity, active, version";

/// Stores a new person with his first event. `false`: somebody has that number already.
pub(crate) async fn register(tx: &mut Tx, it: &Salesman, event: &SalesmanRegistered) -> Result<bool, sqlx::Error> {
    let now = tx.now();
    let inserted = sqlx::query(
        "insert into salesman (id, name, display_name, phone, role, regions, categories, capacity, active, version, created_at)
         values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)
         on conflict (phone) do nothing",
    )
    .bind(it.id.0)
    .bind(&it.name)
    .bind(&it.display_name)
    .bind(it.phone.e164())
    .bind(it.role.as_str())
    .bind(Json(&it.regions))
    .bind(Json(&it.categories))
    .bind(i32::try_from(it.capacity).unwrap_or(i32::MAX))
    .bind(it.active)
    .bind(it.version)
    .bind(now)
    .execute(&mut **tx)
    .await?
    .rows_affected();
    if inserted == 1 {
        event_log::append(tx, it.version, event).await?;
    }
    Ok(inserted == 1)
}

/// One person.
pub(crate) async fn load(tx: &mut sqlx::PgConnection, id: SalesmanId) -> Result<Option<Salesman>, sqlx::Error> {
    let row: Option<Row> = sqlx::query_as(sqlx::AssertSqlSafe(format!("select {COLUMNS} from salesman where id = $1")))
        .bind(id.0)
        .fetch_optional(tx)
        .await?;
    row.map(Salesman::try_from).transpose()
}

/// Everybody, newest first.
pub(crate) async fn list(pool: &PgPool, page: Page) -> Result<Vec<Salesman>, sqlx::Error> {
    let sql = format!("select {COLUMNS} from salesman where $1::uuid is null or id < $1 order by id desc limit $2");
    let rows: Vec<Row> = sqlx::query_as(sqlx::AssertSqlSafe(sql)).bind(page.after).bind(page.fetch()).fetch_all(pool).await?;
    rows.into_iter().map(Salesman::try_from).collect()
}

/// What somebody is told.
#[derive(Debug, sqlx::FromRow)]
pub(crate) struct Notification {
    pub(crate) id: Uuid,
    pub(crate) kind: String,
    pub(crate) origin_kind: String,
    pub(crate) origin_id: Uuid,
    pub(crate) project_name: Option<String>,
    pub(crate) created_at: DateTime<Utc>,
    pub(crate) read_at: Option<DateTime<Utc>>,
}

/// Tells somebody about a match.
pub(crate) async fn notify(
    tx: &mut Tx,
    salesman: SalesmanId,
    kind: &str,
    event_id: Uuid,
    matched: &SalesmanMatched,
) -> Result<(), sqlx::Error> {
    let (id, now) = (tx.new_id(), tx.now());
    sqlx::query(
        "insert into notification (id, salesman_id, kind, event_id, origin_kind, origin_id, project_name, created_at)
         values ($1, $2, $3, $4, $5, $6, $7, $8)",
    )
    .bind(id)
    .bind(salesman.0)
    .bind(kind)
    .bind(event_id)
    .bind(matched.origin.kind())
    .bind(matched.origin.id())
    .bind(&matched.project_name)
    .bind(now)
    .execute(&mut **tx)
    .await?;
    Ok(())
}

/// What somebody was told, newest first.
pub(crate) async fn notifications(pool: &PgPool, salesman: Uuid, page: Page) -> Result<Vec<Notification>, sqlx::Error> {
    sqlx::query_as(
        "select id, kind, origin_kind, origin_id, project_name, created_at, read_at from notification
         where salesman_id = $1 and ($2::uuid is null or id < $2) order by id desc limit $3",
    )
    .bind(salesman)
    .bind(page.after)
    .bind(page.fetch())
    .fetch_all(pool)
    .await
}
