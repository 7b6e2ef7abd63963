//! Who saw a customer's whole number.

use service_kit::Tx;
use service_kit::auth::Identity;

use crate::consultation::Consultation;

/// Writes down that somebody is shown the number, and why he says he wants it.
pub(crate) async fn write(tx: &mut Tx, it: &Consultation, who: &Identity, why: Option<&str>) -> Result<(), sqlx::Error> {
    let (id, now) = (tx.new_id(), tx.now());
    sqlx::query(
        "insert into disclosure (id, consultation_id, customer_id, role, viewer_id, why, at) values ($1, $2, $3, $4, $5, $6, $7)",
    )
    .bind(id)
    .bind(it.id.0)
    .bind(it.customer_id.0)
    .bind(who.role.as_str())
    .bind(who.subject)
    .bind(why)
    .bind(now)
    .execute(&mut **tx)
    .await?;
    Ok(())
}
