//! What other services' events do here.

use chrono::NaiveDate;
use events::{
    Actor, ConsultationCreated, ConsultationEdited, ConsultationId, ConsultationProgressed,
    CustomerRef, EditionField, Event, HasEdition, HasProfile, Origin, Period, ProjectCreated,
    ProjectEdited, ProjectEnded, ProjectStarted, ProjectStatus, SalesmanMatched,
};
use service_kit::http::problem::ChangeError;
use service_kit::{PolicyError, Received, Tx};

use crate::interest::Command;
use crate::store::copies::Told;
use crate::store::notifications::{Kind, News};
use crate::store::{self, copies, notifications, served};

/// `EditSalesman`: whenever a salesman is matched to an interest, store him and the consultant on it.
///
/// A match made for a consultation is the consultation service's business: here it is only kept who serves the customer.
pub(crate) async fn edit_salesman(
    tx: &mut Tx,
    received: &Received<SalesmanMatched>,
) -> Result<(), PolicyError> {
    let (at, event) = (received.envelope.recorded_at, &received.event);
    served::take_turn(tx).await?;
    match event.origin {
        Origin::Interest(id) => {
            let command = Command::EditSalesman {
                salesman: event.salesman.clone(),
                consultant: event.consultant.clone(),
                origin_version: event.origin_version.unwrap_or(1),
            };
            store::change(tx, id, at, |_| Ok(()), command, Actor::System).await?;
        }
        Origin::Consultation(id) => {
            let told = Told {
                id,
                customer: &event.customer,
                at,
            };
            copies::keep_people_of_consultation(
                tx,
                told,
                &event.salesman,
                event.consultant.as_ref(),
            )
            .await?;
        }
    }
    Ok(())
}

/// `KeepProjects`: whenever something happens to an edition, keep its series, its name and how it stands, which interests in it show; and
/// complete what was marked before this service had heard of it.
pub(crate) async fn keep_projects<E: HasEdition>(
    tx: &mut Tx,
    received: &Received<E>,
) -> Result<(), PolicyError> {
    let (id, edition) = received.event.edition();
    served::take_turn(tx).await?;
    match copies::keep_project(tx, id, edition).await {
        // The customer marked the series a moment ago: the next look finds that, and merges.
        Err(ChangeError::Store(sqlx::Error::Database(error))) if error.is_unique_violation() => {
            Err(PolicyError::Retry(sqlx::Error::Database(error).into()))
        }
        kept => Ok(kept?),
    }
}

/// `KeepSalesmen`: whenever something happens to a salesman or consultant, keep the name he is shown by.
pub(crate) async fn keep_salesmen<E: HasProfile>(
    tx: &mut Tx,
    received: &Received<E>,
) -> Result<(), PolicyError> {
    let (id, profile) = received.event.profile();
    Ok(copies::keep_salesman(tx, id, &profile.display_name).await?)
}

/// What every event about a consultation tells.
pub(crate) trait TellsConsultation: Event {
    /// Which, and whose.
    fn consultation(&self) -> (ConsultationId, &CustomerRef);

    /// Whether this was its end.
    fn is_end(&self) -> bool {
        false
    }
}

impl TellsConsultation for ConsultationCreated {
    fn consultation(&self) -> (ConsultationId, &CustomerRef) {
        (self.consultation_id, &self.customer)
    }
}

impl TellsConsultation for ConsultationEdited {
    fn consultation(&self) -> (ConsultationId, &CustomerRef) {
        (self.consultation_id, &self.customer)
    }
}

impl TellsConsultation for ConsultationProgressed {
    fn consultation(&self) -> (ConsultationId, &CustomerRef) {
        (self.consultation_id, &self.customer)
    }

    fn is_end(&self) -> bool {
        self.to.is_closed()
    }
}

/// `KeepActivity`: whenever something happens to a consultation, keep when, and whether it is open still: its customer was not left alone then.
pub(crate) async fn keep_activity<E: TellsConsultation>(
    tx: &mut Tx,
    received: &Received<E>,
) -> Result<(), PolicyError> {
    let (id, customer) = received.event.consultation();
    let told = Told {
        id,
        customer,
        at: received.envelope.recorded_at,
    };
    served::take_turn(tx).await?;
    Ok(copies::keep_consultation(tx, told, received.event.is_end()).await?)
}

/// An edition's event as customers are told it.
fn news<E: HasEdition>(received: &Received<E>, kind: Kind) -> News<'_> {
    let (project_id, edition) = received.event.edition();
    News {
        event_id: received.envelope.id,
        happened_at: received.envelope.recorded_at,
        kind,
        project_id,
        edition,
        changed: Vec::new(),
        deadline_moved: false,
        previous_deadline: None,
    }
}

/// `NotifyCustomer`: whenever another edition of a series appears, tell everybody who is interested in the series.
pub(crate) async fn notify_customer_of_new_edition(
    tx: &mut Tx,
    received: &Received<ProjectCreated>,
) -> Result<(), PolicyError> {
    // One that is over when it is first told of is an entry in the books.
    if received.event.edition.status == ProjectStatus::Ended {
        return Ok(());
    }
    Ok(notifications::tell(tx, news(received, Kind::NewEdition)).await?)
}

/// `NotifyCustomer`: whenever an edition is started, tell everybody who is interested in its series.
pub(crate) async fn notify_customer_of_start(
    tx: &mut Tx,
    received: &Received<ProjectStarted>,
) -> Result<(), PolicyError> {
    Ok(notifications::tell(tx, news(received, Kind::Started)).await?)
}

/// `NotifyCustomer`: whenever an edition is ended, tell everybody who is interested in its series.
pub(crate) async fn notify_customer_of_end(
    tx: &mut Tx,
    received: &Received<ProjectEnded>,
) -> Result<(), PolicyError> {
    Ok(notifications::tell(tx, news(received, Kind::Ended)).await?)
}

/// `NotifyCustomer`: whenever an edition is edited, tell everybody who is interested in its series what changed, unless it is of no
/// concern to him.
pub(crate) async fn notify_customer_of_edit(
    tx: &mut Tx,
    received: &Received<ProjectEdited>,
) -> Result<(), PolicyError> {
    let event = &received.event;
    let changed: Vec<String> = event
        .changed
        .iter()
        .copied()
        .filter(|field| concerns_customers(*field))
        .filter_map(spelled)
        .collect();
    if changed.is_empty() {
        return Ok(());
    }
    let before: Option<NaiveDate> = event
        .previous_period
        .as_ref()
        .and_then(|before: &Period| before.ends_on);
    let deadline_moved = event.deadline_moved();
    let previous_deadline = before.filter(|_| deadline_moved);
    let news = News {
        changed,
        deadline_moved,
        previous_deadline,
        ..news(received, Kind::Edited)
    };
    Ok(notifications::tell(tx, news).await?)
}

/// Whether a change of the field is worth telling: where an edition was imported from, what precedes it and how much money there is for all is
/// not.
fn concerns_customers(field: EditionField) -> bool {
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

/// The field's name as the event spells it.
fn spelled(field: EditionField) -> Option<String> {
    serde_json::to_value(field)
        .ok()?
        .as_str()
        .map(str::to_owned)
}
