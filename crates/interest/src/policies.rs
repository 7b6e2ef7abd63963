//! Policies: reactions to events of other services.

use events::{
    Actor, ConsultationCreated, ConsultationEdited, ConsultationId, ConsultationProgressed,
    CustomerRef, EditionField, Event, HasEdition, HasPeople, HasProfile, Origin, ProjectCreated,
    ProjectEdited, ProjectEnded, ProjectStarted, ProjectStatus,
};
use service_kit::http::problem::ChangeError;
use service_kit::privacy::erased_customers;
use service_kit::{PolicyError, Received, Tx};

use crate::interest::Command;
use crate::store::notifications::{Kind, News};
use crate::store::projections::ConsultationUpdate;
use crate::store::{interests, notifications, progress, projections, rematches, served};

/// `EditSalesman`: whenever people are matched to an interest or leave it, store its salesman and
/// its consultant.
///
/// A match for a consultation only updates who serves the customer.
pub(crate) async fn edit_salesman<E: HasPeople>(
    tx: &mut Tx,
    received: &Received<E>,
) -> Result<(), PolicyError> {
    let (at, people) = (received.envelope.recorded_at, received.event.people());
    served::take_batch_lock(tx).await?;
    match people.origin {
        Origin::Interest(id) => {
            let command = Command::EditSalesman {
                salesman: people.salesman.cloned(),
                consultant: people.consultant.cloned(),
                origin_version: people.origin_version,
            };
            interests::change(tx, id, at, command, Actor::System).await?;
        }
        Origin::Consultation(id) => {
            let update = ConsultationUpdate {
                id,
                customer: people.customer,
                recorded_at: at,
                is_closed: false,
                people: Some([people.salesman, people.consultant]),
            };
            projections::upsert_consultation(tx, update).await?;
        }
    }
    Ok(())
}

/// `KeepProjects`: whenever something happens to an edition, store its series, name and state,
/// and move interests that marked it into its series.
pub(crate) async fn keep_projects<E: HasEdition>(
    tx: &mut Tx,
    received: &Received<E>,
) -> Result<(), PolicyError> {
    let (id, edition) = received.event.edition();
    match projections::upsert_project(tx, id, edition).await {
        // The customer marked the series concurrently. The retry finds that interest and merges.
        Err(ChangeError::Store(sqlx::Error::Database(error))) if error.is_unique_violation() => {
            Err(PolicyError::Retry(sqlx::Error::Database(error).into()))
        }
        result => Ok(result?),
    }
}

/// `KeepSalesmen`: whenever something happens to a salesman or consultant, store the display name.
pub(crate) async fn keep_salesmen<E: HasProfile>(
    tx: &mut Tx,
    received: &Received<E>,
) -> Result<(), PolicyError> {
    let (id, profile) = received.event.profile();
    Ok(projections::upsert_salesman(tx, id, &profile.display_name).await?)
}

/// An event of the consultation service.
pub(crate) trait HasConsultation: Event {
    fn consultation(&self) -> (ConsultationId, &CustomerRef);

    /// Whether the consultation is closed by this event.
    fn is_closing(&self) -> bool {
        false
    }
}

impl HasConsultation for ConsultationCreated {
    fn consultation(&self) -> (ConsultationId, &CustomerRef) {
        (self.consultation_id, &self.customer)
    }
}

impl HasConsultation for ConsultationEdited {
    fn consultation(&self) -> (ConsultationId, &CustomerRef) {
        (self.consultation_id, &self.customer)
    }
}

impl HasConsultation for ConsultationProgressed {
    fn consultation(&self) -> (ConsultationId, &CustomerRef) {
        (self.consultation_id, &self.customer)
    }

    fn is_closing(&self) -> bool {
        self.to.is_closed()
    }
}

/// `KeepActivity`: whenever something happens to a consultation, store the time and whether the
/// consultation is open. It counts as attention to the customer.
pub(crate) async fn keep_activity<E: HasConsultation>(
    tx: &mut Tx,
    received: &Received<E>,
) -> Result<(), PolicyError> {
    let (id, customer) = received.event.consultation();
    served::take_batch_lock(tx).await?;
    let update = ConsultationUpdate {
        id,
        customer,
        recorded_at: received.envelope.recorded_at,
        is_closed: received.event.is_closing(),
        people: None,
    };
    projections::upsert_consultation(tx, update).await?;
    if received.event.is_closing() {
        rematches::remove_rematching(tx, id.0).await?;
    }
    Ok(())
}

fn news<E: HasEdition>(received: &Received<E>, kind: Kind) -> News<'_> {
    let (project_id, edition) = received.event.edition();
    News {
        event_id: received.envelope.id,
        recorded_at: received.envelope.recorded_at,
        kind,
        project_id,
        edition,
        changed: Vec::new(),
        deadline_moved: false,
        previous_deadline: None,
    }
}

