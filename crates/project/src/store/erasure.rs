//! The data of one customer, and its erasure.

use chrono::{DateTime, NaiveDate, Utc};
use events::{CustomerId, Step};
use service_kit::Tx;
use sqlx::{FromRow, PgPool};
use uuid::Uuid;

use super::people::Assigned;

#[derive(Debug, FromRow)]
pub(crate) struct CustomerInterest {
    pub(crate) id: Uuid,
    pub(crate) series_id: Option<Uuid>,
    pub(crate) project_id: Uuid,
    pub(crate) project_name: Option<String>,
    pub(crate) last_four: Option<String>,
    pub(crate) interested: bool,
    pub(crate) since: DateTime<Utc>,
    #[sqlx(flatten)]
    pub(crate) assigned: Assigned,
}

#[derive(Debug, FromRow)]
pub(crate) struct CustomerConsultation {
    pub(crate) id: Uuid,
    pub(crate) project_id: Uuid,
    pub(crate) project_name: Option<String>,
    pub(crate) last_four: Option<String>,
    #[sqlx(try_from = "String")]
    pub(crate) step: Step,
    pub(crate) desired_on: NaiveDate,
    pub(crate) since: DateTime<Utc>,
    #[sqlx(flatten)]
    pub(crate) assigned: Assigned,
}

/// The columns that interests and consultations share, with present names of projects and people.
const COMMON: &str = "item.id, item.project_id, item.last_four, item.since,
    (select name from project where id = item.project_id) as project_name,
    assigned_salesman as salesman_id,
    coalesce((select display_name from known_salesman where id = assigned_salesman), salesman_name)
        as salesman_name,
    assigned_consultant as consultant_id,
    coalesce((select display_name from known_salesman where id = assigned_consultant),
             consultant_name)
        as consultant_name";

/// Oldest first.
pub(crate) async fn interests(
    pool: &PgPool,
    customer: CustomerId,
) -> Result<Vec<CustomerInterest>, sqlx::Error> {
    let sql = format!(
        "select {COMMON}, item.series_id, item.interested from known_interest item
         join engagement on engagement.kind = 'interest' and engagement.id = item.id
         where item.customer_id = $1 and item.erased_at is null order by item.id"
    );
    sqlx::query_as(sqlx::AssertSqlSafe(sql))
        .bind(customer.0)
        .fetch_all(pool)
        .await
}

/// Oldest first.
pub(crate) async fn consultations(
    pool: &PgPool,
    customer: CustomerId,
) -> Result<Vec<CustomerConsultation>, sqlx::Error> {
    let sql = format!(
        "select {COMMON}, item.step, item.desired_on from known_consultation item
         join engagement on engagement.kind = 'consultation' and engagement.id = item.id
         where item.customer_id = $1 and item.erased_at is null order by item.id"
    );
    sqlx::query_as(sqlx::AssertSqlSafe(sql))
        .bind(customer.0)
        .fetch_all(pool)
        .await
}

/// Removes the last digits, turns all interests off and cancels all open consultations.
pub(crate) async fn erase(tx: &mut Tx, customer: CustomerId) -> Result<(), sqlx::Error> {
    let now = tx.now();
    for sql in [
        "update known_interest set last_four = null, interested = false, erased_at = $2
         where customer_id = $1 and erased_at is null",
        "update known_consultation
         set last_four = null, erased_at = $2,
             step = case when step in ('apply', 'approved') then 'cancelled' else step end
         where customer_id = $1 and erased_at is null",
    ] {
        sqlx::query(sql)
            .bind(customer.0)
            .bind(now)
            .execute(&mut **tx)
            .await?;
    }
    Ok(())
}
