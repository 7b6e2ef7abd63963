//! The event log: an event is appended in the transaction that caused it.

use events::Event;
use serde_json::json;
use sqlx::types::Json;

use crate::{Tx, trace};

/// Appends the event as the aggregate's `version`-th, and adds it to the outbox.
///
/// The transaction must have locked or inserted the aggregate's row before: that makes `pos` follow
/// the order of the aggregate's versions.
///
/// # Errors
/// When the statement fails; a constraint refuses a version that exists already.
pub async fn append<E: Event>(tx: &mut Tx, version: i64, event: &E) -> Result<(), sqlx::Error> {
    let id = tx.new_id();
    let now = tx.now();
    let headers = trace::current().map_or_else(
        || json!({}),
        |context| json!({ "traceparent": context.to_string() }),
    );
    sqlx::query(
        "with logged as (
             insert into event_log (id, aggregatetype, aggregateid, version, type, payload, headers,
                                    recorded_at)
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
