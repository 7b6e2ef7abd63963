//! Consumes records: inbox, progress and policies in one transaction.

use std::panic::AssertUnwindSafe;
use std::time::Duration;

use events::Envelope;
use futures_util::FutureExt as _;
use serde_json::Value;
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;
use tracing::Span;
use uuid::Uuid;

use crate::messaging::kafka;
use crate::messaging::parked::{ParkReason, park, storable};
use crate::messaging::policy::{Policies, PolicyError};
use crate::messaging::record::Record;
use crate::messaging::sequencing::{self, AggregateProgress, Decision};
use crate::{Db, Tx, trace};

/// The backoff before a failed batch is tried again: first the minimum, then doubled each time, up
/// to the maximum.
pub(crate) const MIN_BACKOFF: Duration = Duration::from_millis(50);
pub(crate) const MAX_BACKOFF: Duration = Duration::from_secs(2);

/// Batches at a time: half of the pool, so that requests get connections, too, while the service
/// catches up.
const MAX_CONCURRENT_BATCHES: usize = 6;

/// After this, the connection of a batch counts as lost. Longer than the server lets any statement
/// run.
const BATCH_TIMEOUT: Duration = Duration::from_secs(30);

/// Why a batch was rolled back.
enum Failure {
    /// The same batch is tried again. The span is that of the record that failed.
    Retry { error: anyhow::Error, span: Span },
    /// The record at this index is parked, and the others are tried again without it.
    Park { index: usize, detail: String },
}

impl<E: Into<anyhow::Error>> From<E> for Failure {
    fn from(error: E) -> Self {
        Self::Retry {
            error: error.into(),
            span: Span::none(),
        }
    }
}

/// Consumes records, for the partition workers, and for tests without a broker.
#[derive(Debug)]
pub(crate) struct Intake {
    pub(crate) db: Db,
    pub(crate) policies: Policies,
    deduplicates: bool,
    permits: Semaphore,
}

impl Intake {
    pub(crate) fn new(db: Db, policies: Policies, deduplicates: bool) -> Self {
        Self {
            db,
            policies,
            deduplicates,
            permits: Semaphore::new(MAX_CONCURRENT_BATCHES),
        }
    }

    /// Consumes the records in order, and retries until that succeeds; `false` when `stop` came
    /// first.
    pub(crate) async fn consume(&self, records: &[Record], stop: &CancellationToken) -> bool {
        let mut backoff = MIN_BACKOFF;
        let mut rest = records;
        let mut size = rest.len();
        while !rest.is_empty() {
            let batch = &rest[..size.min(rest.len())];
            let consumed = match self.consume_batch_bounded(batch).await {
                Ok(()) => batch.len(),
                Err(Failure::Park { index: 0, detail }) => {
                    usize::from(self.park_refused(&batch[0], &detail).await)
                }
                // The records before the refused one go first; then it is at index 0.
                Err(Failure::Park { index, .. }) => {
                    size = index;
                    continue;
                }
                Err(Failure::Retry { error, span }) => {
                    span.in_scope(|| {
                        tracing::warn!(
                            service = self.db.service(),
                            records = batch.len(),
                            error = format!("{error:#}"),
                            "a batch failed, and will be tried again"
                        );
                    });
                    0
                }
            };
            if consumed > 0 {
                rest = &rest[consumed..];
                size = rest.len();
                backoff = MIN_BACKOFF;
                continue;
            }
            tokio::select! {
                () = stop.cancelled() => return false,
                () = tokio::time::sleep(backoff) => backoff = (backoff * 2).min(MAX_BACKOFF),
            }
        }
        true
    }

    async fn consume_batch_bounded(&self, records: &[Record]) -> Result<(), Failure> {
        let _permit = self.permits.acquire().await?;
        tokio::time::timeout(BATCH_TIMEOUT, self.consume_batch(records)).await?
    }

    async fn consume_batch(&self, records: &[Record]) -> Result<(), Failure> {
        let mut tx = self.db.begin().await?;
        let mut spans = Vec::with_capacity(records.len());
        for (index, record) in records.iter().enumerate() {
            let envelope = kafka::envelope(&record.headers);
            let (context, span) = record.span(envelope.as_ref().ok());
            // A panicking policy must not end the process: it would panic again after each restart.
            let consumed = AssertUnwindSafe(self.consume_one(&mut tx, record, envelope));
            let consumed = trace::instrument(context, span.clone(), consumed.catch_unwind()).await;
            match consumed {
                Ok(Ok(())) => spans.push(span),
                Ok(Err(PolicyError::Retry(error))) => return Err(Failure::Retry { error, span }),
                Ok(Err(PolicyError::Park(detail))) => return Err(Failure::Park { index, detail }),
                Err(_) => {
                    let detail = "a policy panicked".to_owned();
                    return Err(Failure::Park { index, detail });
                }
            }
        }
        tx.notify_on_commit();
        match tx.commit().await {
            // A deferred constraint does not tell which record violates it: halve the batch until
            // that record is alone.
            Err(error) if !crate::db::is_transient(&error) => {
                return Err(Failure::Park {
                    index: records.len() / 2,
                    detail: error.to_string(),
                });
            }
            committed => committed?,
        }
        for span in spans {
            span.in_scope(|| tracing::debug!("consumed"));
        }
        Ok(())
    }

