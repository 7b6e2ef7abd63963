//! One leader takes the oldest open matches, chooses, edits the row and publishes `SalesmanMatched`.
//!
//! It is woken by every commit of this process and looks by itself every [`LOOK`]; the same loop serves the queue when somebody becomes free.
//! One leader and one lock on the rows: nobody is given more than he can hold, and nobody is given twice.

use std::collections::HashSet;
use std::time::Duration;

use chrono::NaiveDate;
use events::{Actor, CustomerRef};
use service_kit::clock::seoul_date;
use service_kit::db::is_transient;
use service_kit::messaging::leader::{self, Duty, Lease};
use service_kit::{Context, Db, Tx};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use crate::salesman_match::{Command, SalesmanMatch};
use crate::store::copies::{self, Roster};
use crate::store::queue::{self, Fillable};
use crate::store::{self, Reasons};
use crate::strategy::{Request, choose};

/// How often it looks without being woken: another replica may have taken a request in, and somebody may be back from leave.
const LOOK: Duration = Duration::from_millis(500);

/// How many matches one unit of work edits at most: below the 64 savepoints of one transaction that Postgres keeps at hand.
const BATCH: usize = 60;

struct Assigner {
    db: Db,
    bell: watch::Receiver<u64>,
    stop: CancellationToken,
    faulty: Faulty,
}

/// Matches that could not be served, so that each is told of once, and not at every look.
#[derive(Debug, Default)]
pub(crate) struct Faulty(HashSet<Uuid>);

/// Assigns until told to stop.
pub(crate) async fn run(context: Context, stop: CancellationToken) {
    let bell = context.db.committed();
    let mut assigner = Assigner {
        bell,
        db: context.db.clone(),
        stop: stop.clone(),
        faulty: Faulty::default(),
    };
    leader::lead(&context.db, &stop, &mut assigner).await;
}

impl Duty for Assigner {
    const NAME: &'static str = "assigner";

    async fn lead(&mut self, lease: &mut Lease) -> anyhow::Result<()> {
        self.bell.mark_unchanged();
        lease.beat().await?;
        if assign_waiting(&self.db, Some(lease), &mut self.faulty).await? > 0 {
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
///
/// A match that is at fault itself is passed over, and the others go on.
pub(crate) async fn assign_waiting(
    db: &Db,
    lease: Option<&Lease>,
    faulty: &mut Faulty,
) -> Result<usize, sqlx::Error> {
    let mut tx = db.begin().await?;
    if let Some(lease) = lease {
        lease.fence(&mut tx).await?;
    }
    store::alone(&mut tx).await?;
    let today = seoul_date(tx.now());
    let mut roster = copies::roster(&mut tx).await?;
    let (mut edited, mut passed_over) = (0, Vec::new());
    while edited < BATCH {
        let fillable = Fillable {
            has_salesman: Roster::has_any(&roster.salesmen, today),
            has_consultant: Roster::has_any(&roster.consultants, today),
            passed_over: &passed_over,
            limit: i64::try_from(BATCH - edited).unwrap_or(1),
        };
        let waiting = queue::lock_waiting(&mut tx, fillable).await?;
        if waiting.is_empty() {
            break;
        }
        for (id, it) in waiting {
            queue::mark(&mut tx).await?;
            let assigned = match it {
                Ok(it) => assign(&mut tx, it, &mut roster, today).await,
                Err(unreadable) => Err(unreadable),
            };
            match assigned {
                Ok(true) => edited += 1,
                // Those before it took the last who were free.
                Ok(false) => passed_over.push(id),
                Err(error) if is_transient(&error) => return Err(error),
                Err(error) => {
                    queue::back_to_mark(&mut tx).await?;
                    passed_over.push(id);
                    if faulty.0.insert(id) {
                        tracing::error!(salesman_match.id = %id, %error, "a match cannot be served: the others go on");
                    }
                }
            }
            queue::forget_mark(&mut tx).await?;
        }
    }
    tx.commit().await?;
    Ok(edited)
}

/// Fills the free places of one match; `false`: nobody is left for them.
async fn assign(
    tx: &mut Tx,
    mut it: SalesmanMatch,
    roster: &mut Roster,
    today: NaiveDate,
) -> Result<bool, sqlx::Error> {
    // An erased customer's match is closed, and waits for nobody.
    let Some(CustomerRef {
        customer_id,
        last_four,
    }) = it.customer
    else {
        return Ok(false);
    };
    let history = store::history(tx, customer_id).await?;
    let request = |had, brought_by| Request {
        last_four,
        had,
        brought_by,
        today,
    };
    let salesman = match it.salesman {
        None => choose(request(&history.salesmen, it.brought_by), &roster.salesmen),
        Some(_) => None,
    };
    let consultant = match it.consultant {
        None => choose(request(&history.consultants, None), &roster.consultants),
        Some(_) => None,
    };
    // What chose the consultant alone says nothing of the salesman: the match keeps what is told of him.
    let Some(decided) = salesman
        .as_ref()
        .or(consultant.as_ref())
        .map(|choice| choice.reason.rule)
    else {
        return Ok(false);
    };
    let (salesman, why_salesman) = salesman
        .map(|choice| (choice.person, choice.reason))
        .unzip();
    let (consultant, why_consultant) = consultant
        .map(|choice| (choice.person, choice.reason))
        .unzip();
    let command = Command::MatchSalesman {
        salesman: salesman.clone(),
        consultant: consultant.clone(),
        strategy: decided.strategy(),
    };
    // A refusal here means that only a consultant is free: the match waits for its salesman.
    let Ok(Some(change)) = it.handle(command, Actor::System) else {
        return Ok(false);
    };
    it.apply(&change);
    store::save_matched(
        tx,
        &it,
        &change,
        &Reasons {
            salesman: why_salesman,
            consultant: why_consultant,
        },
    )
    .await?;
    Roster::count(&mut roster.salesmen, salesman.as_ref());
    Roster::count(&mut roster.consultants, consultant.as_ref());
    Ok(true)
}
