//! Records into inbox, progress and policies, in one transaction.

use std::panic::AssertUnwindSafe;
use std::time::Duration;

use events::Envelope;
use futures_util::FutureExt as _;
use serde_json::Value;
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use crate::messaging::kafka;
use crate::messaging::parked::{Parked, park, storable};
use crate::messaging::policy::{Policies, PolicyError};
use crate::messaging::record::Record;
use crate::messaging::sequencing::{self, Known, Taking};
use crate::trace;
use crate::{Db, Tx};

/// How long a batch that failed waits before it is tried again: doubled up to the second value.
pub(crate) const MIN_BACKOFF: Duration = Duration::from_millis(50);
pub(crate) const MAX_BACKOFF: Duration = Duration::from_secs(2);

/// Why a batch was not taken in. Nothing of it was committed.
enum Failure {
    /// The batch is tried again as it is.
    Retry(anyhow::Error),
    /// The record at this place is parked, the others are tried again without it.
    Park { index: usize, detail: String },
}

/// What takes records in: shared by the lanes, and by tests that deliver without a broker.
#[derive(Debug)]
pub(crate) struct Intake {
    pub(crate) db: Db,
    pub(crate) policies: Policies,
    deduplicates: bool,
    /// Catching up after an outage must leave connections to those who ask.
    at_once: Semaphore,
}

/// Batches that may be taken in at once: half of the pool.
const AT_ONCE: usize = 6;

/// How long one batch may take before its connection counts as lost. Longer than any statement may take on the server's side.
const BATCH_PATIENCE: Duration = Duration::from_secs(30);

impl Intake {
    pub(crate) fn new(db: Db, policies: Policies, deduplicates: bool) -> Self {
        Self {
            db,
            policies,
            deduplicates,
            at_once: Semaphore::new(AT_ONCE),
        }
    }

    /// Takes the records in, in order, however long it takes. `false`: told to stop before it was done.
    pub(crate) async fn take(&self, records: &[Record], stop: &CancellationToken) -> bool {
        let mut pause = MIN_BACKOFF;
        let mut rest = records;
        let mut size = rest.len();
        while !rest.is_empty() {
            let batch = &rest[..size.min(rest.len())];
            match self.take_bounded(batch).await {
                Ok(()) => {
                    rest = &rest[batch.len()..];
                    size = rest.len();
                    pause = MIN_BACKOFF;
                    continue;
                }
                Err(Failure::Park { index: 0, detail }) => {
                    match self.park_one(&batch[0], &detail).await {
                        Ok(()) => {
                            rest = &rest[1..];
                            size = rest.len();
                            continue;
                        }
                        Err(error) => {
                            tracing::warn!(
                                service = self.db.service(),
                                error = format!("{error:#}"),
                                "cannot park a record yet"
                            );
                        }
                    }
                }
                // What lies before the culprit is taken in without it; then the culprit is first.
                Err(Failure::Park { index, .. }) => {
                    size = index;
                    continue;
                }
                Err(Failure::Retry(error)) => {
                    tracing::warn!(
                        service = self.db.service(),
                        records = batch.len(),
                        error = format!("{error:#}"),
                        "a batch will be tried again"
                    );
                }
            }
            tokio::select! {
                () = stop.cancelled() => return false,
                () = tokio::time::sleep(pause) => pause = (pause * 2).min(MAX_BACKOFF),
            }
        }
        true
    }

    async fn take_bounded(&self, records: &[Record]) -> Result<(), Failure> {
        let _place = self
            .at_once
            .acquire()
            .await
            .map_err(|error| Failure::Retry(error.into()))?;
        let taken = tokio::time::timeout(BATCH_PATIENCE, self.take_batch(records)).await;
        taken.unwrap_or_else(|late| Err(Failure::Retry(late.into())))
    }

