//! Who saw a customer's whole number.

use chrono::{DateTime, Utc};
use events::CustomerId;
use service_kit::Tx;
use service_kit::auth::{Identity, Role};
use sqlx::postgres::PgConnection;
use uuid::Uuid;

use crate::consultation::Consultation;

/// That somebody saw a number.
#[derive(Debug)]
pub(crate) struct Disclosure {
    pub(crate) at: DateTime<Utc>,
    pub(crate) role: Role,
    pub(crate) viewer_id: Uuid,
    pub(crate) why: Option<String>,
    pub(crate) consultation_id: Uuid,
}

/// Who saw the customer's number, newest first; nothing of before he was forgotten.
pub(crate) async fn of_customer(
    connection: &mut PgConnection,
    customer: CustomerId,
) -> Result<Vec<Disclosure>, sqlx::Error> {
    let rows: Vec<Row> = sqlx::query_as(
        "select disclosure.at, disclosure.role, disclosure.viewer_id, disclosure.why, disclosure.consultation_id
         from disclosure join consultation it on it.id = disclosure.consultation_id
         where disclosure.customer_id = $1 and it.erased_at is null
         order by disclosure.at desc, disclosure.id desc",
    )
    .bind(customer.0)
    .fetch_all(connection)
    .await?;
    rows.into_iter().map(disclosure_of).collect()
}

type Row = (DateTime<Utc>, String, Uuid, Option<String>, Uuid);

fn disclosure_of(
    (at, role, viewer_id, why, consultation_id): Row,
) -> Result<Disclosure, sqlx::Error> {
    let role = role
        .parse()
        .map_err(|error: &str| sqlx::Error::Decode(error.into()))?;
    Ok(Disclosure {
        at,
        role,
        viewer_id,
        why,
        consultation_id,
    })
}

/// Writes down that somebody is shown the number, and why he says he wants it.
pub(crate) async fn write(
    tx: &mut Tx,
    it: &Consultation,
    who: &Identity,
    why: Option<&str>,
) -> Result<(), sqlx::Error> {
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
