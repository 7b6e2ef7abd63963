//! What other services' events do here.

use events::{
    ConsultationEdited, ConsultationProgressed, CustomerRef, Envelope, HasEdition, InterestUpdated,
    Origin, ProjectCreated, ProjectEdited, ProjectEnded, ProjectStarted, SalesmanMatched, Step,
};
use service_kit::privacy::erased_customers;
use service_kit::{PolicyError, Received, Tx};

use crate::notification::{self, News, Told};
use crate::store::assignments::{self, Serving, State};
use crate::store::notifications;

/// `NotifySalesman`: whenever people are matched, tell those who are on it and were not before, and those who no longer are.
pub(crate) async fn notify_salesman(
    tx: &mut Tx,
    received: &Received<SalesmanMatched>,
) -> Result<(), PolicyError> {
    let event = &received.event;
    tell_of_customer(
        tx,
        &received.envelope,
        (event.origin, &event.customer),
        &notification::of_match(event),
    )
    .await
}

/// `NotifySalesman`: whenever a customer turns an interest off or on again, tell those who are on it.
pub(crate) async fn notify_of_interest(
    tx: &mut Tx,
    received: &Received<InterestUpdated>,
) -> Result<(), PolicyError> {
    let event = &received.event;
    tell_of_customer(
        tx,
        &received.envelope,
        (Origin::Interest(event.interest_id), &event.customer),
        &notification::of_interest(event),
    )
    .await
}

/// `NotifySalesman`: whenever a consultation is edited, tell those who are on it.
pub(crate) async fn notify_of_edit(
    tx: &mut Tx,
    received: &Received<ConsultationEdited>,
) -> Result<(), PolicyError> {
    let event = &received.event;
    tell_of_customer(
        tx,
        &received.envelope,
        (Origin::Consultation(event.consultation_id), &event.customer),
        &notification::of_edit(event),
    )
    .await
}

/// `NotifySalesman`: whenever a consultation moves, tell those who are on it and did not move it.
pub(crate) async fn notify_of_progress(
    tx: &mut Tx,
    received: &Received<ConsultationProgressed>,
) -> Result<(), PolicyError> {
    let event = &received.event;
    tell_of_customer(
        tx,
        &received.envelope,
        (Origin::Consultation(event.consultation_id), &event.customer),
        &notification::of_progress(event),
    )
    .await
}

/// What is told of somebody who was erased leads nowhere, and says who he was.
async fn tell_of_customer(
    tx: &mut Tx,
    envelope: &Envelope,
    (origin, customer): (Origin, &CustomerRef),
    told: &[Told],
) -> Result<(), PolicyError> {
    if told.is_empty()
        || erased_customers::predates_erasure(
            tx,
            customer.customer_id,
            origin.id(),
            envelope.recorded_at,
        )
        .await?
    {
        return Ok(());
    }
    Ok(notifications::tell(tx, envelope, told).await?)
}

/// `NotifySalesman`: whenever a project is started, tell those who serve its series.
pub(crate) async fn notify_of_start(
    tx: &mut Tx,
    received: &Received<ProjectStarted>,
) -> Result<(), PolicyError> {
    tell_of_series(
        tx,
        received,
        Some(notification::of_start(&received.event)),
        Serving::Series,
    )
    .await
}

/// `NotifySalesman`: whenever a project is ended, tell those who serve its series.
pub(crate) async fn notify_of_end(
    tx: &mut Tx,
    received: &Received<ProjectEnded>,
) -> Result<(), PolicyError> {
    tell_of_series(
        tx,
        received,
        Some(notification::of_end(&received.event)),
        Serving::Series,
    )
    .await
}

/// `NotifySalesman`: whenever the deadline of a project moves, tell those who serve its series.
pub(crate) async fn notify_of_deadline(
    tx: &mut Tx,
    received: &Received<ProjectEdited>,
) -> Result<(), PolicyError> {
    tell_of_series(
        tx,
        received,
        notification::of_deadline(&received.event),
        Serving::Series,
    )
    .await
}