    async fn consume_one(
        &self,
        tx: &mut Tx,
        record: &Record,
        envelope: Result<Envelope, String>,
    ) -> Result<(), PolicyError> {
        let envelope = match envelope {
            Ok(envelope) => envelope,
            Err(detail) => {
                return Ok(park(tx, record, None, ParkReason::Unreadable, &detail).await?);
            }
        };
        if !self.deduplicates {
            return self.policies.react(tx, &envelope, record.payload()).await;
        }
        let service = self.db.service();
        let progress = progress(tx, &envelope).await?;
        let (reason, detail) = match sequencing::decide(envelope.version, progress) {
            // An older build may have parked it as `unknown_type`: apply it if this build knows it.
            Decision::Skip if progress.is_parked => return self.release(tx, &envelope).await,
            Decision::Skip => return Ok(()),
            Decision::Apply if events::is_known_type(&envelope.type_name) => {
                self.apply(tx, &envelope, record.payload()).await?;
                return self.release(tx, &envelope).await;
            }
            Decision::Apply => {
                tracing::warn!(
                    service,
                    event.type = envelope.type_name,
                    "unknown event type, of a newer build: parked"
                );
                (ParkReason::UnknownType, "this build does not know the type")
            }
            Decision::Hold => (
                ParkReason::Held,
                "an earlier record of the aggregate is parked",
            ),
            Decision::Gap => {
                tracing::error!(
                    service,
                    aggregate = %envelope.aggregate_id,
                    version = envelope.version,
                    "an earlier event is missing: parked"
                );
                (
                    ParkReason::Gap,
                    "an earlier version of the aggregate is missing",
                )
            }
        };
        park(tx, record, Some(&envelope), reason, detail).await?;
        if reason == ParkReason::Held {
            // An older replica may have parked the earlier record as `unknown_type`: apply it, and
            // then this one, if its type is known here.
            self.release(tx, &envelope).await?;
        }
        Ok(())
    }

    /// Moves progress to the next event of an aggregate, and runs its policies.
    async fn apply(
        &self,
        tx: &mut Tx,
        envelope: &Envelope,
        payload: &[u8],
    ) -> Result<(), PolicyError> {
        let moved = sqlx::query(
            "insert into progress (aggregatetype, aggregateid, version)
             select $1, $2, $3 where $3 = 1 or exists (
                 select 1 from progress where aggregateid = $2 and aggregatetype = $1)
             on conflict (aggregateid, aggregatetype) do update set version = excluded.version
                 where progress.version = excluded.version - 1",
        )
        .bind(&envelope.aggregate_type)
        .bind(envelope.aggregate_id)
        .bind(envelope.version)
        .execute(&mut **tx)
        .await?
        .rows_affected();
        if moved != 1 {
            // Another member consumed it between our select and our update.
            return Err(PolicyError::Retry(anyhow::anyhow!(
                "the progress of {} has moved",
                envelope.aggregate_id
            )));
        }
        let now = tx.now();
        let inserted = sqlx::query(
            "insert into inbox (event_id, received_at) values ($1, $2) on conflict do nothing",
        )
        .bind(envelope.id)
        .bind(now)
        .execute(&mut **tx)
        .await?
        .rows_affected();
        if inserted == 0 {
            return Ok(());
        }
        self.policies.react(tx, envelope, payload).await
    }

    /// Applies the parked records that are next in order, after the given event of their aggregate.
    async fn release(&self, tx: &mut Tx, after: &Envelope) -> Result<(), PolicyError> {
        self.release_aggregate(tx, &after.aggregate_type, after.aggregate_id)
            .await
    }

