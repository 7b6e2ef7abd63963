//! `HandOver`: as soon as a salesman or consultant is inactive, or on a leave with hand-over (인계),
//! their open matches return to the queue, each in its old place. Causes `SalesmanUnmatched`.
//!
//! Decided from the roster at that time, not from the event that changed it: a leave can begin
//! later, and a person who is back before anything was handed over keeps everything.

use chrono::NaiveDate;
use events::{Actor, SalesmanId};
use service_kit::Tx;

use crate::failures::{BATCH, Failures, rest_of_batch};
use crate::salesman_match::{Command, SalesmanMatch};
use crate::store::{hand_over as store, projections, queue};

/// What one unit of work handed over.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct HandedOver {
    /// The number of matches that were returned to the queue.
    pub(crate) changed: usize,
    /// Whether others have to be handed over later, before anything is filled: their rows were
    /// locked, or there are more than [`BATCH`].
    pub(crate) has_more: bool,
}

/// Returns up to [`BATCH`] matches to the queue, oldest first.
pub(crate) async fn hand_over(
    tx: &mut Tx,
    today: NaiveDate,
    failures: &mut Failures,
) -> Result<HandedOver, sqlx::Error> {
    let people = projections::may_hand_over(tx).await?.into_iter();
    let people: Vec<SalesmanId> = people
        .filter(|person| person.hands_over(today))
        .map(|person| person.person.id)
        .collect();
    let (mut changed, mut skipped) = (0, Vec::new());
    while changed < BATCH && !people.is_empty() {
        let open = store::lock_open(tx, &people, &skipped, rest_of_batch(changed)).await?;
        if open.is_empty() {
            break;
        }
        for (id, decoded) in open {
            queue::execute(tx, queue::SAVEPOINT).await?;
            let returned = match decoded {
                Ok(salesman_match) => return_to_queue(tx, salesman_match, &people).await,
                Err(error) => Err(error),
            };
            if failures.settle(tx, id, returned).await? {
                changed += 1;
            } else {
                skipped.push(id);
            }
        }
    }
    let has_more = !people.is_empty() && store::has_open(tx, &people, &skipped).await?;
    Ok(HandedOver { changed, has_more })
}

async fn return_to_queue(
    tx: &mut Tx,
    mut salesman_match: SalesmanMatch,
    people: &[SalesmanId],
) -> Result<bool, sqlx::Error> {
    let command = Command::HandOver {
        left: people.to_vec(),
    };
    // Never refused.
    let Ok(Some(change)) = salesman_match.handle(command, Actor::System) else {
        return Ok(false);
    };
    salesman_match.apply(&change);
    store::save(tx, &salesman_match, &change).await?;
    Ok(true)
}