/// `NotifySalesman`: whenever a project is created, tell those who serve another edition of its series.
pub(crate) async fn notify_of_new_edition(
    tx: &mut Tx,
    received: &Received<ProjectCreated>,
) -> Result<(), PolicyError> {
    tell_of_series(
        tx,
        received,
        notification::of_new_edition(&received.event),
        Serving::OtherEditions,
    )
    .await
}

/// Who serves a series is a matter of the moment: an event that was kept before has had its moment, and tells nobody else when it is replayed.
async fn tell_of_series<E: HasEdition>(
    tx: &mut Tx,
    received: &Received<E>,
    news: Option<News>,
    serving: Serving,
) -> Result<(), PolicyError> {
    let (project_id, edition) = received.event.edition();
    let Some(news) = news else { return Ok(()) };
    if assignments::has_kept(tx, project_id, received.envelope.version).await? {
        return Ok(());
    }
    let people = assignments::who_serves(tx, project_id, edition, serving).await?;
    let told: Vec<_> = people
        .into_iter()
        .map(|(person, customers)| news.to_one(person, customers))
        .collect();
    Ok(notifications::tell(tx, &received.envelope, &told).await?)
}

/// `KeepProjects`: whenever anything is told of a project, keep its series, and what is shown of it.
pub(crate) async fn keep_projects<E: HasEdition>(
    tx: &mut Tx,
    received: &Received<E>,
) -> Result<(), PolicyError> {
    let (project_id, edition) = received.event.edition();
    Ok(assignments::keep_project(tx, project_id, edition, received.envelope.version).await?)
}

/// `KeepAssignments`: whenever people are matched, keep who is on it.
pub(crate) async fn keep_assignment(
    tx: &mut Tx,
    received: &Received<SalesmanMatched>,
) -> Result<(), PolicyError> {
    Ok(assignments::assign(tx, &received.event, &received.envelope).await?)
}

/// `KeepAssignments`: whenever an interest is turned off, its assignment is closed; turned on again it is wanted, and open with the next match.
pub(crate) async fn keep_interest_state(
    tx: &mut Tx,
    received: &Received<InterestUpdated>,
) -> Result<(), PolicyError> {
    let event = &received.event;
    let state = State {
        origin: Origin::Interest(event.interest_id),
        customer: &event.customer,
        project_id: event.project_id,
        is_wanted: event.interested,
        closed_as: None,
    };
    Ok(assignments::set_state(tx, state, &received.envelope).await?)
}

/// `KeepAssignments`: whenever a consultation moves to a closed step, its assignment is closed.
pub(crate) async fn keep_consultation_state(
    tx: &mut Tx,
    received: &Received<ConsultationProgressed>,
) -> Result<(), PolicyError> {
    let event = &received.event;
    if !event.to.is_closed() {
        return Ok(());
    }
    let state = State {
        origin: Origin::Consultation(event.consultation_id),
        customer: &event.customer,
        project_id: event.project_id,
        is_wanted: false,
        closed_as: Some(event.to),
    };
    Ok(assignments::set_state(tx, state, &received.envelope).await?)
}

/// `CountOutcome`: whenever a consultation succeeds or fails, count it for the salesman it names, once. One that names nobody counts for nobody.
pub(crate) async fn count_outcome(
    tx: &mut Tx,
    received: &Received<ConsultationProgressed>,
) -> Result<(), PolicyError> {
    let event = &received.event;
    let succeeded = match event.to {
        Step::Succeeded => true,
        Step::Failed => false,
        Step::Apply | Step::Approved | Step::Cancelled => return Ok(()),
    };
    let Some(salesman_id) = event.salesman_id else {
        return Ok(());
    };
    Ok(assignments::count(
        tx,
        event.consultation_id,
        salesman_id,
        succeeded,
        &received.envelope,
    )
    .await?)
}
