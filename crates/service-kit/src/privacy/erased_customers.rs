//! Who was forgotten here and when, so that what is told of his old things says nothing of him whenever it comes.
//!
//! A service that keeps what events tell of customers cannot wait for the last of them before it forgets one. So an erasure leaves the
//! customer's id and its instant in the service's own table `forgotten`, and a policy asks there before it keeps anything of him.
//!
//! A thing is old if it was made before that instant. No event is older than what it is about, and ids of version 7 tell when they were made:
//! so a match that is recorded after the erasure, for something of before, is known for what it is. Clocks may differ by less than signing in
//! anew takes.
//!
//! Colleagues may enter something for his number meanwhile. So the gateway asks every service twice, and the second time those that keep
//! copies first and the owners (interest, consultation) last: such a thing is erased at its owner, and of a copy that took it in behind its
//! own erasure nothing is left but its ids and the last four digits, which its events tell for good.

use chrono::{DateTime, Utc};
use events::CustomerId;
use uuid::Uuid;

use crate::Tx;

/// Notes that the customer is forgotten from now on, and waits until nobody is in the midst of keeping something of his. Whoever comes later
/// waits until this unit of work ends, and is told by [`predates_erasure`].
///
/// # Errors
/// When a statement fails.
pub async fn record(tx: &mut Tx, customer: CustomerId) -> Result<(), sqlx::Error> {
    sqlx::query("select pg_advisory_xact_lock(hashtextextended(current_schema() || '/erased-customer/' || $1::text, 2))")
        .bind(customer.0)
        .execute(&mut **tx)
        .await?;
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

/// Waits until nobody is in the midst of forgetting the customer, and lets nobody begin until this unit of work ends. Whoever changes a row of
/// his asks for this before he locks the row: an erasure takes them in that order too.
///
/// # Errors
/// When a statement fails.
pub async fn lock_shared(tx: &mut Tx, customer: CustomerId) -> Result<(), sqlx::Error> {
    sqlx::query("select pg_advisory_xact_lock_shared(hashtextextended(current_schema() || '/erased-customer/' || $1::text, 2))")
        .bind(customer.0)
        .execute(&mut **tx)
        .await?;
    Ok(())
}

/// Whether this thing of the customer's, of which something was told at that instant, is of before he was forgotten.
///
/// # Errors
/// When a statement fails.
pub async fn predates_erasure(
    tx: &mut Tx,
    customer: CustomerId,
    thing: Uuid,
    told_at: DateTime<Utc>,
) -> Result<bool, sqlx::Error> {
    // A statement of its own: the next one must see what was committed while this one waited.
    lock_shared(tx, customer).await?;
    let forgotten_at: Option<DateTime<Utc>> =
        sqlx::query_scalar("select at from erased_customer where customer_id = $1")
            .bind(customer.0)
            .fetch_optional(&mut **tx)
            .await?;
    Ok(forgotten_at.is_some_and(|at| oldest(thing, told_at) <= at))
}

/// When the thing was made at the latest, as far as its id and what was told of it say.
fn oldest(thing: Uuid, told_at: DateTime<Utc>) -> DateTime<Utc> {
    // Other versions with a timestamp are none of ours: what they say is not when it was made.
    let is_ours = thing.get_version_num() == 7;
    let made = thing.get_timestamp().filter(|_| is_ours).and_then(|made| {
        let (seconds, nanos) = made.to_unix();
        DateTime::from_timestamp(i64::try_from(seconds).ok()?, nanos)
    });
    made.map_or(told_at, |made| made.min(told_at))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_thing_is_as_old_as_its_id_says_and_never_younger_than_what_is_told_of_it() {
        let at = |text: &str| text.parse::<DateTime<Utc>>().unwrap();
        let thing =
            uuid::Builder::from_unix_timestamp_millis(1_795_395_600_250, &[7; 10]).into_uuid();
        assert_eq!(
            oldest(thing, at("2026-12-01T00:00:00Z")),
            at("2026-11-23T01:00:00.250Z")
        );
        assert_eq!(
            oldest(thing, at("2026-11-01T00:00:00Z")),
            at("2026-11-01T00:00:00Z")
        );
        for silent in [Uuid::new_v4(), Uuid::from_u128(7)] {
            assert_eq!(
                oldest(silent, at("2026-12-01T00:00:00Z")),
                at("2026-12-01T00:00:00Z")
            );
        }
    }
}
