//! What other services' events do here.

use events::SalesmanMatched;
use service_kit::{PolicyError, Received, Tx};

use crate::store;

/// `NotifySalesman`: whenever people are matched, tell those who are on it and were not before, and those who no longer are.
pub(crate) async fn notify_salesman(tx: &mut Tx, received: &Received<SalesmanMatched>) -> Result<(), PolicyError> {
    let event = &received.event;
    for (kind, people) in [("assigned", event.newcomers()), ("taken_away", event.leavers())] {
        for person in people {
            store::notify(tx, person, kind, received.envelope.id, event).await?;
        }
    }
    Ok(())
}
