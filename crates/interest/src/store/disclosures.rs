//! Who was shown whose number.

use chrono::{DateTime, Utc};
use events::CustomerId;
use service_kit::Tx;
use service_kit::auth::{Identity, Role};
use sqlx::PgPool;
use uuid::Uuid;

use crate::interest::Interest;
use crate::store::word;

/// Records that somebody was shown the customer's full number.
pub(crate) async fn record(
    tx: &mut Tx,
    who: &Identity,
    it: &Interest,
    why: Option<&str>,
) -> Result<(), sqlx::Error> {
    let (id, now) = (tx.new_id(), tx.now());
    sqlx::query(
        "insert into disclosure (id, role, viewer_id, customer_id, interest_id, why, at) values ($1, $2, $3, $4, $5, $6, $7)",
    )
    .bind(id)
    .bind(who.role.as_str())
    .bind(who.subject)
    .bind(it.customer_id.0)
    .bind(it.id.0)
    .bind(why)
    .bind(now)
    .execute(&mut **tx)
    .await?;
    Ok(())
}

#[derive(Debug, sqlx::FromRow)]
struct Row {
    at: DateTime<Utc>,
    role: String,
    viewer_id: Uuid,
    interest_id: Uuid,
    why: Option<String>,
}

/// That somebody was shown the number.
#[derive(Debug)]
pub(crate) struct Disclosure {
    pub(crate) at: DateTime<Utc>,
    pub(crate) role: Role,
    pub(crate) viewer_id: Uuid,
    pub(crate) interest_id: Uuid,
    pub(crate) why: Option<String>,
}

impl TryFrom<Row> for Disclosure {
    type Error = sqlx::Error;

    fn try_from(
        Row {
            at,
            role,
            viewer_id,
            interest_id,
            why,
        }: Row,
    ) -> Result<Self, sqlx::Error> {
        Ok(Self {
            at,
            role: word(role)?,
            viewer_id,
            interest_id,
            why,
        })
    }
}

/// Who was shown the customer's number, newest first. What was recorded of him before he was erased is nobody's.
pub(crate) async fn of_customer(
    pool: &PgPool,
    customer: CustomerId,
) -> Result<Vec<Disclosure>, sqlx::Error> {
    let rows: Vec<Row> = sqlx::query_as(
        "select disclosure.at, disclosure.role, disclosure.viewer_id, disclosure.interest_id, disclosure.why from disclosure
         join interest on interest.id = disclosure.interest_id
         where disclosure.customer_id = $1 and interest.erased_at is null
         order by disclosure.at desc, disclosure.id desc",
    )
    .bind(customer.0)
    .fetch_all(pool)
    .await?;
    rows.into_iter().map(Disclosure::try_from).collect()
}
