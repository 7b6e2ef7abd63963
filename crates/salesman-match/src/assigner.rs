//! The assigner: one leader fills the queue, oldest match first, and publishes `SalesmanMatched`.
//!
//! Every commit of this process wakes it; without one it polls every [`POLL_INTERVAL`], so that
//! the queue also moves when a person is back from leave. The lock on assignments keeps it and
//! staff from using the same free capacity.

use std::collections::HashSet;
use std::time::Duration;

use chrono::NaiveDate;
use events::{Actor, PersonRole};
use service_kit::clock::seoul_date;
use service_kit::db::is_transient;
use service_kit::messaging::leader::{self, Duty, Lease};
use service_kit::{Context, Db, Tx};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use crate::salesman_match::SalesmanMatch;
use crate::store::queue::{self, Fillable};
use crate::store::{matches, projections};
use crate::strategy::{Candidate, Choices, Request, choose};

const POLL_INTERVAL: Duration = Duration::from_millis(500);

/// The maximum number of matches per transaction. Postgres caches 64 subtransactions (savepoints)
/// of a transaction; beyond that they become slow.
const BATCH: usize = 60;

struct Assigner {
    db: Db,
    committed: watch::Receiver<u64>,
    stop: CancellationToken,
    failures: Failures,
}

/// Ids of matches whose failure is logged already, so that it is logged once and not on each poll.
#[derive(Debug, Default)]
pub(crate) struct Failures(HashSet<Uuid>);

/// Runs until `stop` is cancelled. Assigns while this instance is the leader.
pub async fn run(context: Context, stop: CancellationToken) {
    let mut assigner = Assigner {
        committed: context.db.committed(),
        db: context.db.clone(),
        stop: stop.clone(),
        failures: Failures::default(),
    };
    leader::lead(&context.db, &stop, &mut assigner).await;
}

impl Duty for Assigner {
    const NAME: &'static str = "assigner";

    async fn lead(&mut self, lease: &mut Lease) -> anyhow::Result<()> {
        self.committed.mark_unchanged();
        lease.beat().await?;
        if assign_waiting(&self.db, Some(lease), &mut self.failures).await? > 0 {
            return Ok(());
        }
        tokio::select! {
            () = self.stop.cancelled() => {}
            changed = self.committed.changed() => changed?,
            () = tokio::time::sleep(POLL_INTERVAL) => {}
        }
        Ok(())
    }
}

/// Fills up to [`BATCH`] matches in one transaction, and returns how many it changed.
///
/// A match that fails because of its own data is skipped.
pub(crate) async fn assign_waiting(
    db: &Db,
    lease: Option<&Lease>,
    failures: &mut Failures,
) -> Result<usize, sqlx::Error> {
    let mut tx = db.begin().await?;
    if let Some(lease) = lease {
        lease.fence(&mut tx).await?;
    }
    matches::lock_assignments(&mut tx).await?;
    let today = seoul_date(tx.now());
    let mut roster = projections::roster(&mut tx).await?;
    let (mut changed, mut skipped) = (0, Vec::new());
    while changed < BATCH {
        let has = |role| roster.iter().any(|person| person.is_eligible(role, today));
        let fillable = Fillable {
            has_salesman: has(PersonRole::Salesman),
            has_consultant: has(PersonRole::Consultant),
            skipped: &skipped,
            limit: i64::try_from(BATCH - changed).unwrap_or(1),
        };
        let waiting = queue::lock_waiting(&mut tx, fillable).await?;
        if waiting.is_empty() {
            break;
        }
        for (id, decoded) in waiting {
            queue::execute(&mut tx, queue::SAVEPOINT).await?;
            let assigned = match decoded {
                Ok(salesman_match) => assign(&mut tx, salesman_match, &mut roster, today).await,
                Err(error) => Err(error),
            };
            match assigned {
                Ok(true) => changed += 1,
                // An older match took the last free capacity.
                Ok(false) => skipped.push(id),
                Err(error) if is_transient(&error) => return Err(error),
                Err(error) => {
                    queue::execute(&mut tx, queue::ROLLBACK).await?;
                    skipped.push(id);
                    if failures.0.insert(id) {
                        tracing::error!(
                            salesman_match.id = %id,
                            %error,
                            "cannot assign a match, skipping it"
                        );
                    }
                }
            }
            queue::execute(&mut tx, queue::RELEASE).await?;
        }
    }
    tx.commit().await?;
    Ok(changed)
}

/// Fills the missing roles of one match. `false` if no candidate is eligible any more.
async fn assign(
    tx: &mut Tx,
    mut salesman_match: SalesmanMatch,
    roster: &mut [Candidate],
    today: NaiveDate,
) -> Result<bool, sqlx::Error> {
    let Some(customer) = &salesman_match.customer else {
        // Not reached: the match of an erased customer is closed, and the queue has open ones.
        return Ok(false);
    };
    let history = matches::history(tx, customer.customer_id).await?;
    let choose_for = |role| {
        let request = Request {
            role,
            last_four: customer.last_four,
            history: &history,
            brought_by: salesman_match.brought_by,
            today,
        };
        choose(request, roster)
    };
    let (salesman, consultant) = (&salesman_match.salesman, &salesman_match.consultant);
    let choices = Choices {
        salesman: salesman
            .is_none()
            .then(|| choose_for(PersonRole::Salesman))
            .flatten(),
        consultant: consultant
            .is_none()
            .then(|| choose_for(PersonRole::Consultant))
            .flatten(),
    };
    // A refusal means that only a consultant is eligible: the match waits for a salesman.
    let Ok(Some(change)) = salesman_match.handle(choices.command(), Actor::System) else {
        return Ok(false);
    };
    salesman_match.apply(&change);
    matches::save_matched(tx, &salesman_match, &change, &choices).await?;
    for choice in [choices.salesman, choices.consultant].into_iter().flatten() {
        for candidate in roster
            .iter_mut()
            .filter(|candidate| candidate.person.id == choice.person.id)
        {
            candidate.open += 1;
        }
    }
    Ok(true)
}
