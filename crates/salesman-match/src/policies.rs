//! What other services' events do here.

use events::{ConsultationCreated, InterestCreated, Origin, SalesmanRegistered};
use service_kit::{PolicyError, Received, Tx};

use crate::store::{self, Requested};

/// `MatchSalesman`: whenever an interest is created, ask for a match, with nobody on it yet.
pub(crate) async fn match_salesman_to_interest(tx: &mut Tx, received: &Received<InterestCreated>) -> Result<(), PolicyError> {
    let event = &received.event;
    let requested = Requested {
        origin: Origin::Interest(event.interest_id),
        project_id: event.project_id,
        project_name: event.project_name.as_deref(),
        customer: &event.customer,
    };
    Ok(store::request(tx, requested, received.envelope.recorded_at).await?)
}

/// `MatchSalesman`: whenever a consultation is created, ask for a match, with nobody on it yet.
pub(crate) async fn match_salesman_to_consultation(
    tx: &mut Tx,
    received: &Received<ConsultationCreated>,
) -> Result<(), PolicyError> {
    let event = &received.event;
    let requested = Requested {
        origin: Origin::Consultation(event.consultation_id),
        project_id: event.project_id,
        project_name: event.project_name.as_deref(),
        customer: &event.customer,
    };
    Ok(store::request(tx, requested, received.envelope.recorded_at).await?)
}

/// `KeepSalesmen`: whenever a salesman or consultant is registered, keep him on the roster.
pub(crate) async fn keep_salesmen(tx: &mut Tx, received: &Received<SalesmanRegistered>) -> Result<(), PolicyError> {
    Ok(store::keep_salesman(tx, &received.event).await?)
}
