//! Records that cannot be applied, and those behind them: the table `parked`.

use events::Envelope;
use serde_json::Value;
use uuid::Uuid;

use crate::Tx;
use crate::messaging::record::Record;

/// Why a record could not be taken in. Also the `reason` column of `parked`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Parked {
    /// Its headers or payload cannot be read.
    Unreadable,
    /// Its type is not one of this build.
    UnknownType,
    /// The domain refused it, or a constraint did.
    Refused,
    /// A version before it is missing.
    Gap,
    /// An earlier record of its aggregate is parked.
    Held,
}

impl Parked {
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Unreadable => "unreadable",
            Self::UnknownType => "unknown_type",
            Self::Refused => "refused",
            Self::Gap => "gap",
            Self::Held => "held",
        }
    }
}

pub(crate) async fn park(
    tx: &mut Tx,
    record: &Record,
    envelope: Option<&Envelope>,
    why: Parked,
    detail: &str,
) -> Result<(), sqlx::Error> {
    let now = tx.now();
    // Without an envelope the key still tells whose record it is: everything later of that aggregate waits behind it.
    let from_key = record
        .key
        .as_deref()
        .and_then(|key| std::str::from_utf8(key).ok())
        .and_then(|key| key.parse::<Uuid>().ok());
    sqlx::query(
        "insert into parked (topic, partition, \"offset\", key, headers, payload, event_id, aggregatetype, aggregateid, version, type,
                             reason, detail, parked_at)
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
    .bind(envelope.map(|envelope| envelope.aggregate_id).or(from_key))
    .bind(envelope.map(|envelope| envelope.version))
    .bind(envelope.map(|envelope| envelope.type_name.as_str()))
    .bind(why.as_str())
    .bind(storable(detail))
    .bind(now)
    .execute(&mut **tx)
    .await?;
    Ok(())
}

/// A detail may repeat a piece of the payload, and Postgres keeps no NUL in a text.
pub(crate) fn storable(detail: &str) -> String {
    detail.replace('\0', "\u{fffd}")
}
