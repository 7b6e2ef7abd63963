//! What is kept of one customer.

use chrono::{DateTime, Utc};
use events::CustomerId;
use sqlx::PgPool;
use uuid::Uuid;

use crate::store::{COLUMNS, FROM, Row, Stored};

/// The last four digits of the customer's number, if this service has heard of him.
pub(crate) async fn last_four(
    pool: &PgPool,
    customer: CustomerId,
) -> Result<Option<String>, sqlx::Error> {
    sqlx::query_scalar("select last_four from customer where id = $1")
        .bind(customer.0)
        .fetch_optional(pool)
        .await
}

/// Every interest of his, those that were merged too, oldest first; none that was erased.
pub(crate) async fn interests(
    pool: &PgPool,
    customer: CustomerId,
) -> Result<Vec<Stored>, sqlx::Error> {
    let sql = format!(
        "select {COLUMNS} {FROM} where it.customer_id = $1 and it.erased_at is null order by it.id"
    );
    let rows: Vec<Row> = sqlx::query_as(sqlx::AssertSqlSafe(sql))
        .bind(customer.0)
        .fetch_all(pool)
        .await?;
    rows.into_iter().map(Stored::try_from).collect()
}

/// A consultation of his, as far as this service knows.
#[derive(Debug, sqlx::FromRow)]
pub(crate) struct KnownConsultation {
    pub(crate) id: Uuid,
    pub(crate) is_open: bool,
    pub(crate) salesman_id: Option<Uuid>,
    pub(crate) salesman_name: Option<String>,
    pub(crate) consultant_id: Option<Uuid>,
    pub(crate) consultant_name: Option<String>,
    pub(crate) updated_at: DateTime<Utc>,
}

/// His consultations, oldest first.
pub(crate) async fn consultations(
    pool: &PgPool,
    customer: CustomerId,
) -> Result<Vec<KnownConsultation>, sqlx::Error> {
    sqlx::query_as(
        "select it.id, it.is_open, it.salesman_id, coalesce(salesman.display_name, it.salesman_name) as salesman_name,
                it.consultant_id, coalesce(consultant.display_name, it.consultant_name) as consultant_name, it.updated_at
         from known_consultation it
         left join known_salesman salesman on salesman.id = it.salesman_id
         left join known_salesman consultant on consultant.id = it.consultant_id
         where it.customer_id = $1 order by it.id",
    )
    .bind(customer.0)
    .fetch_all(pool)
    .await
}