    async fn take_batch(&self, records: &[Record]) -> Result<(), Failure> {
        let retry = |error: sqlx::Error| Failure::Retry(error.into());
        let mut tx = self.db.begin().await.map_err(retry)?;
        for (index, record) in records.iter().enumerate() {
            // A policy that panics on a record must not take the process, and after its restart the next one, with it.
            let taken = AssertUnwindSafe(self.take_one(&mut tx, record))
                .catch_unwind()
                .await;
            let taken =
                taken.unwrap_or_else(|_| Err(PolicyError::Park("a policy panicked".to_owned())));
            taken.map_err(|error| match error {
                PolicyError::Retry(error) => Failure::Retry(error),
                PolicyError::Park(detail) => Failure::Park { index, detail },
            })?;
        }
        tx.notify_on_commit();
        match tx.commit().await {
            Ok(()) => Ok(()),
            // A deferred constraint: the culprit is unknown, so halve until it stands alone at the front.
            Err(error) if !crate::db::is_transient(&error) => Err(Failure::Park {
                index: records.len() / 2,
                detail: error.to_string(),
            }),
            Err(error) => Err(retry(error)),
        }
    }

    async fn take_one(&self, tx: &mut Tx, record: &Record) -> Result<(), PolicyError> {
        let envelope = match kafka::envelope(&record.headers) {
            Ok(envelope) if self.deduplicates => envelope,
            Ok(envelope) => {
                return self
                    .apply(tx, &envelope, record.payload.as_deref().unwrap_or_default())
                    .await;
            }
            Err(detail) => return Ok(park(tx, record, None, Parked::Unreadable, &detail).await?),
        };
        let known = known(tx, &envelope).await?;
        match sequencing::decide(envelope.version, known) {
            // An older build may have kept it aside: this one may know its type.
            Taking::Drop if known.parked_itself => {
                self.release(tx, &envelope.aggregate_type, envelope.aggregate_id)
                    .await
            }
            Taking::Drop => Ok(()),
            Taking::Hold => {
                park(
                    tx,
                    record,
                    Some(&envelope),
                    Parked::Held,
                    "an earlier record of its aggregate is parked",
                )
                .await?;
                // What an older replica kept aside may be what this build waits behind.
                self.release(tx, &envelope.aggregate_type, envelope.aggregate_id)
                    .await
            }
            Taking::Gap => {
                tracing::error!(
                    service = self.db.service(), aggregate = %envelope.aggregate_id, version = envelope.version,
                    "an event is missing before this one: parked"
                );
                Ok(park(
                    tx,
                    record,
                    Some(&envelope),
                    Parked::Gap,
                    "an earlier version of its aggregate is missing",
                )
                .await?)
            }
            Taking::Apply if !events::is_known_type(&envelope.type_name) => {
                tracing::warn!(service = self.db.service(), event.type = envelope.type_name, "a type of a newer build: kept aside");
                Ok(park(
                    tx,
                    record,
                    Some(&envelope),
                    Parked::UnknownType,
                    "this build does not know the type",
                )
                .await?)
            }
            Taking::Apply => {
                self.apply_next(tx, &envelope, record.payload.as_deref().unwrap_or_default())
                    .await?;
                self.release(tx, &envelope.aggregate_type, envelope.aggregate_id)
                    .await
            }
        }
    }

