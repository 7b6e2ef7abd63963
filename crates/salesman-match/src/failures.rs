//! A unit of work over many matches, in which each can fail alone.

use std::collections::HashSet;

use service_kit::Tx;
use service_kit::db::is_transient;
use uuid::Uuid;

use crate::store::queue;

/// The maximum number of matches per transaction. Postgres caches 64 subtransactions (savepoints)
/// of a transaction; beyond that they become slow.
pub(crate) const BATCH: usize = 60;

/// [`BATCH`] without what was changed already.
pub(crate) fn rest_of_batch(changed: usize) -> i64 {
    i64::try_from(BATCH.saturating_sub(changed)).unwrap_or(1)
}

/// Ids of matches whose failure is logged already, so that it is logged once and not on each poll.
#[derive(Debug, Default)]
pub(crate) struct Failures(HashSet<Uuid>);

impl Failures {
    /// Ends the work on one match, which began with [`queue::SAVEPOINT`]. A failure of its own data
    /// is undone and logged, and changes nothing. A transient error is returned.
    pub(crate) async fn settle(
        &mut self,
        tx: &mut Tx,
        id: Uuid,
        changed: Result<bool, sqlx::Error>,
    ) -> Result<bool, sqlx::Error> {
        let changed = match changed {
            Ok(changed) => changed,
            Err(error) if is_transient(&error) => return Err(error),
            Err(error) => {
                queue::execute(tx, queue::ROLLBACK).await?;
                if self.0.insert(id) {
                    tracing::error!(
                        salesman_match.id = %id,
                        %error,
                        "cannot change the people of a match, skipping it"
                    );
                }
                false
            }
        };
        queue::execute(tx, queue::RELEASE).await?;
        Ok(changed)
    }
}
