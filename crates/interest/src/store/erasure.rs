//! Erases a customer.

use events::{Actor, CustomerId, InterestId};
use service_kit::Tx;
use service_kit::forms::phone::Phone;
use service_kit::http::problem::ChangeError;
use service_kit::privacy::{erased_customers, erasure};
use uuid::Uuid;

use crate::interest::{Command, Refusal};
use crate::store::interests::change;
use crate::store::served;

/// Removes the customer's personal data. Interests that are on are turned off with an event. Ids
/// stay in interests and disclosures. A second erasure changes nothing.
///
/// `phone` is the number from the caller's token; without it, the number of an interest is used.
pub(crate) async fn erase(
    tx: &mut Tx,
    customer: CustomerId,
    phone: Option<&Phone>,
) -> Result<(), ChangeError<Refusal>> {
    // A running batch of events or reminders would store data that it read before the erasure.
    served::take_batch_lock(tx).await?;
    erased_customers::record(tx, customer).await?;
    served::lock_customer(tx, customer).await?;
    let now = tx.now();
    let interests: Vec<(Uuid, Option<String>)> = sqlx::query_as(
        "select id, phone from interest where customer_id = $1 and erased_at is null order by id",
    )
    .bind(customer.0)
    .fetch_all(&mut **tx)
    .await?;
    let stored_phone: Option<Phone> = interests
        .iter()
        .find_map(|(_, phone)| phone.as_ref()?.parse().ok());
    for (id, _) in interests {
        let command = Command::Erase { at: now };
        change(tx, InterestId(id), now, command, Actor::Customer(customer)).await?;
    }
    // A colleague's idempotency key contains a hash of the phone number, which can be found by
    // trying all numbers. Without the hash, a retry of that write is refused.
    sqlx::query(
        "update idempotency_key set body_hash = ''
         where resource in (select id from interest where customer_id = $1)",
    )
    .bind(customer.0)
    .execute(&mut **tx)
    .await?;
    for statement in [
        "update disclosure set why = null where customer_id = $1 and why is not null",
        "delete from notification where customer_id = $1",
        "delete from served where customer_id = $1",
        "delete from known_consultation where customer_id = $1",
        "delete from customer where id = $1",
    ] {
        sqlx::query(statement)
            .bind(customer.0)
            .execute(&mut **tx)
            .await?;
    }
    Ok(erasure::erase(tx, customer, phone.or(stored_phone.as_ref())).await?)
}