    async fn release_aggregate(
        &self,
        tx: &mut Tx,
        aggregate_type: &str,
        aggregate_id: Uuid,
    ) -> Result<(), PolicyError> {
        while let Some((id, record)) = next_parked(tx, aggregate_type, aggregate_id).await? {
            let envelope = kafka::envelope(&record.headers).map_err(PolicyError::Park)?;
            if !events::is_known_type(&envelope.type_name) {
                return Ok(());
            }
            sqlx::query("savepoint parked").execute(&mut **tx).await?;
            let (context, span) = record.span(Some(&envelope));
            let applied = self.apply(tx, &envelope, record.payload());
            match trace::instrument(context, span.clone(), applied).await {
                Ok(()) => {
                    sqlx::query("delete from parked where id = $1")
                        .bind(id)
                        .execute(&mut **tx)
                        .await?;
                    sqlx::query("release savepoint parked")
                        .execute(&mut **tx)
                        .await?;
                }
                // The parked record itself is refused, not the one before it: it stays, and holds
                // the later ones.
                Err(PolicyError::Park(detail)) => {
                    sqlx::query("rollback to savepoint parked")
                        .execute(&mut **tx)
                        .await?;
                    span.in_scope(|| {
                        tracing::error!(
                            service = self.db.service(),
                            aggregate = %aggregate_id,
                            detail,
                            "a parked record was refused"
                        );
                    });
                    sqlx::query("update parked set reason = $2, detail = $3 where id = $1")
                        .bind(id)
                        .bind(ParkReason::Refused.as_str())
                        .bind(storable(&detail))
                        .execute(&mut **tx)
                        .await?;
                    return Ok(());
                }
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    /// Releases what an older build parked with an unknown type, if this build knows the type.
    pub(crate) async fn release_known(&self) -> Result<(), PolicyError> {
        let aggregates: Vec<(String, Uuid)> = sqlx::query_as(
            "select distinct aggregatetype, aggregateid from parked
             where reason = 'unknown_type' and type = any($1)",
        )
        .bind(events::TYPES.map(str::to_owned).to_vec())
        .fetch_all(self.db.pool())
        .await?;
        for (aggregate_type, aggregate_id) in aggregates {
            let mut tx = self.db.begin().await?;
            let released = self.release_aggregate(&mut tx, &aggregate_type, aggregate_id);
            match released.await {
                Ok(()) => tx.commit().await?,
                Err(PolicyError::Park(detail)) => {
                    tracing::error!(
                        service = self.db.service(),
                        aggregate = %aggregate_id,
                        detail,
                        "a parked record cannot be released"
                    );
                }
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    /// Parks a refused record in a transaction of its own; `false` when that failed.
    async fn park_refused(&self, record: &Record, detail: &str) -> bool {
        let envelope = kafka::envelope(&record.headers).ok();
        let (context, span) = record.span(envelope.as_ref());
        let parked = async {
            tracing::error!(
                service = self.db.service(),
                topic = record.topic,
                partition = record.partition,
                offset = record.offset,
                detail,
                "a record was refused: parked"
            );
            let mut tx = self.db.begin().await?;
            park(
                &mut tx,
                record,
                envelope.as_ref(),
                ParkReason::Refused,
                detail,
            )
            .await?;
            tx.commit().await
        };
        let parked = trace::instrument(context, span.clone(), parked).await;
        span.in_scope(|| {
            parked
                .inspect_err(|error| {
                    tracing::warn!(service = self.db.service(), %error, "cannot park a record yet");
                })
                .is_ok()
        })
    }
}

/// The parked record that is next in its aggregate's order.
async fn next_parked(
    tx: &mut Tx,
    aggregate_type: &str,
    aggregate_id: Uuid,
) -> Result<Option<(i64, Record)>, sqlx::Error> {
    type Row = (i64, String, i32, i64, Value, Option<Vec<u8>>);
    let row: Option<Row> = sqlx::query_as(
        "select parked.id, topic, partition, \"offset\", headers, payload
         from parked left join progress using (aggregatetype, aggregateid)
         where aggregatetype = $1 and aggregateid = $2
           and parked.version = coalesce(progress.version, 0) + 1
           and reason in ('gap', 'held', 'unknown_type')",
    )
    .bind(aggregate_type)
    .bind(aggregate_id)
    .fetch_optional(&mut **tx)
    .await?;
    let Some((id, topic, partition, offset, Value::Object(headers), payload)) = row else {
        return Ok(None);
    };
    let record = Record {
        topic,
        partition,
        offset,
        key: None,
        headers,
        payload: payload.map(Into::into),
    };
    Ok(Some((id, record)))
}

async fn progress(tx: &mut Tx, envelope: &Envelope) -> Result<AggregateProgress, sqlx::Error> {
    let (version, is_parked, has_parked): (i64, bool, bool) = sqlx::query_as(
        "select coalesce((select version from progress
                          where aggregatetype = $1 and aggregateid = $2), 0),
                exists (select 1 from parked where aggregateid = $2 and event_id = $3),
                exists (select 1 from parked
                        where aggregateid = $2 and version is distinct from $4)",
    )
    .bind(&envelope.aggregate_type)
    .bind(envelope.aggregate_id)
    .bind(envelope.id)
    .bind(envelope.version)
    .fetch_one(&mut **tx)
    .await?;
    Ok(AggregateProgress {
        version,
        is_parked,
        has_parked,
    })
}
