//! The assigner: one leader fills the queue, oldest match first, and publishes `SalesmanMatched`.
//! Before, it returns the matches of people who left to the queue: `SalesmanUnmatched`.
//!
//! Every commit of this process wakes it; without one it polls every [`POLL_INTERVAL`], so that
//! the queue also moves when a leave begins or ends. The lock on assignments keeps it and staff
//! from using the same free capacity.

use std::time::Duration;

use chrono::NaiveDate;
use events::{Actor, PersonRole};
use service_kit::clock::seoul_date;
use service_kit::messaging::leader::{self, Duty, Lease};
use service_kit::{Context, Db, Tx};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use crate::failures::{BATCH, Failures, rest_of_batch};
use crate::hand_over::hand_over;
use crate::salesman_match::SalesmanMatch;
use crate::store::queue::{self, Fillable};
use crate::store::{matches, projections};
use crate::strategy::{Candidate, Choices, Request, choose};

const POLL_INTERVAL: Duration = Duration::from_millis(500);

struct Assigner {
    db: Db,
    committed: watch::Receiver<u64>,
    stop: CancellationToken,
    failures: Failures,
}

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

/// Changes up to [`BATCH`] matches in one transaction, and returns how many.
///
/// Nothing is filled before everything of people who left is back in the queue, so that the oldest
/// match is filled first: rows that another transaction has locked are waited for until a later
/// call. A match that fails because of its own data is skipped.
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
    let handed_over = hand_over(&mut tx, today, failures).await?;
    let mut changed = handed_over.changed;
    if changed == 0 && !handed_over.has_more {
        changed = fill(&mut tx, today, failures).await?;
    }
    tx.commit().await?;
    Ok(changed)
}

async fn fill(
    tx: &mut Tx,
    today: NaiveDate,
    failures: &mut Failures,
) -> Result<usize, sqlx::Error> {
    let mut roster = projections::roster(tx).await?;
    let (mut changed, mut skipped) = (0, Vec::new());
    while changed < BATCH {
        let has = |role| roster.iter().any(|person| person.is_eligible(role, today));
        let fillable = Fillable {
            has_salesman: has(PersonRole::Salesman),
            has_consultant: has(PersonRole::Consultant),
            skipped: &skipped,
            limit: rest_of_batch(changed),
        };
        let waiting = queue::lock_waiting(tx, fillable).await?;
        if waiting.is_empty() {
            break;
        }
        for (id, decoded) in waiting {
            queue::execute(tx, queue::SAVEPOINT).await?;
            let assigned = match decoded {
                Ok(salesman_match) => assign(tx, salesman_match, &mut roster, today).await,
                Err(error) => Err(error),
            };
            if failures.settle(tx, id, assigned).await? {
                changed += 1;
            } else {
                // It failed, or an older match took the last free capacity.
                skipped.push(id);
            }
        }
    }
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
