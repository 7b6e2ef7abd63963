//! Consent to the collection of personal data: the text, its version, and who agreed to it.

use events::CustomerId;
use service_kit::Tx;

/// The version of [`TEXT`]. Change both together: a code is sent only to a customer who agreed to
/// the present version.
pub(crate) const VERSION: &str = "2026-11-25";

/// What is collected, why, for how long, and the right to refuse: 개인정보 보호법 제15조 제2항.
pub(crate) const TEXT: &str = include_str!("consent.txt");

/// Records that the customer agreed to this version, if it is not recorded yet.
pub(crate) async fn record(
    tx: &mut Tx,
    customer: CustomerId,
    version: &str,
) -> Result<(), sqlx::Error> {
    let (id, now) = (tx.new_id(), tx.now());
    sqlx::query(
        "insert into consent (id, customer_id, version, given_at) values ($1, $2, $3, $4)
         on conflict (customer_id, version) where withdrawn_at is null do nothing",
    )
    .bind(id)
    .bind(customer.0)
    .bind(version)
    .bind(now)
    .execute(&mut **tx)
    .await?;
    Ok(())
}

/// Withdraws every consent of the customer.
pub(crate) async fn withdraw(tx: &mut Tx, customer: CustomerId) -> Result<(), sqlx::Error> {
    let now = tx.now();
    sqlx::query(
        "update consent set withdrawn_at = $2 where customer_id = $1 and withdrawn_at is null",
    )
    .bind(customer.0)
    .bind(now)
    .execute(&mut **tx)
    .await?;
    Ok(())
}
