//! Policies: how this service reacts to other services' events.

use events::{
    Actor, ConsultationCreated, ConsultationProgressed, CustomerRef, Envelope, HasEdition,
    HasProfile, InterestCreated, InterestUpdated, Origin, SalesmanId,
};
use service_kit::privacy::erased_customers;
use service_kit::{PolicyError, Received, Tx};

use crate::salesman_match::{Command, SalesmanMatch};
use crate::store::matches::{self, MatchRequest};
use crate::store::projections;

/// The request for a match in an event that creates its origin, or turns it on again.
macro_rules! match_request {
    ($received:ident, $origin:expr) => {
        MatchRequest {
            origin: $origin,
            origin_version: $received.envelope.version,
            project_id: $received.event.project_id,
            project_name: $received.event.project_name.as_deref(),
            customer: &$received.event.customer,
            brought_by: brought_by($received.event.actor),
            at: $received.envelope.recorded_at,
        }
    };
}

/// `MatchSalesman`: whenever an interest is created, request a match, without people at first.
///
/// Causes `SalesmanMatched`, once the assigner has chosen.
pub(crate) async fn match_salesman_to_interest(
    tx: &mut Tx,
    received: &Received<InterestCreated>,
) -> Result<(), PolicyError> {
    let event = &received.event;
    let request = match_request!(received, Origin::Interest(event.interest_id));
    request_match(tx, request).await.map(drop)
}

/// `MatchSalesman`: whenever an interest is turned on again, reopen its match, without people.
///
/// A match that was never closed stays as it is.
pub(crate) async fn match_salesman_to_interest_again(
    tx: &mut Tx,
    received: &Received<InterestUpdated>,
) -> Result<(), PolicyError> {
    let event = &received.event;
    if !event.interested {
        return Ok(());
    }
    let request = match_request!(received, Origin::Interest(event.interest_id));
    if request_match(tx, request).await? {
        return Ok(());
    }
    let command = Command::Reopen {
        origin_version: request.origin_version,
    };
    if let Some(reopened) = change(tx, request.origin, command).await? {
        matches::save_reopened(tx, &reopened, request).await?;
    }
    Ok(())
}

/// `MatchSalesman`: whenever a consultation is created, request a match, without people at first.
pub(crate) async fn match_salesman_to_consultation(
    tx: &mut Tx,
    received: &Received<ConsultationCreated>,
) -> Result<(), PolicyError> {
    let event = &received.event;
    let request = match_request!(received, Origin::Consultation(event.consultation_id));
    request_match(tx, request).await.map(drop)
}

/// Inserts the match, except for a request that predates the customer's erasure. `false` if the
/// origin has a match already.
async fn request_match(tx: &mut Tx, request: MatchRequest<'_>) -> Result<bool, PolicyError> {
    let (customer, origin) = (request.customer.customer_id, request.origin.id());
    Ok(
        erased_customers::predates_erasure(tx, customer, origin, request.at).await?
            || matches::insert(tx, request).await?,
    )
}

/// The salesman who brought the customer in, by entering the request.
fn brought_by(actor: Actor) -> Option<SalesmanId> {
    match actor {
        Actor::Salesman(id) => Some(id),
        Actor::Customer(_) | Actor::Staff(_) | Actor::Consultant(_) | Actor::System => None,
    }
}

/// `CloseMatch`: whenever an interest is turned off, its people have free capacity again.
pub(crate) async fn close_match_of_interest(
    tx: &mut Tx,
    received: &Received<InterestUpdated>,
) -> Result<(), PolicyError> {
    let event = &received.event;
    if event.interested {
        return Ok(());
    }
    let origin = Origin::Interest(event.interest_id);
    close_match(tx, origin, &event.customer, &received.envelope).await
}

/// `CloseMatch`: whenever a consultation is closed, its people have free capacity again.
pub(crate) async fn close_match_of_consultation(
    tx: &mut Tx,
    received: &Received<ConsultationProgressed>,
) -> Result<(), PolicyError> {
    let event = &received.event;
    if !event.to.is_closed() {
        return Ok(());
    }
    let origin = Origin::Consultation(event.consultation_id);
    close_match(tx, origin, &event.customer, &received.envelope).await
}

async fn close_match(
    tx: &mut Tx,
    origin: Origin,
    customer: &CustomerRef,
    envelope: &Envelope,
) -> Result<(), PolicyError> {
    // In the order of an erasure: the customer's lock first, then the row.
    erased_customers::lock_shared(tx, customer.customer_id).await?;
    let command = Command::CloseMatch {
        origin_version: envelope.version,
    };
    if let Some(closed) = change(tx, origin, command).await? {
        matches::save_closed(tx, &closed, envelope.recorded_at).await?;
    }
    Ok(())
}

/// Locks the match of an origin and applies a command. `None` if there is no match, or no change.
async fn change(
    tx: &mut Tx,
    origin: Origin,
    command: Command,
) -> Result<Option<SalesmanMatch>, PolicyError> {
    let Some(mut salesman_match) = matches::lock_by_origin(tx, origin).await? else {
        return Ok(None);
    };
    let change = salesman_match
        .handle(command, Actor::System)
        .map_err(|refusal| PolicyError::Park(refusal.to_string()))?;
    Ok(change.map(|change| {
        salesman_match.apply(&change);
        salesman_match
    }))
}

/// `KeepSalesmen`: whenever a salesman or consultant is registered or updated, update the roster.
pub(crate) async fn keep_salesmen<E: HasProfile>(
    tx: &mut Tx,
    received: &Received<E>,
) -> Result<(), PolicyError> {
    let (id, profile) = received.event.profile();
    let version = received.envelope.version;
    Ok(projections::upsert_salesman(tx, id, profile, version).await?)
}

/// `KeepProjects`: whenever an edition changes, store the name that its matches show.
pub(crate) async fn keep_projects<E: HasEdition>(
    tx: &mut Tx,
    received: &Received<E>,
) -> Result<(), PolicyError> {
    let (id, edition) = received.event.edition();
    let version = received.envelope.version;
    Ok(projections::upsert_project(tx, id, edition, version).await?)
}
