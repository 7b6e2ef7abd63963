//! The table `parked`: records that cannot be applied, and the later records of their aggregates.

use events::Envelope;
use serde_json::Value;
use uuid::Uuid;

use crate::Tx;
use crate::messaging::record::Record;

events::text_enum! {
    /// Why a record is parked: the column `reason`.
    pub(crate) enum ParkReason {
        /// Its headers cannot be read.
        Unreadable = "unreadable",
        /// This build does not know its type.
        UnknownType = "unknown_type",
        /// A policy or a constraint refused it.
        Refused = "refused",
        /// An earlier version is missing.
        Gap = "gap",
        /// An earlier record of its aggregate is parked.
        Held = "held",
    }
}

pub(crate) async fn park(
    tx: &mut Tx,
    record: &Record,
    envelope: Option<&Envelope>,
    reason: ParkReason,
    detail: &str,
) -> Result<(), sqlx::Error> {
    let now = tx.now();
    // Without an envelope, the key identifies the aggregate whose later records are held.
    let id_from_key = record
        .key
        .as_deref()
        .and_then(|key| std::str::from_utf8(key).ok())
        .and_then(|key| key.parse::<Uuid>().ok());
    sqlx::query(
        "insert into parked (topic, partition, \"offset\", key, headers, payload, event_id,
                             aggregatetype, aggregateid, version, type, reason, detail, parked_at)
         values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14)
         on conflict (topic, partition, \"offset\") do nothing",
    )
    .bind(&record.topic)
    .bind(record.partition)
    .bind(record.offset)
    .bind(record.key.as_deref())
    .bind(Value::Object(record.headers.clone()))
    .bind(record.payload.as_deref())
    .bind(envelope.map(|envelope| envelope.id))
    .bind(envelope.map(|envelope| envelope.aggregate_type.as_str()))
    .bind(
        envelope
            .map(|envelope| envelope.aggregate_id)
            .or(id_from_key),
    )
    .bind(envelope.map(|envelope| envelope.version))
    .bind(envelope.map(|envelope| envelope.type_name.as_str()))
    .bind(reason.as_str())
    .bind(storable(detail))
    .bind(now)
    .execute(&mut **tx)
    .await?;
    Ok(())
}

/// A detail may quote the payload, and Postgres cannot store NUL in a text.
pub(crate) fn storable(detail: &str) -> String {
    detail.replace('\0', "\u{fffd}")
}
