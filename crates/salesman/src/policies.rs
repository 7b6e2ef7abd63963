//! Policies: what this service does when events of other services arrive.

use events::{ConsultationProgressed, HasEdition, HasPeople, InterestUpdated, Step};
use service_kit::privacy::erased_customers;
use service_kit::{PolicyError, Received, Tx};

use crate::notification::{CustomerEvent, SeriesEvent};
use crate::store::projections::{self, AssignmentState};
use crate::store::{assignments, notifications};

/// `NotifySalesman`: whenever people are matched or leave a match, a customer turns an interest on
/// or off, or a consultation is edited or moves to another step, notify the people concerned who
/// did not do it.
///
/// Nothing about an erased customer is stored again.
pub(crate) async fn notify_assigned<E: CustomerEvent>(
    tx: &mut Tx,
    received: &Received<E>,
) -> Result<(), PolicyError> {
    let Received { envelope, event } = received;
    let notifications = event.notifications();
    if notifications.is_empty() {
        return Ok(());
    }
    let (origin, customer) = event.subject();
    let (customer, recorded_at) = (customer.customer_id, envelope.recorded_at);
    if erased_customers::predates_erasure(tx, customer, origin.id(), recorded_at).await? {
        return Ok(());
    }
    Ok(notifications::insert(tx, envelope, &notifications).await?)
}

/// `NotifySalesman`: whenever an edition is created, starts or ends, or its deadline moves, notify
/// the people who serve its series.
///
/// Who serves a series changes over time. An event that is already in the projection was handled
/// at its time: when it is replayed, no one else is notified.
pub(crate) async fn notify_series<E: SeriesEvent>(
    tx: &mut Tx,
    received: &Received<E>,
) -> Result<(), PolicyError> {
    let Received { envelope, event } = received;
    let (project_id, edition) = event.edition();
    let Some(content) = event.content() else {
        return Ok(());
    };
    if projections::has_project_version(tx, project_id, envelope.version).await? {
        return Ok(());
    }
    let serving = assignments::people_serving(tx, project_id, edition, E::RECIPIENTS).await?;
    let notifications: Vec<_> = serving
        .into_iter()
        .map(|(person, customers)| content.for_customers(person, customers))
        .collect();
    Ok(notifications::insert(tx, envelope, &notifications).await?)
}

/// `KeepProjects`: whenever anything happens to an edition, project its series, name, deadline and
/// status.
pub(crate) async fn keep_projects<E: HasEdition>(
    tx: &mut Tx,
    received: &Received<E>,
) -> Result<(), PolicyError> {
    let (project_id, edition) = received.event.edition();
    let version = received.envelope.version;
    Ok(projections::save_project(tx, project_id, edition, version).await?)
}

/// `KeepAssignments`: whenever people are matched or leave a match, project who is assigned.
pub(crate) async fn keep_assignment<E: HasPeople>(
    tx: &mut Tx,
    received: &Received<E>,
) -> Result<(), PolicyError> {
    Ok(projections::assign(tx, &received.event.people(), &received.envelope).await?)
}

/// `KeepAssignments`: whenever an interest is turned off, close its assignment; turned on again, it
/// is open from the next match on.
pub(crate) async fn keep_interest_state(
    tx: &mut Tx,
    received: &Received<InterestUpdated>,
) -> Result<(), PolicyError> {
    let Received { envelope, event } = received;
    let state = AssignmentState {
        is_wanted: event.interested,
        closed_as: None,
    };
    Ok(projections::set_state(tx, envelope, event.subject(), event.project_id, state).await?)
}

/// `KeepAssignments`: whenever a consultation moves to a closed step, close its assignment.
pub(crate) async fn keep_consultation_state(
    tx: &mut Tx,
    received: &Received<ConsultationProgressed>,
) -> Result<(), PolicyError> {
    let Received { envelope, event } = received;
    if !event.to.is_closed() {
        return Ok(());
    }
    let state = AssignmentState {
        is_wanted: false,
        closed_as: Some(event.to),
    };
    Ok(projections::set_state(tx, envelope, event.subject(), event.project_id, state).await?)
}

/// `CountOutcome`: whenever a consultation succeeds or fails, count it once for its salesman. One
/// without a salesman is not counted.
pub(crate) async fn count_outcome(
    tx: &mut Tx,
    received: &Received<ConsultationProgressed>,
) -> Result<(), PolicyError> {
    let Received { envelope, event } = received;
    let succeeded = match event.to {
        Step::Succeeded => true,
        Step::Failed => false,
        Step::Apply | Step::Approved | Step::Cancelled => return Ok(()),
    };
    let Some(salesman) = event.salesman_id else {
        return Ok(());
    };
    let ended_at = envelope.recorded_at;
    let consultation = event.consultation_id;
    Ok(projections::insert_outcome(tx, consultation, salesman, succeeded, ended_at).await?)
}