/// `NotifyCustomer`: whenever a series gets another edition, notify every customer with an
/// interest in the series.
pub(crate) async fn notify_customer_of_new_edition(
    tx: &mut Tx,
    received: &Received<ProjectCreated>,
) -> Result<(), PolicyError> {
    // An edition that has ended on creation is imported history.
    if received.event.edition.status == ProjectStatus::Ended {
        return Ok(());
    }
    Ok(notifications::notify(tx, news(received, Kind::NewEdition)).await?)
}

/// `NotifyCustomer`: whenever an edition is started, notify every customer with an interest in its
/// series.
pub(crate) async fn notify_customer_of_start(
    tx: &mut Tx,
    received: &Received<ProjectStarted>,
) -> Result<(), PolicyError> {
    Ok(notifications::notify(tx, news(received, Kind::Started)).await?)
}

/// `NotifyCustomer`: whenever an edition is ended, notify every customer with an interest in its
/// series.
pub(crate) async fn notify_customer_of_end(
    tx: &mut Tx,
    received: &Received<ProjectEnded>,
) -> Result<(), PolicyError> {
    Ok(notifications::notify(tx, news(received, Kind::Ended)).await?)
}

/// `NotifyCustomer`: whenever an edition is edited, notify every customer with an interest in its
/// series of the changed fields, if one of them matters to customers.
pub(crate) async fn notify_customer_of_edit(
    tx: &mut Tx,
    received: &Received<ProjectEdited>,
) -> Result<(), PolicyError> {
    let event = &received.event;
    let changed: Vec<String> = event
        .changed
        .iter()
        .filter(|field| matters_to_customers(**field))
        .filter_map(|field| field_name(*field))
        .collect();
    if changed.is_empty() {
        return Ok(());
    }
    let deadline_moved = event.deadline_moved();
    let previous_period = event.previous_period.as_ref();
    let news = News {
        changed,
        deadline_moved,
        previous_deadline: previous_period
            .and_then(|period| period.ends_on)
            .filter(|_| deadline_moved),
        ..news(received, Kind::Edited)
    };
    Ok(notifications::notify(tx, news).await?)
}

/// `NotifyCustomer`: whenever a salesman or consultant leaves an interest or consultation, or is
/// replaced, notify the customer, and once more when the place that waited is filled.
pub(crate) async fn notify_customer_of_people<E: HasPeople>(
    tx: &mut Tx,
    received: &Received<E>,
) -> Result<(), PolicyError> {
    let (envelope, people) = (&received.envelope, received.event.people());
    let (customer, at) = (people.customer.customer_id, envelope.recorded_at);
    if erased_customers::predates_erasure(tx, customer, people.origin.id(), at).await? {
        return Ok(());
    }
    let arrives = !people.newly_assigned().is_empty();
    let was_sought = arrives && rematches::remove_rematching(tx, people.origin.id()).await?;
    let kind = match (arrives, !people.unassigned().is_empty() || was_sought) {
        (_, false) => return Ok(()),
        (true, true) => Kind::Rematched,
        (false, true) => Kind::Rematching,
    };
    Ok(rematches::notify(tx, envelope, kind, &people).await?)
}

/// `NotifyCustomer`: whenever a consultation moves to another step, notify its customer, unless the
/// customer moved it.
pub(crate) async fn notify_customer_of_step(
    tx: &mut Tx,
    received: &Received<ConsultationProgressed>,
) -> Result<(), PolicyError> {
    let Received { envelope, event } = received;
    if matches!(event.actor, Actor::Customer(_)) {
        return Ok(());
    }
    let (customer, id) = (event.customer.customer_id, event.consultation_id.0);
    if erased_customers::predates_erasure(tx, customer, id, envelope.recorded_at).await? {
        return Ok(());
    }
    Ok(progress::notify(tx, envelope, event).await?)
}

fn matters_to_customers(field: EditionField) -> bool {
    match field {
        EditionField::Source
        | EditionField::Predecessor
        | EditionField::Scale
        | EditionField::Series
        | EditionField::Status => false,
        EditionField::Name
        | EditionField::Year
        | EditionField::Category
        | EditionField::Regions
        | EditionField::Target
        | EditionField::Agency
        | EditionField::Host
        | EditionField::Summary
        | EditionField::Link
        | EditionField::Period => true,
    }
}

/// The field's name in the event.
fn field_name(field: EditionField) -> Option<String> {
    serde_json::to_value(field)
        .ok()?
        .as_str()
        .map(str::to_owned)
}
