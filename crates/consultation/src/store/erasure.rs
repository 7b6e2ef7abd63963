//! Reading and erasing what is stored of one customer.

use events::{Actor, ConsultationId, CustomerId};
use service_kit::Tx;
use service_kit::forms::phone::Phone;
use service_kit::http::problem::ChangeError;
use sqlx::AssertSqlSafe;
use sqlx::postgres::PgConnection;
use uuid::Uuid;

use super::read::{Stored, select_where};
use super::write::{Cause, change};
use crate::consultation::{Command, Refusal};

/// The customer's consultations, oldest first, without erased ones.
pub(crate) async fn of_customer(
    connection: &mut PgConnection,
    customer: CustomerId,
) -> Result<Vec<Stored>, sqlx::Error> {
    let select = select_where(
        "consultation.customer_id = $1 and consultation.erased_at is null
         order by consultation.id",
    );
    sqlx::query_as(AssertSqlSafe(select))
        .bind(customer.0)
        .fetch_all(connection)
        .await
}

/// How many consultations one transaction erases: few, so that it is short and seldom has to be
/// repeated because of a conflict.
const BATCH_SIZE: i64 = 100;

/// The result of one batch.
pub(crate) struct ErasedBatch {
    /// The phone number that was erased.
    pub(crate) phone: Option<Phone>,
    pub(crate) has_more: bool,
}

/// Cancels up to [`BATCH_SIZE`] of the customer's consultations and removes all personal data and
/// texts from them. Ids stay.
pub(crate) async fn erase(
    tx: &mut Tx,
    customer: CustomerId,
) -> Result<ErasedBatch, ChangeError<Refusal>> {
    let rows: Vec<(Uuid, String)> = sqlx::query_as(
        "select id, phone from consultation where customer_id = $1 and erased_at is null
         order by id limit $2 for update",
    )
    .bind(customer.0)
    .bind(BATCH_SIZE)
    .fetch_all(&mut **tx)
    .await?;
    let ids: Vec<Uuid> = rows.iter().map(|(id, _)| *id).collect();
    for id in &ids {
        let cause = Cause::command(tx, Actor::Customer(customer));
        let id = ConsultationId(*id);
        change(tx, id, |_| Ok(()), Command::Erase, cause).await?;
    }
    blank(tx, customer, &ids).await?;
    let phone = rows.first().and_then(|(_, phone)| phone.parse().ok());
    // The size of this batch does not tell: a concurrent erasure may have done the rest.
    let has_more = sqlx::query_scalar(
        "select exists (select 1 from consultation where customer_id = $1 and erased_at is null)",
    )
    .bind(customer.0)
    .fetch_one(&mut **tx)
    .await?;
    Ok(ErasedBatch { phone, has_more })
}

async fn blank(tx: &mut Tx, customer: CustomerId, ids: &[Uuid]) -> Result<(), sqlx::Error> {
    let now = tx.now();
    sqlx::query(
        "update consultation
         set phone = null, customer_name = null, consent_role = null, consent_by = null,
             consent_at = null, project_name = '', memo = '', reason = null, erased_at = $2,
             updated_at = greatest(updated_at, $2)
         where id = any($1)",
    )
    .bind(ids)
    .bind(now)
    .execute(&mut **tx)
    .await?;
    // The condition on the customer makes the index usable.
    sqlx::query(
        "update disclosure set why = null
         where customer_id = $1 and consultation_id = any($2) and why is not null",
    )
    .bind(customer.0)
    .bind(ids)
    .execute(&mut **tx)
    .await?;
    for sql in [
        "update timeline set what = what || '{\"reason\": null}'
         where consultation_id = any($1) and what ->> 'reason' is not null",
        // The hash is of a text that a colleague wrote. Without it, the key still prevents a
        // second write, and a retry is refused.
        "update idempotency_key set body_hash = '' where resource = any($1)",
        "update idempotency_key set body_hash = ''
         where resource in (select id from note where consultation_id = any($1))",
        "update note set text = null where consultation_id = any($1) and text is not null",
    ] {
        sqlx::query(sql).bind(ids).execute(&mut **tx).await?;
    }
    Ok(())
}