    /// Inbox, progress and effects of the next event of an aggregate.
    async fn apply_next(
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
            // Another member took it in between our look and our update: look again.
            return Err(PolicyError::Retry(anyhow::anyhow!(
                "progress of {} moved meanwhile",
                envelope.aggregate_id
            )));
        }
        let now = tx.now();
        let fresh = sqlx::query(
            "insert into inbox (event_id, received_at) values ($1, $2) on conflict do nothing",
        )
        .bind(envelope.id)
        .bind(now)
        .execute(&mut **tx)
        .await?
        .rows_affected();
        if fresh == 0 {
            return Ok(());
        }
        self.apply(tx, envelope, payload).await
    }

    async fn apply(
        &self,
        tx: &mut Tx,
        envelope: &Envelope,
        payload: &[u8],
    ) -> Result<(), PolicyError> {
        trace::within(
            envelope.traceparent.clone(),
            self.policies.react(tx, envelope, payload),
        )
        .await
    }

    /// Applies what was parked behind a record that has just been applied, as far as it is next in order.
    async fn release(
        &self,
        tx: &mut Tx,
        aggregate_type: &str,
        aggregate_id: Uuid,
    ) -> Result<(), PolicyError> {
        loop {
            let next: Option<(i64, Value, Option<Vec<u8>>)> = sqlx::query_as(
                "select parked.id, parked.headers, parked.payload
                 from parked left join progress using (aggregatetype, aggregateid)
                 where aggregatetype = $1 and aggregateid = $2
                   and parked.version = coalesce(progress.version, 0) + 1 and reason in ('gap', 'held', 'unknown_type')",
            )
            .bind(aggregate_type)
            .bind(aggregate_id)
            .fetch_optional(&mut **tx)
            .await?;
            let Some((id, Value::Object(headers), payload)) = next else {
                return Ok(());
            };
            let envelope = kafka::envelope(&headers).map_err(PolicyError::Park)?;
            if !events::is_known_type(&envelope.type_name) {
                return Ok(());
            }
            sqlx::query("savepoint parked").execute(&mut **tx).await?;
            match self
                .apply_next(tx, &envelope, payload.as_deref().unwrap_or_default())
                .await
            {
                Ok(()) => {
                    sqlx::query("delete from parked where id = $1")
                        .bind(id)
                        .execute(&mut **tx)
                        .await?;
                    sqlx::query("release savepoint parked")
                        .execute(&mut **tx)
                        .await?;
                }
                // It is at fault itself, and not the record that it waited for: it stays, and what is behind it too.
                Err(PolicyError::Park(detail)) => {
                    sqlx::query("rollback to savepoint parked")
                        .execute(&mut **tx)
                        .await?;
                    tracing::error!(service = self.db.service(), aggregate = %aggregate_id, detail, "a parked record was refused");
                    sqlx::query("update parked set reason = $2, detail = $3 where id = $1")
                        .bind(id)
                        .bind(Parked::Refused.as_str())
                        .bind(storable(&detail))
                        .execute(&mut **tx)
                        .await?;
                    return Ok(());
                }
                Err(error) => return Err(error),
            }
        }
    }

    /// Takes in what an older build kept aside and this one knows.
    pub(crate) async fn release_known(&self) -> Result<(), PolicyError> {
        let aside: Vec<(String, Uuid)> = sqlx::query_as(
            "select distinct aggregatetype, aggregateid from parked where reason = 'unknown_type' and type = any($1)",
        )
        .bind(events::TYPES.map(str::to_owned).to_vec())
        .fetch_all(self.db.pool())
        .await?;
        for (aggregate_type, aggregate_id) in aside {
            let mut tx = self.db.begin().await?;
            match self.release(&mut tx, &aggregate_type, aggregate_id).await {
                Ok(()) => tx.commit().await?,
                Err(PolicyError::Park(detail)) => {
                    tracing::error!(service = self.db.service(), aggregate = %aggregate_id, detail, "what was kept aside cannot be taken in");
                }
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    /// Parks a record that the domain refused, in a transaction of its own.
    async fn park_one(&self, record: &Record, detail: &str) -> anyhow::Result<()> {
        let mut tx = self.db.begin().await?;
        let envelope = kafka::envelope(&record.headers).ok();
        tracing::error!(
            service = self.db.service(),
            topic = record.topic,
            partition = record.partition,
            offset = record.offset,
            detail,
            "a record was refused: parked"
        );
        park(&mut tx, record, envelope.as_ref(), Parked::Refused, detail).await?;
        tx.commit().await?;
        Ok(())
    }
}

async fn known(tx: &mut Tx, envelope: &Envelope) -> Result<Known, sqlx::Error> {
    let (last, parked_itself, parked_any): (i64, bool, bool) = sqlx::query_as(
        "select coalesce((select version from progress where aggregatetype = $1 and aggregateid = $2), 0),
                exists (select 1 from parked where aggregateid = $2 and event_id = $3),
                exists (select 1 from parked where aggregateid = $2 and version is distinct from $4)",
    )
    .bind(&envelope.aggregate_type)
    .bind(envelope.aggregate_id)
    .bind(envelope.id)
    .bind(envelope.version)
    .fetch_one(&mut **tx)
    .await?;
    Ok(Known {
        last,
        parked_itself,
        parked_any,
    })
}
