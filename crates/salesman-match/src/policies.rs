//! What other services' events do here.

use chrono::{DateTime, Utc};
use events::{
    Actor, ConsultationCreated, ConsultationProgressed, CustomerRef, Envelope, HasEdition,
    HasProfile, InterestCreated, InterestUpdated, Origin, ProjectId, SalesmanId,
};
use service_kit::privacy::erased_customers;
use service_kit::{PolicyError, Received, Tx};

use crate::salesman_match::Command;
use crate::store::{self, Requested, copies};

/// `MatchSalesman`: whenever an interest is created, ask for a match, with nobody on it yet.
///
/// Causes `SalesmanMatched`, as soon as the assigner has chosen.
pub(crate) async fn match_salesman_to_interest(
    tx: &mut Tx,
    received: &Received<InterestCreated>,
) -> Result<(), PolicyError> {
    let (envelope, event) = (&received.envelope, &received.event);
    let project = (event.project_id, event.project_name.as_deref());
    let requested = requested(
        envelope,
        Origin::Interest(event.interest_id),
        project,
        &event.customer,
        event.actor,
    );
    if !predates_erasure(tx, requested).await? {
        store::request(tx, requested).await?;
    }
    Ok(())
}

/// `MatchSalesman`: whenever an interest is turned on again, open its match again, with nobody on it yet.
///
/// One that was never closed stays as it is.
pub(crate) async fn match_salesman_to_interest_again(
    tx: &mut Tx,
    received: &Received<InterestUpdated>,
) -> Result<(), PolicyError> {
    let (envelope, event) = (&received.envelope, &received.event);
    if !event.interested {
        return Ok(());
    }
    let project = (event.project_id, event.project_name.as_deref());
    let requested = requested(
        envelope,
        Origin::Interest(event.interest_id),
        project,
        &event.customer,
        event.actor,
    );
    if predates_erasure(tx, requested).await? || store::request(tx, requested).await? {
        return Ok(());
    }
    let Some(mut it) = store::lock_of(tx, requested.origin).await? else {
        return Ok(());
    };
    let command = Command::OpenAgain {
        origin_version: requested.origin_version,
    };
    if let Some(change) = it
        .handle(command, Actor::System)
        .map_err(|refusal| PolicyError::Park(refusal.to_string()))?
    {
        it.apply(&change);
        store::save_opened_again(tx, &it, requested).await?;
    }
    Ok(())
}

/// `MatchSalesman`: whenever a consultation is created, ask for a match, with nobody on it yet.
pub(crate) async fn match_salesman_to_consultation(
    tx: &mut Tx,
    received: &Received<ConsultationCreated>,
) -> Result<(), PolicyError> {
    let (envelope, event) = (&received.envelope, &received.event);
    let project = (event.project_id, event.project_name.as_deref());
    let requested = requested(
        envelope,
        Origin::Consultation(event.consultation_id),
        project,
        &event.customer,
        event.actor,
    );
    if !predates_erasure(tx, requested).await? {
        store::request(tx, requested).await?;
    }
    Ok(())
}

/// Whether it is asked for something of before its customer was erased: nobody is matched to that any more.
async fn predates_erasure(tx: &mut Tx, requested: Requested<'_>) -> Result<bool, sqlx::Error> {
    erased_customers::predates_erasure(
        tx,
        requested.customer.customer_id,
        requested.origin.id(),
        requested.at,
    )
    .await
}

/// What an event asks for, in whichever words it tells it.
fn requested<'a>(
    envelope: &Envelope,
    origin: Origin,
    (project_id, project_name): (ProjectId, Option<&'a str>),
    customer: &'a CustomerRef,
    actor: Actor,
) -> Requested<'a> {
    Requested {
        origin,
        origin_version: envelope.version,
        project_id,
        project_name,
        customer,
        brought_by: bringer(actor),
        at: envelope.recorded_at,
    }
}

/// Who brought the customer in: a salesman who entered it himself.
fn bringer(actor: Actor) -> Option<SalesmanId> {
    match actor {
        Actor::Salesman(id) => Some(id),
        Actor::Customer(_) | Actor::Staff(_) | Actor::Consultant(_) | Actor::System => None,
    }
}

/// `CloseMatch`: whenever an interest is turned off, its people have room again.
pub(crate) async fn close_match_of_interest(
    tx: &mut Tx,
    received: &Received<InterestUpdated>,
) -> Result<(), PolicyError> {
    if received.event.interested {
        return Ok(());
    }
    let origin = Origin::Interest(received.event.interest_id);
    close(
        tx,
        (origin, &received.event.customer),
        received.envelope.version,
        received.envelope.recorded_at,
    )
    .await
}

/// `CloseMatch`: whenever a consultation comes to its end, its people have room again.
pub(crate) async fn close_match_of_consultation(
    tx: &mut Tx,
    received: &Received<ConsultationProgressed>,
) -> Result<(), PolicyError> {
    if !received.event.to.is_closed() {
        return Ok(());
    }
    let origin = Origin::Consultation(received.event.consultation_id);
    close(
        tx,
        (origin, &received.event.customer),
        received.envelope.version,
        received.envelope.recorded_at,
    )
    .await
}

async fn close(
    tx: &mut Tx,
    (origin, customer): (Origin, &CustomerRef),
    origin_version: i64,
    at: DateTime<Utc>,
) -> Result<(), PolicyError> {
    erased_customers::lock_shared(tx, customer.customer_id).await?;
    // The request comes before it, on the same partition. If it did not come, there is nothing to close.
    let Some(mut it) = store::lock_of(tx, origin).await? else {
        return Ok(());
    };
    let command = Command::CloseMatch { origin_version };
    if let Some(change) = it
        .handle(command, Actor::System)
        .map_err(|refusal| PolicyError::Park(refusal.to_string()))?
    {
        it.apply(&change);
        store::save_closed(tx, &it, at).await?;
    }
    Ok(())
}

/// `KeepSalesmen`: whenever a salesman or consultant is registered or updated, keep him on the roster as he is now.
pub(crate) async fn keep_salesmen<E: HasProfile>(
    tx: &mut Tx,
    received: &Received<E>,
) -> Result<(), PolicyError> {
    let (id, profile) = received.event.profile();
    Ok(copies::keep_salesman(tx, id, profile, received.envelope.version).await?)
}

/// `KeepProjects`: whenever anything happens to an edition, keep the name that matches show of it.
pub(crate) async fn keep_projects<E: HasEdition>(
    tx: &mut Tx,
    received: &Received<E>,
) -> Result<(), PolicyError> {
    let (id, edition) = received.event.edition();
    Ok(copies::keep_project(tx, id, edition, received.envelope.version).await?)
}
