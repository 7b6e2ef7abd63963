//! The data of one customer, and its erasure.

use events::CustomerId;
use service_kit::Tx;
use sqlx::{AssertSqlSafe, PgPool};

use super::row::{COLUMNS, MatchRow};

/// The customer's matches, oldest first.
pub(crate) async fn data(
    pool: &PgPool,
    customer: CustomerId,
) -> Result<Vec<MatchRow>, sqlx::Error> {
    let sql = format!(
        "select {COLUMNS} from salesman_match m
         where customer_id = $1 and erased_at is null order by m.id"
    );
    sqlx::query_as(AssertSqlSafe(sql))
        .bind(customer.0)
        .fetch_all(pool)
        .await
}

/// Closes the customer's matches and removes their personal data: last digits, reason, and previous
/// people. Ids and current people stay.
pub(crate) async fn erase(tx: &mut Tx, customer: CustomerId) -> Result<(), sqlx::Error> {
    let now = tx.now();
    sqlx::query(
        "update salesman_match
         set last_four = null, reason = null, brought_by = null,
             previous_salesman_id = null, previous_consultant_id = null,
             closed_at = coalesce(closed_at, $2), erased_at = $2
         where customer_id = $1 and erased_at is null",
    )
    .bind(customer.0)
    .bind(now)
    .execute(&mut **tx)
    .await?;
    Ok(())
}
