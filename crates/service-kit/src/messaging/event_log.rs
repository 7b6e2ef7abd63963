//! The ledger: an event is recorded in the transaction that caused it, and nowhere else.

use events::Event;
use serde_json::json;
use sqlx::types::Json;

use crate::Tx;
use crate::trace;

/// Records the event as the aggregate's `version`-th, and queues it for the relay.
///
/// The aggregate's row must be locked by this transaction already (or be inserted by it): that is what makes `pos` order the aggregate's
/// order.
///
/// # Errors
/// When the statement fails; a version that is there already violates a constraint.
pub async fn append<E: Event>(tx: &mut Tx, version: i64, event: &E) -> Result<(), sqlx::Error> {
    let id = tx.new_id();
    let now = tx.now();
    let headers = trace::current().map_or_else(
        || json!({}),
        |traceparent| json!({ "traceparent": traceparent }),
    );
    sqlx::query(
        "with logged as (
             insert into event_log (id, aggregatetype, aggregateid, version, type, payload, headers, recorded_at)
             values ($1, $2, $3, $4, $5, $6, $7, $8)
             returning pos)
         insert into outbox_pending (pos) select pos from logged",
    )
    .bind(id)
    .bind(E::TOPIC.aggregate())
    .bind(event.aggregate_id())
    .bind(version)
    .bind(E::TYPE)
    .bind(Json(event))
    .bind(headers)
    .bind(now)
    .execute(&mut **tx)
    .await?;
    tx.notify_on_commit();
    Ok(())
}
