//! What is kept of one customer, and forgetting it.

use events::CustomerId;
use service_kit::Tx;
use sqlx::PgPool;

use super::{COLUMNS, Stored};

/// Everything that is kept of the customer, oldest first.
pub(crate) async fn held(pool: &PgPool, customer: CustomerId) -> Result<Vec<Stored>, sqlx::Error> {
    let sql = format!(
        "select {COLUMNS} from salesman_match it where customer_id = $1 and erased_at is null order by it.id"
    );
    sqlx::query_as(sqlx::AssertSqlSafe(sql))
        .bind(customer.0)
        .fetch_all(pool)
        .await
}

/// Closes his matches and takes out of them what says who he is, and who brought him in. The people on them stay, with nobody whom they lead to.
pub(crate) async fn erase(tx: &mut Tx, customer: CustomerId) -> Result<(), sqlx::Error> {
    let now = tx.now();
    sqlx::query(
        "update salesman_match
         set last_four = null, reason = null, brought_by = null, previous_salesman_id = null, previous_consultant_id = null,
             closed_at = coalesce(closed_at, $2), erased_at = $2
         where customer_id = $1 and erased_at is null",
    )
    .bind(customer.0)
    .bind(now)
    .execute(&mut **tx)
    .await?;
    Ok(())
}
