//! How a customer is forgotten.

use events::{Actor, CustomerId, InterestId};
use service_kit::Tx;
use service_kit::forms::phone::Phone;
use service_kit::http::problem::ChangeError;
use service_kit::privacy::erased_customers;
use service_kit::privacy::erasure;
use uuid::Uuid;

use crate::interest::{Command, Refusal};
use crate::store::{change, served};

/// Makes every interest of the customer nobody's, each with the event that it is off if it was on, and takes out of everything else what says
/// who he is. His ids stay in interests and in what was recorded of who saw his number. Once more changes nothing.
///
/// `phone` is his number, where the caller told it; otherwise the one that his interests tell.
pub(crate) async fn erase(
    tx: &mut Tx,
    customer: CustomerId,
    phone: Option<&Phone>,
) -> Result<(), ChangeError<Refusal>> {
    // Whoever takes in events, or reminds, would keep something of him that was decided before.
    served::take_turn(tx).await?;
    erased_customers::record(tx, customer).await?;
    served::lock(tx, customer).await?;
    let now = tx.now();
    let kept: Vec<(Uuid, Option<String>)> = sqlx::query_as(
        "select id, phone from interest where customer_id = $1 and erased_at is null order by id",
    )
    .bind(customer.0)
    .fetch_all(&mut **tx)
    .await?;
    let told: Option<Phone> = kept
        .iter()
        .find_map(|(_, phone)| phone.as_ref()?.parse().ok());
    for (id, _) in &kept {
        change(
            tx,
            InterestId(*id),
            now,
            |_| Ok(()),
            Command::Erase { at: now },
            Actor::Customer(customer),
        )
        .await?;
    }
    // Of a colleague's write that entered him the hash of what was sent is left, in which a number can be found by trying all. Without it the
    // write that is sent again is refused, and enters nobody anew.
    sqlx::query("update idempotency_key set body_hash = '' where resource in (select id from interest where customer_id = $1)")
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
    Ok(erasure::erase(tx, customer, phone.or(told.as_ref())).await?)
}
