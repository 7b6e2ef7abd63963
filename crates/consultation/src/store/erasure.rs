//! What is kept of one customer, and forgetting it.

use events::{Actor, ConsultationId, CustomerId};
use service_kit::Tx;
use service_kit::forms::phone::Phone;
use service_kit::http::problem::ChangeError;
use sqlx::AssertSqlSafe;
use sqlx::postgres::PgConnection;
use uuid::Uuid;

use super::{COLUMNS, Cause, KNOWN, Row, SOURCES, Stored, change};
use crate::consultation::{Command, Refusal};

/// The customer's consultations, oldest first. What was erased is nobody's.
pub(crate) async fn kept(
    connection: &mut PgConnection,
    customer: CustomerId,
) -> Result<Vec<Stored>, sqlx::Error> {
    let sql = format!(
        "select {COLUMNS}, {KNOWN} from {SOURCES} where it.customer_id = $1 and it.erased_at is null order by it.id"
    );
    let rows: Vec<Row> = sqlx::query_as(AssertSqlSafe(sql))
        .bind(customer.0)
        .fetch_all(connection)
        .await?;
    rows.into_iter().map(Stored::try_from).collect()
}

/// How many consultations are forgotten at once: so few that it takes a moment whatever else happens to them, and is never begun anew in vain.
const PORTION: i64 = 100;

/// What was forgotten at once.
pub(crate) struct Forgotten {
    /// The number that stood on it.
    pub(crate) phone: Option<Phone>,
    /// Whether there is more.
    pub(crate) has_more: bool,
}

/// Cancels what is open of the customer's, and takes out of what he has who he is and what was said, himself and others. Ids stay.
pub(crate) async fn erase(
    tx: &mut Tx,
    customer: CustomerId,
) -> Result<Forgotten, ChangeError<Refusal>> {
    let rows: Vec<(Uuid, String)> = sqlx::query_as(
        "select id, phone from consultation where customer_id = $1 and erased_at is null order by id limit $2 for update",
    )
    .bind(customer.0)
    .bind(PORTION)
    .fetch_all(&mut **tx)
    .await?;
    let ids: Vec<Uuid> = rows.iter().map(|(id, _)| *id).collect();
    for id in &ids {
        let cause = Cause::command(tx, Actor::Customer(customer));
        change(tx, ConsultationId(*id), |_| Ok(()), Command::Erase, cause).await?;
    }
    blank(tx, customer, &ids).await?;
    let phone = rows.first().and_then(|(_, phone)| phone.parse().ok());
    // Not by how many these were: of what another erasure has just done, none are left to do.
    let has_more = sqlx::query_scalar(
        "select exists (select 1 from consultation where customer_id = $1 and erased_at is null)",
    )
    .bind(customer.0)
    .fetch_one(&mut **tx)
    .await?;
    Ok(Forgotten { phone, has_more })
}

async fn blank(tx: &mut Tx, customer: CustomerId, ids: &[Uuid]) -> Result<(), sqlx::Error> {
    let now = tx.now();
    sqlx::query(
        "update consultation
         set phone = null, customer_name = null, consent_role = null, consent_by = null, consent_at = null, project_name = '',
             memo = '', reason = null, erased_at = $2, updated_at = greatest(updated_at, $2)
         where id = any($1)",
    )
    .bind(ids)
    .bind(now)
    .execute(&mut **tx)
    .await?;
    // The customer is named for the sake of the index.
    sqlx::query("update disclosure set why = null where customer_id = $1 and consultation_id = any($2) and why is not null")
        .bind(customer.0)
        .bind(ids)
        .execute(&mut **tx)
        .await?;
    for sql in [
        "update timeline set what = what || '{\"reason\": null}' where consultation_id = any($1) and what ->> 'reason' is not null",
        // The hash is of what a colleague wrote. Without it, a write that is sent again is not carried out a second time, and is refused.
        "update idempotency_key set body_hash = '' where resource = any($1)",
        "update idempotency_key set body_hash = '' where resource in (select id from note where consultation_id = any($1))",
        "update note set text = null where consultation_id = any($1) and text is not null",
    ] {
        sqlx::query(sql).bind(ids).execute(&mut **tx).await?;
    }
    Ok(())
}
