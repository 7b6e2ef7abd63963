//! What is kept of one customer, and forgetting it.

use chrono::{DateTime, Utc};
use events::CustomerId;
use service_kit::Tx;
use sqlx::PgPool;
use sqlx::types::Json;
use uuid::Uuid;

use crate::notification::Details;

/// An interest or a consultation of the customer's, and who is on it.
#[derive(Debug, sqlx::FromRow)]
pub(crate) struct Held {
    pub(crate) origin_kind: String,
    pub(crate) origin_id: Uuid,
    pub(crate) last_four: Option<String>,
    pub(crate) project_id: Uuid,
    pub(crate) project_name: Option<String>,
    pub(crate) salesman_id: Option<Uuid>,
    pub(crate) salesman_name: Option<String>,
    pub(crate) consultant_id: Option<Uuid>,
    pub(crate) consultant_name: Option<String>,
    pub(crate) matched_at: Option<DateTime<Utc>>,
    pub(crate) closed_as: Option<String>,
    pub(crate) closed_at: Option<DateTime<Utc>>,
}

/// Everything of the customer's that somebody is on or was on.
pub(crate) async fn held(pool: &PgPool, customer: CustomerId) -> Result<Vec<Held>, sqlx::Error> {
    sqlx::query_as(
        "select origin_kind, origin_id, last_four, project_id, (select name from known_project where id = project_id) as project_name,
                salesman_id, (select display_name from salesman where id = salesman_id) as salesman_name,
                consultant_id, (select display_name from salesman where id = consultant_id) as consultant_name,
                matched_at, closed_as, case when open then null else closed_at end as closed_at
         from assignment where customer_id = $1 and erased_at is null order by origin_id, origin_kind",
    )
    .bind(customer.0)
    .fetch_all(pool)
    .await
}

/// Something that somebody was told of the customer.
#[derive(Debug, sqlx::FromRow)]
pub(crate) struct HeldNews {
    pub(crate) kind: String,
    pub(crate) link_kind: String,
    pub(crate) link_id: Uuid,
    pub(crate) project_name: Option<String>,
    pub(crate) details: Json<Details>,
    pub(crate) created_at: DateTime<Utc>,
}

/// What was told of the customer: it names him, or is of before people were told details and leads to what is his. Each by its own index.
const OF_CUSTOMER: &str = "id in (
        select id from notification where details ? 'customerId' and details ->> 'customerId' = $1::text
        union all
        select told.id from assignment join notification told using (origin_kind, origin_id)
        where customer_id = $1 and not told.details ? 'customerId' and told.origin_kind <> 'project'
    )";

/// Everything that people were told of the customer, oldest first.
pub(crate) async fn held_news(
    pool: &PgPool,
    customer: CustomerId,
) -> Result<Vec<HeldNews>, sqlx::Error> {
    let sql = format!(
        "select kind, origin_kind as link_kind, origin_id as link_id, project_name, details, created_at
         from notification where {OF_CUSTOMER} order by id"
    );
    sqlx::query_as(sqlx::AssertSqlSafe(sql))
        .bind(customer.0)
        .fetch_all(pool)
        .await
}

/// Takes out of what people are on what says whose it is, closes it, and takes back what they were told of him. Who they are stays, and how it
/// ended: that is counted.
pub(crate) async fn erase(tx: &mut Tx, customer: CustomerId) -> Result<(), sqlx::Error> {
    // First what is found by what is his.
    let sql = format!("delete from notification where {OF_CUSTOMER}");
    sqlx::query(sqlx::AssertSqlSafe(sql))
        .bind(customer.0)
        .execute(&mut **tx)
        .await?;
    let now = tx.now();
    sqlx::query(
        "update assignment
         set last_four = null, wanted = false, closed_at = case when open then $2 else coalesce(closed_at, $2) end, erased_at = $2
         where customer_id = $1 and erased_at is null",
    )
    .bind(customer.0)
    .bind(now)
    .execute(&mut **tx)
    .await?;
    Ok(())
}
