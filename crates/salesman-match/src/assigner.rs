//! One leader takes the oldest open matches, chooses, edits the row and publishes `SalesmanMatched`.
//!
//! It is woken by every commit of this process and looks by itself every [`LOOK`]; the same loop serves the queue when somebody becomes free.
//! One leader and one lock on the rows: nobody is given more than he can hold, and nobody is given twice.

use std::time::Duration;

use events::{Actor, Strategy};
use service_kit::leader::{self, Duty, Lease};
use service_kit::{Context, Db};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use crate::salesman_match::Command;
use crate::store::{self, Roster};
use crate::strategy::phone_suffix;

/// How often it looks without being woken: another replica may have taken a request in.
const LOOK: Duration = Duration::from_millis(500);

struct Assigner {
    db: Db,
    bell: watch::Receiver<u64>,
    stop: CancellationToken,
}

/// Assigns until told to stop.
pub(crate) async fn run(context: Context, stop: CancellationToken) {
    let mut assigner = Assigner { bell: context.db.committed(), db: context.db.clone(), stop: stop.clone() };
    leader::lead(&context.db, &stop, &mut assigner).await;
}

impl Duty for Assigner {
    const NAME: &'static str = "assigner";

    async fn lead(&mut self, lease: &mut Lease) -> anyhow::Result<()> {
        self.bell.mark_unchanged();
        lease.beat().await?;
        if assign_waiting(&self.db, Some(lease)).await? > 0 {
            return Ok(());
        }
        tokio::select! {
            () = self.stop.cancelled() => {}
            changed = self.bell.changed() => changed?,
            () = tokio::time::sleep(LOOK) => {}
        }
        Ok(())
    }
}

/// Fills the places that can be filled, oldest first, in one unit of work; tells how many matches it edited.
pub(crate) async fn assign_waiting(db: &Db, lease: Option<&Lease>) -> Result<usize, sqlx::Error> {
    let mut tx = db.begin().await?;
    if let Some(lease) = lease {
        lease.fence(&mut tx).await?;
    }
    store::alone(&mut tx).await?;
    let mut roster = store::roster(&mut tx).await?;
    let waiting = store::lock_waiting(&mut tx, roster.has_salesman(), roster.has_consultant()).await?;
    let mut edited = 0;
    for mut it in waiting {
        let four = it.customer.last_four;
        let salesman = if it.salesman.is_none() { phone_suffix(four, &roster.salesmen) } else { None };
        let consultant = if it.consultant.is_none() { phone_suffix(four, &roster.consultants) } else { None };
        let reason = store::Reasons {
            salesman: salesman.as_ref().map(|(_, why)| why),
            consultant: consultant.as_ref().map(|(_, why)| why),
        };
        let (salesman, consultant) = (salesman.as_ref().map(|(who, _)| who), consultant.as_ref().map(|(who, _)| who));
        let command = Command::MatchSalesman {
            salesman: salesman.cloned(),
            consultant: consultant.cloned(),
            strategy: Strategy::PhoneSuffix,
        };
        // A refusal here means that only a consultant is free: the match waits for its salesman.
        if let Ok(Some(event)) = it.handle(command, Actor::System) {
            it.apply(&event);
            store::save_matched(&mut tx, &it, &event, &reason).await?;
            Roster::count(&mut roster.salesmen, salesman);
            Roster::count(&mut roster.consultants, consultant);
            edited += 1;
        }
    }
    tx.commit().await?;
    Ok(edited)
}
