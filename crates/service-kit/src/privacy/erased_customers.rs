//! Tombstones of erased customers, so that late events cannot bring their data back.
//!
//! A service cannot know which event of a customer is the last. So an erasure leaves the customer's
//! id and the instant in the table `erased_customer`, and policies check [`predates_erasure`]
//! before they store anything about a customer.
//!
//! An aggregate predates the erasure if it was created before that instant. An event is never older
//! than its aggregate, and a UUID of version 7 contains its time of creation: so even a match that
//! is recorded after the erasure is recognised if its origin predates it. The clocks of the
//! services must differ by less time than a customer needs to sign in again.
//!
//! Meanwhile, staff or salesmen may enter something for the same number. Therefore the gateway asks
//! every service twice, the second time those with projections first and the owners (interest,
//! consultation) last: the owner erases it, and a projection that consumed it after its own erasure
//! keeps only ids and the last four digits, which remain in events anyway.

use chrono::{DateTime, Utc};
use events::CustomerId;
use uuid::Uuid;

use crate::Tx;

/// Records the tombstone. Waits for transactions that are storing something about the customer;
/// later ones wait for this transaction, and then see the tombstone in [`predates_erasure`].
///
/// # Errors
/// When a statement fails.
pub async fn record(tx: &mut Tx, customer: CustomerId) -> Result<(), sqlx::Error> {
    tx.lock(&format!("erased-customer/{}", customer.0)).await?;
    let now = tx.now();
    sqlx::query(
        "insert into erased_customer (customer_id, at) values ($1, $2)
         on conflict (customer_id) do update set at = greatest(erased_customer.at, excluded.at)",
    )
    .bind(customer.0)
    .bind(now)
    .execute(&mut **tx)
    .await?;
    Ok(())
}

/// Waits for an erasure of the customer, and blocks others until the end of the transaction. To be
/// called before a row of the customer is locked, because an erasure locks in this order, too.
///
/// # Errors
/// When a statement fails.
pub async fn lock_shared(tx: &mut Tx, customer: CustomerId) -> Result<(), sqlx::Error> {
    tx.lock_shared(&format!("erased-customer/{}", customer.0))
        .await
}

/// Whether an aggregate of the customer, with an event recorded at `recorded_at`, was created
/// before the erasure.
///
/// # Errors
/// When a statement fails.
pub async fn predates_erasure(
    tx: &mut Tx,
    customer: CustomerId,
    aggregate: Uuid,
    recorded_at: DateTime<Utc>,
) -> Result<bool, sqlx::Error> {
    // A separate statement: the next one must see what was committed while this one waited.
    lock_shared(tx, customer).await?;
    let erased_at: Option<DateTime<Utc>> =
        sqlx::query_scalar("select at from erased_customer where customer_id = $1")
            .bind(customer.0)
            .fetch_optional(&mut **tx)
            .await?;
    Ok(erased_at.is_some_and(|at| created_at(aggregate, recorded_at) <= at))
}

/// The latest possible time of creation: that of the id, or that of the event.
fn created_at(aggregate: Uuid, recorded_at: DateTime<Utc>) -> DateTime<Utc> {
    // Our ids have version 7; the timestamp of another version means something else.
    let is_version_7 = aggregate.get_version_num() == 7;
    let timestamp = aggregate.get_timestamp().filter(|_| is_version_7);
    let created_at = timestamp.and_then(|timestamp| {
        let (seconds, nanos) = timestamp.to_unix();
        DateTime::from_timestamp(i64::try_from(seconds).ok()?, nanos)
    });
    created_at.map_or(recorded_at, |created_at| created_at.min(recorded_at))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn creation_time_is_that_of_the_id_or_of_an_earlier_event() {
        let at = |text: &str| text.parse::<DateTime<Utc>>().unwrap();
        let id = uuid::Builder::from_unix_timestamp_millis(1_795_395_600_250, &[7; 10]).into_uuid();
        assert_eq!(
            created_at(id, at("2026-12-01T00:00:00Z")),
            at("2026-11-23T01:00:00.250Z")
        );
        assert_eq!(
            created_at(id, at("2026-11-01T00:00:00Z")),
            at("2026-11-01T00:00:00Z")
        );
        for id in [Uuid::new_v4(), Uuid::from_u128(7)] {
            assert_eq!(
                created_at(id, at("2026-12-01T00:00:00Z")),
                at("2026-12-01T00:00:00Z")
            );
        }
    }
}
